"""The coordinator beyond the life of one checkpoint: requests, tolerance, its own crash."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bandviz.events.base import Event
from bandviz.ids import CheckpointId, SubtaskId


class SnapshotKind(Enum):
    """What is asked for. Source: Flink's SnapshotType."""

    CHECKPOINT = "checkpoint"
    SAVEPOINT = "savepoint"
    STOP = "stop with savepoint"
    DRAIN = "drain and stop with savepoint"

    @property
    def is_savepoint(self) -> bool:
        """It belongs to the user: the job never deletes it."""
        return self is not SnapshotKind.CHECKPOINT

    @property
    def stops(self) -> bool:
        """Synchronous: the tasks end when it is complete."""
        return self in (SnapshotKind.STOP, SnapshotKind.DRAIN)

    @property
    def is_for_recovery(self) -> bool:
        """A restore may use it, and its completion is told to the tasks."""
        return self is not SnapshotKind.SAVEPOINT


class Refusal(Enum):
    """Why a request came to nothing before it had an id (Flink's pre-flight reasons)."""

    NOT_ALL_RUNNING = "not all required tasks are running"
    TOO_MANY_REQUESTS = "too many requests are waiting"
    TOO_EARLY = "the minimal pause is not over"
    SCHEDULER_STOPPED = "the periodic trigger is stopped"
    NO_ID = "the store of the id counter does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRequested(Event):
    """A person asked for a checkpoint or savepoint; `request` counts all requests from 1."""

    request: int
    kind: SnapshotKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRequestQueued(Event):
    """The request waits: as many checkpoints are in progress as are allowed."""

    request: int
    kind: SnapshotKind
    queued_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToleranceExceeded(Event):
    """So many counted checkpoints in a row came to nothing that the job fails over.

    `checkpoint_id` is the last of them; the counter begins at zero again.
    """

    checkpoint_id: CheckpointId
    failed_count: int
    tolerable_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorCrashed(Event):
    """The JobManager died, and with it the book of checkpoints; all tasks stop."""

    pending: tuple[CheckpointId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorRecovered(Event):
    """A new JobManager leads. It knows what the high-availability store holds: `completed`,
    oldest first, and the counter of ids.

    Without a store it knows nothing: ids from `next_checkpoint_id` on are given out again.
    """

    completed: tuple[CheckpointId, ...]
    next_checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationLost(Event):
    """The message that this checkpoint is complete did not reach the subtask."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
