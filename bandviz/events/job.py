"""Life of the job: status, attempts, faults, restore."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bandviz.events.base import Event
from bandviz.ids import ChannelId, CheckpointId, SubtaskId


class JobStatus(Enum):
    """Flink's job states, those that we use."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    FAILED = "FAILED"
    FINISHED = "FINISHED"


class RunStatus(Enum):
    """How a run ended. `STUCK`: no move was possible, or the step budget was used up."""

    FINISHED = "finished"
    FAILED = "failed"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatusChanged(Event):
    """The job as a whole; `attempt` counts from 1 and rises with each restart."""

    status: JobStatus
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultInjected(Event):
    """Somebody broke something: the person, the script or an explorer.

    `fault` is its name (`kill`, `lose`, `corrupt_checkpoint`), `target` what it hit (`count[0]`,
    `taskmanager-1`, `2`).
    """

    fault: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskFailed(Event):
    """This subtask died; its memory is gone. `detail` is for people.

    `trace`: where user logic raised, a line a call, the innermost last; empty for other reasons.
    """

    subtask: SubtaskId
    attempt: int
    reason: str
    detail: str
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskCanceled(Event):
    """Stopped because another subtask of its region failed; its memory is gone as well."""

    subtask: SubtaskId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskDeployed(Event):
    """A new execution runs, empty until a restore fills it. Emitted for the first attempt too."""

    subtask: SubtaskId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskFinished(Event):
    """All input read, all output sent, final checkpoint done: the subtask ends well."""

    subtask: SubtaskId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCleared(Event):
    """A crash emptied the channel: so many records were on their way and are gone."""

    channel: ChannelId
    lost_record_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLost(Event):
    """The process that ran the job is gone with all its memory, told by the one that goes on.

    `process` counts from 1. What it did after its last durable step has not happened: nobody saw
    it. `adopted`: the checkpoint or savepoint that the job was told to start from, which gives up
    all newer ones; 0 if it takes what the high-availability store says.
    """

    process: int
    adopted: CheckpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartScheduled(Event):
    """The restart strategy allows another attempt; it begins at `due_us`."""

    attempt: int
    due_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreStarted(Event):
    """The new attempt takes its state from this checkpoint; 0 = none completed, start empty.

    `subtasks` come back, a region or several; all others run on. Empty: the whole job.
    """

    checkpoint_id: CheckpointId
    attempt: int
    subtasks: tuple[SubtaskId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRefused(Event):
    """A retained checkpoint cannot be restored: `file` is damaged. The one before it is tried next.

    Simplification: Flink would fail the restore; falling back is ours (docs/fidelity.md).
    """

    checkpoint_id: CheckpointId
    file: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskRestored(Event):
    """State read back from storage; `state` as in `SnapshotTaken`, empty bytes if there was
    none.
    """

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRewound(Event):
    """The rewind: reading goes on at `to_offset`; the former attempt had come to `from_offset`.

    Emitted at each restore for each partition, also when both offsets agree.
    """

    subtask: SubtaskId
    topic: str
    partition: int
    from_offset: int
    to_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceDiverged(Event):
    """A stored choice was not possible on re-execution; the policy's own was taken."""

    wanted: str
    taken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The last entry of a run that came to an end. `reason` says why it did not finish, if so."""

    status: RunStatus
    reason: str
