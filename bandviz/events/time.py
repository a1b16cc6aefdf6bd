"""Event time beside the watermarks themselves: late records, windows that merge, sources that are
idle or wait for others.

A late record comes behind the watermark of its window. Within the allowed lateness it is *admitted*
and its window fires again; after that it is *diverted* to a side output, or dropped
(`flow.LateRecordDropped`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bandviz.events.base import Event, Level
from bandviz.ids import ChannelId, SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRecordAdmitted(Event):
    """A record came after its window had fired, within the allowed lateness: it fires again.

    `lineage` is one packed id.
    """

    subtask: SubtaskId
    event_time_ms: int
    watermark_ms: int
    lineage: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRecordDiverted(Event):
    """A record came after its window was forgotten; the side output `side` got it as it came."""

    subtask: SubtaskId
    event_time_ms: int
    watermark_ms: int
    side: str
    lineage: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsMerged(Event):
    """Session windows of a key became one, which a record that follows as applied made.

    `absorbed_start_ms`: where those began that are no more.
    """

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    key: bytes
    window_start_ms: int
    window_end_ms: int
    absorbed_start_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionIdleChanged(Event):
    """Nothing was read in a partition for so long that its watermark is not waited for any more,
    or it was read again.
    """

    subtask: SubtaskId
    topic: str
    partition: int
    idle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionPauseChanged(Event):
    """Watermark alignment: a partition is not read any more, for its watermark is above the limit
    of its group, or it is read again.
    """

    subtask: SubtaskId
    topic: str
    partition: int
    paused: bool
    watermark_ms: int
    limit_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdlenessChanged(Event):
    """A subtask became idle (all of its partitions or channels are) or active again, and says so
    downstream.
    """

    subtask: SubtaskId
    idle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkStatusEmitted(Event):
    """The word that the sender is idle, or active again, was put into the channel."""

    level: ClassVar[Level] = Level.FLOW
    channel: ChannelId
    position: int
    idle: bool
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkStatusDelivered(Event):
    """The receiver took it out of the channel; an idle channel holds its watermark back no more."""

    level: ClassVar[Level] = Level.FLOW
    channel: ChannelId
    position: int
