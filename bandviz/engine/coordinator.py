"""The CheckpointCoordinator: pending, completed, retained. It lives in the JobManager.

Rules of this file: only it decides that a checkpoint is complete or aborted; complete means that
all expected subtasks acknowledged *and* the manifest is stored; only then are they told. One
checkpoint is pending at a time (Flink's default `max-concurrent-checkpoints`). It moves no element
and knows no queue. Source: Flink CheckpointCoordinator; semantics.md 3. Simplification: the
coordinator itself does not fail, and the list of completed checkpoints survives in it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.messages import (
    Acknowledge,
    Decline,
    NotifyAborted,
    NotifyComplete,
    ToSubtask,
    TriggerCheckpoint,
)
from bandviz.errors import BandvizError, require
from bandviz.events import checkpoint as facts
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.job import JobStatus
from bandviz.graph.settings import RunSettings
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import CheckpointStorage, StateHandle


@dataclass(slots=True)
class PendingCheckpoint:
    """Triggered, not yet complete. `handles` are those that acknowledged."""

    checkpoint_id: CheckpointId
    expected: tuple[SubtaskId, ...]
    trigger_us: int
    final: bool
    handles: dict[SubtaskId, StateHandle] = field(default_factory=dict)


class JobManager(Protocol):
    """What the coordinator asks of its job."""

    now_us: int
    attempt: int
    status: JobStatus

    def tell(self, subtask: SubtaskId, message: ToSubtask, cause: Identity | None) -> None:
        """Send a message to a subtask."""

    def running(self) -> tuple[SubtaskId, ...]:
        """Who takes part in a checkpoint: all that have not finished."""

    def arm(self, timer: str, due_us: int) -> None:
        """(Re)arm one of the coordinator's timers."""

    def disarm(self, timer: str) -> None:
        """The timer will not fire."""


TRIGGER = "trigger checkpoint"
EXPIRE = "expire checkpoint"


