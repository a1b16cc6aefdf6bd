"""The protocol, rule by rule, as it can be seen from outside.

`RULES` is the whole list: event type -> rules. A rule looks at the book as it stood *before* the
event and answers with a sentence if the event must not be; the empty text means that all is well.
Source: semantics.md 2.1, 3 and 4.1 in our words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final, cast

from bandviz.check.book import NO_CHECKPOINT, Book, Fate, TransactionFate
from bandviz.check.compare import canonical
from bandviz.check.in_flight import PUT_BACK
from bandviz.events import Event, flow, job, sink, time
from bandviz.events import checkpoint as ck
from bandviz.events.coordinator import CoordinatorRecovered
from bandviz.events.values import unpack
from bandviz.ids import CheckpointId, SubtaskId

UNION: Final = "part_counters"
"""State of which each subtask gets what all had."""
DEALT: Final = ("transactions", "committables")
"""List state, dealt out element by element when there are more or fewer subtasks."""

Rule = Callable[[Book, Any], str]


# -- channels


def nothing_from_nowhere(book: Book, event: Any) -> str:
    """What is delivered was put into the channel in this attempt, and not cleared since.

    The step that crashes may deliver: its FLOW events stand behind its CONTROL events.
    """
    lane = book.lanes[event.channel]
    if 0 <= lane.cleared_step < book.step:
        return f"position {event.position} came out of {lane} after a crash had emptied it"
    if event.position in lane.waiting:
        return ""
    return f"position {event.position} came out of {lane}, but nobody put it in during this attempt"


def first_in_first_out(book: Book, event: Any) -> str:
    """Nothing overtakes but unaligned barriers, where a channel keeps the order at all."""
    lane = book.lanes[event.channel]
    if event.position in lane.ahead or not lane.fifo:
        return ""
    first = min(lane.waiting, default=event.position)
    if event.position not in lane.waiting or first == event.position:
        return ""
    return f"position {event.position} of {lane} overtook position {first}"


def whole_buffers(book: Book, event: flow.RecordsDelivered) -> str:
    """A buffer arrives with as many records as it set off with."""
    lane = book.lanes[event.channel]
    sent = lane.waiting.get(event.position, event.count)
    if sent == event.count:
        return ""
    return f"{sent} records set off at position {event.position} of {lane}, {event.count} arrived"


def blocked_is_silent(book: Book, event: Any) -> str:
    """A blocked channel delivers nothing from behind the barrier until alignment ends."""
    lane = book.lanes[event.channel]
    if not lane.blocked or event.position < lane.blocked_at:
        return ""
    return f"{lane} is blocked, but position {event.position} was read"


def barrier_ids_rise(book: Book, event: ck.BarrierEmitted) -> str:
    """One barrier per checkpoint and channel, in the order of ids."""
    lane = book.lanes[event.channel]
    newest = max(lane.barriers, default=0)
    if event.checkpoint_id > newest:
        return ""
    return f"barrier {event.checkpoint_id} went into {lane} after barrier {newest}"


def barrier_as_sent(book: Book, event: ck.BarrierArrived) -> str:
    """Who takes a barrier takes it for the checkpoint that it was sent for."""
    lane = book.lanes[event.channel]
    unknown = event.position not in lane.waiting  # `nothing_from_nowhere` speaks of that
    if unknown or lane.barriers.get(event.checkpoint_id) == event.position:
        return ""
    return f"position {event.position} of {lane} is no barrier {event.checkpoint_id}"


# -- sources


def reading_goes_on(book: Book, event: flow.SourcePolled) -> str:
    """A source reads on where it stopped; only a rewind may move it."""
    expected = book.next_offset.get((event.subtask, event.partition), 0)
    if event.offset == expected:
        return ""
    return (
        f"{event.subtask} read offset {event.offset} of partition {event.partition}, "
        f"but {expected} was next"
    )


def one_reader(book: Book, event: flow.SourcePolled) -> str:
    """A partition is read by one subtask of its source; only a rescaling gives it to another."""
    reader = book.readers.get((event.subtask.vertex, event.partition), event.subtask)
    if reader == event.subtask:
        return ""
    return f"{event.subtask} read partition {event.partition}, which {reader} reads"


def rewound_to_the_cut(book: Book, event: job.SourceRewound) -> str:
    """After a restore a source goes on at the offset in its snapshot."""
    if not book.restoring and book.job.begins_at_latest(event.subtask.vertex):
        return ""
    saved = book.offsets_at(event.subtask, book.restoring) if book.restoring else {}
    offset = saved.get(event.partition, event.to_offset) if book.restoring else 0
    if event.to_offset == offset:
        return ""
    return f"{event.subtask} goes on at offset {event.to_offset}, its snapshot says {offset}"


# -- checkpoints


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


# -- recovery


def restore_from_the_newest(book: Book, event: job.RestoreStarted) -> str:
    """A restore uses the newest checkpoint that is complete, kept and sound."""
    newest = book.newest_completed()
    if event.checkpoint_id == newest:
        return ""
    what = f"checkpoint {event.checkpoint_id} ({book.fate_of(event.checkpoint_id)})"
    return (
        f"attempt {event.attempt} starts from {what if event.checkpoint_id else 'nothing'}; "
        f"the newest usable checkpoint is {newest}"
    )


def attempts_rise(book: Book, event: job.SubtaskDeployed) -> str:
    """A new execution has a new attempt number."""
    last = book.attempts.get(event.subtask, 0)
    if event.attempt > last:
        return ""
    return f"{event.subtask} was deployed as attempt {event.attempt} after attempt {last}"


def attempts_never_fall(book: Book, event: job.RestoreStarted | job.JobStatusChanged) -> str:
    """The job's attempt number only rises."""
    if event.attempt >= book.attempt:
        return ""
    return f"attempt {event.attempt} is spoken of after attempt {book.attempt}"


