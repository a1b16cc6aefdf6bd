"""Situations that a campaign must have met, or it has proved nothing: each is seen at times.

Source: trust.md 1.8, after the assertions of Antithesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from bandviz.events import Entry, Event, flow, job, sink
from bandviz.events import checkpoint as ck
from bandviz.ids import CheckpointId, SubtaskId

FULL_CHANNEL: Final = "a full channel"
BLOCKED: Final = "a channel blocked by alignment"
OVERTAKEN: Final = "a record overtaken by a barrier"
PERSISTED: Final = "data in flight in a checkpoint"
PERSISTED_LATE: Final = "data in flight stored after the snapshot"
ABORTED: Final = "an aborted checkpoint"
EXPIRED: Final = "an expired checkpoint"
TWO_PENDING: Final = "two checkpoints in progress"
FROM_SECOND: Final = "a restore from checkpoint 2 or later"
CRASH_IN_RESTORE: Final = "a crash before a restored job ran"
UNTOLD: Final = "a crash between a completion and its notification"
COMMITTED_AGAIN: Final = "a commit repeated by a restore"
FELL_BACK: Final = "a restore from the checkpoint before"
REWOUND: Final = "records read again"

SITUATIONS: Final = (
    FULL_CHANNEL, BLOCKED, OVERTAKEN, PERSISTED, PERSISTED_LATE, ABORTED, EXPIRED, TWO_PENDING,
    FROM_SECOND, CRASH_IN_RESTORE, UNTOLD, COMMITTED_AGAIN, FELL_BACK, REWOUND,
)  # fmt: skip


class _Watch:
    def __init__(self) -> None:
        self.seen: dict[str, None] = {}
        self._pending: set[CheckpointId] = set()
        self._untold: dict[CheckpointId, set[SubtaskId]] = {}
        self._taken: dict[tuple[SubtaskId, CheckpointId], int] = {}
        self.step = 0
        self._restoring = False
        self.notes: dict[type[Event], Callable[[Any], None]] = {
            flow.SubtaskStalled: self._stalled,
            ck.ChannelBlocked: lambda _: self._met(BLOCKED),
            ck.BarrierOvertook: lambda _: self._met(OVERTAKEN),
            ck.InFlightPersisted: self._persisted,
            ck.SnapshotTaken: self._snapshot,
            ck.CheckpointTriggered: self._triggered,
            ck.CheckpointCompleted: self._completed,
            ck.CheckpointAborted: self._aborted,
            ck.CompletionNotified: self._notified,
            job.SubtaskFailed: self._failed,
            job.JobStatusChanged: self._status,
            job.RestoreStarted: self._restored,
            job.CheckpointRefused: lambda _: self._met(FELL_BACK),
            job.SourceRewound: lambda e: self._met(REWOUND, e.from_offset > e.to_offset),
            sink.TransactionCommitted: lambda e: self._met(COMMITTED_AGAIN, e.repeated),
        }

    def _met(self, situation: str, so: bool = True) -> None:
        if so:
            self.seen[situation] = None

    def _stalled(self, event: flow.SubtaskStalled) -> None:
        self._met(FULL_CHANNEL, event.reason is flow.StallReason.BACK_PRESSURED)

    def _persisted(self, event: ck.InFlightPersisted) -> None:
        self._met(PERSISTED, event.record_count > 0)
        taken = self._taken.get((event.subtask, event.checkpoint_id), self.step)
        self._met(PERSISTED_LATE, taken < self.step)

    def _snapshot(self, event: ck.SnapshotTaken) -> None:
        self._taken[event.subtask, event.checkpoint_id] = self.step

    def _triggered(self, event: ck.CheckpointTriggered) -> None:
        self._pending.add(event.checkpoint_id)
        self._met(TWO_PENDING, len(self._pending) > 1)
        self._untold[event.checkpoint_id] = set(event.expected)

    def _completed(self, event: ck.CheckpointCompleted) -> None:
        self._pending.discard(event.checkpoint_id)

    def _aborted(self, event: ck.CheckpointAborted) -> None:
        self._pending.discard(event.checkpoint_id)
        self._met(ABORTED)
        self._met(EXPIRED, event.reason is ck.CheckpointFailureReason.EXPIRED)

    def _notified(self, event: ck.CompletionNotified) -> None:
        self._untold.get(event.checkpoint_id, set()).discard(event.subtask)

    def _failed(self, _: job.SubtaskFailed) -> None:
        self._met(CRASH_IN_RESTORE, self._restoring)

    def _status(self, event: job.JobStatusChanged) -> None:
        if event.status is job.JobStatus.RUNNING:
            self._restoring = False

    def _restored(self, event: job.RestoreStarted) -> None:
        self._restoring = True
        self._met(FROM_SECOND, event.checkpoint_id > 1)
        self._met(UNTOLD, bool(self._untold.get(event.checkpoint_id)))


def met_in(entries: Iterable[Entry]) -> frozenset[str]:
    """Which of the situations one run went through."""
    watch = _Watch()
    for entry in entries:
        note = watch.notes.get(type(entry.event))
        if note is not None:
            watch.step = entry.step
            note(entry.event)
    return frozenset(watch.seen)
