"""What is wrong in a scenario file, with its place: `file:line:col: sentence`, line, caret, help.

All findings of a file are shown at once. Whatever stands in a finding has passed the door.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Final, NamedTuple

from bandviz.errors import ScenarioError
from bandviz.text import LABEL, LINE, SafeText, door

SHOWN_MAX: Final = 20
FEW: Final = 12
EXCERPT_WIDTH: Final = 100
_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # those that YAML counts


class Mark(NamedTuple):
    """A place in a text; line and column count from 0, as the parser has them."""

    line: int
    column: int


_NOTHING: Final = SafeText("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or (`warning`) that the author may have meant otherwise.

    `where` is `file`, `file:line` or `file:line:col`, counted from 1; `excerpt` is the line with
    its caret, or empty.
    """

    where: SafeText
    sentence: SafeText
    hint: SafeText = _NOTHING
    excerpt: str = ""
    warning: bool = False

    @property
    def is_error(self) -> bool:
        """Not a mere warning."""
        return not self.warning

    def __str__(self) -> str:
        word = "warning: " if self.warning else ""
        lines = [f"{self.where}: {word}{self.sentence}"]
        if self.excerpt:
            lines.append(self.excerpt)
        if self.hint:
            lines.append(f"       = help: {self.hint}")
        return "\n".join(lines)


@dataclass(frozen=True)
class SourceText:
    """A file's text under the name that people know it by; makes findings in it."""

    name: str
    text: str

    def finding(
        self, mark: Mark, sentence: str, hint: str = "", *, warning: bool = False
    ) -> Finding:
        """A finding at a place of this text."""
        return Finding(
            where=door(f"{_file(self.name)}:{mark.line + 1}:{mark.column + 1}", LINE),
            sentence=door(sentence, LINE),
            hint=door(hint),
            excerpt=self._excerpt(mark),
            warning=warning,
        )

    def behind(self, mark: Mark, beginning: str) -> Mark:
        """The place in a value at `mark`, as far behind its beginning; where the value does not
        stand in its line as it is (with escapes, or over several lines), `mark` itself.
        """
        line = self._lines[mark.line] if mark.line < len(self._lines) else ""
        start = mark.column + line.startswith(("'", '"'), mark.column)
        if line.startswith(beginning, start):
            return Mark(mark.line, start + len(beginning))
        return mark

    @cached_property
    def _lines(self) -> list[str]:
        return _LINE_BREAK.split(self.text)

    def _excerpt(self, mark: Mark) -> str:
        line = self._lines[mark.line] if mark.line < len(self._lines) else ""
        if not line.strip():
            return ""
        start = max(0, mark.column - EXCERPT_WIDTH // 2) if len(line) > EXCERPT_WIDTH else 0
        shown = door(line[start : start + EXCERPT_WIDTH], EXCERPT_WIDTH)
        before = door(line[start : mark.column], EXCERPT_WIDTH)
        blanks = " " * sum(_cells(char) for char in before)
        return f"{mark.line + 1:>6} | {shown}\n       | {blanks}^"


class Problems:
    """Collects findings while a checked tree is put together; a path names the place."""

    def __init__(self, source: SourceText, place: Callable[..., Mark]) -> None:
        self._source = source
        self._place = place
        self._found: list[tuple[Mark, Finding]] = []

    def add(
        self,
        path: Sequence[str | int],
        sentence: str,
        hint: str = "",
        *,
        key: bool = False,
        warning: bool = False,
        beginning: str | None = None,
    ) -> None:
        """A finding at the node of this path, or at its key; behind the `beginning` of its text."""
        mark = self._place(path, key=key)
        if beginning is not None:
            mark = self._source.behind(mark, beginning)
        finding = self._source.finding(mark, sentence, hint, warning=warning)
        self._found.append((mark, finding))

    def add_elsewhere(self, path: Sequence[str | int], finding: Finding) -> None:
        """A finding in another file, which the node of this path names."""
        self._found.append((self._place(path), finding))

    @property
    def count(self) -> int:
        """How many so far."""
        return len(self._found)

    def refusal(self) -> RefusedScenario:
        """The error that shows them all."""
        return RefusedScenario(self.findings())

    def findings(self) -> list[Finding]:
        """In the order of the file; what was found twice, once."""
        found = sorted(self._found, key=lambda item: item[0])
        return list(dict.fromkeys(finding for _, finding in found))


def plain_finding(file: str, sentence: str, hint: str = "", *, line: int = 0) -> Finding:
    """A finding about a file as a whole, or about one of its lines (counted from 1)."""
    where = f"{_file(file)}:{line}" if line else _file(file)
    return Finding(where=door(where, LINE), sentence=door(sentence, LINE), hint=door(hint))


class RefusedScenario(ScenarioError):  # noqa: N818 - names the fact
    """All findings as one error, in the order given; at most `SHOWN_MAX` are written out."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        lines = [str(finding) for finding in findings[:SHOWN_MAX]]
        if len(findings) > SHOWN_MAX:
            lines.append(f"... and {len(findings) - SHOWN_MAX} more")
        super().__init__("\n".join(lines))
        self.findings = tuple(findings)


def nearest(word: object, names: Iterable[str]) -> str:
    """`did you mean 'x'?` for the most similar known name, else all of them if they are few."""
    known = list(dict.fromkeys(names))
    # The ratio is quadratic in the lengths: a hostile word is cut before it is compared.
    close = get_close_matches(str(word)[:LABEL], known, 1)
    if close:
        return f"did you mean '{close[0]}'?"
    if 0 < len(known) <= FEW:
        return f"known: {', '.join(known)}"
    return ""


def _file(name: str) -> str:
    return door(name, LABEL)


def _cells(char: str) -> int:
    return 0 if unicodedata.combining(char) else 1
