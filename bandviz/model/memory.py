"""Views of what a crash wipes: boxes with their state, channels with their elements."""

from __future__ import annotations

from functools import lru_cache

from bandviz.events.flow import EndKind
from bandviz.events.structure import VertexDeclared
from bandviz.ids import ChannelId, CheckpointId, RecordId, SubtaskId
from bandviz.model.contents import (
    had_pairs,
    restored_pairs,
    snapshot_pairs,
    tape_label,
    timer_pairs,
    working_pairs,
)
from bandviz.model.facts import Checkpoint, Element, Part, RunFacts, Transaction
from bandviz.model.specs import lineage_of, rows_of
from bandviz.model.views import (
    NO_CHECKPOINT,
    NO_TEXT,
    STATEFUL,
    ChannelView,
    CheckpointStatus,
    ElementView,
    Pairs,
    PartPhase,
    PartView,
    SubtaskStatus,
    SubtaskView,
    TaskManagerView,
    TransactionView,
)
from bandviz.model.words import many, moment_text, row_label, rows_text
from bandviz.text import LABEL, SafeText, door

TALLY_MAX = 50
LAST_ROWS_MAX = 20
CONTENTS_MAX = 1_000
"""Entries that a view of stored or lost state holds; what is shown of them is for panels to say."""
_ALIVE = (SubtaskStatus.RUNNING, SubtaskStatus.FINISHED)
_AHEAD = PartPhase.WAITS_FOR_BARRIER
_BEFORE_SNAPSHOT = (PartPhase.WAITS_FOR_BARRIER, PartPhase.ALIGNING)


def subtask_views(model: RunFacts) -> tuple[SubtaskView, ...]:
    """All boxes, in the order of the graph."""
    return tuple(subtask_view(model, name) for name in model.subtasks)


def task_views(model: RunFacts) -> tuple[tuple[SubtaskView, ...], ...]:
    """The operators of each task in the order of their calls; most run alone."""
    calls = {
        one.declared.upstream: one.declared.downstream
        for one in model.channels.values()
        if one.declared.chained
    }
    tasks = []
    for name in model.tasks(model.subtasks):
        task = [name]
        while task[-1] in calls:
            task.append(calls[task[-1]])
        tasks.append(tuple(subtask_view(model, each) for each in task))
    return tuple(tasks)


def subtask_view(model: RunFacts, name: SubtaskId) -> SubtaskView:
    """One box."""
    subtask = model.subtasks[name]
    kind = model.kind(name)
    tapes = model.tapes_of(name) if kind == "source" else []
    keyed = working_pairs(model, name) if kind in STATEFUL else ()
    transaction = model.transactions.get(subtask.transaction_id)
    runs_again = subtask.attempt > 1 and subtask.status in _ALIVE
    timers = timer_pairs(model, name, 1)
    declared = subtask.declared
    board = model.boards.get(name.vertex)
    return SubtaskView(
        subtask=name,
        kind=kind,
        sole=model.vertices[name.vertex].parallelism == 1,
        status=subtask.status,
        attempt=subtask.attempt,
        stall=subtask.stall,
        offsets=tuple(
            (tape_label(tape), tape.next_offset) for tape in tapes if tape.next_offset is not None
        ),
        state=keyed,
        state_count=len(subtask.keyed) if keyed else 0,
        had=had_pairs(model, name, CONTENTS_MAX),
        had_offsets=tuple(
            (tape_label(tape), tape.crash_offset)
            for tape in tapes
            if tape.next_offset is None and tape.crash_offset is not None
        ),
        transaction=transaction_view(transaction, name.vertex) if transaction else None,
        watermark_ms=subtask.watermark_ms,
        part=_part_view(model, name) if subtask.status in _ALIVE else None,
        restored_from=subtask.restored_from if runs_again else None,
        restored=_restored(model, name) if runs_again else None,
        task_manager=_task_manager_of(model, name),
        late=subtask.late,
        idle=subtask.idle,
        failure=subtask.failure[0] if subtask.failure else NO_TEXT,
        duplicate_count=subtask.duplicate_count,
        contract=board.contract if board is not None and kind == "sink" else "",
        key_groups=(declared.first_key_group, declared.last_key_group)
        if kind in STATEFUL
        else None,
        timer_count=len(subtask.timers),
        next_timer=timers[0][1] if timers else NO_TEXT,
        paused_count=subtask.paused_count,
    )


def _task_manager_of(model: RunFacts, name: SubtaskId) -> SafeText | None:
    for manager in model.task_managers.values():
        if name in manager.subtasks:
            return door(manager.task_manager)
    return None


def task_manager_views(model: RunFacts) -> tuple[TaskManagerView, ...]:
    """All processes, in the order of declaration."""
    return tuple(
        TaskManagerView(
            door(one.task_manager),
            one.subtasks,
            tuple(
                name
                for name in one.subtasks
                if model.subtasks[name].status is SubtaskStatus.RUNNING
            ),
            one.task_manager in model.job.lost_managers,
        )
        for one in model.task_managers.values()
    )


def _part_view(model: RunFacts, name: SubtaskId) -> PartView | None:
    """Its part in the newest checkpoint of this attempt that was not given up.

    One that it has not begun gives way to an older one that it is still busy with.
    """
    mine: list[tuple[Checkpoint, Part]] = []
    for page in reversed(model.checkpoints.values()):
        if page.trigger_us < model.subtasks[name].deployed_us:
            break
        part = page.parts.get(name)
        if part is None or page.status is CheckpointStatus.ABORTED:
            continue
        mine.append((page, part))
        if page.status is not CheckpointStatus.IN_PROGRESS:
            break
    busy = [
        (page, part)
        for page, part in mine
        if page.status is CheckpointStatus.IN_PROGRESS and part.phase is not _AHEAD
    ]
    return next((_view_of(model, name, *one) for one in busy or mine), None)


