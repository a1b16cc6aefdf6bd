"""One pattern for faults, beats, breakpoints and questions: a moment of the run.

A pattern speaks of CONTROL events only, so that every recording level has the same moments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, get_type_hints

from bandviz.events.base import Event, Level
from bandviz.events.registry import BY_NAME
from bandviz.ids import SubtaskId
from bandviz.scenario.findings import nearest

CONTROL_EVENTS: Final = {
    name: kind for name, kind in BY_NAME.items() if kind.level is Level.CONTROL
}
_PLAIN: Final = {bool: "true or false", int: "a whole number", str: "text"}


class PatternError(Exception):
    """A pattern that can never match. `field` is the key at fault in the file."""

    def __init__(self, field: str, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Pattern:
    """The `nth` event of this class whose fields have these values, and `after_us` later.

    What belongs to it is the first step at or after that virtual time; with `after_us` 0 it is the
    very next step.
    """

    event: type[Event]
    equals: tuple[tuple[str, object], ...] = ()
    nth: int = 1
    after_us: int = 0

    def matches(self, event: Event) -> bool:
        """Class and fields agree; `nth` is for a `Watcher` to count."""
        if type(event) is not self.event:
            return False
        return all(getattr(event, name) == value for name, value in self.equals)


@dataclass(slots=True)
class Watcher:
    """Waits for the moment of one pattern; a copy goes on counting by itself."""

    pattern: Pattern
    seen: int = 0

    def observe(self, event: Event) -> bool:
        """Count the event if it matches. True at the nth match, and only then."""
        if not self.pattern.matches(event):
            return False
        self.seen += 1
        return self.seen == self.pattern.nth


def compile_pattern(
    on: str, equals: Mapping[str, object], *, nth: int = 1, after_us: int = 0
) -> Pattern:
    """Resolve names and values as people write them. Raises PatternError."""
    kind = CONTROL_EVENTS.get(on)
    if kind is None:
        level = "is not a CONTROL event" if on in BY_NAME else "is not an event"
        raise PatternError("on", f"'{on}' {level}", nearest(on, CONTROL_EVENTS))
    known = matchable(on)
    pairs = []
    for key, value in equals.items():
        if key not in known:
            raise PatternError(key, f"{on} has no field '{key}'", nearest(key, known))
        name, wanted = known[key]
        pairs.append((name, _value(key, value, wanted)))
    return Pattern(kind, tuple(pairs), nth, after_us)


@cache
def matchable(on: str) -> dict[str, tuple[str, Any]]:
    """Keys that a pattern on this event may use: (field, type). `checkpoint` is `checkpoint_id`."""
    hints = get_type_hints(CONTROL_EVENTS[on])
    keys: dict[str, tuple[str, Any]] = {}
    for name in CONTROL_EVENTS[on].__dataclass_fields__:
        if name != "level":
            kind = getattr(hints[name], "__supertype__", hints[name])
            if kind in _PLAIN or kind is SubtaskId or isinstance(kind, type(Enum)):
                keys[name.removesuffix("_id")] = keys[name] = (name, kind)
    return keys


def _value(key: str, value: object, wanted: Any) -> object:
    if wanted is SubtaskId:
        try:
            return SubtaskId.parse(str(value))
        except ValueError:
            raise PatternError(
                key, f"'{value}' is not a subtask", "write it like count[0]"
            ) from None
    if wanted in _PLAIN:
        if type(value) is wanted:
            return value
        raise PatternError(key, f"'{key}' takes {_PLAIN[wanted]}, not '{value}'")
    for member in wanted:
        if value in (member.value, member.name):
            return member
    hint = nearest(value, [str(member.value) for member in wanted])
    raise PatternError(key, f"'{key}' cannot be '{value}'", hint)
