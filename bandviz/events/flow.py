"""What moves through channels: counts at FLOW, contents at RECORD, ends of input at CONTROL.

`position` counts the elements put into one channel in one attempt, from 0; every kind of element
(record buffer, watermark, barrier, marker, end) takes one. A channel is FIFO over positions.
`arrive_us` is when the receiver can take the element, or -1 while the sender holds it back behind
an aligned barrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from bandviz.events.base import Event, Level
from bandviz.ids import ChannelId, SubtaskId


class EndKind(Enum):
    """The two ends of a channel's input."""

    DATA = "EndOfData"
    """No more records: flush with the maximal watermark; the final barrier still follows."""
    PARTITION = "EndOfPartition"
    """Nothing at all follows: the channel leaves the open set."""


OUTSIDE_WINDOWS: Final = -1
"""In place of a window's start where operators keep no windows. A window may start at this time, so
whether there is one follows from the operator's kind, never from this number.
"""


class StallReason(Enum):
    """Why a subtask cannot move on; empty again when it does."""

    NONE = "running"
    NO_INPUT = "no input"
    BLOCKED = "all channels with input are blocked"
    BACK_PRESSURED = "an output channel is full"
    WAITS_FOR_FINAL_CHECKPOINT = "waits for the final checkpoint"
    AHEAD = "a source waits for slower ones of its group"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePolled(Event):
    """A source read offsets `offset .. offset + count - 1` of a partition."""

    level: ClassVar[Level] = Level.FLOW
    subtask: SubtaskId
    topic: str
    partition: int
    offset: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsEmitted(Event):
    """A buffer of `count` records was put into the channel."""

    level: ClassVar[Level] = Level.FLOW
    channel: ChannelId
    position: int
    count: int
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementsSent(Event):
    """The receiver gave credit: the first `count` elements held at the sender's end set off."""

    level: ClassVar[Level] = Level.FLOW
    channel: ChannelId
    count: int
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsDelivered(Event):
    """The receiver took a buffer of `count` records and worked it off."""

    level: ClassVar[Level] = Level.FLOW
    channel: ChannelId
    position: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkEmitted(Event):
    """A watermark was put into the channel."""

    level: ClassVar[Level] = Level.FLOW
    channel: ChannelId
    position: int
    watermark_ms: int
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkDelivered(Event):
    """The receiver took a watermark out of the channel."""

    level: ClassVar[Level] = Level.FLOW
    channel: ChannelId
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkAdvanced(Event):
    """The subtask's own watermark (minimum over its channels) rose."""

    level: ClassVar[Level] = Level.FLOW
    subtask: SubtaskId
    watermark_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskStalled(Event):
    """The reason why a subtask stands still changed; emitted on the transition only."""

    level: ClassVar[Level] = Level.FLOW
    subtask: SubtaskId
    reason: StallReason


@dataclass(frozen=True, slots=True, kw_only=True)
class InputEnded(Event):
    """A source read its last record, or all channels of a subtask have ended."""

    subtask: SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEmitted(Event):
    """An end element was put into the channel."""

    channel: ChannelId
    kind: EndKind
    position: int
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndArrived(Event):
    """The receiver took an end element."""

    channel: ChannelId
    kind: EndKind
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRead(Event):
    """One record as the source read it; `value` is the packed value tuple."""

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    topic: str
    partition: int
    offset: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferSent(Event):
    """Contents of the buffer at this position: packed lists, one item a record.

    `values`: list of value tuples. `lineage`: list of packed ids, see `records.lineage_of`.
    `times_ms`: list of event times, or empty bytes if the records carry none.
    """

    level: ClassVar[Level] = Level.RECORD
    channel: ChannelId
    position: int
    values: bytes
    lineage: bytes
    times_ms: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordApplied(Event):
    """A stateful operator took one record into its state; `value` is the new accumulator.

    `key` and `value` are packed; `window_start_ms` says nothing (-1) where the operator keeps one
    entry a key. `lineage` is one packed id.
    """

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    key: bytes
    window_start_ms: int
    value: bytes
    lineage: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFired(Event):
    """A result of a window was emitted: the watermark passed it, or a record came late to it.

    `kept`: its state stays for late records, until `keyed.StateDropped`; else it is dropped.
    """

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    key: bytes
    window_start_ms: int
    window_end_ms: int
    value: bytes
    record_count: int
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefused(Event):
    """User logic raised on a record and the operator goes on without it: it was dropped, or put on
    side output `side`.
    """

    subtask: SubtaskId
    error: str
    side: str
    lineage: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRecordDropped(Event):
    """A record came after its window had fired; it is not counted anywhere."""

    subtask: SubtaskId
    event_time_ms: int
    watermark_ms: int
    lineage: bytes
