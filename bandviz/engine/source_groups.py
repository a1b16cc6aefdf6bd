"""Watermark alignment: within a group no source runs too far ahead of the slowest in event time.

Nothing here has to do with the alignment of barriers. A source that has put out no watermark yet,
is idle or has read all holds nobody back. Source: Flink SourceCoordinator. Simplification: one
announcement a second for all groups, from the watermarks of that moment; in Flink each source
reports its own once an interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from bandviz.engine.coordinator import JobManager
from bandviz.engine.elements import WATERMARK_MAX
from bandviz.engine.executions import Executions
from bandviz.engine.messages import AlignWatermarks
from bandviz.engine.schedule import Schedule
from bandviz.engine.source import SourceReader
from bandviz.graph.specs import WatermarkAlignment
from bandviz.ids import SubtaskId

ALIGN: Final = "align watermarks"
UPDATE_US: Final = 1_000_000
"""Flink's default update interval of watermark alignment."""


class Member(NamedTuple):
    """A source subtask that lives, and is in a group."""

    subtask: SubtaskId
    reader: SourceReader
    alignment: WatermarkAlignment


class SourceGroups:
    """All groups of a job. Keeps nothing: the members are the executions that live."""

    def __init__(self, executions: Executions, schedule: Schedule, job: JobManager) -> None:
        self._executions = executions
        self._schedule = schedule
        self._job = job

    def start(self) -> None:
        """From now on each second, if any source is in a group."""
        if any(self._members()):
            self._job.arm(ALIGN, self._job.now_us + UPDATE_US)

    def announce(self) -> None:
        """Tell the members how far they may go. Ends when nothing else moves in the job."""
        slowest: dict[str, int] = {}
        for member in self._members():
            mark = member.reader.reported()
            if mark is not None:
                group = member.alignment.group
                slowest[group] = min(mark, slowest.get(group, mark))
        told = False
        for subtask, reader, alignment in self._members():
            farthest_ms = slowest.get(alignment.group, WATERMARK_MAX) + alignment.max_drift_ms
            limit_ms = min(farthest_ms, WATERMARK_MAX)
            if limit_ms != reader.limit_ms:
                self._job.tell(subtask, AlignWatermarks(limit_ms), None)
                told = True
        if told or self._schedule.peek() is not None:
            self._job.arm(ALIGN, self._job.now_us + UPDATE_US)

    def _members(self) -> Iterator[Member]:
        for subtask in self._executions.subtasks.values():
            reader = subtask.reader
            if reader is not None and reader.spec.alignment is not None and not subtask.done:
                yield Member(subtask.id, reader, reader.spec.alignment)
