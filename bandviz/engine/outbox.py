"""The sending side of a subtask: puts elements into its output channels and says so.

It knows neither operators nor checkpoints; when something is sent is up to the subtask.
"""

from __future__ import annotations

from collections.abc import Callable

from bandviz.engine.channel import Channel
from bandviz.engine.elements import (
    CancelCheckpointMarker,
    CheckpointBarrier,
    EndOfData,
    RecordBuffer,
    StreamElement,
    Watermark,
)
from bandviz.engine.operators.base import Context
from bandviz.engine.output import Output
from bandviz.events import Event, flow
from bandviz.events import checkpoint as facts
from bandviz.events.flow import EndKind
from bandviz.events.records import pieces
from bandviz.events.values import pack
from bandviz.ids import SubtaskId


class Outbox:
    """All output edges of one subtask. `touch` tells the job that a receiver may have work now."""

    def __init__(
        self, context: Context, outputs: list[Output], touch: Callable[[SubtaskId], None]
    ) -> None:
        self._context = context
        self._outputs = outputs
        self._channels = [channel for output in outputs for channel in output.channels]
        self._touch = touch

    def has_room(self) -> bool:
        """False: back-pressured, a channel is full."""
        return all(channel.buffers < channel.capacity for channel in self._channels)

    def emit(self, buffer: RecordBuffer, sent_us: int, side: str = "") -> None:
        """Records of the main output, or of a side output; each edge by its partitioner."""
        emitter = self._context.emitter
        for output in self._outputs:
            if output.side != side:
                continue
            for channel, part in output.route(buffer):
                position, arrive_us = channel.put(part, sent_us, None)
                self._touch(channel.plan.downstream)
                if emitter.flow:
                    emitter.on_flow(
                        flow.RecordsEmitted(
                            channel=channel.id,
                            position=position,
                            count=len(part),
                            arrive_us=arrive_us,
                        )
                    )
                if emitter.record:
                    self._show(channel, position, part)

    def _show(self, channel: Channel, position: int, part: RecordBuffer) -> None:
        """Contents for the viewer; a buffer too large for one event stays a number."""
        shown = next(pieces(part.values, part.lineage))
        if shown.row_count == len(part):
            self._context.emitter.on_record(
                flow.BufferSent(
                    channel=channel.id,
                    position=position,
                    values=shown.rows,
                    lineage=shown.lineage,
                    times_ms=pack(part.times_ms) if part.times_ms is not None else b"",
                )
            )

    def broadcast(self, element: StreamElement, sent_us: int) -> None:
        """A watermark or control element, to every channel."""
        emitter = self._context.emitter
        for channel in self._channels:
            cause = None if isinstance(element, Watermark) else emitter.next_identity()
            position, arrive_us = channel.put(element, sent_us, cause)
            self._touch(channel.plan.downstream)
            if not isinstance(element, Watermark):
                emitter.control(self._fact(element, channel, position, arrive_us))
            elif emitter.flow:
                emitter.on_flow(
                    flow.WatermarkEmitted(
                        channel=channel.id,
                        position=position,
                        watermark_ms=element.time_ms,
                        arrive_us=arrive_us,
                    )
                )

    def _fact(
        self, element: StreamElement, channel: Channel, position: int, arrive_us: int
    ) -> Event:
        if isinstance(element, (CheckpointBarrier, CancelCheckpointMarker)):
            barrier = isinstance(element, CheckpointBarrier)
            kind = facts.BarrierEmitted if barrier else facts.CancelMarkerEmitted
            return kind(
                subtask=self._context.subtask,
                channel=channel.id,
                checkpoint_id=element.checkpoint_id,
                position=position,
                arrive_us=arrive_us,
            )
        end = EndKind.DATA if isinstance(element, EndOfData) else EndKind.PARTITION
        return flow.EndEmitted(channel=channel.id, kind=end, position=position, arrive_us=arrive_us)
