"""The log broker: source logs that never change, output topics, and transactions after Kafka.

Only this file changes a `TransactionState`. It knows nothing of checkpoints: which transaction goes
with which one is the sink's business. A crash of the job does not touch anything here.

Simplification: an output topic has one partition, and a `read_committed` reader is not held up by
another producer's open transaction (no last stable offset): rows are public in the order of commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from bandviz.functions.rows import Row
from bandviz.graph.specs import PartitionData, TopicData
from bandviz.ids import Lineage, TransactionId
from bandviz.ports import CommitResult, FencedError, LogSlice, WrittenRows

_NO_ROWS: Final = WrittenRows((), ())


class TransactionState(Enum):
    """Life of a transaction; the last two are final."""

    OPEN = "open"
    PRE_COMMITTED = "pre-committed"
    COMMITTED = "committed"
    ABORTED = "aborted"


_UNDECIDED: Final = (TransactionState.OPEN, TransactionState.PRE_COMMITTED)


@dataclass(slots=True)
class _Transaction:
    """`writes` holds (topic, rows) in order and is emptied by the decision."""

    producer: str
    epoch: int
    state: TransactionState = TransactionState.OPEN
    writes: list[tuple[str, WrittenRows]] = field(default_factory=list)

    def row_count(self) -> int:
        return sum(len(written.rows) for _, written in self.writes)

    def clone(self) -> _Transaction:
        return _Transaction(self.producer, self.epoch, self.state, self.writes.copy())


@dataclass(slots=True)
class _Topic:
    """An output topic: all that was written, and the part of it that is public."""

    written: list[WrittenRows] = field(default_factory=list)
    public: list[WrittenRows] = field(default_factory=list)

    def clone(self) -> _Topic:
        return _Topic(self.written.copy(), self.public.copy())


class MemoryBroker:
    """`ports.LogBroker` in memory. `topics` are the source logs; others are made on first use."""

    def __init__(self, topics: Sequence[TopicData]) -> None:
        self._sources: dict[str, TopicData] = {topic.name: topic for topic in topics}
        self._topics: dict[str, _Topic] = {}
        self._transactions: dict[TransactionId, _Transaction] = {}
        self._epochs: dict[str, int] = {}
        self._group_offsets: dict[tuple[str, str, int], int] = {}

    def clone(self) -> MemoryBroker:
        """An independent broker with the same history; source logs and rows are shared."""
        twin = MemoryBroker(())
        twin._sources = self._sources
        twin._topics = {name: topic.clone() for name, topic in self._topics.items()}
        twin._transactions = {key: txn.clone() for key, txn in self._transactions.items()}
        twin._epochs = self._epochs.copy()
        twin._group_offsets = self._group_offsets.copy()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryBroker:
        return self.clone()

    # Source logs

    def end_offset(self, topic: str, partition: int) -> int:
        """Number of records in the partition."""
        return len(self._partition(topic, partition).rows)

    def available_us(self, topic: str, partition: int, offset: int) -> int:
        """Virtual time from which the record at `offset` can be read (0 if from the beginning)."""
        available = self._partition(topic, partition).available_us
        return 0 if available is None else available[offset]

    def read(self, topic: str, partition: int, offset: int, count_max: int) -> LogSlice:
        """Up to `count_max` records from `offset`; none beyond the end."""
        data = self._partition(topic, partition)
        end = offset + count_max
        times = data.times_ms
        return LogSlice(data.rows[offset:end], None if times is None else times[offset:end])

    def commit_offset(self, group: str, topic: str, partition: int, offset: int) -> None:
        """Store a consumer group's offset: for monitoring, never for restore."""
        self._group_offsets[group, topic, partition] = offset

    def group_offset(self, group: str, topic: str, partition: int) -> int | None:
        """The offset stored last, or None. Not in the port: the job must not rely on it."""
        return self._group_offsets.get((group, topic, partition))

    def _partition(self, topic: str, partition: int) -> PartitionData:
        return self._sources[topic].partitions[partition]

    # Output

    def append(self, topic: str, written: WrittenRows) -> None:
        """Add rows outside any transaction: visible at once."""
        frozen = _freeze(written)
        target = self._output(topic)
        target.written.append(frozen)
        target.public.append(frozen)

    def visible(self, topic: str, *, committed_only: bool = True) -> WrittenRows:
        """What a reader of the topic sees; nothing if nobody has written to it."""
        known = self._topics.get(topic)
        if known is None:
            return _NO_ROWS
        return _join(known.public if committed_only else known.written)

    def _output(self, topic: str) -> _Topic:
        if topic in self._sources:
            raise ValueError(f"{topic} is a source log: it cannot be written")
        return self._topics.setdefault(topic, _Topic())

    # Transactions

    def fence(self, producer: str) -> tuple[int, tuple[tuple[TransactionId, int], ...]]:
        """Raise the producer's epoch (1 at the first call) and abort what it left undecided."""
        epoch = self._epochs.get(producer, 0) + 1
        self._epochs[producer] = epoch
        left = [
            key
            for key, txn in self._transactions.items()
            if txn.producer == producer and txn.state in _UNDECIDED
        ]
        return epoch, tuple([(key, self.abort(key) or 0) for key in left])

    def begin(self, producer: str, epoch: int) -> TransactionId:
        """Open a transaction. Raises FencedError if the epoch is not the newest."""
        if self._epochs.get(producer) != epoch:
            raise FencedError(f"{producer}: epoch {epoch} is not the newest")
        transaction_id = TransactionId(len(self._transactions) + 1)
        self._transactions[transaction_id] = _Transaction(producer, epoch)
        return transaction_id

    def write(self, transaction_id: TransactionId, topic: str, written: WrittenRows) -> None:
        """Add rows to an open transaction. Raises FencedError if its producer was fenced.

        Raises ValueError once it is pre-committed or decided, KeyError if it never was.
        """
        txn = self._open(transaction_id)
        frozen = _freeze(written)
        self._output(topic).written.append(frozen)
        txn.writes.append((topic, frozen))

    def pre_commit(self, transaction_id: TransactionId) -> int:
        """Flush and close for writing; returns the number of rows. Raises as `write` does."""
        txn = self._open(transaction_id)
        txn.state = TransactionState.PRE_COMMITTED
        return txn.row_count()

    def commit(self, transaction_id: TransactionId) -> CommitResult:
        """Make the rows visible. A repeated commit changes nothing and brings no rows.

        As in Kafka an open transaction can be committed too. Raises KeyError for one that was
        aborted or never was.
        """
        txn = self._transactions[transaction_id]
        if txn.state is TransactionState.COMMITTED:
            return CommitResult(_NO_ROWS, repeated=True)
        if txn.state is TransactionState.ABORTED:
            raise KeyError(transaction_id)
        for topic, written in txn.writes:
            self._output(topic).public.append(written)
        rows = _join([written for _, written in txn.writes])
        txn.state, txn.writes = TransactionState.COMMITTED, []
        return CommitResult(rows, repeated=False)

    def abort(self, transaction_id: TransactionId) -> int | None:
        """Drop an undecided transaction; returns its number of rows; None if it is gone.

        Raises ValueError for a committed one.
        """
        txn = self._transactions.get(transaction_id)
        if txn is None or txn.state is TransactionState.ABORTED:
            return None
        if txn.state is TransactionState.COMMITTED:
            raise ValueError(f"transaction {transaction_id} is committed: its rows are public")
        count = txn.row_count()
        txn.state, txn.writes = TransactionState.ABORTED, []
        return count

    def _open(self, transaction_id: TransactionId) -> _Transaction:
        txn = self._transactions[transaction_id]
        if txn.epoch < self._epochs[txn.producer]:
            raise FencedError(f"{txn.producer}: epoch {txn.epoch} was fenced")
        if txn.state is not TransactionState.OPEN:
            raise ValueError(f"transaction {transaction_id} is {txn.state.value}, not open")
        return txn


def _freeze(written: WrittenRows) -> WrittenRows:
    """The broker's own copy: what the job does with its lists later cannot reach it."""
    lineage = written.lineage
    return WrittenRows(tuple(written.rows), None if lineage is None else tuple(lineage))


def _join(parts: Sequence[WrittenRows]) -> WrittenRows:
    """All rows in order; without ids as soon as one part has none."""
    rows: list[Row] = []
    lineage: list[Lineage] | None = []
    for part in parts:
        rows.extend(part.rows)
        if lineage is None or part.lineage is None:
            lineage = None
        else:
            lineage.extend(part.lineage)
    return WrittenRows(rows, lineage)
