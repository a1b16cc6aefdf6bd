"""A source's reader: offsets of its partitions, pace, watermarks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from bandviz.engine.elements import WATERMARK_MIN, RecordBuffer, Watermark, WatermarkStatus
from bandviz.engine.operators.base import Context, State
from bandviz.engine.restore import FINISHED_STATE
from bandviz.engine.time.watermarks import BoundedOutOfOrderness
from bandviz.events.flow import RecordRead, SourcePolled
from bandviz.events.time import PartitionIdleChanged, PartitionPauseChanged
from bandviz.events.values import pack
from bandviz.graph.specs import SourceSpec, StartFrom
from bandviz.ids import RecordId
from bandviz.ports import LogBroker

WATERMARK_INTERVAL_US = 200_000
"""Flink's default auto-watermark interval (200 ms), in virtual time."""


class SourceReader:
    """Reads the partitions that one subtask owns. The state is the next offset of each."""

    def __init__(
        self,
        context: Context,
        spec: SourceSpec,
        broker: LogBroker,
        partitions: tuple[int, ...],
        *,
        lineage: bool,
    ) -> None:
        self.context = context
        self._lineage = lineage
        self.spec = spec
        self._broker = broker
        self.offsets = dict.fromkeys(partitions, 0)
        self._ends = {p: broker.end_offset(spec.topic, p) for p in partitions}
        self._next_poll_us = spec.start_us
        self._next_watermark_us = 0
        self._watermarks = BoundedOutOfOrderness(
            partitions, max(spec.watermark_lag_ms, 0), spec.idle_after_ms * 1_000, spec.start_us
        )
        self._idle = False

    def ready(self) -> Iterator[tuple[int, int]]:
        """(time from which it can be read, partition) for each partition that has more."""
        for partition, offset in self.offsets.items():
            if offset < self._ends[partition] and partition not in self._watermarks.paused:
                there = self._broker.available_us(self.spec.topic, partition, offset)
                yield max(there, self._next_poll_us), partition

    def exhausted(self) -> bool:
        """All partitions are read to their end."""
        return all(offset >= self._ends[p] for p, offset in self.offsets.items())

    def poll(self, partition: int, now_us: int, count_max: int) -> RecordBuffer:
        """Read on; at least one record is there (the caller has asked `ready`)."""
        topic, first = self.spec.topic, self.offsets[partition]
        rows, times = self._broker.read(topic, partition, first, count_max)
        count = len(rows)
        if self._broker.available_us(topic, partition, first + count - 1) > now_us:
            count = 1 + bisect_right(  # availability never falls within a partition
                range(first + 1, first + count),
                now_us,
                key=lambda offset: self._broker.available_us(topic, partition, offset),
            )
            rows, times = rows[:count], times[:count] if times is not None else None
        self.offsets[partition] = first + count
        self._next_poll_us = now_us + self.spec.interval_us
        self._see(partition, times, now_us)
        return self._tell(partition, first, RecordBuffer(rows, times))

    def _see(self, partition: int, times: object, now_us: int) -> None:
        if isinstance(times, (list, tuple)) and self._watermarks.see(partition, max(times), now_us):
            self._tell_rest(partition, idle=False)
        if self.offsets[partition] >= self._ends[partition]:
            self._watermarks.end(partition)
        self._pause(now_us)

    def align(self, limit_ms: int, now_us: int) -> None:
        """The coordinator says how far this source may go in event time."""
        self._watermarks.limit_ms = limit_ms
        self._pause(now_us)

    @property
    def limit_ms(self) -> int:
        """What it said last."""
        return self._watermarks.limit_ms

    @property
    def paused(self) -> bool:
        """Some partition waits for slower sources."""
        return bool(self._watermarks.paused)

    def reported(self) -> int | None:
        """The watermark that others may have to wait for; None if there is no reason to."""
        mark = self._watermarks.emitted
        return None if self._idle or self.exhausted() or mark == WATERMARK_MIN else mark

    def _pause(self, now_us: int) -> None:
        for partition, mark in self._watermarks.pauses(now_us):
            self.context.emitter.control(
                PartitionPauseChanged(
                    subtask=self.context.subtask,
                    topic=self.spec.topic,
                    partition=partition,
                    paused=partition in self._watermarks.paused,
                    watermark_ms=mark,
                    limit_ms=self._watermarks.limit_ms,
                )
            )

    def _tell(self, partition: int, first: int, buffer: RecordBuffer) -> RecordBuffer:
        emitter, subtask, topic = self.context.emitter, self.context.subtask, self.spec.topic
        if emitter.flow:
            emitter.on_flow(
                SourcePolled(
                    subtask=subtask,
                    topic=topic,
                    partition=partition,
                    offset=first,
                    count=len(buffer),
                )
            )
        for place, row in enumerate(buffer.values) if emitter.record else ():
            emitter.on_record(
                RecordRead(
                    subtask=subtask,
                    topic=topic,
                    partition=partition,
                    offset=first + place,
                    value=pack(row),
                )
            )
        if not self._lineage:
            return buffer
        ids = [RecordId(subtask.vertex, partition, first + place) for place in range(len(buffer))]
        return RecordBuffer(buffer.values, buffer.times_ms, ids)

    def next_timer_us(self) -> int | None:
        """When the next watermark is sent, or a partition becomes idle, if nothing comes."""
        if self.spec.watermark_lag_ms < 0:
            return None
        rest_us = self._watermarks.next_rest_us()
        if self._watermarks.risen() is None:
            return rest_us
        return self._next_watermark_us if rest_us is None else min(self._next_watermark_us, rest_us)

    def announcements(self, now_us: int) -> Iterator[Watermark | WatermarkStatus]:
        """What is to be said of event time now; watermarks at most one an interval.

        Source: Flink WatermarkToDataOutput: active comes before, idle behind the last watermark.
        """
        if self.spec.watermark_lag_ms < 0:
            return
        for partition in self._watermarks.rests(now_us):
            self._tell_rest(partition, idle=True)
        was_idle, self._idle = self._idle, self._watermarks.idle
        if was_idle and not self._idle:
            yield WatermarkStatus(idle=False)
        if now_us >= self._next_watermark_us or self._idle:
            mark = self._watermarks.due()
            if mark is not None:
                self._next_watermark_us = now_us + WATERMARK_INTERVAL_US
                yield Watermark(mark)
        if self._idle and not was_idle:
            yield WatermarkStatus(idle=True)

    def _tell_rest(self, partition: int, *, idle: bool) -> None:
        self.context.emitter.control(
            PartitionIdleChanged(
                subtask=self.context.subtask,
                topic=self.spec.topic,
                partition=partition,
                idle=idle,
            )
        )

    def snapshot(self) -> State:
        """Next offset of each partition."""
        return {"offsets": dict(self.offsets)}

    def restore(self, state: State | None) -> None:
        """The rewind: read on at the offsets of the snapshot, or at 0; nowhere, if all was read and
        the subtask had finished, or the one that a partition comes from by rescaling.
        """
        if state is FINISHED_STATE:
            self.offsets = dict(self._ends)
        elif state:
            self.offsets = {p: state["offsets"].get(p, self._ends[p]) for p in self.offsets}
        self._end_watermarks()

    def _end_watermarks(self) -> None:
        for partition, offset in self.offsets.items():
            if offset >= self._ends[partition]:
                self._watermarks.end(partition)

    def _behind(self, partition: int, now_us: int) -> int:
        """Offset of the first record that cannot be read yet."""
        topic, end = self.spec.topic, self._ends[partition]
        later = (
            offset
            for offset in range(end)
            if self._broker.available_us(topic, partition, offset) > now_us
        )
        return next(later, end)

    def resume_at(self, now_us: int, *, fresh: bool) -> None:
        """A new attempt keeps the pace, from now on. `fresh`: no checkpoint says where to begin."""
        if fresh and self.spec.start_from is StartFrom.LATEST:
            self.offsets = {p: self._behind(p, now_us) for p in self.offsets}
            self._end_watermarks()
        self._next_poll_us = max(self.spec.start_us, now_us + self.spec.interval_us)
        self._watermarks.begin(max(self.spec.start_us, now_us))

    def commit_offsets(self, offsets: dict[int, int]) -> None:
        """Tell the broker, for monitoring only: a restore never asks for it."""
        for partition, offset in offsets.items():
            self._broker.commit_offset(
                self.context.subtask.vertex, self.spec.topic, partition, offset
            )
