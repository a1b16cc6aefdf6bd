"""One subtask's part in checkpoints (Flink's SubtaskCheckpointCoordinator).

What the gate decides is done here: hold channels back, take data in flight, forward the barrier to
all outputs, then snapshot (synchronous, short), then upload (asynchronous), then acknowledge. No
record, timer or watermark runs between forward and snapshot. An unaligned snapshot is uploaded when
all barriers are here, for only then the data in flight is known. Source: semantics.md 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from bandviz.engine.alignment import Alignment, BarrierHandler, Effect, EffectKind, How
from bandviz.engine.channel import Channel, Queued
from bandviz.engine.elements import (
    BarrierAnnouncement,
    CancelCheckpointMarker,
    CheckpointBarrier,
)
from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.in_flight import InFlight
from bandviz.engine.messages import Decline, Parts, ToCoordinator
from bandviz.engine.operators.base import Operator, State, TaskFailed
from bandviz.engine.outbox import Outbox, Overtaken
from bandviz.engine.source import SourceReader
from bandviz.engine.state.changelog import Changelog
from bandviz.engine.state.encoding import Encoding, is_small
from bandviz.engine.state.frozen import plain
from bandviz.engine.tracker import BarrierTracker
from bandviz.events import checkpoint as facts
from bandviz.events.checkpoint import BarrierKind, InFlightSide
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.values import VALUE_BYTES_MAX, pack
from bandviz.graph.settings import CheckpointingMode, RunSettings
from bandviz.ids import CheckpointId, SubtaskId


class Runtime(Protocol):
    """What a subtask asks of its job."""

    settings: RunSettings
    now_us: int

    def touch(self, subtask: SubtaskId) -> None:
        """Something changed that decides what this subtask can do next."""

    def upload(
        self, subtask: SubtaskId, checkpoint_id: CheckpointId, parts: Parts, cause: Identity
    ) -> None:
        """Encode and store a snapshot asynchronously, then acknowledge."""

    def cancel_upload(self, subtask: SubtaskId, checkpoint_id: CheckpointId) -> None:
        """The checkpoint was given up: what is not stored yet never will be."""

    def tell_coordinator(self, message: ToCoordinator, cause: Identity | None) -> None:
        """Send a message."""

    def output_taken(self, subtask: SubtaskId) -> None:
        """A receiver took elements out of this subtask's output queue, or came to their end."""

    def finished(self, subtask: SubtaskId) -> None:
        """The subtask has done all it had to."""


class Task(Protocol):
    """What this part asks of its subtask."""

    id: SubtaskId
    inputs: list[Channel]
    operator: Operator
    reader: SourceReader | None
    outbox: Outbox
    busy_until_us: int
    input_ended: bool


@dataclass(slots=True)
class Snapshot:
    """Taken, and not handed to the upload yet: data in flight may still come.

    `states`: what is stored of each operator, and its bytes to be. `in_flight`: by the operator at
    whose end of a channel it was. `arrived`: all barriers are here, so no input data is added any
    more.
    """

    checkpoint_id: CheckpointId
    states: dict[SubtaskId, tuple[State, Encoding]]
    cause: Identity
    in_flight: dict[SubtaskId, InFlight]
    arrived: bool


