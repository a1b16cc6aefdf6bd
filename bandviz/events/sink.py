"""Output: transactions and what the public sees."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from bandviz.events.base import Event, Level
from bandviz.ids import CheckpointId, SubtaskId, TransactionId


class AbortCause(Enum):
    """Why the broker dropped a transaction."""

    FENCED = "a new attempt fenced its producer"
    RESTORED = "open at the restored snapshot"


class CommitFate(Enum):
    """What follows from a commit that was refused."""

    FAILS_TASK = "the task fails"
    RETRIED = "it is tried again"
    DROPPED = "its rows are lost"
    """The sink goes on without them: data loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerFenced(Event):
    """A new attempt took over a producer; writes of the former one are refused.

    `producer`: its name, that of the subtask which used it; another one's if that subtask was lost
    by rescaling (empty in recordings of old).
    """

    subtask: SubtaskId
    epoch: int
    producer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionOpened(Event):
    """The sink began a transaction; its rows are on disk, not yet visible."""

    subtask: SubtaskId
    transaction_id: TransactionId
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionPreCommitted(Event):
    """Phase one, at the snapshot: flushed, closed for writing, remembered under the checkpoint."""

    subtask: SubtaskId
    transaction_id: TransactionId
    checkpoint_id: CheckpointId
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionCommitted(Event):
    """Phase two: `row_count` rows are public, once older transactions are decided as well.

    `repeated`: it had been committed before (a restore commits again); nothing changed.
    """

    subtask: SubtaskId
    transaction_id: TransactionId
    row_count: int
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAborted(Event):
    """Its rows will never be visible."""

    subtask: SubtaskId
    transaction_id: TransactionId
    row_count: int
    cause: AbortCause


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionExpired(Event):
    """The broker aborted it by its own clock; its rows will never be visible.

    Open or pre-committed, with or without a completed checkpoint behind it: the broker does not
    know. `subtask` is the one whose producer began it.
    """

    subtask: SubtaskId
    transaction_id: TransactionId
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRefused(Event):
    """The outside did not commit. `answer` is what it said; nothing became visible."""

    subtask: SubtaskId
    transaction_id: TransactionId
    answer: str
    fate: CommitFate


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRefused(Event):
    """The broker takes nothing more into this transaction: it is fenced or has expired."""

    subtask: SubtaskId
    transaction_id: TransactionId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittablesCollected(Event):
    """The committer holds so many of the transactions that a writer announced for a checkpoint."""

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    writer: int
    received_count: int
    announced_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadersHeld(Event):
    """How many committed rows `read_committed` readers cannot reach, whenever that changes.

    They stop at the last stable offset, where the oldest undecided transaction begins: that is
    `waits_for` (0 once nothing is held).
    """

    sink: str
    topic: str
    last_stable_offset: int
    held_row_count: int
    waits_for: TransactionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsVisible(Event):
    """Rows that a `read_committed` reader sees from now on, in the order of the topic.

    `rows`: packed list of value tuples; `lineage`: packed list of packed ids, one a row. A large
    commit comes as several of these. `transaction_id` is 0 for a sink without transactions.
    """

    sink: str
    topic: str
    transaction_id: TransactionId
    row_count: int
    rows: bytes
    lineage: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsUpserted(Event):
    """Rows that stand in a table from now on, each in place of the one with its key, if there is
    one: `replaced_count` did. Packed as in `RowsVisible`; the key's columns are in the sink's spec.
    """

    sink: str
    topic: str
    row_count: int
    replaced_count: int
    rows: bytes
    lineage: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRenamed(Event):
    """A result file goes on: in progress, pending, final. `transaction_id` is its number."""

    subtask: SubtaskId
    transaction_id: TransactionId
    path_before: str
    path_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsWritten(Event):
    """Rows written into an open transaction: on disk, not visible. Packed as in `RowsVisible`."""

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    transaction_id: TransactionId
    row_count: int
    rows: bytes
    lineage: bytes
