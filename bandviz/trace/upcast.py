"""Which fields a recording gives to which events, and what it did not know yet.

Events are packed by position under the names that the header's vocabulary lists, and decoded by
these names, so that a recording of an older bandviz opens in a newer one. An event or field that
this program does not know means that a newer one wrote the recording: it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bandviz.errors import CorruptFrameError, UnsupportedVersionError
from bandviz.events import BY_NAME, TAGS, Event
from bandviz.text import NAME, door
from bandviz.trace.kinds import KINDS, Kind

Vocabulary = Mapping[int, tuple[str, tuple[str, ...]]]
"""Tag -> (name of the event, names of its fields)."""

TAG_MAX: Final = 255

ADDED: Final[dict[str, dict[str, Any]]] = {
    "EdgeDeclared": {"side": ""},
    "BufferSent": {"times_ms": b""},
}
"""Event name -> field -> the value it has in recordings from before there was such a field."""


class Layout(NamedTuple):
    """How to read one event: the recorded fields in order, and values for the missing ones."""

    event: type[Event]
    kinds: tuple[tuple[str, Kind], ...]
    missing: tuple[tuple[str, Any], ...]


def vocabulary() -> Vocabulary:
    """What this program writes."""
    return {tag: (kind.__name__, tuple(KINDS[kind])) for kind, tag in TAGS.items()}


def layouts(recorded: Vocabulary) -> dict[int, Layout]:
    """Tag -> layout. Raises UnsupportedVersionError on an unknown name."""
    return {tag: _layout(name, names) for tag, (name, names) in recorded.items()}


def _layout(name: str, names: tuple[str, ...]) -> Layout:
    event = BY_NAME.get(name)
    if event is None:
        raise _newer(name)
    kinds = KINDS[event]
    for field in names:
        if field not in kinds:
            raise _newer(f"{name}.{field}")
    missing = []
    for field in kinds:
        if field not in names:
            if field not in ADDED.get(name, {}):
                raise CorruptFrameError(f"the vocabulary lacks {name}.{field}")
            missing.append((field, ADDED[name][field]))
    return Layout(event, tuple((field, kinds[field]) for field in names), tuple(missing))


def _newer(name: str) -> UnsupportedVersionError:
    return UnsupportedVersionError(
        f"the recording speaks of {door(name, NAME)}, which this bandviz does not know",
        "a newer bandviz wrote it: open it with that one",
    )
