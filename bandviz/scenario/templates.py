"""Captions and answers with facts in them: `count had {had.count}`.

The names are a closed list. Text is parsed once, when the scenario is built, so that a caption can
fail only there. Line breaks in the file do not count: the screen wraps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from bandviz.scenario.findings import nearest
from bandviz.text import LINE, SafeText, door


class Argument(Enum):
    """What stands behind the dot."""

    NONE = "nothing"
    UID = "an operator"
    SINK = "a sink"
    LABEL = "a partition's label"
    TRANSACTION = "a transaction's number"


_ARGUMENTS: Final = {
    Argument.NONE: (
        "clock", "checkpoint", "completed", "album", "restored_checkpoint", "attempt",
        "records", "unread", "reads", "reread", "reread_total", "lost_in_flight", "visible",
        "blocked", "waits_for",
        "moved_groups", "in_flight", "recorded", "duration", "new_bytes", "full_bytes",
        "verdict_state", "verdict_output", "lost", "duplicated", "wrong_rows",
    ),
    Argument.UID: ("state", "had", "zero", "snapshot", "restored", "counted", "late"),
    Argument.LABEL: ("offset", "cut", "crash_offset"),
    Argument.SINK: ("tally", "seen", "winner", "hidden_count"),
    Argument.TRANSACTION: ("fate",),
}  # fmt: skip
FACTS: Final[dict[str, Argument]] = {
    name: argument for argument, names in _ARGUMENTS.items() for name in names
}
_DIGITS: Final = 10
_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(Exception):
    """A template that cannot be filled in."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


class Placeholder(NamedTuple):
    """A fact to be filled in; `argument` is empty for facts of the whole run."""

    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class Template:
    """Text and placeholders in order."""

    parts: tuple[str | Placeholder, ...] = ()


def parse(text: str, known: Mapping[Argument, Sequence[str]]) -> Template:
    """`known` holds the operators, sinks and labels of the scenario. Raises TemplateError.

    Braces that mean themselves are written twice.
    """
    text = " ".join(text.split())
    parts: list[str | Placeholder] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            raise TemplateError(f"a lone '{match[0]}'", "write {{ or }} for the brace itself")
        else:
            parts.append(_placeholder(match[1], known))
    parts.append(text[end:])
    return Template(tuple(part for part in parts if part))


def render(template: Template, facts: Callable[[str, str], str]) -> SafeText:
    """Fill in. `facts(name, argument)` answers each placeholder with text."""
    return door("".join(_texts(template, facts)), LINE)


def _texts(template: Template, facts: Callable[[str, str], str]) -> list[str]:
    return [
        facts(part.name, part.argument) if isinstance(part, Placeholder) else part
        for part in template.parts
    ]


def _placeholder(inside: str, known: Mapping[Argument, Sequence[str]]) -> Placeholder:
    name, dot, argument = inside.partition(".")
    if name not in FACTS:
        raise TemplateError(f"no fact '{name}' for {{{inside}}}", nearest(name, FACTS))
    wanted = FACTS[name]
    if wanted is Argument.NONE:
        if dot:
            raise TemplateError(f"{{{name}}} takes nothing behind the name")
    elif wanted is Argument.TRANSACTION:
        if not (argument.isascii() and argument.isdigit() and len(argument) < _DIGITS):
            raise TemplateError(f"{{{name}.…}} takes {wanted.value}, not '{argument}'")
    elif argument not in known[wanted]:
        raise TemplateError(
            f"{{{name}.…}} takes {wanted.value}, not '{argument}'", nearest(argument, known[wanted])
        )
    return Placeholder(name, argument)
