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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerFenced(Event):
    """A new attempt took over the sink's producer; writes of the former one are refused."""

    subtask: SubtaskId
    epoch: int


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
    """Phase two: `row_count` rows became visible.

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
class RowsWritten(Event):
    """Rows written into an open transaction: on disk, not visible. Packed as in `RowsVisible`."""

    level: ClassVar[Level] = Level.RECORD
    subtask: SubtaskId
    transaction_id: TransactionId
    row_count: int
    rows: bytes
    lineage: bytes
