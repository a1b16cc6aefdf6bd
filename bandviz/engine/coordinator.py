"""The CheckpointCoordinator: requests, pending and completed checkpoints. It lives in the
JobManager.

Rules of this file: only it decides that a checkpoint is complete or aborted; complete means that
all expected subtasks acknowledged *and* the manifest is stored; only then are they told. It moves
no element and knows no queue. It dies with the JobManager: what a new one knows is what the
high-availability store holds. Source: Flink CheckpointCoordinator; semantics.md 3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from bandviz.engine.checkpoint_plan import CheckpointPlan, calculate_plan
from bandviz.engine.completed_checkpoints import CompletedCheckpointStore
from bandviz.engine.elements import make_barrier
from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.failure_manager import JOB_STOPS, CheckpointFailureManager
from bandviz.engine.messages import (
    Acknowledge,
    Decline,
    NotifyAborted,
    NotifyComplete,
    ToSubtask,
    TriggerCheckpoint,
)
from bandviz.engine.pending_checkpoint import AckResult, PendingCheckpoint
from bandviz.engine.request_decider import CheckpointRequest, RequestDecider
from bandviz.engine.restore import finished_file
from bandviz.engine.shared_files import SharedFiles
from bandviz.errors import BandvizError, require
from bandviz.events import checkpoint as facts
from bandviz.events import coordinator as more_facts
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.coordinator import Refusal, SnapshotKind
from bandviz.graph.settings import RunSettings, StateBackend
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import CheckpointStorage, HighAvailabilityStore, StoredVertex

TRIGGER: Final = "trigger checkpoint"
EXPIRE: Final = "expire checkpoint"
"""Owner of the timers of pending checkpoints; the ordinal is the id."""

RECENT_MAX: Final = 16
"""So many given-up ids are remembered, to tell a late acknowledgement from a strange one."""

_IGNORED_BECAUSE: Final = {
    AckResult.DUPLICATE: "it had acknowledged before",
    AckResult.UNKNOWN_TASK: "nobody waits for this task",
    AckResult.DISCARDED: "the checkpoint is not in progress any more",
    AckResult.UNKNOWN_CHECKPOINT: "the checkpoint is not in progress",
    AckResult.WRONG_JOB: "it belongs to another job",
}


class JobManager(Protocol):
    """What the coordinator asks of its job."""

    now_us: int
    attempt: int

    def tell(self, subtask: SubtaskId, message: ToSubtask, cause: Identity | None) -> None:
        """Send a message to a subtask."""

    def arm(self, timer: str, due_us: int, ordinal: int = 0) -> None:
        """(Re)arm one of the coordinator's timers."""

    def disarm(self, timer: str, ordinal: int = 0) -> None:
        """The timer will not fire."""

    def is_running(self, subtask: SubtaskId) -> bool:
        """An execution lives, and has not finished."""

    def has_finished(self, subtask: SubtaskId) -> bool:
        """It has done all its work and ended well."""

    def fail_over(self, reason: str) -> None:
        """The whole job starts again from its latest checkpoint."""

    def vertices(self) -> tuple[StoredVertex, ...]:
        """The operators, as a checkpoint remembers them."""


