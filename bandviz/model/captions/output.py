"""Captions for the ends of the stream: end of data, late records, transactions, public rows."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, flow, sink
from bandviz.events.sink import AbortCause, CommitFate
from bandviz.model.captions.telling import Caption, Teller, called, caption
from bandviz.model.facts import NO_TRANSACTION, RunFacts
from bandviz.model.specs import rows_of
from bandviz.model.words import many, rows_text
from bandviz.text import LABEL, NAME, door


def input_ended(model: RunFacts, event: flow.InputEnded) -> Caption:
    """Nothing more will come in."""
    name = called(model, event.subtask)
    if model.kind(event.subtask) == "source":
        headline = f"END OF DATA: {name} has read its last record."
    else:
        headline = f"END OF DATA: all inputs of {name} have ended."
    if model.run is None or model.run.checkpoint_interval_us:
        text = (
            "It may not leave yet: with checkpoints on, a task waits for one that starts after the "
            "end of the data. Only that one commits the tail of the output."
        )
    else:
        text = (
            "It tells those below. No checkpoints are taken in this run, so nothing keeps it here."
        )
    return caption(
        headline,
        text,
        "the music is played; they stand still for the last photo.",
    )


def record_refused(model: RunFacts, event: flow.RecordRefused) -> Caption:
    """A record that user logic cannot bear."""
    name, error = called(model, event.subtask), door(event.error, LABEL // 2)
    side = door(event.side, NAME // 2)
    fate = f"puts a record on side output {side}" if side else "drops a record"
    text = "The job goes on, and a replay would come to the same end. "
    text += (
        "What could not be used is kept where a person can look at it."
        if side
        else "But the record is counted nowhere, and nobody will look at it again."
    )
    return caption(
        f"REFUSED: {name} {fate}.",
        f"{error}. {text}",
        "a page that nobody can read is laid aside, and the music goes on.",
    )


def producer_fenced(model: RunFacts, event: sink.ProducerFenced) -> Caption:
    """A new epoch."""
    name, producer = called(model, event.subtask), door(event.producer, NAME)
    whose = "its producer"
    if event.producer not in ("", str(event.subtask)):
        whose = f"the producer of {producer}, which is no more"
    return caption(
        f"FENCED: {name} takes over {whose}, epoch {event.epoch}.",
        "Should the former attempt still be alive somewhere, its writes bounce from now on. Its "
        "open transactions are aborted by the broker.",
        "new passes are handed out; the old ones are void.",
    )


def transaction_opened(model: RunFacts, event: sink.TransactionOpened) -> Caption:
    """Hidden rows from now on."""
    name, number = called(model, event.subtask), event.transaction_id
    return caption(
        f"TRANSACTION {number}: {name} opens it; rows written to it stay hidden for now.",
        "Rows go to disk as they come, but no reader of committed data sees them before the "
        "checkpoint they belong to is complete.",
        "the next sheet of the programme is written, not yet handed out.",
    )


def transaction_pre_committed(model: RunFacts, event: sink.TransactionPreCommitted) -> Caption:
    """Phase one."""
    return caption(
        f"PRE-COMMIT: {called(model, event.subtask)} closes transaction {event.transaction_id} "
        f"with {many(event.row_count, 'row')}.",
        f"Phase one of two: flushed, closed for writing, and noted in checkpoint "
        f"{event.checkpoint_id}. From here on the commit must be possible, whatever dies.",
        "the sheet is printed and sealed.",
    )


def transaction_committed(model: RunFacts, event: sink.TransactionCommitted) -> Caption:
    """Phase two, or its repetition."""
    name, number = called(model, event.subtask), event.transaction_id
    if event.repeated:
        return caption(
            f"COMMIT AGAIN: transaction {number} was committed before; nothing changes.",
            f"After a restore {name} commits everything its checkpoint promised, as it cannot know "
            "how far the former attempt came. So a commit must be safe to repeat.",
            "that sheet hangs on the board already.",
        )
    return caption(
        f"COMMIT: {name} shows transaction {number}: {many(event.row_count, 'row')} public now.",
        "Phase two: the checkpoint is complete, so no restart will make these rows again. That is "
        "why exactly-once output comes late: it waits for the checkpoint.",
        "the sheet goes up on the board.",
    )


def transaction_aborted(model: RunFacts, event: sink.TransactionAborted) -> Caption:
    """Never visible."""
    rows = many(event.row_count, "row")
    if event.cause is AbortCause.FENCED:
        why = "Its writer died before a complete checkpoint had promised it."
    else:
        why = "It was open at the restored checkpoint, so what it holds will be written again."
    return caption(
        f"ABORTED: transaction {event.transaction_id} of {called(model, event.subtask)} with "
        f"{rows} is never shown.",
        f"{why} Its records are read again and their rows go into a new transaction; had these "
        "been shown too, the public would see them twice.",
        "a sheet that nobody had seen goes into the bin.",
    )


def transaction_expired(model: RunFacts, event: sink.TransactionExpired) -> Caption:
    """The broker's clock."""
    rows = many(event.row_count, "row")
    transaction = model.transactions.get(event.transaction_id)
    number = transaction.checkpoint_id if transaction else 0
    if number:
        text = (
            f"It was pre-committed under checkpoint {number} and waited for its commit. The broker "
            "knows no checkpoints, only its own time-out. If that checkpoint is complete, the "
            "sources never read these records again: their rows are lost."
        )
    else:
        text = (
            "The broker has a clock of its own and aborts a transaction that is older than its "
            "time-out, whether its writer is alive or not. It was still open."
        )
    return caption(
        f"EXPIRED: the broker aborts transaction {event.transaction_id} with {rows}.",
        text,
        "the printer waited long enough; the sealed sheet goes into the bin.",
    )


