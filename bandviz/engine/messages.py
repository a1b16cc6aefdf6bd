"""Messages between coordinator and subtasks. They take `rpc_us` and wait until the subtask is
idle.
"""

from __future__ import annotations

from dataclasses import dataclass

from bandviz.engine.state.encoding import Encoding
from bandviz.events.checkpoint import CheckpointFailureReason
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import StateHandle


@dataclass(frozen=True, slots=True)
class TriggerCheckpoint:
    """To a source: put the barrier in now."""

    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True)
class NotifyComplete:
    """To every subtask. `final`: begun after all sources had ended, so the subtask may finish."""

    checkpoint_id: CheckpointId
    final: bool


@dataclass(frozen=True, slots=True)
class NotifyAborted:
    """To every subtask: this checkpoint is given up."""

    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """To the coordinator: the subtask's snapshot is durable under this handle."""

    checkpoint_id: CheckpointId
    subtask: SubtaskId
    handle: StateHandle


@dataclass(frozen=True, slots=True)
class Decline:
    """To the coordinator: the subtask will not take part in this checkpoint."""

    checkpoint_id: CheckpointId
    subtask: SubtaskId
    reason: CheckpointFailureReason


@dataclass(frozen=True, slots=True)
class Upload:
    """A snapshot on its way to storage: its contents are fixed since `began_us`."""

    encoding: Encoding
    began_us: int


ToSubtask = TriggerCheckpoint | NotifyComplete | NotifyAborted
ToCoordinator = Acknowledge | Decline
