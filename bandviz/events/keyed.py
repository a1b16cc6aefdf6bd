"""Timers and entries of keyed operators, one at a time.

`key` is packed. Of a timer `domain` is `event` or `processing`, and `time_ms` what it is set to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bandviz.events.base import Event, Level
from bandviz.ids import SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerRegistered(Event):
    """A key has a new timer."""

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    domain: str
    time_ms: int
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerDeleted(Event):
    """A timer was taken back before it fired."""

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    domain: str
    time_ms: int
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Event):
    """A timer called the user's function. `value`: the key's state after that, packed; empty if it
    has none any more. `row_count`: rows that were put out.
    """

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    domain: str
    time_ms: int
    key: bytes
    value: bytes
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDropped(Event):
    """An entry that `RecordApplied` made or changed is gone: cleared, or of no use any more."""

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    key: bytes
    window_start_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateDropped(Event):
    """A row came whose key had been seen: it went to the side output `side`, or nowhere."""

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    key: bytes
    lineage: bytes
    side: str