def commit_refused(model: RunFacts, event: sink.CommitRefused) -> Caption:
    """Three fates."""
    name, number = called(model, event.subtask), event.transaction_id
    text = {
        CommitFate.FAILS_TASK: (
            "Commit has to succeed in the end, for the checkpoint has promised these rows. The "
            "task fails, and the next attempt commits again; if the transaction is gone, each "
            "attempt will fail like this one."
        ),
        CommitFate.RETRIED: (
            "The transaction still stands, so the committer asks again, a limited number of times."
        ),
        CommitFate.DROPPED: (
            "The sink was told to go on nevertheless. The records are in the checkpoint and are "
            "not read again, so their rows are lost: this is where exactly-once ends."
        ),
    }[event.fate]
    word = {
        CommitFate.FAILS_TASK: "the task fails",
        CommitFate.RETRIED: "it will ask again",
        CommitFate.DROPPED: "its rows are LOST",
    }[event.fate]
    return caption(
        f"COMMIT REFUSED: {name}, transaction {number}: {event.answer}; {word}.",
        text,
        "the hall does not take the sheet.",
    )


def write_refused(model: RunFacts, event: sink.WriteRefused) -> Caption:
    """Fenced or expired; of an attempt that has a successor, or not."""
    subtask = model.subtasks.get(event.subtask)
    current = subtask.transaction_id if subtask is not None else NO_TRANSACTION
    if current not in (NO_TRANSACTION, event.transaction_id):
        return caption(
            f"BOUNCED: a former attempt of {called(model, event.subtask)} still lives, and its "
            "write is refused.",
            f"It goes on with transaction {event.transaction_id}: "
            f"{door(event.reason, NAME * 2)}. The present attempt has a newer epoch and is not "
            "disturbed; without fencing two attempts would write.",
            "the old pass is void: the player is not let in.",
        )
    return caption(
        f"BOUNCED: the broker takes nothing more into transaction {event.transaction_id}.",
        f"{called(model, event.subtask)} tried to go on with it: {door(event.reason, NAME * 2)}. "
        "What it holds will never be visible; the task fails, and the records are read again.",
        "the old pass is void: the player is not let in.",
    )


