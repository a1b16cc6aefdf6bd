"""How many failed checkpoints in a row the job tolerates. It fails nothing itself.

Source: Flink CheckpointFailureManager; semantics.md 1.2 and 3.12.
"""

from __future__ import annotations

from typing import Final

from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.coordinator import SnapshotKind
from bandviz.ids import CheckpointId

COUNTED: Final = (
    Reason.IO_FAILURE,
    Reason.ASYNC_FAILURE,
    Reason.DECLINED,
    Reason.EXPIRED,
    Reason.FINALIZE_FAILURE,
)
"""The only reasons that count as failures; all others are part of normal life."""

JOB_STOPS: Final = (
    Reason.JOB_FAILOVER,
    Reason.COORDINATOR_SUSPENDED,
    Reason.COORDINATOR_SHUTDOWN,
)
"""The job ends or restarts anyway."""


class CheckpointFailureManager:
    """Counts consecutive failures, each id once."""

    def __init__(self, tolerable_count: int) -> None:
        self._tolerable_count = tolerable_count
        self._counted: list[CheckpointId] = []
        self._unnamed_count = 0
        self._newest_success = CheckpointId(-1)

    @property
    def failed_count(self) -> int:
        """Counted failures since the last success."""
        return len(self._counted) + self._unnamed_count

    def failed(
        self,
        checkpoint_id: CheckpointId | None,
        reason: Reason,
        kind: SnapshotKind = SnapshotKind.CHECKPOINT,
        *,
        by_task: bool = True,
    ) -> int:
        """Note a failure; returns how many there were if that is too many, else 0.

        `by_task`: a task declined. What fails in the coordinator itself is counted for checkpoints
        only: a savepoint's failure is for the person who asked for it. A task that fails a
        stop-with-savepoint always fails the job, and so does a drain that fails at all: others have
        ended already. No id: the failure came before there was one.
        """
        if reason in JOB_STOPS:
            return 0
        if kind is SnapshotKind.DRAIN or (kind.stops and by_task):
            return self.failed_count + 1
        if kind.is_savepoint and not by_task:
            return 0
        if checkpoint_id is not None and checkpoint_id <= self._newest_success:
            return 0
        if reason in COUNTED:
            if checkpoint_id is None:
                self._unnamed_count += 1
            elif checkpoint_id not in self._counted:
                self._counted.append(checkpoint_id)
        failed = self.failed_count
        if failed <= self._tolerable_count:
            return 0
        self._start_over()
        return failed

    def completed(self, checkpoint_id: CheckpointId) -> None:
        """A success newer than any before makes the failures forgotten."""
        if checkpoint_id > self._newest_success:
            self._newest_success = checkpoint_id
            self._start_over()

    def _start_over(self) -> None:
        self._counted = []
        self._unnamed_count = 0
