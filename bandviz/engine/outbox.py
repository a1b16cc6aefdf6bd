"""The sending side of a subtask: puts elements into its output channels and says so.

It knows neither operators nor checkpoints; when something is sent is up to the subtask.
"""

from __future__ import annotations

from collections.abc import Callable

from bandviz.engine.channel import Channel, Queued
from bandviz.engine.elements import (
    CancelCheckpointMarker,
    CheckpointBarrier,
    EndOfData,
    RecordBuffer,
    StreamElement,
    Watermark,
    WatermarkStatus,
)
from bandviz.engine.emitter import Emitter
from bandviz.engine.in_flight import Lane
from bandviz.engine.operators.base import Context
from bandviz.engine.output import Output
from bandviz.events import Event, flow
from bandviz.events import checkpoint as facts
from bandviz.events.checkpoint import BarrierKind, InFlightSide
from bandviz.events.flow import EndKind
from bandviz.events.records import pieces
from bandviz.events.time import WatermarkStatusEmitted
from bandviz.events.values import pack
from bandviz.ids import ChannelId, CheckpointId, SubtaskId

Overtaken = list[tuple[Channel, tuple[Queued, ...]]]
"""Data that a barrier went ahead of, by channel."""


class Outbox:
    """All output edges of one subtask, in buffers of `buffer_records`.

    `touch` tells the job that a receiver may have work now.
    """

    def __init__(
        self,
        context: Context,
        outputs: list[Output],
        buffer_records: int,
        touch: Callable[[SubtaskId], None],
    ) -> None:
        self._context = context
        self._buffer_records = buffer_records
        self._outputs = outputs
        self._channels = [channel for output in outputs for channel in output.channels]
        self._touch = touch

    def has_room(self) -> bool:
        """False: back-pressured, a channel is full."""
        for channel in self._channels:  # noqa: SIM110 - asked after each move: no generator
            if channel.buffers >= channel.capacity:
                return False
        return True

    def send(self, out: RecordBuffer | None, sent_us: int) -> None:
        """What an operator call put out: side outputs first, then the main output."""
        made = self._context.sides
        if made:
            self._context.sides = []
        if out is not None:
            made = [*made, ("", out)]
        for side, records in made:
            for buffer in records.chunks(self._buffer_records):
                self.emit(buffer, sent_us, side)

    def emit(self, buffer: RecordBuffer, sent_us: int, side: str = "") -> None:
        """Records of the main output, or of a side output; each edge by its partitioner."""
        for output in self._outputs:
            if output.side != side:
                continue
            for channel, part in output.route(buffer):
                position, arrive_us = channel.put(part, sent_us, None)
                self._touch(channel.plan.downstream)
                show(self._context.emitter, channel.id, position, part, arrive_us)

    def put_back(
        self, lane: Lane, elements: list[StreamElement], now_us: int
    ) -> tuple[Channel, tuple[int, ...]]:
        """Output data in flight of a checkpoint, into the very channel it came from."""
        channel = next(one for one in self._channels if lane.fits(one.plan))
        first = channel.position
        for element in elements:
            position, arrive_us = channel.put(element, now_us, None)
            show(self._context.emitter, channel.id, position, element, arrive_us)
        self._touch(channel.plan.downstream)
        return channel, tuple(range(first, channel.position))

    def forward(self, barrier: CheckpointBarrier, sent_us: int) -> Overtaken:
        """A barrier, to every channel, as each edge allows; returns what it overtook."""
        overtaken: Overtaken = []
        for channel in self._channels:
            on_edge = barrier.on_edge(overtakes=channel.plan.overtakes)
            cause = self._context.emitter.next_identity()
            passed: tuple[Queued, ...] = ()
            if on_edge.kind is BarrierKind.UNALIGNED:
                position, arrive_us, passed = channel.overtake(on_edge, sent_us, cause)
            else:
                position, arrive_us = channel.put(on_edge, sent_us, cause)
            self._touch(channel.plan.downstream)
            self._context.emitter.control(
                facts.BarrierEmitted(
                    subtask=self._context.subtask,
                    channel=channel.id,
                    checkpoint_id=barrier.checkpoint_id,
                    position=position,
                    arrive_us=arrive_us,
                    kind=on_edge.kind,
                )
            )
            if passed:
                self._tell_overtaking(channel, barrier.checkpoint_id, position, arrive_us)
                overtaken.append((channel, passed))
        return overtaken

    def time_out(self, checkpoint_id: CheckpointId, now_us: int) -> Overtaken:
        """Barriers of this checkpoint that were not sent yet go ahead; returns past what."""
        overtaken: Overtaken = []
        for channel in self._channels:
            ahead = channel.time_out(checkpoint_id, now_us)
            if ahead is not None:
                self._touch(channel.plan.downstream)
                self._tell_overtaking(channel, checkpoint_id, ahead.position, ahead.arrive_us)
                overtaken.append((channel, ahead.passed))
        return overtaken

    def all_data_processed(self) -> bool:
        """Every receiver has come to the end of the data, if that was sent."""
        return not any(channel.awaits_end_of_data() for channel in self._channels)

    def may_time_out(self, checkpoint_id: CheckpointId) -> bool:
        """A barrier of this checkpoint waits in an output queue and may yet overtake."""
        return any(channel.may_time_out(checkpoint_id) for channel in self._channels)

    def _tell_overtaking(
        self, channel: Channel, checkpoint_id: CheckpointId, position: int, arrive_us: int
    ) -> None:
        self._context.emitter.control(
            facts.BarrierOvertook(
                subtask=self._context.subtask,
                channel=channel.id,
                checkpoint_id=checkpoint_id,
                side=InFlightSide.OUTPUT,
                position=position,
                arrive_us=arrive_us,
            )
        )

    def broadcast(self, element: StreamElement, sent_us: int) -> None:
        """A watermark, cancel marker or end, to every channel."""
        emitter = self._context.emitter
        for channel in self._channels:
            silent = isinstance(element, (Watermark, WatermarkStatus))
            cause = None if silent else emitter.next_identity()
            position, arrive_us = channel.put(element, sent_us, cause)
            self._touch(channel.plan.downstream)
            if silent:
                show(emitter, channel.id, position, element, arrive_us)
            else:
                emitter.control(self._fact(element, channel, position, arrive_us))

    def _fact(
        self, element: StreamElement, channel: Channel, position: int, arrive_us: int
    ) -> Event:
        if isinstance(element, CancelCheckpointMarker):
            return facts.CancelMarkerEmitted(
                subtask=self._context.subtask,
                channel=channel.id,
                checkpoint_id=element.checkpoint_id,
                position=position,
                arrive_us=arrive_us,
            )
        end = EndKind.DATA if isinstance(element, EndOfData) else EndKind.PARTITION
        return flow.EndEmitted(channel=channel.id, kind=end, position=position, arrive_us=arrive_us)


