"""A checkpoint in progress: who has acknowledged. Source: Flink PendingCheckpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from bandviz.engine.checkpoint_plan import CheckpointPlan
from bandviz.events.coordinator import SnapshotKind
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import StateHandle


class AckResult(Enum):
    """What became of an acknowledgement (Flink's TaskAcknowledgeResult, and what comes before)."""

    SUCCESS = "success"
    DUPLICATE = "duplicate"
    UNKNOWN_TASK = "unknown_task"
    DISCARDED = "discarded"
    UNKNOWN_CHECKPOINT = "unknown_checkpoint"
    WRONG_JOB = "rejected_wrong_job"


@dataclass(slots=True)
class PendingCheckpoint:
    """Triggered, not yet complete. `handles`: files of those that acknowledged; the
    last one is its own, those before it are shared."""

    checkpoint_id: CheckpointId
    kind: SnapshotKind
    plan: CheckpointPlan
    trigger_us: int
    handles: dict[SubtaskId, Sequence[StateHandle]] = field(default_factory=dict)

    def acknowledge(self, subtask: SubtaskId, files: Sequence[StateHandle]) -> AckResult:
        """SUCCESS, DUPLICATE or UNKNOWN_TASK; only the first changes anything."""
        if subtask in self.handles:
            return AckResult.DUPLICATE
        if subtask not in self.plan.wait_for:
            return AckResult.UNKNOWN_TASK
        self.handles[subtask] = files
        return AckResult.SUCCESS

    @property
    def is_fully_acknowledged(self) -> bool:
        """Nobody is missing."""
        return len(self.handles) == len(self.plan.wait_for)