def one_restore_one_checkpoint(book: Book, event: job.SubtaskRestored) -> str:
    """All subtasks come back from the same picture."""
    if event.checkpoint_id == (book.restoring or 0):
        return ""
    return f"{event.subtask} took checkpoint {event.checkpoint_id}, the job {book.restoring or 0}"


def restored_as_taken(book: Book, event: job.SubtaskRestored) -> str:
    """What comes back from storage is what the snapshot held, no more and no less.

    Of one that was taken with another parallelism, `history` compares what has a key, and
    `dealt_out_whole` what has none.
    """
    if _is_share(book, event):
        return ""
    snapshot = book.snapshots.get((event.subtask, event.checkpoint_id))
    if not event.state:
        return ""
    if event.checkpoint_id == 0:
        return f"{event.subtask} starts empty, but got a state"
    if snapshot is None or not snapshot.state:
        return ""
    taken = _of_operator(snapshot.state)
    if UNION in taken:
        all_of_them = _taken(book, event.subtask.vertex, event.checkpoint_id)
        taken[UNION] = _elements(all_of_them, UNION)
    if taken == _of_operator(event.state):
        return ""
    return f"{event.subtask} came back with another state than it had at {event.checkpoint_id}"


def dealt_out_whole(book: Book, event: job.SubtaskRestored) -> str:
    """With another parallelism, each element of a list is dealt to one subtask.

    Told when the last of them is back, all from the same checkpoint, and no state was too large.
    """
    vertex, checkpoint_id = event.subtask.vertex, event.checkpoint_id
    width = book.job.vertices[vertex].parallelism
    if event.subtask.index < width - 1 or not _is_share(book, event):
        return ""
    back = [book.restored.get(SubtaskId(vertex, index)) for index in range(width - 1)]
    new = [one.state for one in (*back, event) if one and one.checkpoint_id == checkpoint_id]
    old = _taken(book, vertex, checkpoint_id)
    if len(new) < width or not all((*new, *old)):
        return ""
    for section in DEALT:
        held, stored = _elements(new, section), _elements(old, section)
        if held != stored:
            return (
                f"the subtasks of {vertex} got {len(held)} {section} of checkpoint "
                f"{checkpoint_id}, not the {len(stored)} that were stored"
            )
    return ""


