"""A subtask: takes elements, one a step, after the order of Flink's task.

On the last barrier: forward the barrier to all outputs, then snapshot (synchronous, short), then
upload (asynchronous), then acknowledge. No record, timer or watermark runs between forward and
snapshot. Only this file moves elements from an input channel to an operator.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from bandviz.engine.channel import Channel, Queued
from bandviz.engine.choices import Choice, ChoiceKind, jittered, mix
from bandviz.engine.elements import (
    WATERMARK_MAX,
    BarrierAnnouncement,
    CancelCheckpointMarker,
    CheckpointBarrier,
    EndOfData,
    EndOfPartition,
    RecordBuffer,
    StreamElement,
    Watermark,
    WatermarkStatus,
)
from bandviz.engine.emitter import Identity
from bandviz.engine.in_flight import Lane
from bandviz.engine.messages import (
    AlignWatermarks,
    NotifyAborted,
    NotifyComplete,
    ToSubtask,
    TriggerCheckpoint,
)
from bandviz.engine.operators.base import Context, Operator
from bandviz.engine.outbox import Outbox, show
from bandviz.engine.output import Output
from bandviz.engine.schedule import Move
from bandviz.engine.source import SourceReader
from bandviz.engine.subtask_checkpoints import Runtime, SubtaskCheckpoints
from bandviz.engine.time.watermarks import WatermarkValve
from bandviz.engine.user_logic import user_logic, worked_off
from bandviz.errors import InvariantViolation
from bandviz.events import flow
from bandviz.events.checkpoint import CheckpointFailureReason, InFlightSide
from bandviz.events.coordinator import SnapshotKind
from bandviz.events.flow import EndKind, StallReason
from bandviz.events.time import IdlenessChanged, WatermarkStatusDelivered
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


class Subtask:
    """One execution of one task; a restart makes a new object.

    Named after its operator, or after the first one of a chain.
    """

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
        self._contexts = [each.context for each in operator.members]
        self._runtime = runtime
        self.outbox = Outbox(
            self._contexts[-1], outputs, runtime.settings.buffer_records, runtime.touch
        )
        self._cost_us = cost_us
        self._moves_made = 0
        self.checkpoints = SubtaskCheckpoints(self, context.emitter, runtime)
        self._valve = WatermarkValve(len(inputs))
        self._ended_inputs = 0
        self._stopping: CheckpointId | None = None
        self._may_finish = False
        self._by_name = {channel.name: channel for channel in inputs}

    # ------------------------------------------------------------------ what can be done

    def moves(self) -> list[Move]:
        """Every move that is possible, now or once its time has come."""
        busy = self.busy_until_us
        found: list[Move] = []
        if self.mailbox:
            due, tie, number, _, _ = self.mailbox[0]
            found.append((max(due, busy), tie, ChoiceKind.MESSAGE, self.name, number))
        if self.done:
            return found
        urgent = self._urgent_moves()
        found += urgent
        if not self.outbox.has_room():
            return found
        urgent_us = min(urgent)[0] if urgent else sys.maxsize
        for channel in self.inputs:
            if channel.queue:
                head = channel.queue[0]
                ready = head[0] if head[0] > busy else busy
                if ready < urgent_us:  # priority: what may overtake is taken first
                    found.append((ready, head[1], ChoiceKind.DELIVER, channel.name, head[2]))
        reader = self.reader if not self.input_ended and self._stopping is None else None
        timer_us = (reader or self.operator).next_timer_us()
        if timer_us is not None:
            tie = mix(self._runtime.settings.seed, 5_000 + self.ordinal, timer_us, 0)
            found.append((max(timer_us, busy), tie, ChoiceKind.TIMER, self.name, timer_us))
        if reader is not None:
            found += self._polls(reader)
        return found

    def _urgent_moves(self) -> list[Move]:
        """What a back-pressured subtask handles too: overtaking barriers and time-outs."""
        busy = self.busy_until_us
        found: list[Move] = []
        for channel in self.inputs:
            if channel.urgent:
                first = channel.urgent[0]
                ready = max(first[0], busy)
                found.append((ready, first[1], ChoiceKind.OVERTAKE, channel.name, first[2]))
        timeout = self.checkpoints.next_timeout()
        if timeout is not None:
            due, checkpoint_id = timeout
            tie = mix(self._runtime.settings.seed, 6_000 + self.ordinal, checkpoint_id, 0)
            found.append((max(due, busy), tie, ChoiceKind.TIMEOUT, self.name, checkpoint_id))
        return found

    def _polls(self, reader: SourceReader) -> Iterator[Move]:
        seed, busy = self._runtime.settings.seed, self.busy_until_us
        for ready, partition in reader.ready():
            tie = mix(seed, 1_000 + self.ordinal, reader.offsets[partition], partition)
            yield max(ready, busy), tie, ChoiceKind.POLL, self.name, partition
        if reader.exhausted():
            tie = mix(seed, 1_000 + self.ordinal, 0, END_OF_INPUT)
            yield busy, tie, ChoiceKind.POLL, self.name, END_OF_INPUT

    def why_stalled(self, moves: list[Move]) -> StallReason:
        """Why there is no move but messages; NONE if there is one. `moves`: all there are."""
        works = [move for move in moves if move[2] is not ChoiceKind.MESSAGE]
        if self.done or works:
            return StallReason.NONE
        if not self.outbox.has_room():
            return StallReason.BACK_PRESSURED
        if self.input_ended or self._stopping is not None:
            return StallReason.WAITS_FOR_FINAL_CHECKPOINT
        if any(channel.queue for channel in self.inputs):
            return StallReason.BLOCKED
        if any(channel.held or channel.blocked for channel in self.inputs):
            return StallReason.BLOCKED
        if self.reader is not None and self.reader.paused:
            return StallReason.AHEAD
        return StallReason.NO_INPUT

    @property
    def operators(self) -> tuple[SubtaskId, ...]:
        """All that run in this task, in the order of their calls."""
        return tuple(each.subtask for each in self._contexts)

    # ------------------------------------------------------------------ moves

    def set_clock(self) -> None:
        """Tell all operators what time it is."""
        for context in self._contexts:
            context.now_us = self._runtime.now_us

    def make(self, choice: Choice) -> None:
        """Make one of the moves. Raises UserLogicFailed."""
        kind, owner, ordinal = choice
        self.set_clock()
        self.checkpoints.capture()
        if kind is ChoiceKind.DELIVER or kind is ChoiceKind.OVERTAKE:
            self._deliver(self._by_name[owner], urgent=kind is ChoiceKind.OVERTAKE)
        elif kind is ChoiceKind.POLL:
            self._poll(ordinal)
        elif kind is ChoiceKind.TIMER:
            self._fire()
        elif kind is ChoiceKind.TIMEOUT:
            self.checkpoints.on_timeout(CheckpointId(ordinal))
        else:
            self._receive()

    def _deliver(self, channel: Channel, *, urgent: bool) -> None:
        """Take the head of a channel, or what goes ahead of it, and work it off."""
        queued = channel.take(urgent=urgent)
        self._context.emitter.cause = queued.cause
        if channel.buffers == channel.capacity - 1:
            self._runtime.touch(channel.plan.upstream)
        if channel.held and not channel.stopped:
            self._give_credit(channel)
        _HANDLERS[type(queued.element)](self, channel, queued)

    def _give_credit(self, channel: Channel) -> None:
        """There is room again: what the sender holds may set off."""
        released, arrive_us = channel.release(self._runtime.now_us)
        if not released:
            return
        emitter = self._context.emitter
        if emitter.flow:
            emitter.on_flow(
                flow.ElementsSent(channel=channel.id, count=released, arrive_us=arrive_us)
            )
        self._runtime.output_taken(channel.plan.upstream)

    def _poll(self, partition: int) -> None:
        """Read on, or find that all is read."""
        assert self.reader is not None
        now, settings = self._runtime.now_us, self._runtime.settings
        if partition == END_OF_INPUT:
            self._end_of_data()
            return
        buffer = self.reader.poll(partition, now, settings.buffer_records)
        self._process(buffer, 0)
        self._announce(self.reader)

    def _fire(self) -> None:
        """The earliest processing-time timer, of the operator or of the source, is due."""
        self._work(0)
        if self.reader is not None:
            self._announce(self.reader)
            return
        with user_logic(self.operator):
            out = self.operator.on_timer(self._runtime.now_us)
        self._send(out)

    def on_output_taken(self) -> None:
        """A receiver took what this subtask's end may have waited for."""
        self.checkpoints.on_output_sent()
        self._finish_if_due()

    def awaits_notice(self) -> bool:
        """A notification of a completed checkpoint is on its way here."""
        return any(isinstance(letter.message, NotifyComplete) for letter in self.mailbox)

    def unread(self) -> tuple[RecordBuffer, int, int] | None:
        """The first records that wait in an input channel, as the operator would get them: buffer,
        watermark, port.
        """
        for channel in self.inputs:
            for queued in channel.queue:
                if isinstance(queued.element, RecordBuffer):
                    return queued.element, self._valve.current, channel.plan.port
        return None

    def lose_notice(self) -> CheckpointId:
        """The oldest such notification is lost; returns its checkpoint."""
        for letter in self.mailbox:
            if isinstance(letter.message, NotifyComplete):
                self.mailbox.remove(letter)
                return letter.message.checkpoint_id
        raise InvariantViolation("only a notification on its way is lost", self.name)

    def _receive(self) -> None:
        """Handle the oldest message of the mailbox."""
        letter = self.mailbox.popleft()
        self._context.emitter.cause = letter.cause
        message = letter.message
        if isinstance(message, TriggerCheckpoint):
            self._trigger(message)
        elif isinstance(message, NotifyComplete):
            self._notify_complete(message.checkpoint_id, stops=message.stops)
        elif isinstance(message, AlignWatermarks):
            assert self.reader is not None
            self.reader.align(message.limit_ms, self._runtime.now_us)
        else:
            self._notify_aborted(message)

    def put_back(
        self, lane: Lane, elements: list[StreamElement]
    ) -> tuple[Channel, tuple[int, ...]]:
        """Data in flight of a checkpoint, into the channel that it was in, at which positions."""
        now_us = self._runtime.now_us
        if lane.side is InFlightSide.OUTPUT:
            return self.outbox.put_back(lane, elements, now_us)
        channel = next(one for one in self.inputs if lane.fits(one.plan))
        first = channel.position
        for element in elements:
            position, arrive_us = channel.restore(element, now_us)
            show(self._context.emitter, channel.id, position, element, arrive_us)
        return channel, tuple(range(first, channel.position))

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
        self._process(buffer, channel.plan.port)

    def _process(self, buffer: RecordBuffer, port: int) -> None:
        self._work(len(buffer))
        self._send(worked_off(self.operator, buffer, self._valve.current, port))

    def _announce(self, reader: SourceReader) -> None:
        """What a source has to say of event time now."""
        for element in reader.announcements(self._runtime.now_us):
            if isinstance(element, WatermarkStatus):
                self._tell_idle(idle=element.idle)
            else:
                self._reach(element.time_ms)
            self._broadcast(element)

    def _tell_idle(self, *, idle: bool) -> None:
        for operator in self.operators:
            self._context.emitter.control(IdlenessChanged(subtask=operator, idle=idle))

    def _on_watermark_status(self, channel: Channel, queued: Queued) -> None:
        assert isinstance(queued.element, WatermarkStatus)
        if self._context.emitter.flow:
            self._context.emitter.on_flow(
                WatermarkStatusDelivered(channel=channel.id, position=queued.position)
            )
        self._work(0)
        self._set_idle(channel.plan.index, idle=queued.element.idle)

    def _set_idle(self, index: int, *, idle: bool) -> None:
        was_idle = self._valve.idle
        if self._valve.set_idle(index, idle=idle):
            self._rise()
        if self._valve.idle is not was_idle:
            self._tell_idle(idle=self._valve.idle)
            self._broadcast(WatermarkStatus(self._valve.idle))

    def _on_watermark(self, channel: Channel, queued: Queued) -> None:
        assert isinstance(queued.element, Watermark)
        if self._context.emitter.flow:
            self._context.emitter.on_flow(
                flow.WatermarkDelivered(channel=channel.id, position=queued.position)
            )
        self._work(0)
        self._advance(channel.plan.index, queued.element.time_ms)

    def _advance(self, index: int, time_ms: int) -> None:
        if self._valve.advance(index, time_ms):
            self._rise()

    def _rise(self) -> None:
        """The gate's watermark rose."""
        mark = self._valve.current
        self._reach(mark)
        if mark < WATERMARK_MAX or self._ended_inputs < len(self.inputs):
            self._broadcast(Watermark(mark))

    def _reach(self, mark: int) -> None:
        """Event time has come to this."""
        for operator in self.operators if self._context.emitter.flow else ():
            self._context.emitter.on_flow(
                flow.WatermarkAdvanced(subtask=operator, watermark_ms=mark)
            )
        with user_logic(self.operator):
            fired = self.operator.on_watermark(mark)
        self._send(fired)

    def _on_barrier(self, channel: Channel, queued: Queued) -> None:
        self.checkpoints.on_barrier(channel, queued)

    def _on_announcement(self, channel: Channel, queued: Queued) -> None:
        self.checkpoints.on_announcement(channel, queued)

    def _on_cancel_marker(self, channel: Channel, queued: Queued) -> None:
        self.checkpoints.on_cancel_marker(channel, queued)

    def _on_end_of_data(self, channel: Channel, queued: Queued) -> None:
        self._context.emitter.control(
            flow.EndArrived(channel=channel.id, kind=EndKind.DATA, position=queued.position)
        )
        self._ended_inputs += 1
        self._set_idle(channel.plan.index, idle=False)
        self._advance(channel.plan.index, WATERMARK_MAX)
        self._runtime.output_taken(channel.plan.upstream)
        if self._ended_inputs == len(self.inputs):
            self._end_of_data()

    def _on_end_of_partition(self, channel: Channel, queued: Queued) -> None:
        self._context.emitter.control(
            flow.EndArrived(channel=channel.id, kind=EndKind.PARTITION, position=queued.position)
        )
        self.checkpoints.on_end(channel)
        self._finish_if_due()

    def _trigger(self, message: TriggerCheckpoint) -> None:
        """No predecessor runs: the barrier goes in here and now, behind what was read so far.

        A source that stops reads no further; one that drains ends its data first.
        """
        checkpoint_id = message.barrier.checkpoint_id
        if self.done:
            reason = CheckpointFailureReason.TASK_NOT_READY
            self.checkpoints.decline(checkpoint_id, reason, self._context.emitter.cause)
            return
        if message.kind is SnapshotKind.STOP:
            self._stopping = checkpoint_id
        elif message.kind is SnapshotKind.DRAIN and not self.input_ended:
            self._end_of_data()
        self.checkpoints.trigger(message.barrier)

    def _notify_complete(self, checkpoint_id: CheckpointId, *, stops: bool = False) -> None:
        """A task waits for a checkpoint begun after its own end of data, the final one; then it
        ends.
        """
        if self.done or not self.checkpoints.notify_complete(checkpoint_id):
            return
        if stops or self.checkpoints.is_final(checkpoint_id):
            self.input_ended = True
            self._may_finish = True
            self._finish_if_due()

    def _notify_aborted(self, message: NotifyAborted) -> None:
        """A completion that this task was not told of comes with it. A source that had stopped for
        the savepoint reads on.
        """
        self._notify_complete(message.latest_completed)
        if self._stopping == message.checkpoint_id:
            self._stopping = None
        self.checkpoints.notify_aborted(message.checkpoint_id)
        for operator in reversed(self.operator.members):
            operator.notify_aborted(message.checkpoint_id)

    # ------------------------------------------------------------------ ends

    def _end_of_data(self) -> None:
        """All input is read: flush is done, say so downstream, and wait for the final
        checkpoint.
        """
        self.input_ended = True
        if self.reader is not None:
            self._send(self.operator.on_watermark(WATERMARK_MAX))
        self.operator.end_of_data()
        for operator in self.operators:
            self._context.emitter.control(flow.InputEnded(subtask=operator))
        self._broadcast(EndOfData())
        settings = self._runtime.settings
        if not (settings.checkpoint_interval_us and settings.checkpoints_after_tasks_finish):
            self._may_finish = True
            self._finish_if_due()

    def _finish_if_due(self) -> None:
        """Finished: told of its final checkpoint, nothing can come in any more, and all that went
        out was processed, so that nothing depends on this subtask.
        """
        open_inputs = self.checkpoints.gate.open
        if self.done or not self._may_finish or open_inputs or not self.input_ended:
            return
        if not self.outbox.all_data_processed():
            return
        self.done = True
        self._broadcast(EndOfPartition())
        self._runtime.finished(self.id)

    # ------------------------------------------------------------------ output

    def _work(self, records: int) -> None:
        """Be busy for the simulated cost of so many records."""
        runtime = self._runtime
        self._moves_made += 1
        cost = self._cost_us * records
        if cost:
            draw = mix(runtime.settings.seed, 2_000 + self.ordinal, self._moves_made)
            cost = jittered(cost, runtime.settings.jitter_permille, draw)
        self.busy_until_us = runtime.now_us + cost

    def _send(self, out: RecordBuffer | None) -> None:
        self.outbox.send(out, self.busy_until_us)

    def _broadcast(self, element: StreamElement) -> None:
        self.outbox.broadcast(element, max(self.busy_until_us, self._runtime.now_us))


_HANDLERS = {
    RecordBuffer: Subtask._on_records,
    Watermark: Subtask._on_watermark,
    WatermarkStatus: Subtask._on_watermark_status,
    CheckpointBarrier: Subtask._on_barrier,
    BarrierAnnouncement: Subtask._on_announcement,
    CancelCheckpointMarker: Subtask._on_cancel_marker,
    EndOfData: Subtask._on_end_of_data,
    EndOfPartition: Subtask._on_end_of_partition,
}
