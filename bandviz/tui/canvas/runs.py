"""Rows that are cut only where something lies over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

from bandviz.tui.spans import Line

Run = TypeVar("Run")


class Mark(NamedTuple):
    """Text laid over a row."""

    x: int
    text: str
    style: str


class Runs(Generic[Run]):
    """A row whose spans a brush has turned into runs, once: spans again, or a widget's segments.

    A row under a few marks takes from here whatever no mark cuts, as it is.
    """

    def __init__(self, line: Line, brush: Callable[[str, str], Run]) -> None:
        self._brush = brush
        self._runs = [brush(*span) for span in line]
        self._styles = [span.style for span in line]
        self._text = "".join(span.text for span in line)
        self._starts = list(accumulate((len(span.text) for span in line), initial=0))
        self._run_at = [run for run, span in enumerate(line) for _ in span.text]

    def under(self, marks: Iterable[Mark]) -> list[Run]:
        """The row with marks over it, which come from left to right and do not overlap."""
        out: list[Run] = []
        at = 0
        for x, text, style in marks:
            if at < x:
                self._copy(at, x, out)
            out.append(self._brush(text, style))
            at = x + len(text)
        if at < len(self._text):
            self._copy(at, len(self._text), out)
        return out

    def _copy(self, begin: int, end: int, out: list[Run]) -> None:
        """Append the runs of these cells; of the first and the last perhaps only a part."""
        text, styles, brush = self._text, self._styles, self._brush
        first, last = self._run_at[begin], self._run_at[end - 1]
        if first == last:
            out.append(brush(text[begin:end], styles[first]))
            return
        out.append(brush(text[begin : self._starts[first + 1]], styles[first]))
        out += self._runs[first + 1 : last]
        out.append(brush(text[self._starts[last] : end], styles[last]))
