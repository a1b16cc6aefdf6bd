"""A checkpoint in progress: who has acknowledged. Source: Flink PendingCheckpoint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    last one is its own, those before it are shared. `ended`: whether its data had ended.
    """

    checkpoint_id: CheckpointId
    kind: SnapshotKind
    plan: CheckpointPlan
    trigger_us: int
    handles: dict[SubtaskId, Sequence[StateHandle]] = field(default_factory=dict)
    ended: dict[SubtaskId, bool] = field(default_factory=dict)

    def acknowledge(
        self, subtask: SubtaskId, files: Sequence[StateHandle], *, ended: bool = False
    ) -> AckResult:
        """SUCCESS, DUPLICATE or UNKNOWN_TASK; only the first changes anything."""
        if subtask in self.handles:
            return AckResult.DUPLICATE
        if subtask not in self.plan.wait_for:
            return AckResult.UNKNOWN_TASK
        self.handles[subtask] = files
        self.ended[subtask] = ended
        return AckResult.SUCCESS

    def partly_ended(self, vertices: Collection[str]) -> tuple[str, ...]:
        """Those of the vertices of which some subtasks are at their end and some are not.

        Were the fast ones of a vertex with union list state to finish, no checkpoint of the slow
        ones could complete any more: so they wait for each other.
        """
        kinds = dict.fromkeys((subtask.vertex, ended) for subtask, ended in self.ended.items())
        return tuple(v for v in vertices if (v, True) in kinds and (v, False) in kinds)

    @property
    def is_fully_acknowledged(self) -> bool:
        """Nobody is missing."""
        return len(self.handles) == len(self.plan.wait_for)
