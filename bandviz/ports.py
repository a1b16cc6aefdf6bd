"""What the engine asks of the world outside the job. All calls are synchronous and deterministic.

The world survives a crash of the job; nothing that the engine holds does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bandviz.functions.rows import Row
from bandviz.ids import CheckpointId, Lineage, TransactionId


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


class CommitResult(NamedTuple):
    """Answer to a commit. `repeated`: the transaction had been committed before, no row is new."""

    written: WrittenRows
    repeated: bool


class LogBroker(Protocol):
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

    def fence(self, producer: str) -> tuple[int, tuple[tuple[TransactionId, int], ...]]:
        """Take over a producer name: its epoch rises, its open and pre-committed transactions are
        aborted. Returns the new epoch and the aborted ones with their number of rows. Call it after
        the transactions to be kept have been committed.
        """
        ...

    def begin(self, producer: str, epoch: int) -> TransactionId:
        """Open a transaction. Raises FencedError if the epoch is not the newest."""
        ...

    def write(self, transaction_id: TransactionId, topic: str, written: WrittenRows) -> None:
        """Add rows to an open transaction. Raises FencedError if its producer was fenced."""
        ...

    def pre_commit(self, transaction_id: TransactionId) -> int:
        """Flush and close for writing; returns the number of rows. Raises FencedError."""
        ...

    def commit(self, transaction_id: TransactionId) -> CommitResult:
        """Make the rows visible; idempotent. Raises KeyError for an aborted or unknown one."""
        ...

    def abort(self, transaction_id: TransactionId) -> int | None:
        """Drop an open or pre-committed transaction; its number of rows, None if it is gone.

        Raises ValueError for a committed one.
        """
        ...

    def visible(self, topic: str, *, committed_only: bool = True) -> WrittenRows:
        """What a reader of the topic sees.

        With `committed_only=False` also rows of transactions that are open, pre-committed or
        aborted, in the order of writing (`read_uncommitted`).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StateHandle:
    """A durable file: its name inside the checkpoint, length in bytes and CRC-32."""

    name: str
    length: int
    crc32: int


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
        self, checkpoint_id: CheckpointId, job: str, attempt: int, handles: Sequence[StateHandle]
    ) -> int:
        """Complete the checkpoint; the last write of it. Returns the size of the manifest."""
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
