"""What the engine asks of the world outside the job. All calls are synchronous and deterministic.

The world survives a crash of the job; nothing that the engine holds does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from bandviz.functions.rows import Row
from bandviz.ids import NO_CHECKPOINT, CheckpointId, Lineage, TransactionId


class FencedError(Exception):
    """The producer's epoch is older than the broker's: a zombie's write was refused."""


class DamagedFile(Exception):  # noqa: N818 - names the fact
    """A stored file is missing, cut or altered. `file` is its name in the checkpoint."""

    def __init__(self, file: str, detail: str) -> None:
        super().__init__(f"{file}: {detail}")
        self.file = file
        self.detail = detail


class LogSlice(NamedTuple):
    """Consecutive records of a partition; `times_ms` is None when the data has no event time."""

    rows: Sequence[Row]
    times_ms: Sequence[int] | None


class WrittenRows(NamedTuple):
    """Rows with one id each; `lineage` is None when ids are not kept (throughput runs)."""

    rows: Sequence[Row]
    lineage: Sequence[Lineage] | None


class CommitAnswer(Enum):
    """What the outside says to a commit (after Flink's CommitRequest)."""

    COMMITTED = "committed"
    REPEATED = "already committed"
    """Nothing is new, nothing is wrong."""
    RETRY = "not available now"
    """The transaction stands; the same commit may succeed later."""
    GONE = "the transaction is gone"
    """A known failure: aborted, expired, fenced or never heard of. Its rows are lost."""
    FAILED = "unknown failure"


class CommitResult(NamedTuple):
    """Answer to a commit. `row_count`: rows that it decided; 0 unless it is COMMITTED."""

    answer: CommitAnswer
    row_count: int


class Expired(NamedTuple):
    """A transaction that outlived its time-out, and what was in it."""

    transaction_id: TransactionId
    producer: str
    topics: tuple[str, ...]
    row_count: int


class Revealed(NamedTuple):
    """Rows of one transaction (0: of none) that a reader has come to."""

    transaction_id: TransactionId
    written: WrittenRows


class Reading(NamedTuple):
    """What a `read_committed` reader found since it looked last.

    `last_stable_offset`: where the oldest undecided transaction begins, or the end of the topic;
    the reader stops there. `held_row_count` rows behind it are committed already and wait for
    `waits_for`; `held_changed`: there were more or fewer of them when the reader looked last.
    """

    revealed: tuple[Revealed, ...]
    last_stable_offset: int
    held_row_count: int
    waits_for: TransactionId
    held_changed: bool


class Transactions(Protocol):
    """An outside system that a two-phase commit can write to."""

    def epoch(self, producer: str) -> int:
        """The newest epoch of a producer name; 0 if nobody has used it."""
        ...

    def fence(self, producer: str, since: int) -> tuple[int, tuple[tuple[TransactionId, int], ...]]:
        """Take over a producer name: its epoch rises, its undecided transactions whose number is
        `since` or larger are aborted. Returns the new epoch and the aborted ones with their number
        of rows.
        """
        ...

    def join(self, producer: str) -> int:
        """Use a producer name without taking it over; returns its epoch. Nothing is aborted."""
        ...

    def begin(
        self, producer: str, epoch: int, now_us: int, timeout_us: int, number: int
    ) -> TransactionId:
        """Open a transaction that expires when it is older than `timeout_us` (0: never).

        `number` tells it from others of the producer; with the name it is Kafka's transactional id.

        Raises FencedError if the epoch is not the newest.
        """
        ...

    def write(self, transaction_id: TransactionId, topic: str, written: WrittenRows) -> None:
        """Add rows to an open transaction.

        Raises FencedError if its producer was fenced or the transaction has expired.
        """
        ...

    def pre_commit(self, transaction_id: TransactionId) -> int:
        """Flush and close for writing; returns the number of rows. Raises as `write` does."""
        ...

    def commit(self, transaction_id: TransactionId) -> CommitResult:
        """Make the rows visible, as far as the readers have come; idempotent."""
        ...

    def abort(self, transaction_id: TransactionId) -> int | None:
        """Drop an open or pre-committed transaction; its number of rows, None if it is gone.

        Raises ValueError for a committed one.
        """
        ...

    def poll(self, topic: str) -> Reading:
        """Let the standing `read_committed` reader of the topic read on."""
        ...


class LogBroker(Transactions, Protocol):
    """Topics with partitions and offsets, and transactions after Kafka's model."""

    def end_offset(self, topic: str, partition: int) -> int:
        """Number of records in the partition."""
        ...

    def available_us(self, topic: str, partition: int, offset: int) -> int:
        """Virtual time from which the record at `offset` can be read (0 if from the beginning)."""
        ...

    def read(self, topic: str, partition: int, offset: int, count_max: int) -> LogSlice:
        """Up to `count_max` records from `offset`, without regard to `available_us`."""
        ...

    def commit_offset(self, group: str, topic: str, partition: int, offset: int) -> None:
        """Store a consumer group's offset: for monitoring, never for restore."""
        ...

    def append(self, topic: str, written: WrittenRows) -> None:
        """Add rows outside any transaction: visible at once."""
        ...

    def next_expiry_us(self) -> int | None:
        """When the oldest time-out of an undecided transaction runs out; None if none will."""
        ...

    def expire(self, now_us: int) -> tuple[Expired, ...]:
        """The broker's own clock says so: abort what is older than its time-out."""
        ...

    def undecided(self) -> tuple[TransactionId, ...]:
        """Transactions that are neither committed nor gone, and whose next commit would be heard;
        oldest first.
        """
        ...

    def refuse_next_commit(self, transaction_id: TransactionId, answer: CommitAnswer) -> None:
        """Fault: the next commit of this transaction is answered so, and changes nothing."""
        ...

    def visible(self, topic: str, *, committed_only: bool = True) -> WrittenRows:
        """What a reader of the topic sees.

        With `committed_only=False` also rows of transactions that are open, pre-committed or
        aborted, in the order of writing (`read_uncommitted`).
        """
        ...