class CheckpointCoordinator:
    """The book of checkpoints of one job, over all attempts; one object for each JobManager.

    `predecessors`: of each subtask the senders of its channels. `union_vertices` have operator
    state that every subtask gets as a whole.
    """

    def __init__(
        self,
        settings: RunSettings,
        storage: CheckpointStorage,
        durable: HighAvailabilityStore | None,
        emitter: Emitter,
        job: JobManager,
        predecessors: Mapping[SubtaskId, Collection[SubtaskId]],
        union_vertices: Collection[str] = (),
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._emitter = emitter
        self._job = job
        self._subtasks = tuple(predecessors)
        self._predecessors = predecessors
        self._union_vertices = union_vertices
        self._decider = RequestDecider(
            settings.max_concurrent_checkpoints,
            settings.min_pause_us,
            settings.max_queued_checkpoints,
        )
        self._failures = CheckpointFailureManager(settings.tolerable_failed_checkpoints)
        self._store = CompletedCheckpointStore(settings.retained, durable)
        self._pending: dict[CheckpointId, PendingCheckpoint] = {}
        self._given_up: deque[CheckpointId] = deque(maxlen=RECENT_MAX)
        self._savepoints: list[CheckpointId] = []
        self._files = SharedFiles(storage)
        for checkpoint_id in self._store.ids:
            self._files.recover(checkpoint_id, settings.name)
        self._requests = 0
        self._completed_us: int | None = None
        self._scheduling = False
        self.failed_in_a_row = 0
        """Checkpoints that came to nothing since the last completed one, failover not counted."""
        self.last_failure = ""

    # ------------------------------------------------------------------ what there is

    @property
    def completed(self) -> tuple[CheckpointId, ...]:
        """Retained ones, oldest first."""
        return self._store.ids

    @property
    def pending(self) -> tuple[CheckpointId, ...]:
        """In progress, oldest first."""
        return tuple(self._pending)

    @property
    def queued_count(self) -> int:
        """Requests that wait."""
        return len(self._decider.queue)

    @property
    def next_id(self) -> CheckpointId:
        """The id that the next checkpoint will have."""
        return self._store.next_id

    @property
    def scheduling(self) -> bool:
        """The periodic trigger works."""
        return self._scheduling

    def awaits(self, subtask: SubtaskId) -> CheckpointId | None:
        """The oldest checkpoint that this subtask has still to acknowledge."""
        for pending in self._pending.values():
            if subtask in pending.plan.wait_for and subtask not in pending.handles:
                return pending.checkpoint_id
        return None

    # ------------------------------------------------------------------ life

    def start(self, first: bool) -> None:
        """The job runs: arm the periodic trigger."""
        self._scheduling = True
        if self._settings.checkpoint_interval_us:
            wait = self._settings.checkpoint_interval_us
            if first and self._settings.first_checkpoint_us:
                wait = self._settings.first_checkpoint_us
            self._job.arm(TRIGGER, self._job.now_us + wait)

    def stop(self, reason: Reason = Reason.JOB_FAILOVER) -> None:
        """The job runs no more: what is pending or queued is lost with it, nobody is to blame."""
        self._scheduling = False
        self._decider.clear()
        self._job.disarm(TRIGGER)
        self.abort_pending(reason)

    def abort_pending(self, reason: Reason = Reason.JOB_FAILOVER) -> None:
        """A part of the job restarts: all that is pending is lost, the trigger stays armed."""
        for pending in list(self._pending.values()):
            self._abort(pending, reason)

    def rescale(self, predecessors: Mapping[SubtaskId, Collection[SubtaskId]]) -> None:
        """From now on these are the subtasks; none of them runs yet, and nothing is pending."""
        self._subtasks = tuple(predecessors)
        self._predecessors = predecessors

    def give_up(self, pending: Collection[CheckpointId]) -> None:
        """These were in progress when the coordinator of a lost process died."""
        for checkpoint_id in pending:
            self.discard(checkpoint_id)
            self._emitter.control(
                facts.CheckpointAborted(
                    checkpoint_id=checkpoint_id, reason=Reason.COORDINATOR_SUSPENDED
                )
            )

    def adopt(self, checkpoint_id: CheckpointId) -> None:
        """The job starts from this checkpoint or savepoint, which stays the user's."""
        self._store.adopt(checkpoint_id)
        self._files.recover(checkpoint_id, self._settings.name)

    def refuse(self, checkpoint_id: CheckpointId) -> None:
        """A restore found it damaged: it is no checkpoint any more."""
        self._store.remove(checkpoint_id)
        self.discard(checkpoint_id)

    # ------------------------------------------------------------------ requests

    def on_trigger_timer(self) -> None:
        """Time for a periodic checkpoint; the next one is due after the interval."""
        self._job.arm(TRIGGER, self._job.now_us + self._settings.checkpoint_interval_us)
        self.request(SnapshotKind.CHECKPOINT, periodic=True)

    def request(self, kind: SnapshotKind, *, periodic: bool = False) -> None:
        """Start a checkpoint or savepoint, now or when it is its turn."""
        self._requests += 1
        forced = kind.is_savepoint and not self._settings.unaligned
        request = CheckpointRequest(self._requests, kind, periodic, forced)
        if not periodic:
            self._emitter.control(
                more_facts.SnapshotRequested(request=request.number, kind=request.kind)
            )
        if periodic and not self._scheduling:
            self._refuse(request, Refusal.SCHEDULER_STOPPED)
            return
        displaced = self._decider.submit(request)
        if displaced is not None:
            self._refuse(displaced, Refusal.TOO_MANY_REQUESTS)
        self._start_next()
        if request in self._decider.queue:
            self._emitter.control(
                more_facts.CheckpointRequestQueued(
                    request=request.number, kind=kind, queued_count=self.queued_count
                )
            )

    def _refuse(self, request: CheckpointRequest, why: Refusal) -> None:
        self._emitter.control(
            facts.CheckpointTriggerRefused(reason=why.value, why=why, request=request.number)
        )

    def _start_next(self) -> None:
        """Start what the limits allow."""
        while True:
            decision = self._decider.choose(
                self._job.now_us, len(self._pending), self._completed_us
            )
            if decision.too_early is not None:
                self._job.arm(TRIGGER, decision.again_us)
                self._refuse(decision.too_early, Refusal.TOO_EARLY)
            if decision.start is None:
                return
            self._trigger(decision.start)

    def _plan(self) -> CheckpointPlan | None:
        """Who takes part; None while somebody who should does not run."""
        finished = [subtask for subtask in self._subtasks if self._job.has_finished(subtask)]
        if finished and not self._settings.checkpoints_after_tasks_finish:
            return None
        plan = calculate_plan(self._subtasks, self._predecessors, finished)
        ready = plan.wait_for and all(map(self._job.is_running, plan.wait_for))
        return plan if ready else None

    def _trigger(self, request: CheckpointRequest) -> None:
        """Plan, id, pending, timer, place in storage; then tell who begins."""
        plan = self._plan()
        if plan is None:
            self._refuse(request, Refusal.NOT_ALL_RUNNING)
            return
        try:
            checkpoint_id = self._store.take_id()
        except BandvizError:
            self._refuse(request, Refusal.NO_ID)
            failed = self._failures.failed(None, Reason.IO_FAILURE, request.kind, by_task=False)
            self._fail_over_after(failed, CheckpointId(0), Reason.IO_FAILURE)
            return
        pending = PendingCheckpoint(checkpoint_id, request.kind, plan, self._job.now_us)
        self._pending[checkpoint_id] = pending
        cause = self._emitter.control(
            facts.CheckpointTriggered(
                checkpoint_id=checkpoint_id,
                triggered=plan.trigger,
                expected=plan.wait_for,
                finished=plan.finished,
                kind=request.kind,
                request=request.number,
            )
        )
        due_us = self._job.now_us + self._settings.checkpoint_timeout_us
        self._job.arm(EXPIRE, due_us, checkpoint_id)
        try:
            self._storage.prepare(checkpoint_id)
        except BandvizError:  # the disk's trouble is the checkpoint's, not the program's
            self._abort(pending, Reason.IO_FAILURE)
            return
        savepoint, now_us = request.kind.is_savepoint, self._job.now_us
        barrier = make_barrier(self._settings, checkpoint_id, now_us, savepoint=savepoint)
        base = self._base(request.kind)
        if base:
            self._files.hold(checkpoint_id, base)
            barrier = replace(barrier, base=base)
        for subtask in plan.trigger:
            self._job.tell(subtask, TriggerCheckpoint(barrier, request.kind), cause)

    def _base(self, kind: SnapshotKind) -> CheckpointId:
        """The checkpoint on which this one may build; 0 if it is to be a base itself.

        A savepoint is whole, and what is the user's is nothing to build on.
        """
        newest, changelog = self._store.latest_owned, StateBackend.CHANGELOG
        if kind.is_savepoint or self._settings.state_backend is not changelog:
            return CheckpointId(0)
        builds = 0 < self._files.longest(newest) < self._settings.materialize_every
        return newest if builds else CheckpointId(0)

    # ------------------------------------------------------------------ answers

    def on_expire_timer(self, checkpoint_id: CheckpointId) -> None:
        """The pending checkpoint took too long."""
        pending = self._pending.get(checkpoint_id)
        if pending is not None:
            self._abort(pending, Reason.EXPIRED)
            self._start_next()

    def on_decline(self, message: Decline) -> None:
        """The first decline of a pending checkpoint ends it; all others say nothing new."""
        pending = self._pending.get(message.checkpoint_id)
        if pending is not None and message.job == self._settings.name:
            self._abort(pending, message.reason, by_task=True)
            self._start_next()

    def on_acknowledge(self, message: Acknowledge) -> AckResult:
        """Count it, or say why not; state that nobody will use is deleted."""
        pending = self._pending.get(message.checkpoint_id)
        result = self._answer(pending, message)
        if result is not AckResult.SUCCESS:
            self._ignore(message, result)
        elif pending is not None:
            self._emitter.control(
                facts.SubtaskAcknowledged(
                    subtask=message.subtask,
                    checkpoint_id=message.checkpoint_id,
                    acknowledged_count=len(pending.handles),
                    expected_count=len(pending.plan.wait_for),
                )
            )
            if pending.is_fully_acknowledged:
                self._complete(pending)
                self._start_next()
        return result

    def _answer(self, pending: PendingCheckpoint | None, message: Acknowledge) -> AckResult:
        if message.job != self._settings.name:
            return AckResult.WRONG_JOB
        if pending is not None:
            name = message.handle.name
            base = self._files.base_of(message.checkpoint_id, name) if message.base else []
            require(bool(base) == bool(message.base), "an increment has a base", name)
            files = [*base, message.handle]
            return pending.acknowledge(message.subtask, files, ended=message.ended)
        if message.checkpoint_id in self._given_up:
            return AckResult.DISCARDED
        return AckResult.UNKNOWN_CHECKPOINT

    def _ignore(self, message: Acknowledge, result: AckResult) -> None:
        if result is AckResult.UNKNOWN_TASK:
            with suppress(BandvizError):
                self._storage.discard_file(message.checkpoint_id, message.handle.name)
        elif result in (AckResult.DISCARDED, AckResult.UNKNOWN_CHECKPOINT):
            self._files.discard_late(message.checkpoint_id, message.handle)
        self._emitter.control(
            facts.AcknowledgementIgnored(
                subtask=message.subtask,
                checkpoint_id=message.checkpoint_id,
                reason=_IGNORED_BECAUSE[result],
            )
        )

    # ------------------------------------------------------------------ ends

    def _complete(self, pending: PendingCheckpoint) -> None:
        """Manifest, then the book, then subsume what is older, then tell everybody."""
        checkpoint_id, kind = pending.checkpoint_id, pending.kind
        union = self._union_vertices
        if pending.plan.partly_finished(union) or pending.partly_ended(union):
            self._abort(pending, Reason.TASK_CLOSING)
            return
        try:
            retired = self._finalize(pending)
        except BandvizError:
            self._abort(pending, Reason.FINALIZE_FAILURE)
            return
        self._close(pending)
        self._completed_us = self._job.now_us
        self._failures.completed(checkpoint_id)
        self.failed_in_a_row = 0
        cause = self._emitter.control(
            facts.CheckpointCompleted(
                checkpoint_id=checkpoint_id,
                duration_us=self._job.now_us - pending.trigger_us,
                checkpointed_bytes=sum(files[-1].length for files in pending.handles.values()),
                full_bytes=sum(file.length for files in pending.handles.values() for file in files),
            )
        )
        for oldest in retired:
            self.discard(oldest)
            self._emitter.control(facts.CheckpointDiscarded(checkpoint_id=oldest))
        if not kind.is_for_recovery:
            return
        for older in list(self._pending.values()):
            if older.checkpoint_id < checkpoint_id and not older.kind.is_savepoint:
                self._abort(older, Reason.SUBSUMED)
        self._tell_all(pending, NotifyComplete(checkpoint_id, kind.stops), cause)

    def _finalize(self, pending: PendingCheckpoint) -> list[CheckpointId]:
        """Make it durable; returns who is retired. Raises BandvizError."""
        checkpoint_id = pending.checkpoint_id
        handles = [file for subtask in pending.plan.wait_for for file in pending.handles[subtask]]
        if pending.plan.finished:
            name, data = finished_file(pending.plan.finished)
            handles.append(self._storage.write(checkpoint_id, name, data))
        self._storage.write_manifest(
            checkpoint_id,
            self._settings.name,
            self._job.attempt,
            handles,
            self._job.vertices(),
        )
        self._files.register(checkpoint_id, handles)
        if not pending.kind.is_for_recovery:
            self._savepoints.append(checkpoint_id)
            return []
        return self._store.add(checkpoint_id, owned=not pending.kind.is_savepoint)

    def _abort(self, pending: PendingCheckpoint, reason: Reason, *, by_task: bool = False) -> None:
        self._close(pending)
        self._given_up.append(pending.checkpoint_id)
        self.discard(pending.checkpoint_id)
        failed = self._failures.failed(pending.checkpoint_id, reason, pending.kind, by_task=by_task)
        cause = self._emitter.control(
            facts.CheckpointAborted(
                checkpoint_id=pending.checkpoint_id,
                reason=reason,
                failed_count=failed or self._failures.failed_count,
            )
        )
        message = NotifyAborted(pending.checkpoint_id, self._store.latest)
        self._tell_all(pending, message, cause)
        if reason is not Reason.SUBSUMED and reason not in JOB_STOPS:
            self.failed_in_a_row += 1
            self.last_failure = reason.value
            if pending.kind.stops:
                self.start(first=False)
        self._fail_over_after(failed, pending.checkpoint_id, reason)

    def _fail_over_after(self, failed: int, checkpoint_id: CheckpointId, reason: Reason) -> None:
        """So many failures in a row are too many; 0: they are not."""
        if not failed:
            return
        self._emitter.control(
            more_facts.ToleranceExceeded(
                checkpoint_id=checkpoint_id,
                failed_count=failed,
                tolerable_count=self._settings.tolerable_failed_checkpoints,
            )
        )
        self._job.fail_over(f"too many checkpoints failed ({reason.value})")

    def _tell_all(
        self, pending: PendingCheckpoint, message: ToSubtask, cause: Identity | None
    ) -> None:
        for subtask in pending.plan.wait_for:
            if self._job.is_running(subtask):
                self._job.tell(subtask, message, cause)

    def discard(self, checkpoint_id: CheckpointId) -> None:
        """Delete its files, unless it is one to be restored."""
        if checkpoint_id not in self._store.ids and checkpoint_id not in self._savepoints:
            self._files.discard(checkpoint_id)

    def _close(self, pending: PendingCheckpoint) -> None:
        ended = self._pending.pop(pending.checkpoint_id, None)
        require(ended is pending, "a checkpoint ends once", f"{pending.checkpoint_id}")
        self._job.disarm(EXPIRE, pending.checkpoint_id)
        self._files.let_go(pending.checkpoint_id)