def committables_collected(model: RunFacts, event: sink.CommittablesCollected) -> Caption:
    """Ahead of the barrier."""
    held, of = event.received_count, event.announced_count
    return caption(
        f"COMMITTABLES: {called(model, event.subtask)} holds {held} of {of} for checkpoint "
        f"{event.checkpoint_id}.",
        "They name closed transactions and travel ahead of the barrier, so that the committer's "
        "snapshot has them. It commits them when the checkpoint is complete.",
        "the list of sealed sheets reaches the one who hangs them up.",
    )


def file_renamed(_model: RunFacts, event: sink.FileRenamed) -> Caption:
    """By rename, which either has happened or has not."""
    final = "." not in event.path_after
    return caption(
        f"RENAMED: {door(event.path_before, NAME)} is now {door(event.path_after, NAME)}.",
        "Its checkpoint is complete, so the file gets its final name and readers find it. A rename "
        "happens whole or not at all, and doing it again changes nothing."
        if final
        else "Closed at the barrier and noted in the checkpoint. Readers do not look at pending "
        "files; they become final when the checkpoint is complete.",
        "the sheet gets its place on the wall." if final else "the sheet is sealed.",
    )


def readers_held(_model: RunFacts, event: sink.ReadersHeld) -> Caption:
    """The last stable offset."""
    if not event.held_row_count:
        return caption(
            f"READERS GO ON: no committed row of {door(event.topic, NAME)} is held back any more.",
            "The transaction that they had to wait for is decided.",
            "the curtain is open again.",
        )
    return caption(
        f"HELD BACK: {many(event.held_row_count, 'committed row')} behind transaction "
        f"{event.waits_for}.",
        "Readers of committed rows stop where the oldest undecided transaction begins, at the last "
        f"stable offset {event.last_stable_offset}, even if it belongs to another producer. What "
        "lies behind it has to wait for it.",
        "one sheet is not decided, so those behind it stay covered.",
    )


def rows_visible(_model: RunFacts, event: sink.RowsVisible) -> Caption | None:
    """Rows of a sink without transactions; the others are told with their commit."""
    if event.transaction_id != NO_TRANSACTION:
        return None
    rows = rows_of(event.rows)
    shown = f": {door(rows_text(rows), LABEL // 4)}" if rows else ""
    return caption(
        f"SHOWN AT ONCE: {door(event.sink, NAME)} shows {many(event.row_count, 'row')}{shown}.",
        "This sink has no transactions. What is public cannot be taken back: after a crash the "
        "same records come again, and their rows are shown a second time.",
        "every sheet goes up at once, finished or not.",
    )


def rows_upserted(_model: RunFacts, event: sink.RowsUpserted) -> Caption:
    """One row a key."""
    rows = rows_of(event.rows)
    shown = f": {door(rows_text(rows), LABEL // 4)}" if rows else ""
    how = "replaces" if event.replaced_count == event.row_count else "writes"
    return caption(
        f"UPSERT: {door(event.sink, NAME)} {how} {many(event.row_count, 'row')}{shown}.",
        "The table keeps one row a key, so a row that comes again changes nothing in the end. "
        "After a restore readers see it go back, and come forward again with the replay.",
        "the figure on the board is wiped and written anew.",
    )


TELLERS: Final[dict[type[Event], Teller]] = {
    flow.InputEnded: input_ended,
    flow.RecordRefused: record_refused,
    sink.ProducerFenced: producer_fenced,
    sink.TransactionOpened: transaction_opened,
    sink.TransactionPreCommitted: transaction_pre_committed,
    sink.TransactionCommitted: transaction_committed,
    sink.TransactionAborted: transaction_aborted,
    sink.TransactionExpired: transaction_expired,
    sink.CommitRefused: commit_refused,
    sink.WriteRefused: write_refused,
    sink.CommittablesCollected: committables_collected,
    sink.FileRenamed: file_renamed,
    sink.ReadersHeld: readers_held,
    sink.RowsVisible: rows_visible,
    sink.RowsUpserted: rows_upserted,
}
