"""Output: transactions and what the public sees."""

from __future__ import annotations

from typing import Any, Final

from bandviz.events import Event, sink
from bandviz.model.facts import NO_TRANSACTION, Board, Dirty, RunFacts, Transaction
from bandviz.model.memory import LAST_ROWS_MAX
from bandviz.model.reducers.kinds import BOARDS, FAULT_MARK, OUTPUT, Reducer, nothing
from bandviz.model.specs import rows_of
from bandviz.model.views import MarkView, TransactionStatus
from bandviz.model.words import safe
from bandviz.text import NAME, SafeText


def transaction_opened(model: RunFacts, event: sink.TransactionOpened) -> Dirty:
    """The one that its subtask writes to from now on."""
    transaction = Transaction(event.transaction_id, event.subtask)
    model.transactions[event.transaction_id] = transaction
    model.subtasks[event.subtask].transaction_id = event.transaction_id
    return OUTPUT


def transaction_pre_committed(model: RunFacts, event: sink.TransactionPreCommitted) -> Dirty:
    """Closed for writing."""
    transaction = model.transactions[event.transaction_id]
    transaction.status = TransactionStatus.PRE_COMMITTED
    transaction.checkpoint_id = event.checkpoint_id
    transaction.row_count = event.row_count
    _let_go(model, event)
    return OUTPUT


def _let_go(
    model: RunFacts,
    event: sink.TransactionPreCommitted
    | sink.TransactionCommitted
    | sink.TransactionAborted
    | sink.TransactionExpired,
) -> None:
    """Of a subtask that the job has no more the broker's clock may still tell."""
    subtask = model.subtasks.get(event.subtask)
    if subtask is not None and subtask.transaction_id == event.transaction_id:
        subtask.transaction_id = NO_TRANSACTION


def transaction_committed(model: RunFacts, event: sink.TransactionCommitted) -> Dirty:
    """Public: its rows stand on the board, so only its number is kept."""
    model.transactions.pop(event.transaction_id, None)
    model.committed.add(event.transaction_id)
    _let_go(model, event)
    return OUTPUT


def transaction_aborted(model: RunFacts, event: sink.TransactionAborted) -> Dirty:
    """Never public; kept for people if it had rows."""
    transaction = model.transactions.pop(event.transaction_id, None)
    if transaction is not None and event.row_count:
        transaction.status = TransactionStatus.ABORTED
        transaction.row_count = event.row_count
        model.transactions[event.transaction_id] = transaction
    _let_go(model, event)
    return OUTPUT


def transaction_expired(model: RunFacts, event: sink.TransactionExpired) -> Dirty:
    """The broker has dropped it; kept for people, most of all if a checkpoint had promised it."""
    transaction = model.transactions.pop(event.transaction_id, None)
    if transaction is not None and event.row_count:
        transaction.status = TransactionStatus.EXPIRED
        transaction.row_count = event.row_count
        model.transactions[event.transaction_id] = transaction
    _let_go(model, event)
    return OUTPUT


def readers_held(model: RunFacts, event: sink.ReadersHeld) -> Dirty:
    """Committed rows behind the last stable offset."""
    board = model.boards[event.sink]
    board.held_count = event.held_row_count
    board.waits_for = event.waits_for
    return BOARDS


def rows_written(model: RunFacts, event: sink.RowsWritten) -> Dirty:
    """On disk, and seen by those who read uncommitted rows."""
    rows = rows_of(event.rows)
    transaction = model.transactions.get(event.transaction_id)
    if transaction is not None:
        transaction.row_count += event.row_count
        _add(transaction.tally, rows)
    board = model.board_of(event.subtask)
    if board is not None:
        _seen_uncommitted(board, event.row_count, rows)
    return OUTPUT


def _seen_uncommitted(board: Board, count: int, rows: tuple[Any, ...]) -> None:
    """What such a reader has seen it keeps having seen, whatever becomes of the transaction."""
    board.written_count += count
    _add(board.written_tally, rows)


def write_refused(model: RunFacts, _event: sink.WriteRefused) -> Dirty:
    """A bounce on the time row; a zombie's has no other trace."""
    model.marks.append(MarkView(model.time_us, FAULT_MARK, model.step))
    return Dirty.TIME


def rows_visible(model: RunFacts, event: sink.RowsVisible) -> Dirty:
    """Public from now on."""
    board = model.boards[event.sink]
    rows = rows_of(event.rows)
    board.public_count += event.row_count
    board.last_rows = (*board.last_rows, *rows)[-LAST_ROWS_MAX:]
    _add(board.tally, rows)
    if event.transaction_id == NO_TRANSACTION:
        _seen_uncommitted(board, event.row_count, rows)
    return BOARDS


def rows_upserted(model: RunFacts, event: sink.RowsUpserted) -> Dirty:
    """Each in place of the row with its key; the newest stand last."""
    board = model.boards[event.sink]
    for row in rows_of(event.rows):
        key = tuple(row[place] for place in board.key_places)
        board.table.pop(key, None)
        board.table[key] = row
    board.public_count = len(board.table)
    return BOARDS


def _add(tally: dict[SafeText, int], rows: tuple[Any, ...]) -> None:
    for row in rows:
        name = safe(row[0] if isinstance(row, tuple) and row else row, NAME)
        tally[name] = tally.get(name, 0) + 1


REDUCERS: Final[dict[type[Event], Reducer]] = {
    sink.ProducerFenced: nothing,
    sink.TransactionOpened: transaction_opened,
    sink.TransactionPreCommitted: transaction_pre_committed,
    sink.TransactionCommitted: transaction_committed,
    sink.TransactionAborted: transaction_aborted,
    sink.TransactionExpired: transaction_expired,
    sink.CommitRefused: nothing,
    sink.WriteRefused: write_refused,
    sink.CommittablesCollected: nothing,
    sink.ReadersHeld: readers_held,
    sink.FileRenamed: nothing,
    sink.RowsVisible: rows_visible,
    sink.RowsUpserted: rows_upserted,
    sink.RowsWritten: rows_written,
}