def show(
    emitter: Emitter, channel: ChannelId, position: int, element: StreamElement, arrive_us: int
) -> None:
    """Tell of data that was put into a channel; a buffer too large for an event stays a number."""
    if isinstance(element, Watermark):
        if emitter.flow:
            emitter.on_flow(
                flow.WatermarkEmitted(
                    channel=channel,
                    position=position,
                    watermark_ms=element.time_ms,
                    arrive_us=arrive_us,
                )
            )
        return
    if isinstance(element, WatermarkStatus):
        if emitter.flow:
            emitter.on_flow(
                WatermarkStatusEmitted(
                    channel=channel, position=position, idle=element.idle, arrive_us=arrive_us
                )
            )
        return
    assert isinstance(element, RecordBuffer)
    if emitter.flow:
        emitter.on_flow(
            flow.RecordsEmitted(
                channel=channel, position=position, count=len(element), arrive_us=arrive_us
            )
        )
    if emitter.record:
        shown = next(pieces(element.values, element.lineage))
        if shown.row_count == len(element):
            emitter.on_record(
                flow.BufferSent(
                    channel=channel,
                    position=position,
                    values=shown.rows,
                    lineage=shown.lineage,
                    times_ms=pack(element.times_ms) if element.times_ms is not None else b"",
                )
            )
