"""A subtask: takes elements, one a step, after the order of Flink's task.

On the last barrier: forward the barrier to all outputs, then snapshot (synchronous, short), then
upload (asynchronous), then acknowledge. No record, timer or watermark runs between forward and
snapshot. Only this file moves elements from an input channel to an operator.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from bandviz.engine.alignment import Alignment, Effect, EffectKind
from bandviz.engine.channel import Channel, Queued
from bandviz.engine.choices import ChoiceKind, jittered, mix
from bandviz.engine.elements import (
    WATERMARK_MAX,
    CancelCheckpointMarker,
    CheckpointBarrier,
    EndOfData,
    EndOfPartition,
    RecordBuffer,
    StreamElement,
    Watermark,
)
from bandviz.engine.emitter import Identity
from bandviz.engine.messages import (
    Decline,
    NotifyAborted,
    NotifyComplete,
    ToCoordinator,
    ToSubtask,
    TriggerCheckpoint,
)
from bandviz.engine.operators.base import Context, Operator
from bandviz.engine.outbox import Outbox
from bandviz.engine.output import Output
from bandviz.engine.schedule import Move
from bandviz.engine.source import SourceReader
from bandviz.engine.state.encoding import Encoding
from bandviz.engine.time.watermarks import WatermarkValve
from bandviz.engine.user_logic import user_logic
from bandviz.events import checkpoint as facts
from bandviz.events import flow
from bandviz.events.checkpoint import CheckpointFailureReason
from bandviz.events.coordinator import SnapshotKind
from bandviz.events.flow import EndKind, StallReason
from bandviz.events.values import VALUE_BYTES_MAX
from bandviz.graph.settings import RunSettings
from bandviz.ids import CheckpointId, SubtaskId

END_OF_INPUT = -1
"""Ordinal of the poll that finds nothing more to read."""


class Letter(NamedTuple):
    """A message in the mailbox."""

    due_us: int
    tie: int
    number: int
    message: ToSubtask
    cause: Identity | None


class Runtime(Protocol):
    """What a subtask asks of its job."""

    settings: RunSettings
    now_us: int

    def touch(self, subtask: SubtaskId) -> None:
        """Something changed that decides what this subtask can do next."""

    def upload(
        self, subtask: SubtaskId, checkpoint_id: CheckpointId, encoding: Encoding, cause: Identity
    ) -> None:
        """Encode and store a snapshot asynchronously, then acknowledge."""

    def cancel_upload(self, subtask: SubtaskId, checkpoint_id: CheckpointId) -> None:
        """The checkpoint was given up: what is not stored yet never will be."""

    def tell_coordinator(self, message: ToCoordinator, cause: Identity | None) -> None:
        """Send a message."""

    def finished(self, subtask: SubtaskId) -> None:
        """The subtask has done all it had to."""


class Subtask:
    """One execution of one subtask; a restart makes a new object."""

    def __init__(
        self,
        context: Context,
        ordinal: int,
        cost_us: int,
        operator: Operator,
        inputs: list[Channel],
        outputs: list[Output],
        reader: SourceReader | None,
        runtime: Runtime,
    ) -> None:
        self.id = context.subtask
        self.name = str(context.subtask)
        self.ordinal = ordinal
        self.operator = operator
        self.inputs = inputs
        self.reader = reader
        self.mailbox: deque[Letter] = deque()
        self.busy_until_us = 0
        self.input_ended = False
        self.done = False
        self.stall = StallReason.NONE
        self._context = context
        self._runtime = runtime
        self._outbox = Outbox(context, outputs, runtime.touch)
        self._cost_us = cost_us
        self._moves_made = 0
        self._alignment = Alignment(len(inputs))
        self._aligned_since_us = 0
        self._valve = WatermarkValve(len(inputs))
        self._ended_inputs = 0
        self._final_checkpoint: CheckpointId | None = None
        self._stopping: CheckpointId | None = None
        self._told = CheckpointId(0)
        self._may_finish = False
        self._offsets_at: dict[CheckpointId, dict[int, int]] = {}
        self._aborted_ids: list[CheckpointId] = []
        self._by_name = {channel.name: channel for channel in inputs}

    # ------------------------------------------------------------------ what can be done

    def moves(self) -> Iterator[Move]:
        """Every move that is possible, now or once its time has come."""
        busy = self.busy_until_us
        if self.mailbox:
            letter = self.mailbox[0]
            yield max(letter.due_us, busy), letter.tie, ChoiceKind.MESSAGE, self.name, letter.number
        if self.done or not self._outbox.has_room():
            return
        for channel in self.inputs:
            if channel.queue and not channel.blocked:
                head = channel.queue[0]
                ready = head[0] if head[0] > busy else busy
                yield ready, head[1], ChoiceKind.DELIVER, channel.name, head[2]
        due = self.operator.next_timer_us()
        if due is not None:
            tie = mix(self._runtime.settings.seed, 5_000 + self.ordinal, due, 0)
            yield max(due, busy), tie, ChoiceKind.TIMER, self.name, due
        if self.reader is not None and not self.input_ended and self._stopping is None:
            yield from self._polls(self.reader)

    def _polls(self, reader: SourceReader) -> Iterator[Move]:
        seed, busy = self._runtime.settings.seed, self.busy_until_us
        for ready, partition in reader.ready():
            tie = mix(seed, 1_000 + self.ordinal, reader.offsets[partition], partition)
            yield max(ready, busy), tie, ChoiceKind.POLL, self.name, partition
        if reader.exhausted():
            tie = mix(seed, 1_000 + self.ordinal, 0, END_OF_INPUT)
            yield busy, tie, ChoiceKind.POLL, self.name, END_OF_INPUT

    def why_stalled(self) -> StallReason:
        """Why there is no move but messages; NONE if there is one."""
        if self.done or any(move[2] is not ChoiceKind.MESSAGE for move in self.moves()):
            return StallReason.NONE
        if not self._outbox.has_room():
            return StallReason.BACK_PRESSURED
        if self.input_ended or self._stopping is not None:
            return StallReason.WAITS_FOR_FINAL_CHECKPOINT
        if any(channel.queue for channel in self.inputs):
            return StallReason.BLOCKED
        if any(channel.held or channel.blocked for channel in self.inputs):
            return StallReason.BLOCKED
        return StallReason.NO_INPUT

    # ------------------------------------------------------------------ moves

    def deliver(self, name: str) -> None:
        """Take the head of a channel and work it off. Raises UserLogicFailed."""
        channel = self._by_name[name]
        queued = channel.take()
        self._context.emitter.cause = queued.cause
        if channel.buffers == channel.capacity - 1:
            self._runtime.touch(channel.plan.upstream)
        _HANDLERS[type(queued.element)](self, channel, queued)

    def poll(self, partition: int) -> None:
        """Read on, or find that all is read."""
        assert self.reader is not None
        now, settings = self._runtime.now_us, self._runtime.settings
        if partition == END_OF_INPUT:
            self._end_of_data()
            return
        buffer = self.reader.poll(partition, now, settings.buffer_records)
        self._work(len(buffer))
        self._outbox.emit(buffer, self.busy_until_us)
        mark = self.reader.watermark_due(now)
        if mark is not None:
            if self._context.emitter.flow:
                self._context.emitter.on_flow(
                    flow.WatermarkAdvanced(subtask=self.id, watermark_ms=mark)
                )
            self._broadcast(Watermark(mark))

    def fire(self) -> None:
        """The earliest processing-time timer of the operator is due. Raises UserLogicFailed."""
        self._work(0)
        with user_logic(self.operator):
            out = self.operator.on_timer(self._runtime.now_us)
        self._send(out)

    def awaits_notice(self) -> bool:
        """A notification of a completed checkpoint is on its way here."""
        return any(isinstance(letter.message, NotifyComplete) for letter in self.mailbox)

    def lose_notice(self) -> CheckpointId:
        """The oldest such notification is lost; returns its checkpoint."""
        lost = next(one for one in self.mailbox if isinstance(one.message, NotifyComplete))
        self.mailbox.remove(lost)
        return lost.message.checkpoint_id

    def receive(self) -> None:
        """Handle the oldest message of the mailbox."""
        letter = self.mailbox.popleft()
        self._context.emitter.cause = letter.cause
        message = letter.message
        if isinstance(message, TriggerCheckpoint):
            self._trigger(message)
        elif isinstance(message, NotifyComplete):
            self._notify_complete(message.checkpoint_id, stops=message.stops)
        else:
            self._notify_aborted(message)

    # ------------------------------------------------------------------ elements

    def _on_records(self, channel: Channel, queued: Queued) -> None:
        buffer = queued.element
        assert isinstance(buffer, RecordBuffer)
        if self._context.emitter.flow:
            self._context.emitter.on_flow(
                flow.RecordsDelivered(
                    channel=channel.id, position=queued.position, count=len(buffer)
                )
            )
        self._work(len(buffer))
        with user_logic(self.operator):
            out = self.operator.process(buffer, self._valve.current, channel.plan.port)
        self._send(out)

    def _on_watermark(self, channel: Channel, queued: Queued) -> None:
        assert isinstance(queued.element, Watermark)
        if self._context.emitter.flow:
            self._context.emitter.on_flow(
                flow.WatermarkDelivered(channel=channel.id, position=queued.position)
            )
        self._work(0)
        self._advance(channel.plan.index, queued.element.time_ms)

    def _advance(self, index: int, time_ms: int) -> None:
        if not self._valve.advance(index, time_ms):
            return
        mark = self._valve.current
        if self._context.emitter.flow:
            self._context.emitter.on_flow(
                flow.WatermarkAdvanced(subtask=self.id, watermark_ms=mark)
            )
        with user_logic(self.operator):
            fired = self.operator.on_watermark(mark)
        self._send(fired)
        if mark < WATERMARK_MAX:
            self._broadcast(Watermark(mark))

    def _on_barrier(self, channel: Channel, queued: Queued) -> None:
        assert isinstance(queued.element, CheckpointBarrier)
        checkpoint_id = queued.element.checkpoint_id
        self._context.emitter.control(
            facts.BarrierArrived(
                subtask=self.id,
                channel=channel.id,
                checkpoint_id=checkpoint_id,
                position=queued.position,
            )
        )
        self._apply(self._alignment.barrier(channel.plan.index, checkpoint_id))

    def _on_cancel_marker(self, channel: Channel, queued: Queued) -> None:
        assert isinstance(queued.element, CancelCheckpointMarker)
        checkpoint_id = queued.element.checkpoint_id
        self._context.emitter.control(
            facts.CancelMarkerArrived(
                subtask=self.id,
                channel=channel.id,
                checkpoint_id=checkpoint_id,
                position=queued.position,
            )
        )
        self._apply(self._alignment.cancel(channel.plan.index, checkpoint_id))

    def _on_end_of_data(self, channel: Channel, queued: Queued) -> None:
        self._context.emitter.control(
            flow.EndArrived(channel=channel.id, kind=EndKind.DATA, position=queued.position)
        )
        self._advance(channel.plan.index, WATERMARK_MAX)
        self._ended_inputs += 1
        if self._ended_inputs == len(self.inputs):
            self._end_of_data()

    def _on_end_of_partition(self, channel: Channel, queued: Queued) -> None:
        self._context.emitter.control(
            flow.EndArrived(channel=channel.id, kind=EndKind.PARTITION, position=queued.position)
        )
        self._apply(self._alignment.end(channel.plan.index))
        self._finish_if_due()

    # ------------------------------------------------------------------ checkpoints

    def _apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            _EFFECTS[effect.kind](self, effect)

    def _block(self, effect: Effect) -> None:
        channel = self.inputs[effect.channel]
        channel.blocked = True
        self._context.emitter.control(
            facts.ChannelBlocked(
                subtask=self.id,
                channel=channel.id,
                checkpoint_id=effect.checkpoint_id,
                held_count=len(channel.held),
            )
        )

    def _ignore_barrier(self, effect: Effect) -> None:
        channel = self.inputs[effect.channel]
        self._context.emitter.control(
            facts.BarrierIgnored(
                subtask=self.id, channel=channel.id, checkpoint_id=effect.checkpoint_id
            )
        )
        self._resume(channel, effect.checkpoint_id)

    def _release(self, effect: Effect) -> None:
        self._resume(self.inputs[effect.channel], effect.checkpoint_id)

    def _resume(self, channel: Channel, checkpoint_id: CheckpointId) -> None:
        released, arrive = channel.resume(self._runtime.now_us)
        self._context.emitter.control(
            facts.ChannelUnblocked(
                subtask=self.id,
                channel=channel.id,
                checkpoint_id=checkpoint_id,
                released_count=released,
                arrive_us=arrive,
            )
        )

    def _start(self, effect: Effect) -> None:
        self._aligned_since_us = self._runtime.now_us
        self._context.emitter.control(
            facts.AlignmentStarted(
                subtask=self.id,
                checkpoint_id=effect.checkpoint_id,
                expected_count=effect.open_count,
            )
        )

    def _complete(self, effect: Effect) -> None:
        self._context.emitter.control(
            facts.AlignmentCompleted(
                subtask=self.id,
                checkpoint_id=effect.checkpoint_id,
                duration_us=self._runtime.now_us - self._aligned_since_us,
            )
        )
        self._checkpoint(effect.checkpoint_id)

    def _abort(self, effect: Effect) -> None:
        cause = self._context.emitter.control(
            facts.AlignmentAborted(
                subtask=self.id, checkpoint_id=effect.checkpoint_id, reason=effect.reason
            )
        )
        self._broadcast(CancelCheckpointMarker(effect.checkpoint_id))
        self._decline(effect.checkpoint_id, effect.reason, cause)

    def _decline(
        self, checkpoint_id: CheckpointId, reason: CheckpointFailureReason, cause: Identity | None
    ) -> None:
        job = self._runtime.settings.name
        self._runtime.tell_coordinator(Decline(job, checkpoint_id, self.id, reason), cause)

    def _trigger(self, message: TriggerCheckpoint) -> None:
        """No predecessor runs: the barrier goes in here and now, behind what was read so far.

        Channels whose sender has ended, but whose end is still on its way, count as if they had
        delivered it. A source that stops reads no further; one that drains ends its data first.
        """
        checkpoint_id = message.checkpoint_id
        if self.done:
            reason = CheckpointFailureReason.TASK_NOT_READY
            self._decline(checkpoint_id, reason, self._context.emitter.cause)
            return
        if message.kind is SnapshotKind.STOP:
            self._stopping = checkpoint_id
        elif message.kind is SnapshotKind.DRAIN and not self.input_ended:
            self._end_of_data()
        if not self._alignment.open:
            self._checkpoint(checkpoint_id)
        for channel in tuple(self._alignment.open):
            self._apply(self._alignment.barrier(channel, checkpoint_id))

    def _checkpoint(self, checkpoint_id: CheckpointId) -> None:
        """Forward the barrier, then snapshot, then leave the upload to the background.

        A checkpoint that the coordinator gave up meanwhile is answered by a cancel marker instead.
        """
        runtime, emitter = self._runtime, self._context.emitter
        self.busy_until_us = max(self.busy_until_us, runtime.now_us)
        if checkpoint_id in self._aborted_ids:
            self._broadcast(CancelCheckpointMarker(checkpoint_id))
            return
        if self.input_ended and self._final_checkpoint is None:
            self._final_checkpoint = checkpoint_id
        self._broadcast(CheckpointBarrier(checkpoint_id))
        state = self.operator.snapshot(checkpoint_id)
        if self.reader is not None:
            state = self.reader.snapshot()
            self._offsets_at[checkpoint_id] = state["offsets"]
        self.busy_until_us += runtime.settings.sync_us
        encoding = Encoding(state)
        cause = emitter.control(
            facts.SnapshotTaken(
                subtask=self.id,
                checkpoint_id=checkpoint_id,
                state=shown_state(encoding.data),
                state_bytes=len(encoding.data),
            )
        )
        runtime.upload(self.id, checkpoint_id, encoding, cause)

    def _notify_complete(self, checkpoint_id: CheckpointId, *, stops: bool = False) -> None:
        """Ids only rise: a notification that is not newer than the last one says nothing.

        A task waits for a checkpoint begun after its own end of data, the final one; then it ends.
        """
        if checkpoint_id <= self._told or self.done:
            return
        self._told = checkpoint_id
        emitter = self._context.emitter
        emitter.control(facts.CompletionNotified(subtask=self.id, checkpoint_id=checkpoint_id))
        self._aborted_ids = [one for one in self._aborted_ids if one > checkpoint_id]
        self.operator.notify_complete(checkpoint_id)
        self._commit_offsets(checkpoint_id)
        final = self._final_checkpoint
        if stops or (final is not None and checkpoint_id >= final):
            self.input_ended = True
            self._may_finish = True
            self._finish_if_due()

    def _commit_offsets(self, checkpoint_id: CheckpointId) -> None:
        emitter = self._context.emitter
        offsets = self._offsets_at.pop(checkpoint_id, None)
        if self.reader is not None and offsets is not None:
            self.reader.commit_offsets(offsets)
            for partition, offset in offsets.items():
                emitter.control(
                    facts.GroupOffsetCommitted(
                        subtask=self.id,
                        topic=self.reader.spec.topic,
                        partition=partition,
                        offset=offset,
                    )
                )

    def _notify_aborted(self, message: NotifyAborted) -> None:
        """Remembered, so that a barrier that is still to come is answered by a cancel marker.

        A completion that this task was not told of comes with it. A source that had stopped for
        the savepoint reads on.
        """
        self._notify_complete(message.latest_completed)
        if self._stopping == message.checkpoint_id:
            self._stopping = None
        self._aborted_ids.append(message.checkpoint_id)
        self._runtime.cancel_upload(self.id, message.checkpoint_id)
        self._offsets_at.pop(message.checkpoint_id, None)

    # ------------------------------------------------------------------ ends

    def _end_of_data(self) -> None:
        """All input is read: flush is done, say so downstream, and wait for the final
        checkpoint.
        """
        self.input_ended = True
        self.operator.end_of_data()
        self._context.emitter.control(flow.InputEnded(subtask=self.id))
        self._broadcast(EndOfData())
        settings = self._runtime.settings
        if not (settings.checkpoint_interval_us and settings.checkpoints_after_tasks_finish):
            self._may_finish = True
            self._finish_if_due()

    def _finish_if_due(self) -> None:
        """Finished: told of its final checkpoint, and nothing can come in any more."""
        open_inputs = self._alignment.open
        if self.done or not self._may_finish or open_inputs or not self.input_ended:
            return
        self.done = True
        self._broadcast(EndOfPartition())
        self._runtime.finished(self.id)

    # ------------------------------------------------------------------ output

    def _work(self, records: int) -> None:
        """Be busy for the simulated cost of so many records."""
        runtime = self._runtime
        self._context.now_us = runtime.now_us
        self._moves_made += 1
        cost = self._cost_us * records
        if cost:
            draw = mix(runtime.settings.seed, 2_000 + self.ordinal, self._moves_made)
            cost = jittered(cost, runtime.settings.jitter_permille, draw)
        self.busy_until_us = runtime.now_us + cost

    def _send(self, out: RecordBuffer | None) -> None:
        """What the operator put out, side outputs first, in buffers of the usual size."""
        made = self._context.sides
        if made:
            self._context.sides = []
        if out is not None:
            made = [*made, ("", out)]
        for side, records in made:
            for buffer in records.chunks(self._runtime.settings.buffer_records):
                self._outbox.emit(buffer, self.busy_until_us, side)

    def _broadcast(self, element: StreamElement) -> None:
        self._outbox.broadcast(element, max(self.busy_until_us, self._runtime.now_us))


def shown_state(packed: bytes) -> bytes:
    """State as an event may carry it: nothing at all if it is too large."""
    return packed if len(packed) <= VALUE_BYTES_MAX else b""


_HANDLERS = {
    RecordBuffer: Subtask._on_records,
    Watermark: Subtask._on_watermark,
    CheckpointBarrier: Subtask._on_barrier,
    CancelCheckpointMarker: Subtask._on_cancel_marker,
    EndOfData: Subtask._on_end_of_data,
    EndOfPartition: Subtask._on_end_of_partition,
}

_EFFECTS = {
    EffectKind.BLOCK: Subtask._block,
    EffectKind.RESUME: Subtask._ignore_barrier,
    EffectKind.START: Subtask._start,
    EffectKind.COMPLETE: Subtask._complete,
    EffectKind.RELEASE: Subtask._release,
    EffectKind.ABORT: Subtask._abort,
}
