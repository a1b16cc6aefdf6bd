"""The coordinator and its checkpoints: how one begins and ends, and who hears of it."""

from __future__ import annotations

from bandviz.check.book import NO_CHECKPOINT, Book, Fate
from bandviz.events import checkpoint as ck
from bandviz.events.coordinator import CoordinatorRecovered


def checkpoint_ids_rise(book: Book, event: ck.CheckpointTriggered) -> str:
    """No id is used twice."""
    newest = max(book.checkpoints, default=0)
    if event.checkpoint_id > newest:
        return ""
    return f"checkpoint {event.checkpoint_id} was triggered after checkpoint {newest}"


def one_snapshot(book: Book, event: ck.SnapshotTaken) -> str:
    """A subtask is in the picture once."""
    before = book.snapshots.get((event.subtask, event.checkpoint_id))
    if before is None or before.attempt != book.attempts.get(event.subtask, 0):
        return ""
    return f"{event.subtask} took its snapshot for checkpoint {event.checkpoint_id} a second time"


def upload_of_a_snapshot(book: Book, event: ck.UploadCompleted) -> str:
    """Only what was taken can become durable."""
    if (event.subtask, event.checkpoint_id) in book.snapshots:
        return ""
    return f"{event.subtask} stored a snapshot for checkpoint {event.checkpoint_id} it never took"


def acknowledged_when_durable(book: Book, event: ck.SubtaskAcknowledged) -> str:
    """An acknowledgement says: my part is on disk."""
    record = book.checkpoints.get(event.checkpoint_id)
    if record is None or event.subtask in record.durable:
        return ""
    return f"{event.subtask} acknowledged checkpoint {event.checkpoint_id} before its upload ended"


def acknowledged_once(book: Book, event: ck.SubtaskAcknowledged) -> str:
    """Only whom the checkpoint waits for is counted, and once."""
    record = book.checkpoints.get(event.checkpoint_id)
    if record is None:
        return ""
    if event.subtask not in record.expected:
        return f"checkpoint {event.checkpoint_id} does not wait for {event.subtask}, but counts it"
    if event.subtask in record.acknowledged:
        return f"{event.subtask} is counted twice for checkpoint {event.checkpoint_id}"
    return ""


def complete_when_all_have_it(book: Book, event: ck.CheckpointCompleted) -> str:
    """A checkpoint is complete when every expected part is durable and acknowledged."""
    record = book.checkpoints.get(event.checkpoint_id)
    if record is None:
        return ""
    for subtask in record.expected:
        if subtask not in record.acknowledged or subtask not in record.durable:
            return f"checkpoint {event.checkpoint_id} completed without {subtask}"
    return ""


def ids_go_on(_: Book, event: CoordinatorRecovered) -> str:
    """A new coordinator gives no id out again of which it knows a checkpoint."""
    newest = max(event.completed, default=NO_CHECKPOINT)
    if event.next_checkpoint_id > newest:
        return ""
    return f"ids go on with {event.next_checkpoint_id} although checkpoint {newest} is complete"


def one_end(book: Book, event: ck.CheckpointCompleted | ck.CheckpointAborted) -> str:
    """Only a pending checkpoint completes or aborts."""
    record = book.checkpoints.get(event.checkpoint_id)
    if record is not None and record.fate is Fate.PENDING:
        return ""
    verb = "completed" if isinstance(event, ck.CheckpointCompleted) else "aborted"
    fate = book.fate_of(event.checkpoint_id)
    return f"checkpoint {event.checkpoint_id} was {fate} when it {verb}"


def older_are_subsumed(book: Book, event: ck.CheckpointTriggered | ck.CheckpointCompleted) -> str:
    """A completed checkpoint ends the older pending ones; savepoints live for themselves."""
    newest = book.newest_completed()
    done = event.checkpoint_id if isinstance(event, ck.CheckpointCompleted) else NO_CHECKPOINT
    for number, record in book.checkpoints.items():
        passed = number < newest and record.fate is Fate.PENDING
        if passed and not record.kind.is_savepoint and done in (NO_CHECKPOINT, number):
            return f"checkpoint {number} is still pending although checkpoint {newest} is complete"
    return ""


def savepoints_are_kept(book: Book, event: ck.CheckpointDiscarded) -> str:
    """A savepoint belongs to the user."""
    record = book.checkpoints.get(event.checkpoint_id)
    if record is None or not record.kind.is_savepoint:
        return ""
    return f"savepoint {event.checkpoint_id} was deleted by the job"


def savepoints_are_silent(book: Book, event: ck.CompletionNotified) -> str:
    """Nobody hears of an intermediate savepoint, so nothing is committed for it."""
    record = book.checkpoints.get(event.checkpoint_id)
    if record is None or record.kind.is_for_recovery:
        return ""
    return f"{event.subtask} was told that savepoint {event.checkpoint_id} is complete"


def notified_of_a_complete_one(book: Book, event: ck.CompletionNotified) -> str:
    """Nobody hears of a completion before it is one."""
    fate = book.fate_of(event.checkpoint_id)
    if fate not in (Fate.PENDING.value, Fate.ABORTED.value, "unknown"):
        return ""
    return (
        f"{event.subtask} was told that checkpoint {event.checkpoint_id} is complete; it is {fate}"
    )


def offset_of_a_complete_one(book: Book, event: ck.GroupOffsetCommitted) -> str:
    """A source tells the broker where it stood at the newest checkpoint that it heard of."""
    heard = book.heard.get(event.subtask, NO_CHECKPOINT)
    saved = book.offsets_at(event.subtask, heard).get(event.partition, event.offset)
    if heard and saved == event.offset:
        return ""
    knows = f"checkpoint {heard}, of offset {saved}," if heard else "no checkpoint"
    return (
        f"{event.subtask} committed offset {event.offset} of partition {event.partition}, but has "
        f"heard of the completion of {knows}"
    )
