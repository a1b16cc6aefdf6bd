"""Checkpoints: barriers, alignment, snapshots, the coordinator's book."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bandviz.events.base import Event
from bandviz.events.coordinator import Refusal, SnapshotKind
from bandviz.ids import ChannelId, CheckpointId, SubtaskId


class CheckpointFailureReason(Enum):
    """Why a checkpoint did not complete (Flink's enum of that name, the part we use)."""

    EXPIRED = "expired"
    DECLINED = "declined"
    SUBSUMED = "subsumed"
    JOB_FAILOVER = "job failover"
    FINALIZE_FAILURE = "manifest not stored"
    ASYNC_FAILURE = "upload failed"
    CANCELLED = "cancel marker"
    IO_FAILURE = "storage not reachable"
    TASK_CLOSING = "task closing"
    TASK_NOT_READY = "task not ready"
    COORDINATOR_SUSPENDED = "coordinator gone"
    COORDINATOR_SHUTDOWN = "job ended"
    INPUT_ENDED = "input ended"


class BarrierKind(Enum):
    """How a barrier treats data ahead of it (Flink's alignment types)."""

    ALIGNED = "aligned"
    """Stands in line; its channel is held back until all barriers are here."""
    UNALIGNED = "unaligned"
    """Overtakes data, which becomes part of the checkpoint."""
    FORCED_ALIGNED = "forced aligned"
    """Would overtake, but not on this edge."""
    AT_LEAST_ONCE = "at least once"
    """Stands in line and holds nothing back."""
    MARKER = "marker"
    """Of a network: stands in line, if the channel keeps one, and holds nothing back; what comes
    before it, after the receiver's snapshot, is recorded."""


class InFlightSide(Enum):
    """Where data in flight was overtaken."""

    INPUT = "input"
    """Unread at the receiver."""
    OUTPUT = "output"
    """Not yet sent by the sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointTriggered(Event):
    """The coordinator opened a pending checkpoint and told those without a running predecessor,
    normally the sources (`triggered`).

    `expected` are the subtasks whose acknowledgement completes it; `finished` had ended before and
    count as acknowledged. `request`: the number of the request that it answers.
    """

    checkpoint_id: CheckpointId
    triggered: tuple[SubtaskId, ...]
    expected: tuple[SubtaskId, ...]
    finished: tuple[SubtaskId, ...] = ()
    kind: SnapshotKind = SnapshotKind.CHECKPOINT
    request: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointTriggerRefused(Event):
    """A request came to nothing; no id was used. `reason` is for people."""

    reason: str
    why: Refusal = Refusal.TOO_MANY_REQUESTS
    request: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BarrierEmitted(Event):
    """A barrier was put into a channel, behind `position` earlier elements of this attempt.

    `arrive_us`: when the receiver can take it; -1 while it is held at the sender's end. An
    unaligned one goes ahead of what was not sent yet; see `BarrierOvertook`.
    """

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    position: int
    arrive_us: int
    kind: BarrierKind = BarrierKind.ALIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class BarrierAnnounced(Event):
    """A barrier that may time out has arrived behind unread data; the subtask knows it is there."""

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class BarrierOvertook(Event):
    """The barrier at `position` goes ahead of all data on this side of the channel.

    On the output side `arrive_us` is when the receiver can take it (-1: the sender is stopped).
    A barrier that was aligned until now has timed out.
    """

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    side: InFlightSide
    position: int
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightPersisted(Event):
    """Overtaken data became part of the subtask's snapshot; it stays in the channel as well.

    `positions` are those of record buffers and watermarks, in order; `record_count` counts the
    records. Input data that arrives later, but ahead of its barrier, follows in further events.
    """

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    side: InFlightSide
    positions: tuple[int, ...]
    record_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightRestored(Event):
    """Data in flight of the restored checkpoint was put back into the channel, `side` by side.

    It follows as elements of this attempt, at these positions.
    """

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    side: InFlightSide
    positions: tuple[int, ...]
    record_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentTimedOut(Event):
    """The subtask turns this one checkpoint from aligned into unaligned."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class BarrierArrived(Event):
    """The receiver took the barrier out of the channel."""

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BarrierIgnored(Event):
    """A barrier of a finished, aborted or older checkpoint: dropped, the channel reads on."""

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentStarted(Event):
    """The first barrier of this checkpoint is here; `expected_count` channels are open now."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    expected_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelBlocked(Event):
    """A channel has delivered its barrier and is held back until alignment ends.

    Invariant: not polled again before ChannelUnblocked. Source: Flink's aligned barrier handling;
    what comes behind the barrier waits at the sender's end.
    """

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    held_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUnblocked(Event):
    """The channel is read again; the first `released_count` held elements set off.

    They can be taken from `arrive_us` on. More stay held if another barrier is among them.
    """

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    released_count: int
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentCompleted(Event):
    """Barriers of all open channels are here; `duration_us` from the first to the last."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    duration_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentAborted(Event):
    """The subtask gave this checkpoint up: channels are released, a cancel marker goes down."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    reason: CheckpointFailureReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMarkerEmitted(Event):
    """A CancelCheckpointMarker was put into a channel instead of, or after, a barrier."""

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    position: int
    arrive_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMarkerArrived(Event):
    """The receiver took a cancel marker."""

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTaken(Event):
    """The synchronous part: the subtask's state, fixed at the barrier; the upload follows.

    `state`: canonical map; keys by kind of operator:
    source `{"offsets": {partition: next offset}}`;
    aggregate `{"keyed": [[key, accumulators], ...]}`;
    window `{"panes": [[key, [[[start_ms, end_ms], accumulators, [count, digest], settled], ...]]]}`
    by start, `settled` saying that it has fired and had no record since (recordings of old:
    `{"windows": [[key, window_start_ms, accumulators, count, digest], ...]}`);
    two_phase sink `{"transactions": [[current txn or 0, [[checkpoint, txn, begun_us], ...]], ...]}`
    (recordings of old: with `producer, first txn it does not know` ahead of each, or
    `{"current": txn or 0, "pending": [[checkpoint, txn], ...]}`); file sink the same, with
    `"part_counters": [next number, ...]`;
    transactional sink `{"committables": [[checkpoint, writer, announced, received, [txn, ...]],
    ...]}`; else `{}`.
    Empty bytes when the whole exceeds 64 KiB. `state_bytes` is the true size, 0 while it is not
    known: a state of very many entries is encoded after the barrier (see `UploadCompleted`).
    `unaligned`: taken before all barriers were here; data in flight follows as `InFlightPersisted`
    until `AlignmentCompleted`.
    """

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    state: bytes
    state_bytes: int
    unaligned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadCompleted(Event):
    """The asynchronous part: the snapshot is durable, `duration_us` after its upload began."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    uploaded_bytes: int
    duration_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskAcknowledged(Event):
    """The coordinator got the subtask's acknowledgement."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    acknowledged_count: int
    expected_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementIgnored(Event):
    """An acknowledgement came late, twice, or for an unknown checkpoint; nothing changed."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointCompleted(Event):
    """All acknowledged and the manifest is stored: from now on a restore may use it.

    `checkpointed_bytes` were written for it; `full_bytes` is the size of all files that it names,
    among them those that it shares with older ones (recordings of old: 0, not known).
    """

    checkpoint_id: CheckpointId
    duration_us: int
    checkpointed_bytes: int
    full_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointAborted(Event):
    """A pending checkpoint will never complete.

    `failed_count`: failures in a row that count, this one included if its reason counts.
    """

    checkpoint_id: CheckpointId
    reason: CheckpointFailureReason
    failed_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointDiscarded(Event):
    """A completed checkpoint beyond the retained number was deleted from storage."""

    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionNotified(Event):
    """The subtask heard that this checkpoint is complete; a sink commits now."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOffsetCommitted(Event):
    """The source told the broker how far it is. A by-product: a restore never reads it."""

    subtask: SubtaskId
    topic: str
    partition: int
    offset: int