class SubtaskCheckpoints:
    """The gate's decisions put into effect, and what is remembered between barrier and end."""

    def __init__(self, task: Task, emitter: Emitter, runtime: Runtime) -> None:
        self._task = task
        self._emitter = emitter
        self._runtime = runtime
        self.gate = self._make_gate()
        self._barriers: dict[CheckpointId, CheckpointBarrier] = {}
        """Barriers that came and are not answered yet, as they came."""
        self._timeouts: dict[CheckpointId, int] = {}
        self._snapshot: Snapshot | None = None
        self._changelogs = {each.context.subtask: Changelog() for each in task.operator.members}
        self._aligned_since_us = 0
        self._offsets_at: dict[CheckpointId, dict[int, int]] = {}
        self._aborted_ids: list[CheckpointId] = []
        self._told = CheckpointId(0)
        self._final: CheckpointId | None = None

    def _make_gate(self) -> BarrierHandler:
        channels = len(self._task.inputs)
        settings = self._runtime.settings
        at_least_once = settings.mode is CheckpointingMode.AT_LEAST_ONCE
        handler = BarrierTracker if at_least_once else Alignment
        return handler(channels, after_tasks_finish=settings.checkpoints_after_tasks_finish)

    # ------------------------------------------------------------------ what comes in

    def on_barrier(self, channel: Channel, queued: Queued) -> None:
        """A barrier, in order or ahead of unread data."""
        barrier = queued.element
        assert isinstance(barrier, CheckpointBarrier)
        self._emitter.control(
            facts.BarrierArrived(
                subtask=self._task.id,
                channel=channel.id,
                checkpoint_id=barrier.checkpoint_id,
                position=queued.position,
            )
        )
        self._note(barrier)
        how = How.AHEAD if barrier.kind is BarrierKind.UNALIGNED else How.IN_LINE
        if barrier.due_us is not None and self._runtime.now_us > barrier.due_us:
            how = How.LATE
        self._apply(self.gate.barrier(channel.plan.index, barrier.checkpoint_id, how=how))

    def on_announcement(self, channel: Channel, queued: Queued) -> None:
        """A barrier that may time out waits behind unread data."""
        announcement = queued.element
        assert isinstance(announcement, BarrierAnnouncement)
        barrier = announcement.barrier
        if all(one.element is not barrier for one in channel.queue):
            return
        self._emitter.control(
            facts.BarrierAnnounced(
                subtask=self._task.id, channel=channel.id, checkpoint_id=barrier.checkpoint_id
            )
        )
        self._note(barrier)
        self._apply(self.gate.announce(channel.plan.index, barrier.checkpoint_id))

    def on_cancel_marker(self, channel: Channel, queued: Queued) -> None:
        """This checkpoint will not come through."""
        marker = queued.element
        assert isinstance(marker, CancelCheckpointMarker)
        self._emitter.control(
            facts.CancelMarkerArrived(
                subtask=self._task.id,
                channel=channel.id,
                checkpoint_id=marker.checkpoint_id,
                position=queued.position,
            )
        )
        self._apply(self.gate.cancel(channel.plan.index, marker.checkpoint_id))

    def on_end(self, channel: Channel) -> None:
        """The channel is closed for good."""
        self._apply(self.gate.end(channel.plan.index))

    def trigger(self, barrier: CheckpointBarrier) -> None:
        """The barrier goes in here and now.

        Channels whose sender has ended, but whose end is still on its way, count as if they had
        delivered it; a newer barrier on an open one releases those that an older one has blocked.
        """
        self._note(barrier)
        if not self.gate.open:
            self._checkpoint(barrier)
        ahead = barrier.kind is BarrierKind.UNALIGNED
        how = How.AHEAD if ahead else How.BY_MESSAGE
        for channel in tuple(self.gate.open):
            self._apply(self.gate.barrier(channel, barrier.checkpoint_id, how=how))

    def next_timeout(self) -> tuple[int, CheckpointId] | None:
        """(due time, checkpoint) of the earliest alignment time-out."""
        if not self._timeouts:
            return None
        return min((due, one) for one, due in self._timeouts.items())

    def on_timeout(self, checkpoint_id: CheckpointId) -> None:
        """Receiver and sender turn unaligned, each if its barrier still waits."""
        del self._timeouts[checkpoint_id]
        if self._task.inputs:
            self._apply(self.gate.timeout(checkpoint_id))
        passed = self._task.outbox.time_out(checkpoint_id, self._runtime.now_us)
        snapshot = self._snapshot
        if snapshot is not None and snapshot.checkpoint_id == checkpoint_id:
            self._keep_output(checkpoint_id, snapshot.in_flight, passed)
            self._hand_over_if_whole(snapshot)

    def capture(self) -> None:
        """Data that has arrived ahead of its barrier since the snapshot belongs to it, read or not.

        Called before each move of the subtask, so that nothing is read uncaptured.
        """
        snapshot = self._snapshot
        if snapshot is None or snapshot.arrived:
            return
        for channel in self._task.inputs:
            checkpoint_id, side = snapshot.checkpoint_id, InFlightSide.INPUT
            found = channel.capture(checkpoint_id, self._runtime.now_us)
            self._persist(checkpoint_id, snapshot.in_flight, channel, side, found)

    def on_output_sent(self) -> None:
        """A receiver gave credit: a barrier that might have timed out in the queue may be gone."""
        if self._snapshot is not None:
            self._hand_over_if_whole(self._snapshot)

    # ------------------------------------------------------------------ what the gate decided

    def _note(self, barrier: CheckpointBarrier) -> None:
        self._barriers.setdefault(barrier.checkpoint_id, barrier)
        due = barrier.due_us
        if due is not None and barrier.checkpoint_id not in self._timeouts:
            self._timeouts[barrier.checkpoint_id] = max(due, self._runtime.now_us)

    def _apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            _EFFECTS[effect.kind](self, effect)

    def _block(self, effect: Effect) -> None:
        channel = self._task.inputs[effect.channel]
        channel.blocked = True
        self._emitter.control(
            facts.ChannelBlocked(
                subtask=self._task.id,
                channel=channel.id,
                checkpoint_id=effect.checkpoint_id,
                held_count=len(channel.held),
            )
        )

    def _ignore(self, effect: Effect) -> None:
        self._emitter.control(
            facts.BarrierIgnored(
                subtask=self._task.id,
                channel=self._task.inputs[effect.channel].id,
                checkpoint_id=effect.checkpoint_id,
            )
        )
        self._barriers.pop(effect.checkpoint_id, None)
        self._timeouts.pop(effect.checkpoint_id, None)

    def _resume(self, effect: Effect) -> None:
        channel = self._task.inputs[effect.channel]
        released, arrive = channel.resume(self._runtime.now_us)
        self._emitter.control(
            facts.ChannelUnblocked(
                subtask=self._task.id,
                channel=channel.id,
                checkpoint_id=effect.checkpoint_id,
                released_count=released,
                arrive_us=arrive,
            )
        )
        if released:
            self._runtime.output_taken(channel.plan.upstream)

    def _start(self, effect: Effect) -> None:
        self._aligned_since_us = self._runtime.now_us
        self._emitter.control(
            facts.AlignmentStarted(
                subtask=self._task.id,
                checkpoint_id=effect.checkpoint_id,
                expected_count=effect.open_count,
            )
        )

    def _prioritise(self, effect: Effect) -> None:
        channel = self._task.inputs[effect.channel]
        queued = channel.prioritise(effect.checkpoint_id)
        if queued is not None:
            self._emitter.control(
                facts.BarrierOvertook(
                    subtask=self._task.id,
                    channel=channel.id,
                    checkpoint_id=effect.checkpoint_id,
                    side=InFlightSide.INPUT,
                    position=queued.position,
                    arrive_us=self._runtime.now_us,
                )
            )

    def _complete(self, effect: Effect) -> None:
        self._aligned(effect)
        self._checkpoint(self._barriers[effect.checkpoint_id])

    def _overtake(self, effect: Effect) -> None:
        """Snapshot now; unread data ahead of barriers belongs to it."""
        barrier = self._barriers[effect.checkpoint_id]
        if barrier.kind is not BarrierKind.UNALIGNED:
            barrier = barrier.as_unaligned()
            self._emitter.control(
                facts.AlignmentTimedOut(subtask=self._task.id, checkpoint_id=effect.checkpoint_id)
            )
        for channel in self._task.inputs:
            channel.start_capture()
        self._checkpoint(barrier, arrived=False)

    def _arrived(self, effect: Effect) -> None:
        self._aligned(effect)
        snapshot = self._snapshot
        if snapshot is not None and snapshot.checkpoint_id == effect.checkpoint_id:
            snapshot.arrived = True
            self._hand_over_if_whole(snapshot)

    def _aligned(self, effect: Effect) -> None:
        self._timeouts.pop(effect.checkpoint_id, None)
        self._emitter.control(
            facts.AlignmentCompleted(
                subtask=self._task.id,
                checkpoint_id=effect.checkpoint_id,
                duration_us=self._runtime.now_us - self._aligned_since_us,
            )
        )

    def _abort(self, effect: Effect) -> None:
        checkpoint_id = effect.checkpoint_id
        cause = self._emitter.control(
            facts.AlignmentAborted(
                subtask=self._task.id, checkpoint_id=checkpoint_id, reason=effect.reason
            )
        )
        self._barriers.pop(checkpoint_id, None)
        self._timeouts.pop(checkpoint_id, None)
        if self._snapshot is not None and not self._snapshot.arrived:
            self._snapshot = None  # also an older one, which ends without a word (rule 2.1.6)
        self._forget(checkpoint_id)
        self._broadcast(CancelCheckpointMarker(checkpoint_id))
        self.decline(checkpoint_id, effect.reason, cause)

    # ------------------------------------------------------------------ the checkpoint itself

    def _checkpoint(self, barrier: CheckpointBarrier, *, arrived: bool = True) -> None:
        """Forward the barrier, then snapshot, then leave the upload to the background.

        A checkpoint that the coordinator gave up meanwhile is answered by a cancel marker instead.
        """
        checkpoint_id = barrier.checkpoint_id
        self._task.busy_until_us = max(self._task.busy_until_us, self._runtime.now_us)
        self._barriers.pop(checkpoint_id, None)
        if checkpoint_id in self._aborted_ids:
            self._broadcast(CancelCheckpointMarker(checkpoint_id))
            return
        if self._task.input_ended and self._final is None:
            self._final = checkpoint_id
        self._prepare(checkpoint_id)
        passed = self._forward(barrier)
        in_flight: dict[SubtaskId, InFlight] = {}
        self._keep_output(checkpoint_id, in_flight, passed)
        snapshot = self._snapshot = self._take_snapshot(barrier, in_flight, arrived=arrived)
        self.capture()
        self._hand_over_if_whole(snapshot)

    def _prepare(self, checkpoint_id: CheckpointId) -> None:
        """What the operator has to say ahead of the barrier."""
        self._task.outbox.send(
            self._task.operator.prepare_barrier(checkpoint_id), self._task.busy_until_us
        )

    def _forward(self, barrier: CheckpointBarrier) -> Overtaken:
        """To all outputs; returns what it overtook there."""
        if barrier.due_us is not None:
            self._note(barrier)
        return self._task.outbox.forward(barrier, self._task.busy_until_us)

    def _take_snapshot(
        self, barrier: CheckpointBarrier, in_flight: dict[SubtaskId, InFlight], *, arrived: bool
    ) -> Snapshot:
        """The synchronous part: of all operators, the last of a chain first, as Flink does it."""
        task, states, cause = self._task, {}, self._emitter.next_identity()
        for operator in reversed(task.operator.members):
            states[operator.context.subtask] = self._copy(operator, barrier)
        task.busy_until_us += self._runtime.settings.sync_us
        return Snapshot(barrier.checkpoint_id, states, cause, in_flight, arrived)

    def _copy(self, operator: Operator, barrier: CheckpointBarrier) -> tuple[State, Encoding]:
        """One operator's state, as it is to be stored."""
        checkpoint_id, base, reader = barrier.checkpoint_id, barrier.base, self._task.reader
        context = operator.context
        changelog = self._changelogs[context.subtask]
        context.wants_whole = not changelog.knows(base)
        state = operator.snapshot(checkpoint_id)
        if reader is not None and reader.context is context:
            state = reader.snapshot()
            self._offsets_at[checkpoint_id] = state["offsets"]
        stored, base = changelog.part(state, checkpoint_id, base)
        encoding = Encoding(stored, base)
        shown = encoding.data
        if base:
            shown = pack(plain(state)) if is_small(state) else b""
        self._emitter.control(
            facts.SnapshotTaken(
                subtask=context.subtask,
                checkpoint_id=checkpoint_id,
                state=shown_state(shown),
                state_bytes=len(shown),
                unaligned=barrier.kind is BarrierKind.UNALIGNED,
            )
        )
        return stored, encoding

    def _hand_over_if_whole(self, snapshot: Snapshot) -> None:
        """Upload it, once no data in flight can be added: no barrier is still to come or to go."""
        checkpoint_id = snapshot.checkpoint_id
        if not snapshot.arrived or self._task.outbox.may_time_out(checkpoint_id):
            return
        self._snapshot = None
        self._hand_over(snapshot)

    def _hand_over(self, snapshot: Snapshot) -> None:
        parts = {name: encoding for name, (_, encoding) in snapshot.states.items()}
        for name, in_flight in snapshot.in_flight.items():
            state, encoding = snapshot.states[name]
            parts[name] = Encoding({**state, **in_flight.state()}, encoding.base)
        self._runtime.upload(self._task.id, snapshot.checkpoint_id, parts, snapshot.cause)

    def _keep_output(
        self, checkpoint_id: CheckpointId, in_flight: dict[SubtaskId, InFlight], passed: Overtaken
    ) -> None:
        """What a barrier overtook in the output queues belongs to this subtask's snapshot."""
        for channel, overtaken in passed:
            side = InFlightSide.OUTPUT
            self._persist(checkpoint_id, in_flight, channel, side, list(overtaken))

    def _persist(
        self,
        checkpoint_id: CheckpointId,
        in_flight: dict[SubtaskId, InFlight],
        channel: Channel,
        side: InFlightSide,
        found: list[Queued],
    ) -> None:
        if not found:
            return
        plan = channel.plan
        owner = plan.downstream if side is InFlightSide.INPUT else plan.upstream
        kept = in_flight.setdefault(owner, InFlight())
        records = kept.add(side, plan, [one.element for one in found])
        self._emitter.control(
            facts.InFlightPersisted(
                subtask=owner,
                channel=channel.id,
                checkpoint_id=checkpoint_id,
                side=side,
                positions=tuple(one.position for one in found),
                record_count=records,
            )
        )

    # ------------------------------------------------------------------ how it ended

    def notify_complete(self, checkpoint_id: CheckpointId) -> bool:
        """The checkpoint is complete and durable: sinks commit, sources tell the broker.

        Ids only rise: False if this one is not newer than the last.
        """
        if checkpoint_id <= self._told:
            return False
        self._told = checkpoint_id
        self._aborted_ids = [one for one in self._aborted_ids if one > checkpoint_id]
        self._barriers = {one: kept for one, kept in self._barriers.items() if one > checkpoint_id}
        self._tell_operators(checkpoint_id)
        self._commit_offsets(checkpoint_id)
        return True

    def _tell_operators(self, checkpoint_id: CheckpointId) -> None:
        """The last of a chain first; all are told before the first error fails the task."""
        failures = []
        for operator in reversed(self._task.operator.members):
            subtask = operator.context.subtask
            self._emitter.control(
                facts.CompletionNotified(subtask=subtask, checkpoint_id=checkpoint_id)
            )
            try:
                operator.notify_complete(checkpoint_id)
            except TaskFailed as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def _commit_offsets(self, checkpoint_id: CheckpointId) -> None:
        reader = self._task.reader
        offsets = self._offsets_at.pop(checkpoint_id, None)
        if reader is None or offsets is None:
            return
        reader.commit_offsets(offsets)
        for partition, offset in offsets.items():
            self._emitter.control(
                facts.GroupOffsetCommitted(
                    subtask=self._task.id,
                    topic=reader.spec.topic,
                    partition=partition,
                    offset=offset,
                )
            )

    def is_final(self, checkpoint_id: CheckpointId) -> bool:
        """It, or an older one, began after the subtask's own end of data."""
        return self._final is not None and checkpoint_id >= self._final

    def notify_aborted(self, checkpoint_id: CheckpointId) -> None:
        """Remembered, so that a barrier that is still to come is answered by a cancel marker."""
        self._aborted_ids.append(checkpoint_id)
        for changelog in self._changelogs.values():
            changelog.forget(checkpoint_id)
        self._forget(checkpoint_id)

    def decline(self, checkpoint_id: CheckpointId, reason: Reason, cause: Identity | None) -> None:
        """Tell the coordinator that this subtask takes no part."""
        message = Decline(self._runtime.settings.name, checkpoint_id, self._task.id, reason)
        self._runtime.tell_coordinator(message, cause)

    def _forget(self, checkpoint_id: CheckpointId) -> None:
        """Nothing of this checkpoint will be stored by this subtask."""
        self._offsets_at.pop(checkpoint_id, None)
        if self._snapshot is not None and self._snapshot.checkpoint_id == checkpoint_id:
            self._snapshot = None
        self._runtime.cancel_upload(self._task.id, checkpoint_id)

    def _broadcast(self, marker: CancelCheckpointMarker) -> None:
        self._task.outbox.broadcast(marker, max(self._task.busy_until_us, self._runtime.now_us))


def shown_state(packed: bytes) -> bytes:
    """State as an event may carry it: nothing at all if it is too large."""
    return packed if len(packed) <= VALUE_BYTES_MAX else b""


_EFFECTS: Final = {
    EffectKind.BLOCK: SubtaskCheckpoints._block,
    EffectKind.IGNORE: SubtaskCheckpoints._ignore,
    EffectKind.RESUME: SubtaskCheckpoints._resume,
    EffectKind.START: SubtaskCheckpoints._start,
    EffectKind.PRIORITISE: SubtaskCheckpoints._prioritise,
    EffectKind.COMPLETE: SubtaskCheckpoints._complete,
    EffectKind.OVERTAKE: SubtaskCheckpoints._overtake,
    EffectKind.ARRIVED: SubtaskCheckpoints._arrived,
    EffectKind.RELEASE: SubtaskCheckpoints._resume,
    EffectKind.ABORT: SubtaskCheckpoints._abort,
}
