"""The log broker: source logs that never change, output topics, and transactions after Kafka.

Only this file changes a `TransactionState`. It knows nothing of checkpoints: which transaction goes
with which one is the sink's business. A crash of the job does not touch anything here.

A `read_committed` reader stops at the last stable offset, which is where the oldest undecided
transaction begins, whosever it is. A transaction that outlives its time-out is aborted by the
broker, whatever the job believes. Simplification: an output topic has one partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from heapq import heappop, heappush
from itertools import groupby, takewhile
from operator import attrgetter
from typing import Any, Final

from bandviz.functions.rows import Row
from bandviz.graph.specs import PartitionData, TopicData
from bandviz.ids import Lineage, TransactionId
from bandviz.ports import (
    CommitAnswer,
    CommitResult,
    Expired,
    FencedError,
    LogSlice,
    Reading,
    Revealed,
    WrittenRows,
)
from bandviz.world.operations import Part, operation

_NO_ROWS: Final = WrittenRows((), ())
_NO_TRANSACTION: Final = TransactionId(0)


class TransactionState(Enum):
    """Life of a transaction; the last three are final."""

    OPEN = "open"
    PRE_COMMITTED = "pre-committed"
    COMMITTED = "committed"
    ABORTED = "aborted"
    EXPIRED = "expired"

    @property
    def is_undecided(self) -> bool:
        """It may still be committed."""
        return self in (TransactionState.OPEN, TransactionState.PRE_COMMITTED)


@dataclass(slots=True)
class _Transaction:
    """`row_counts`: rows by topic; the rows themselves stand in the topics."""

    producer: str
    number: int
    epoch: int
    expires_us: int | None
    state: TransactionState = TransactionState.OPEN
    row_counts: dict[str, int] = field(default_factory=dict)

    def row_count(self) -> int:
        return sum(self.row_counts.values())

    def clone(self) -> _Transaction:
        return replace(self, row_counts=self.row_counts.copy())


@dataclass(slots=True)
class _Topic:
    """An output topic: all that was written, in order, and how far its reader has come.

    `segments`: (transaction or 0, rows). The reader has passed `next_segment` of them, which hold
    `stable_offset` rows, and skipped those of aborted transactions. `held_count` rows are committed
    and not read; `held_before`: so many were when the reader looked last.
    """

    segments: list[tuple[TransactionId, WrittenRows]] = field(default_factory=list)
    next_segment: int = 0
    stable_offset: int = 0
    held_count: int = 0
    held_before: int = 0

    def clone(self) -> _Topic:
        return replace(self, segments=self.segments.copy())


class MemoryBroker(Part):
    """`ports.LogBroker` in memory. `topics` are the source logs; others are made on first use."""

    part = "broker"

    def __init__(self, topics: Sequence[TopicData]) -> None:
        self._sources: dict[str, TopicData] = {topic.name: topic for topic in topics}
        self._topics: dict[str, _Topic] = {}
        self._transactions: dict[TransactionId, _Transaction] = {}
        self._epochs: dict[str, int] = {}
        self._group_offsets: dict[tuple[str, str, int], int] = {}
        self._deadlines: list[tuple[int, TransactionId]] = []
        self._refusals: dict[TransactionId, CommitAnswer] = {}

    def clone(self) -> MemoryBroker:
        """An independent broker with the same history; source logs and rows are shared."""
        twin = MemoryBroker(())
        twin._sources = self._sources
        twin._topics = {name: topic.clone() for name, topic in self._topics.items()}
        twin._transactions = {key: txn.clone() for key, txn in self._transactions.items()}
        twin._epochs = self._epochs.copy()
        twin._group_offsets = self._group_offsets.copy()
        twin._deadlines = self._deadlines.copy()
        twin._refusals = self._refusals.copy()
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

    @operation(public=False)
    def commit_offset(self, group: str, topic: str, partition: int, offset: int) -> None:
        """Store a consumer group's offset: for monitoring, never for restore."""
        self._group_offsets[group, topic, partition] = offset

    def group_offset(self, group: str, topic: str, partition: int) -> int | None:
        """The offset stored last, or None. Not in the port: the job must not rely on it."""
        return self._group_offsets.get((group, topic, partition))

    def _partition(self, topic: str, partition: int) -> PartitionData:
        return self._sources[topic].partitions[partition]

    # Output and its readers

    @operation(public=True)
    def append(self, topic: str, written: WrittenRows) -> None:
        """Add rows outside any transaction."""
        target = self._output(topic)
        target.segments.append((_NO_TRANSACTION, _freeze(written)))
        target.held_count += len(written.rows)

    @operation(public=False)
    def poll(self, topic: str) -> Reading:
        """Up to the last stable offset; rows of aborted transactions are passed over."""
        target = self._output(topic)
        revealed: list[Revealed] = []
        waits_for = _NO_TRANSACTION
        while target.next_segment < len(target.segments):
            owner, written = target.segments[target.next_segment]
            if self._is_undecided(owner):
                waits_for = owner
                break
            target.next_segment += 1
            target.stable_offset += len(written.rows)
            if self._is_public(owner):
                target.held_count -= len(written.rows)
                revealed.append(Revealed(owner, written))
        runs = groupby(revealed, key=attrgetter("transaction_id"))
        joined = tuple(
            [Revealed(owner, _join([one.written for one in run])) for owner, run in runs]
        )
        held, before = target.held_count, target.held_before
        target.held_before = held
        return Reading(
            revealed=joined,
            last_stable_offset=target.stable_offset,
            held_row_count=held,
            waits_for=waits_for if held else _NO_TRANSACTION,
            held_changed=held != before,
        )

    def visible(self, topic: str, *, committed_only: bool = True) -> WrittenRows:
        """What a reader sees that starts now; nothing if nobody has written to the topic."""
        known = self._topics.get(topic)
        if known is None:
            return _NO_ROWS
        segments = known.segments
        if committed_only:
            stable = takewhile(lambda segment: not self._is_undecided(segment[0]), segments)
            segments = [segment for segment in stable if self._is_public(segment[0])]
        return _join([written for _, written in segments])

    def _is_undecided(self, owner: TransactionId) -> bool:
        return owner != _NO_TRANSACTION and self._transactions[owner].state.is_undecided

    def _is_public(self, owner: TransactionId) -> bool:
        if owner == _NO_TRANSACTION:
            return True
        return self._transactions[owner].state is TransactionState.COMMITTED

    def _output(self, topic: str) -> _Topic:
        if topic in self._sources:
            raise ValueError(f"{topic} is a source log: it cannot be written")
        return self._topics.setdefault(topic, _Topic())

    # Transactions

    def epoch(self, producer: str) -> int:
        """0 for a name that nobody has used."""
        return self._epochs.get(producer, 0)

    @operation(public=False)
    def fence(
        self, producer: str, since: int = 0
    ) -> tuple[int, tuple[tuple[TransactionId, int], ...]]:
        """Raise the producer's epoch (1 at the first call) and abort what it left undecided."""
        epoch = self.epoch(producer) + 1
        self._epochs[producer] = epoch
        left = [
            key
            for key, txn in self._transactions.items()
            if txn.producer == producer and txn.number >= since and txn.state.is_undecided
        ]
        return epoch, tuple([(key, self.abort(key) or 0) for key in left])

    @operation(public=False)
    def join(self, producer: str) -> int:
        """Its present epoch; 1 for a name that nobody has used."""
        return self._epochs.setdefault(producer, 1)

    @operation(public=False)
    def begin(
        self, producer: str, epoch: int, now_us: int = 0, timeout_us: int = 0, number: int = 0
    ) -> TransactionId:
        """Open a transaction. Raises FencedError if the epoch is not the newest."""
        if self._epochs.get(producer) != epoch:
            raise FencedError(f"{producer}: epoch {epoch} is not the newest")
        transaction_id = TransactionId(len(self._transactions) + 1)
        expires_us = now_us + timeout_us if timeout_us else None
        self._transactions[transaction_id] = _Transaction(producer, number, epoch, expires_us)
        return transaction_id

    @operation(public=False)
    def write(self, transaction_id: TransactionId, topic: str, written: WrittenRows) -> None:
        """Add rows to an open transaction.

        Raises FencedError if its producer was fenced or it has expired, ValueError once it is
        pre-committed or decided otherwise, KeyError if it never was.
        """
        txn = self._open(transaction_id)
        if txn.expires_us is not None and not txn.row_counts:  # an empty one is not heard of
            heappush(self._deadlines, (txn.expires_us, transaction_id))
        self._output(topic).segments.append((transaction_id, _freeze(written)))
        txn.row_counts[topic] = txn.row_counts.get(topic, 0) + len(written.rows)

    @operation(public=False)
    def pre_commit(self, transaction_id: TransactionId) -> int:
        """Flush and close for writing; returns the number of rows. Raises as `write` does."""
        txn = self._open(transaction_id)
        txn.state = TransactionState.PRE_COMMITTED
        return txn.row_count()

    @operation(public=True)
    def commit(self, transaction_id: TransactionId) -> CommitResult:
        """Make the rows readable. As in Kafka an open transaction can be committed too."""
        refusal = self._refusals.pop(transaction_id, None)
        if refusal is not None:
            return CommitResult(refusal, 0)
        txn = self._transactions.get(transaction_id)
        if txn is not None and txn.state is TransactionState.COMMITTED:
            return CommitResult(CommitAnswer.REPEATED, 0)
        if txn is None or not txn.state.is_undecided:
            return CommitResult(CommitAnswer.GONE, 0)
        txn.state = TransactionState.COMMITTED
        for topic, count in txn.row_counts.items():
            self._output(topic).held_count += count
        return CommitResult(CommitAnswer.COMMITTED, txn.row_count())

    @operation(public=False)
    def abort(self, transaction_id: TransactionId) -> int | None:
        """Drop an undecided transaction; returns its number of rows; None if it is gone.

        Raises ValueError for a committed one.
        """
        txn = self._transactions.get(transaction_id)
        if txn is not None and txn.state is TransactionState.COMMITTED:
            raise ValueError(f"transaction {transaction_id} is committed: its rows are public")
        if txn is None or not txn.state.is_undecided:
            return None
        txn.state = TransactionState.ABORTED
        return txn.row_count()

    def next_expiry_us(self) -> int | None:
        """The first moment at which a transaction is *older* than its time-out."""
        deadlines = self._deadlines
        while deadlines and not self._is_undecided(deadlines[0][1]):
            heappop(deadlines)
        return deadlines[0][0] + 1 if deadlines else None

    @operation(public=False)
    def expire(self, now_us: int) -> tuple[Expired, ...]:
        """Oldest deadline first."""
        expired = []
        while (due := self.next_expiry_us()) is not None and due <= now_us:
            expired.append(self.lose(heappop(self._deadlines)[1]))
        return tuple(expired)

    # What goes wrong out there

    @operation(public=False)
    def lose(self, transaction_id: TransactionId) -> Expired:
        """Abort an undecided transaction behind its writer's back. KeyError if it never was."""
        txn = self._transactions[transaction_id]
        txn.state = TransactionState.EXPIRED
        return Expired(transaction_id, txn.producer, tuple(txn.row_counts), txn.row_count())

    def undecided(self) -> tuple[TransactionId, ...]:
        """Without those whose next commit is to be refused already; oldest first."""
        return tuple(
            key
            for key, txn in self._transactions.items()
            if txn.state.is_undecided and key not in self._refusals
        )

    @operation(public=False)
    def refuse_next_commit(self, transaction_id: TransactionId, answer: CommitAnswer) -> None:
        """The next commit of this transaction is answered so, and changes nothing."""
        self._refusals[transaction_id] = answer

    @property
    def transaction_count(self) -> int:
        """How many there have ever been; they are numbered from 1 without gaps."""
        return len(self._transactions)

    def look(self, transaction_id: TransactionId) -> tuple[str, int, TransactionState]:
        """Producer, epoch and state; for those who look on, as what follows."""
        txn = self._transactions[transaction_id]
        return txn.producer, txn.epoch, txn.state

    def segments(self, topic: str, start: int) -> Sequence[tuple[TransactionId, WrittenRows]]:
        """All that was written to an output topic, from segment `start` on; 0: no transaction."""
        known = self._topics.get(topic)
        return known.segments[start:] if known is not None else ()

    def state_of(self, transaction_id: TransactionId) -> TransactionState:
        """For those who look on. Not in the port: the job has to ask by committing."""
        return self._transactions[transaction_id].state

    def written_in(self, transaction_id: TransactionId) -> WrittenRows:
        """All rows of a transaction, whatever became of it. Not in the port either."""
        segments = [part for topic in self._topics.values() for part in topic.segments]
        return _join([written for owner, written in segments if owner == transaction_id])

    def _open(self, transaction_id: TransactionId) -> _Transaction:
        txn = self._transactions[transaction_id]
        if txn.epoch < self._epochs[txn.producer]:
            raise FencedError(f"{txn.producer}: epoch {txn.epoch} was fenced")
        if txn.state in (TransactionState.EXPIRED, TransactionState.ABORTED):
            how = "has expired" if txn.state is TransactionState.EXPIRED else "was aborted"
            raise FencedError(f"{txn.producer}: transaction {transaction_id} {how}")
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
