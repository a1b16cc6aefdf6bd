"""Messages between coordinator and subtasks. They take `rpc_us` and wait until the subtask is
idle.
"""

from __future__ import annotations

from dataclasses import dataclass

from bandviz.engine.elements import CheckpointBarrier
from bandviz.engine.state.encoding import Encoding
from bandviz.events.checkpoint import CheckpointFailureReason
from bandviz.events.coordinator import SnapshotKind
from bandviz.ids import NO_CHECKPOINT, CheckpointId, SubtaskId
from bandviz.ports import StateHandle


@dataclass(frozen=True, slots=True)
class TriggerCheckpoint:
    """To a task that has no running predecessor: put the barrier in now."""

    barrier: CheckpointBarrier
    kind: SnapshotKind = SnapshotKind.CHECKPOINT

    @property
    def checkpoint_id(self) -> CheckpointId:
        """Whose barrier it is."""
        return self.barrier.checkpoint_id


@dataclass(frozen=True, slots=True)
class NotifyComplete:
    """To every running task. `stops`: it was a stop-with-savepoint, so the task ends now."""

    checkpoint_id: CheckpointId
    stops: bool = False


@dataclass(frozen=True, slots=True)
class NotifyAborted:
    """To every running task: this checkpoint is given up.

    It carries the latest completed one (0: none), for a task that missed that notification.
    """

    checkpoint_id: CheckpointId
    latest_completed: CheckpointId


@dataclass(frozen=True, slots=True)
class AlignWatermarks:
    """To a source in a group: read no partition whose watermark is above this."""

    limit_ms: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """To the coordinator: the operator's snapshot is durable under this handle.

    `base`: the checkpoint on whose files it builds; 0 if it is whole. `ended`: the snapshot was
    taken behind the end of its data.
    """

    job: str
    checkpoint_id: CheckpointId
    subtask: SubtaskId
    handle: StateHandle
    base: CheckpointId = NO_CHECKPOINT
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Decline:
    """To the coordinator: the subtask will not take part in this checkpoint."""

    job: str
    checkpoint_id: CheckpointId
    subtask: SubtaskId
    reason: CheckpointFailureReason


Parts = dict[SubtaskId, Encoding]
"""A task's snapshot: the state of each of its operators."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A snapshot on its way to storage: its contents are fixed since `began_us`."""

    parts: Parts
    began_us: int


ToSubtask = TriggerCheckpoint | NotifyComplete | NotifyAborted | AlignWatermarks
ToCoordinator = tuple[Acknowledge, ...] | Decline
"""A task acknowledges once, for all of its operators."""