def _is_share(book: Book, event: job.SubtaskRestored) -> bool:
    return 0 < event.checkpoint_id <= book.rescaled_at.get(event.subtask.vertex, 0)


def _taken(book: Book, vertex: str, checkpoint_id: CheckpointId) -> list[bytes]:
    """States of all its subtasks that are in a checkpoint."""
    return [
        record.state
        for (name, at), record in book.snapshots.items()
        if (name.vertex, at) == (vertex, checkpoint_id)
    ]


def _elements(states: Iterable[bytes], section: str) -> list[bytes]:
    """Elements of a list state, of several subtasks together."""
    parts = [cast("list[bytes]", _of_operator(state).get(section, [])) for state in states if state]
    return sorted(chain.from_iterable(parts))


def _of_operator(state: bytes) -> dict[str, object]:
    """Without data in flight, which is told apart and counted by the ledger."""
    plain = canonical(unpack(state))
    plain.pop("in_flight", None)
    return plain


# -- transactions


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


_DELIVERY: Final[tuple[Rule, ...]] = (nothing_from_nowhere, first_in_first_out, blocked_is_silent)

RULES: Final[dict[type[Event], tuple[Rule, ...]]] = {
    flow.RecordsDelivered: (*_DELIVERY, whole_buffers),
    flow.WatermarkDelivered: _DELIVERY,
    time.WatermarkStatusDelivered: _DELIVERY,
    flow.EndArrived: _DELIVERY,
    ck.BarrierArrived: (*_DELIVERY, barrier_as_sent),
    ck.CancelMarkerArrived: _DELIVERY,
    ck.BarrierEmitted: (barrier_ids_rise,),
    flow.SourcePolled: (reading_goes_on, one_reader),
    job.SourceRewound: (rewound_to_the_cut,),
    ck.CheckpointTriggered: (checkpoint_ids_rise, older_are_subsumed),
    ck.SnapshotTaken: (one_snapshot, promises_are_stored),
    ck.UploadCompleted: (upload_of_a_snapshot,),
    ck.SubtaskAcknowledged: (acknowledged_when_durable, acknowledged_once),
    ck.CheckpointCompleted: (one_end, complete_when_all_have_it, older_are_subsumed),
    ck.CheckpointAborted: (one_end,),
    ck.CheckpointDiscarded: (savepoints_are_kept,),
    CoordinatorRecovered: (ids_go_on,),
    ck.CompletionNotified: (notified_of_a_complete_one, savepoints_are_silent),
    ck.GroupOffsetCommitted: (offset_of_a_complete_one,),
    job.RestoreStarted: (restore_from_the_newest, attempts_never_fall),
    job.JobStatusChanged: (attempts_never_fall,),
    job.SubtaskDeployed: (attempts_rise,),
    job.SubtaskRestored: (one_restore_one_checkpoint, restored_as_taken, dealt_out_whole),
    sink.TransactionPreCommitted: (pre_committed_once, pre_committed_before_completion),
    sink.TransactionCommitted: (
        committed_once, committed_after_pre_commit, committed_when_complete, committed_when_told,
        committed_whole,
    ),
    sink.TransactionAborted: (promised_is_not_aborted,),
    sink.RowsVisible: (visible_when_committed,),
    job.RunEnded: (promises_are_kept, undone_is_aborted),
}  # fmt: skip

PROTOCOL: Final = frozenset(
    [PUT_BACK, *(rule.__name__ for rules in RULES.values() for rule in rules)]
)
"""Names of the rules that no run of any job breaks: whoever tells so tells an impossible story."""