def _view_of(model: RunFacts, name: SubtaskId, page: Checkpoint, part: Part) -> PartView:
    contents = part_contents(model, name, part.state) if part.taken else ()
    return PartView(
        page.checkpoint_id, part.phase, missing(model, name, part), contents, part.state_bytes,
        part.unaligned, part.in_flight,
    )  # fmt: skip


def _restored(model: RunFacts, name: SubtaskId) -> Pairs | None:
    state = model.subtasks[name].restored
    if state is not None and model.kind(name) in STATEFUL:
        return part_contents(model, name, state)
    return restored_pairs(model, name)


def part_contents(model: RunFacts, name: SubtaskId, state: bytes) -> Pairs | None:
    """Contents of a snapshot; None if the recording does not hold them."""
    if model.kind(name) in STATEFUL:
        return _keyed_contents(model.vertices[name.vertex], state)
    return snapshot_pairs(model, name, state)


@lru_cache(maxsize=256)
def _keyed_contents(vertex: VertexDeclared, state: bytes) -> Pairs | None:
    """A snapshot never changes and views are made with every frame, so it is worded once."""
    alone = RunFacts(vertices={vertex.vertex: vertex})
    return snapshot_pairs(alone, SubtaskId(vertex.vertex, 0), state, CONTENTS_MAX)


def transaction_view(transaction: Transaction, sink: str) -> TransactionView:
    """A transaction that is not public; `sink` is the vertex whose output it belongs to."""
    return TransactionView(
        transaction_id=transaction.transaction_id,
        sink=sink,
        status=transaction.status,
        row_count=transaction.row_count,
        tally=tuple(transaction.tally.items())[:TALLY_MAX],
        checkpoint_id=transaction.checkpoint_id,
        orphan=transaction.orphan,
    )


def missing(model: RunFacts, name: SubtaskId, part: Part) -> tuple[SubtaskId, ...]:
    """Upstream subtasks whose barrier this subtask still waits for, in the order of its gate.

    An unaligned snapshot is taken before they are here; what comes ahead of them belongs to it.
    """
    persisting = part.unaligned and part.phase is PartPhase.UPLOADING
    if part.phase not in _BEFORE_SNAPSHOT and not persisting:
        return ()
    return tuple(
        model.upstream(channel)
        for channel in model.inputs[name]
        if channel not in part.arrived
        and model.channels[channel].ended is not EndKind.PARTITION
        and not model.channels[channel].declared.chained
    )


def channel_views(model: RunFacts) -> tuple[ChannelView, ...]:
    """All channels, in the order of declaration."""
    return tuple(channel_view(model, name) for name in model.channels)


def channel_view(model: RunFacts, name: ChannelId) -> ChannelView:
    """One channel, first to be delivered first."""
    channel = model.channels[name]
    declared = channel.declared
    return ChannelView(
        channel=name,
        upstream=declared.upstream,
        downstream=declared.downstream,
        partitioner=model.edges[declared.edge].partitioner,
        blocked_by=channel.blocked_by,
        elements=tuple(
            _element_view(model, declared.upstream, position, element)
            for position, element in channel.in_order()
        ),
        lost_record_count=channel.lost_record_count,
        ended=channel.ended,
        forced=channel.forced,
        chained=declared.chained,
        fifo=declared.fifo,
    )


def _element_view(
    model: RunFacts, upstream: SubtaskId, position: int, element: Element
) -> ElementView:
    label, text = element_words(element, committable=model.kind(upstream) == "writer")
    is_record = element.kind == "record"
    in_band = element.kind in ("barrier", "cancel")
    return ElementView(
        position=position,
        kind=element.kind,
        label=label,
        text=text,
        checkpoint_id=CheckpointId(element.number) if in_band else NO_CHECKPOINT,
        count=element.number if is_record else 1,
        replay=is_record and _is_replay(model, element.lineage),
        sent_us=element.sent_us,
        arrive_us=element.arrive_us,
        ahead=element.ahead,
        persisted=element.persisted,
        announced=element.announced,
        forced=element.forced,
    )


@lru_cache(maxsize=4096)
def element_words(element: Element, *, committable: bool = False) -> tuple[SafeText, SafeText]:
    """(label, whole value) of an element; a record without recorded contents is `*`.

    What a writer tells its committer is `t3`, a transaction to commit, or `#1`, how many there are.
    """
    number = element.number
    match element.kind:
        case "barrier":
            return door(str(number)), door(f"barrier of checkpoint {number}")
        case "cancel":
            return door(str(number)), door(f"cancel marker of checkpoint {number}")
        case "status":
            return (door("i"), door("idle")) if number else (door("a"), door("active again"))
        case "watermark":
            return door("w"), door(f"watermark {moment_text(number)}")
        case "end":
            return (door("E"), door("EndOfPartition")) if number else (door("e"), door("EndOfData"))
    rows = rows_of(element.values)
    if not rows:
        return door("*"), door(many(number, "record"))
    match rows[0]:
        case (_, _, announced, transaction) if committable:
            label = door(f"t{transaction}" if transaction else f"#{announced}", LABEL)
        case row:
            label = row_label(row)
    return label, rows_text(rows)


def _is_replay(model: RunFacts, lineage: bytes) -> bool:
    """Is any of its source records one that is read a second time?

    What was in flight in the restored checkpoint is not: it is put back, not read again.
    """
    for record in lineage_of(lineage):
        if isinstance(record, RecordId):
            tape = model.tapes.get((record.source, record.partition))
            if tape is not None and tape.reads_again(record.offset):
                return True
    return False
