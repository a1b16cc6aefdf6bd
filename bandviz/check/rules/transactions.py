"""Two phases of a transaction, what the public sees of it, and what is promised."""

from __future__ import annotations

from bandviz.check.book import NO_CHECKPOINT, Book, TransactionFate
from bandviz.events import checkpoint as ck
from bandviz.events import job, sink
from bandviz.events.values import unpack


def pre_committed_once(book: Book, event: sink.TransactionPreCommitted) -> str:
    """Phase one closes an open transaction."""
    record = book.transactions.get(event.transaction_id)
    if record is not None and record.fate is TransactionFate.OPEN:
        return ""
    fate = record.fate.value if record else "unknown"
    return f"transaction {event.transaction_id} was pre-committed while it was {fate}"


def pre_committed_before_completion(book: Book, event: sink.TransactionPreCommitted) -> str:
    """Phase one is a part of its checkpoint, which can complete only behind it."""
    newest = book.newest_completed()
    if event.checkpoint_id > newest:
        return ""
    return (
        f"transaction {event.transaction_id} was pre-committed for checkpoint "
        f"{event.checkpoint_id}; {newest} was complete already"
    )


def promises_are_stored(book: Book, event: ck.SnapshotTaken) -> str:
    """A sink's snapshot names all that it has pre-committed and that nobody else knows of.

    A writer hands that on to its committer instead. Source: semantics.md 4.1.2.
    """
    vertex = book.job.vertices.get(event.subtask.vertex)
    if vertex is None or vertex.kind != "sink" or not event.state:
        return ""
    parts = dict(unpack(event.state)).get("transactions", ())
    named = [number for *_, pending in parts for _, number, _ in pending]
    for transaction_id in book.promised_by(event.subtask):
        if transaction_id not in named:
            return (
                f"{event.subtask} does not name transaction {transaction_id} in its snapshot for "
                f"checkpoint {event.checkpoint_id}: a restore would not commit it"
            )
    return ""


def one_row_a_key(book: Book, event: sink.RowsUpserted) -> str:
    """A row takes the place of the one with its key, and of no other."""
    there, keys = book.tables.get(event.topic, {}), book.upserted(event)
    new = len(dict.fromkeys(keys) | there) - len(there)
    if not keys or event.replaced_count == len(keys) - new:
        return ""
    return (
        f"{len(keys)} rows replaced {event.replaced_count} in {event.topic}, where "
        f"{len(keys) - new} had their keys"
    )


def committed_once(book: Book, event: sink.TransactionCommitted) -> str:
    """Rows become visible by one commit; further ones change nothing and say so."""
    record = book.transactions.get(event.transaction_id)
    fate = record.fate if record else None
    if event.repeated == (fate is TransactionFate.COMMITTED):
        return ""
    how = "as a repetition" if event.repeated else "anew"
    return f"transaction {event.transaction_id} was {_word(fate)} and is committed {how}"


def committed_after_pre_commit(book: Book, event: sink.TransactionCommitted) -> str:
    """Phase two follows phase one, and never the end of a transaction or of its attempt."""
    record = book.transactions.get(event.transaction_id)
    fate = record.fate if record else None
    if fate in (TransactionFate.PRE_COMMITTED, TransactionFate.COMMITTED):
        return ""
    return f"transaction {event.transaction_id} is committed although it is {_word(fate)}"


def committed_when_complete(book: Book, event: sink.TransactionCommitted) -> str:
    """Rows of a checkpoint stay hidden until it, or a later one, is complete."""
    record = book.transactions.get(event.transaction_id)
    newest = book.newest_completed()
    if event.repeated or record is None or record.checkpoint_id <= newest:
        return ""
    return (
        f"transaction {event.transaction_id} is committed, but its checkpoint "
        f"{record.checkpoint_id} is {book.fate_of(record.checkpoint_id)}"
    )


def committed_when_told(book: Book, event: sink.TransactionCommitted) -> str:
    """Who commits has heard that its checkpoint is complete, or was restored from it, or later."""
    record = book.transactions.get(event.transaction_id)
    heard = book.heard.get(event.subtask, NO_CHECKPOINT)
    if record is None or record.checkpoint_id <= heard:
        return ""
    return (
        f"{event.subtask} committed transaction {event.transaction_id} without having heard that "
        f"checkpoint {record.checkpoint_id} is complete"
    )


def committed_whole(book: Book, event: sink.TransactionCommitted) -> str:
    """As many rows become visible as were pre-committed."""
    record = book.transactions.get(event.transaction_id)
    counts = record is not None and record.fate is TransactionFate.PRE_COMMITTED
    if record is None or not counts or record.row_count == event.row_count:
        return ""
    return (
        f"transaction {event.transaction_id} had {record.row_count} rows, "
        f"{event.row_count} were committed"
    )


def visible_when_committed(book: Book, event: sink.RowsVisible) -> str:
    """The public sees rows of committed transactions only; a transactional sink has no others."""
    record = book.transactions.get(event.transaction_id)
    if record is not None and record.fate is TransactionFate.COMMITTED:
        return ""
    if not event.transaction_id:
        if not book.job.has_transactions(event.sink):
            return ""
        return f"{event.row_count} rows of {event.sink} are visible outside any transaction"
    fate = _word(record.fate if record else None)
    return f"rows of transaction {event.transaction_id} are visible; it is {fate}"


def promised_is_not_aborted(book: Book, event: sink.TransactionAborted) -> str:
    """After phase one of a checkpoint that the job stands on, a transaction must commit."""
    record = book.transactions.get(event.transaction_id)
    if record is None:
        return ""
    if record.fate is TransactionFate.COMMITTED:
        return f"transaction {event.transaction_id} is aborted although it is committed"
    promised = record.checkpoint_id <= (book.restoring or 0)
    if record.fate is not TransactionFate.PRE_COMMITTED or not promised:
        return ""
    return (
        f"transaction {event.transaction_id} is aborted, but the restored state "
        f"counts on its rows (checkpoint {record.checkpoint_id})"
    )


def promises_are_kept(book: Book, event: job.RunEnded) -> str:
    """When a job has finished, all that was pre-committed for its checkpoints is public, unless the
    outside has dropped it.
    """
    if event.status is not job.RunStatus.FINISHED:
        return ""
    newest = book.newest_completed()
    for transaction_id, record in book.transactions.items():
        promised = NO_CHECKPOINT < record.checkpoint_id <= newest
        if promised and record.fate is TransactionFate.PRE_COMMITTED:
            return (
                f"transaction {transaction_id} was pre-committed for checkpoint "
                f"{record.checkpoint_id}, and never committed; {newest} is complete"
            )
    return ""


def undone_is_aborted(book: Book, event: job.RunEnded) -> str:
    """A sink that fences leaves nothing open of what a restore has undone: readers would wait."""
    if event.status is not job.RunStatus.FINISHED:
        return ""
    for transaction_id, record in book.transactions.items():
        fenced = record.subtask is not None and book.job.fences(record.subtask.vertex)
        if fenced and record.fate is TransactionFate.DEAD:
            return f"transaction {transaction_id} was {_word(record.fate)}, and nobody aborted it"
    return ""


def _word(fate: TransactionFate | None) -> str:
    return fate.value if fate else "unknown"