class Renamed(NamedTuple):
    """A file has another name now; `transaction_id` is its number."""

    transaction_id: TransactionId
    path_before: str
    path_after: str


class FileStore(Transactions, Protocol):
    """A folder of result files; a transaction is a file, a commit its last rename."""

    def renames(self) -> tuple[Renamed, ...]:
        """What was renamed since the last call, in order."""
        ...


class Tables(Protocol):
    """Tables outside the job, with one row a key."""

    def upsert(self, table: str, keys: Sequence[Row], rows: Sequence[Row]) -> int:
        """Insert or replace, in order; returns how many rows replaced one. Visible at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StateHandle:
    """A durable file: its name inside the checkpoint, length in bytes and CRC-32.

    `owner`: the checkpoint in whose place it lies; 0: the one that names it.
    """

    name: str
    length: int
    crc32: int
    owner: CheckpointId = NO_CHECKPOINT


class StoredVertex(NamedTuple):
    """What a checkpoint remembers of an operator: enough to refuse state that does not fit.

    `key`: fields of its key, empty without one.
    """

    uid: str
    kind: str
    parallelism: int
    max_parallelism: int
    key: tuple[str, ...]


class CheckpointStorage(Protocol):
    """Durable snapshots. A checkpoint exists once its manifest does."""

    @property
    def failing(self) -> bool:
        """An outage: nothing can be written."""
        ...

    def prepare(self, checkpoint_id: CheckpointId) -> None:
        """A place for a new checkpoint. Raises BandvizError if none can be had."""
        ...

    def write(self, checkpoint_id: CheckpointId, name: str, data: bytes) -> StateHandle:
        """Store one file durably before returning."""
        ...

    def write_manifest(
        self,
        checkpoint_id: CheckpointId,
        job: str,
        attempt: int,
        handles: Sequence[StateHandle],
        vertices: Sequence[StoredVertex] = (),
    ) -> int:
        """Complete the checkpoint; the last write of it. Returns the size of the manifest."""
        ...

    def vertices(self, checkpoint_id: CheckpointId, job: str) -> tuple[StoredVertex, ...]:
        """Operators of the job that took a complete checkpoint. Raises DamagedFile."""
        ...

    def manifest(self, checkpoint_id: CheckpointId, job: str) -> tuple[StateHandle, ...]:
        """Files of a complete checkpoint. Raises DamagedFile, also if it belongs to another job."""
        ...

    def read(self, checkpoint_id: CheckpointId, handle: StateHandle) -> bytes:
        """A file's bytes, verified. Raises DamagedFile."""
        ...

    def discard(self, checkpoint_id: CheckpointId) -> None:
        """Delete a checkpoint with all its files; nothing happens if there is none."""
        ...

    def discard_file(self, checkpoint_id: CheckpointId, name: str) -> None:
        """Delete one file of a checkpoint; nothing happens if there is none."""
        ...

    def discard_manifest(self, checkpoint_id: CheckpointId) -> None:
        """It is no checkpoint any more, but others share its files."""
        ...

    def fail_writes(self, failing: bool) -> None:
        """Fault: from now on nothing can be written, or it can be again."""
        ...

    def release(self) -> None:
        """The run is over: another one may use the same place."""
        ...

    def damage(self, checkpoint_id: CheckpointId, name: str) -> bool:
        """Fault: flip one bit of a stored file. False if there is no such file."""
        ...


class RetainedCheckpoint(NamedTuple):
    """A completed checkpoint that a restore may use. A user's savepoint is not `owned` by the job,
    which never deletes it.
    """

    checkpoint_id: CheckpointId
    owned: bool


class CheckpointPointer(NamedTuple):
    """What a new coordinator has to know: completed checkpoints, oldest first, and the next id."""

    completed: tuple[RetainedCheckpoint, ...] = ()
    next_checkpoint_id: CheckpointId = CheckpointId(1)


class HighAvailabilityStore(Protocol):
    """One pointer, which survives the coordinator."""

    def load(self) -> CheckpointPointer:
        """The last one saved; at first the empty one."""
        ...

    def save(self, pointer: CheckpointPointer) -> None:
        """Replace it durably before returning. Raises BandvizError, changing nothing."""
        ...


@dataclass(slots=True, kw_only=True)
class World:
    """What lies outside the job."""

    broker: LogBroker
    storage: CheckpointStorage
    pointer: HighAvailabilityStore
    tables: Tables
    files: FileStore