class CheckpointCoordinator:
    """The book of checkpoints of one job, over all attempts."""

    def __init__(
        self,
        settings: RunSettings,
        storage: CheckpointStorage,
        emitter: Emitter,
        job: JobManager,
        subtasks: tuple[SubtaskId, ...],
        sources: tuple[SubtaskId, ...],
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._emitter = emitter
        self._job = job
        self._subtasks = subtasks
        self._sources = sources
        self._next_id = CheckpointId(1)
        self._pause_over_us = 0
        self._queued = False
        self.pending: PendingCheckpoint | None = None
        self.failed_in_a_row = 0
        """Checkpoints that came to nothing since the last completed one, failover not counted."""
        self.last_failure = ""
        self.completed: list[CheckpointId] = []
        """Retained ones, oldest first."""

    def start(self, first: bool) -> None:
        """The job runs: arm the periodic trigger."""
        if self._settings.checkpoint_interval_us:
            wait = self._settings.checkpoint_interval_us
            if first and self._settings.first_checkpoint_us:
                wait = self._settings.first_checkpoint_us
            self._job.arm(TRIGGER, self._job.now_us + wait)

    def stop(self) -> None:
        """The job runs no more: a pending checkpoint is lost with it (not counted as a failure)."""
        self._queued = False
        self._job.disarm(TRIGGER)
        if self.pending is not None:
            self._abort(self.pending, Reason.JOB_FAILOVER, tell=False)

    def fail_over(self) -> None:
        """A part of the job is down: what is pending is lost, the periodic trigger stays armed."""
        if self.pending is not None:
            self._abort(self.pending, Reason.JOB_FAILOVER)

    def on_trigger_timer(self, all_sources_ended: bool) -> None:
        """Time for a checkpoint.

        While one is pending the request waits for its end; within the minimal pause, which counts
        from the last completed one, it comes back when the pause is over.
        """
        if self._job.status is not JobStatus.RUNNING:
            self._job.arm(TRIGGER, self._job.now_us + self._settings.checkpoint_interval_us)
            self._emitter.control(
                facts.CheckpointTriggerRefused(reason="not all tasks are running")
            )
        elif self.pending is not None:
            self._queued = True
            self._emitter.control(
                facts.CheckpointTriggerRefused(
                    reason=f"checkpoint {self.pending.checkpoint_id} is still in progress"
                )
            )
        elif self._job.now_us < self._pause_over_us:
            self._job.arm(TRIGGER, self._pause_over_us)
            self._emitter.control(
                facts.CheckpointTriggerRefused(reason="the minimal pause is not over")
            )
        else:
            self._job.arm(TRIGGER, self._job.now_us + self._settings.checkpoint_interval_us)
            self._trigger(final=all_sources_ended)

    def _trigger(self, final: bool) -> None:
        checkpoint_id = self._next_id
        self._next_id = CheckpointId(checkpoint_id + 1)
        running = self._job.running()
        sources = tuple(source for source in self._sources if source in running)
        self.pending = PendingCheckpoint(checkpoint_id, running, self._job.now_us, final)
        cause = self._emitter.control(
            facts.CheckpointTriggered(
                checkpoint_id=checkpoint_id, triggered=sources, expected=running
            )
        )
        self._job.arm(EXPIRE, self._job.now_us + self._settings.checkpoint_timeout_us)
        for source in sources:
            self._job.tell(source, TriggerCheckpoint(checkpoint_id), cause)

    def on_expire_timer(self) -> None:
        """The pending checkpoint took too long."""
        if self.pending is not None:
            self._abort(self.pending, Reason.EXPIRED)

    def on_message(self, message: Acknowledge | Decline) -> None:
        """An answer of a subtask; late, double and foreign ones change nothing."""
        pending = self.pending
        known = pending is not None and pending.checkpoint_id == message.checkpoint_id
        if isinstance(message, Decline):
            if known and pending is not None:
                self._abort(pending, message.reason)
            return
        if not known or pending is None:
            self._ignore(message, "the checkpoint is not in progress")
        elif message.subtask in pending.handles:
            self._ignore(message, "it had acknowledged before")
        else:
            self._acknowledge(pending, message)

    def _ignore(self, message: Acknowledge, reason: str) -> None:
        if self.pending is None or self.pending.checkpoint_id != message.checkpoint_id:
            self.discard(message.checkpoint_id)
        self._emitter.control(
            facts.AcknowledgementIgnored(
                subtask=message.subtask, checkpoint_id=message.checkpoint_id, reason=reason
            )
        )

    def _acknowledge(self, pending: PendingCheckpoint, message: Acknowledge) -> None:
        pending.handles[message.subtask] = message.handle
        self._emitter.control(
            facts.SubtaskAcknowledged(
                subtask=message.subtask,
                checkpoint_id=pending.checkpoint_id,
                acknowledged_count=len(pending.handles),
                expected_count=len(pending.expected),
            )
        )
        if len(pending.handles) == len(pending.expected):
            self._complete(pending)

    def _complete(self, pending: PendingCheckpoint) -> None:
        """Manifest first, then the book, then retire the oldest, then tell everybody."""
        handles = [pending.handles[subtask] for subtask in pending.expected]
        try:
            self._storage.write_manifest(
                pending.checkpoint_id, self._settings.name, self._job.attempt, handles
            )
        except BandvizError:  # the disk's trouble is the checkpoint's, not the program's
            self._abort(pending, Reason.FINALIZE_FAILURE)
            return
        self._pause_over_us = self._job.now_us + self._settings.min_pause_us
        self._close(pending)
        if pending.final:
            self._job.disarm(TRIGGER)
        self.failed_in_a_row = 0
        self.completed.append(pending.checkpoint_id)
        cause = self._emitter.control(
            facts.CheckpointCompleted(
                checkpoint_id=pending.checkpoint_id,
                duration_us=self._job.now_us - pending.trigger_us,
                checkpointed_bytes=sum(handle.length for handle in handles),
            )
        )
        while len(self.completed) > self._settings.retained:
            oldest = self.completed.pop(0)
            self.discard(oldest)
            self._emitter.control(facts.CheckpointDiscarded(checkpoint_id=oldest))
        for subtask in self._subtasks:
            self._job.tell(subtask, NotifyComplete(pending.checkpoint_id, pending.final), cause)

    def _abort(self, pending: PendingCheckpoint, reason: Reason, *, tell: bool = True) -> None:
        self._close(pending)
        if reason is not Reason.JOB_FAILOVER:
            self.failed_in_a_row += 1
            self.last_failure = reason.value
        self.discard(pending.checkpoint_id)
        cause = self._emitter.control(
            facts.CheckpointAborted(checkpoint_id=pending.checkpoint_id, reason=reason)
        )
        if tell:
            for subtask in self._subtasks:
                self._job.tell(subtask, NotifyAborted(pending.checkpoint_id), cause)

    def discard(self, checkpoint_id: CheckpointId) -> None:
        """Delete its files, unless it is one to be restored. What cannot be deleted stays."""
        if checkpoint_id not in self.completed:
            with suppress(BandvizError):
                self._storage.discard(checkpoint_id)

    def _close(self, pending: PendingCheckpoint) -> None:
        require(self.pending is pending, "a checkpoint ends once", f"{pending.checkpoint_id}")
        self.pending = None
        self._job.disarm(EXPIRE)
        if self._queued:
            self._queued = False
            self._job.arm(TRIGGER, max(self._job.now_us, self._pause_over_us))
