"""Which fields a recording gives to which events, and what it did not know yet.

Events are packed by position under the names that the header's vocabulary lists, and decoded by
these names, so that a recording of an older bandviz opens in a newer one. An event or field that
this program does not know means that a newer one wrote the recording: it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bandviz.errors import CorruptFrameError, UnsupportedVersionError
from bandviz.events import BY_NAME, TAGS, Event
from bandviz.events.checkpoint import BarrierKind
from bandviz.events.coordinator import Refusal, SnapshotKind
from bandviz.events.values import pack, unpack
from bandviz.text import NAME, door
from bandviz.trace.columns import ColumnReader, ColumnWriter
from bandviz.trace.kinds import KINDS, Kind

Vocabulary = Mapping[int, tuple[str, tuple[str, ...]]]
"""Tag -> (name of the event, names of its fields)."""

TAG_MAX: Final = 255

ADDED: Final[dict[str, dict[str, Any]]] = {
    "EdgeDeclared": {"side": "", "fields": ()},
    "ChannelDeclared": {"chained": False, "fifo": True},
    "BufferSent": {"times_ms": b""},
    "CheckpointTriggered": {
        "finished": (),
        "kind": SnapshotKind.CHECKPOINT,
        "request": 0,
    },
    "CheckpointTriggerRefused": {"why": Refusal.TOO_MANY_REQUESTS, "request": 0},
    "CheckpointAborted": {"failed_count": 0},
    "WindowFired": {"kept": False},
    "RestoreStarted": {"subtasks": ()},
    "SubtaskFailed": {"trace": ""},
    "RunDeclared": {
        "mode": "exactly_once",
        "unaligned": False,
        "aligned_timeout_us": 0,
        "tolerable_count": 0,
    },
    "BarrierEmitted": {"kind": BarrierKind.ALIGNED},
    "SnapshotTaken": {"unaligned": False},
    "ProducerFenced": {"producer": ""},
    "CheckpointCompleted": {"full_bytes": 0},
}
"""Event name -> field -> the value it has in recordings from before there was such a field."""


def _with_assigner(spec: bytes) -> bytes:
    """A window's spec; once there were only tumbling windows, without lateness."""
    try:
        plain = unpack(spec)
    except ValueError:
        return spec
    if not isinstance(plain, dict) or "size_ms" not in plain:
        return spec
    assigner = {"kind": "tumbling", "size_ms": plain.pop("size_ms"), "offset_ms": 0}
    return pack({**plain, "assigner": assigner, "allowed_lateness_ms": 0, "late": ""})


REVISED: Final[dict[str, dict[str, Callable[[Any], Any]]]] = {
    "VertexDeclared": {"spec": _with_assigner}
}
"""Event name -> field -> how an older form of its value is said today; today's stays as it is."""


class Revised(NamedTuple):
    """Reads as `kind` does, then says each value in today's form."""

    kind: Kind
    revise: Callable[[Any], Any]

    def write(self, out: ColumnWriter, values: Sequence[Any]) -> None:
        """As `kind`."""
        self.kind.write(out, values)

    def read(self, source: ColumnReader, count: int) -> list[Any]:
        """As `kind`, revised."""
        return [self.revise(value) for value in self.kind.read(source, count)]


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
    revised = REVISED.get(name, {})
    read = {
        field: Revised(kinds[field], revised[field]) if field in revised else kinds[field]
        for field in names
    }
    return Layout(event, tuple(read.items()), tuple(missing))


def _newer(name: str) -> UnsupportedVersionError:
    return UnsupportedVersionError(
        f"the recording speaks of {door(name, NAME)}, which this bandviz does not know",
        "a newer bandviz wrote it: open it with that one",
    )
