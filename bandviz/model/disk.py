"""Views of what survives a crash: source logs, the album of checkpoints, the public boards."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import Any

from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model.contents import tape_label
from bandviz.model.facts import IN_ALBUM, Board, Checkpoint, RunFacts, Tape
from bandviz.model.memory import LAST_ROWS_MAX, TALLY_MAX, part_contents, transaction_view
from bandviz.model.specs import balance_of, begins_with, rows_of, source_offsets
from bandviz.model.views import (
    BoardView,
    CheckpointStatus,
    CheckpointView,
    Pairs,
    PartPhase,
    TapeView,
    TransactionStatus,
)
from bandviz.model.words import moment_text, row_label, safe
from bandviz.text import NAME, SafeText, door

_PAIR = 2
_NEVER = (TransactionStatus.ABORTED, TransactionStatus.EXPIRED)
_NOT_STORED = (PartPhase.WAITS_FOR_BARRIER, PartPhase.ALIGNING, PartPhase.UPLOADING)


def tape_views(model: RunFacts) -> tuple[TapeView, ...]:
    """All source logs, in the order of declaration."""
    pages = [page for page in model.checkpoints.values() if page.status in IN_ALBUM]
    return tuple(_tape_view(model, tape, pages) for tape in model.tapes.values())


def _tape_view(model: RunFacts, tape: Tape, pages: list[Checkpoint]) -> TapeView:
    declared = tape.declared
    records, texts = _tape_words(model.rows.get((declared.topic, declared.partition), ()))
    replays = tape.replays()
    return TapeView(
        label=tape_label(tape),
        source=declared.vertex,
        partition=declared.partition,
        records=records,
        texts=texts,
        next_offset=tape.next_offset,
        cuts=_cuts(tape, pages),
        crash_offset=tape.crash_offset if replays or tape.next_offset is None else None,
        reread_from=tape.reread_from if replays else None,
    )


@lru_cache(maxsize=256)
def _tape_words(
    chunks: tuple[tuple[int, bytes], ...],
) -> tuple[tuple[SafeText, ...], tuple[SafeText, ...]]:
    """Labels and whole values of all records, by offset."""
    rows = [row for _, data in sorted(chunks) for row in rows_of(data)]
    return tuple(row_label(row) for row in rows), tuple(safe(row) for row in rows)


def _cuts(tape: Tape, pages: list[Checkpoint]) -> tuple[tuple[CheckpointId, int], ...]:
    cuts = []
    for page in pages:
        part = page.parts.get(tape.declared.subtask)
        offset = source_offsets(part.state).get(tape.declared.partition) if part else None
        if offset is not None:
            cuts.append((page.checkpoint_id, offset))
    return tuple(cuts)


def checkpoint_views(model: RunFacts) -> tuple[CheckpointView, ...]:
    """In progress and retained ones, and the newest if that was aborted; oldest first."""
    newest = next(reversed(model.checkpoints), None)
    return tuple(
        checkpoint_view(model, page)
        for page in model.checkpoints.values()
        if page.status in IN_ALBUM
        or (page.status is CheckpointStatus.ABORTED and page.checkpoint_id == newest)
    )


def checkpoint_view(model: RunFacts, page: Checkpoint) -> CheckpointView:
    """A page of the album."""
    reason = page.damage or (page.reason.value if page.reason else "")
    return CheckpointView(
        checkpoint_id=page.checkpoint_id,
        status=page.status,
        reason=door(reason),
        trigger_us=page.trigger_us,
        end_us=page.end_us,
        checkpointed_bytes=page.checkpointed_bytes,
        full_bytes=page.full_bytes,
        alignment_us=page.alignment_us,
        restored_count=page.restored_count,
        acknowledged=model.tasks(page.acknowledged),
        expected=model.tasks(page.expected),
        parts=tuple((name, _part_contents(model, page, name)) for name in page.expected),
        told_count=sum(
            page.parts[name].phase is PartPhase.TOLD for name in model.tasks(page.parts)
        ),
        unaligned=tuple(name for name in model.tasks(page.parts) if page.parts[name].unaligned),
        in_flight=tuple(
            (name, part.in_flight) for name, part in page.parts.items() if part.in_flight
        ),
        finished=page.finished,
        is_savepoint=page.kind.is_savepoint,
        money=_money(model, page),
    )


def _money(model: RunFacts, page: Checkpoint) -> tuple[int, int] | None:
    """Nothing if single transfers are not recorded: then nobody knows what is on its way."""
    if not model.is_network or not model.job.sees_records:
        return None
    there = sum(begins_with(vertex.spec) for vertex in model.vertices.values())
    return sum(balance_of(part.state) + part.in_flight for part in page.parts.values()), there


def _part_contents(model: RunFacts, page: Checkpoint, name: SubtaskId) -> Pairs | None:
    """None until the part is on disk: the copy that a task has taken is memory like all else."""
    part = page.parts.get(name)
    if part is None or part.phase in _NOT_STORED:
        return None
    return part_contents(model, name, part.state) or ()


def board_views(model: RunFacts) -> tuple[BoardView, ...]:
    """All sinks, in the order of the graph."""
    return tuple(_board_view(model, board) for board in model.boards.values())


def _board_view(model: RunFacts, board: Board) -> BoardView:
    fields = model.vertices[board.sink].fields
    hidden = [one for one in model.transactions.values() if model.board_of(one.subtask) is board]
    hidden.sort(key=lambda one: (one.status in _NEVER, one.transaction_id))
    return BoardView(
        sink=board.sink,
        topic=door(board.topic, NAME),
        contract=board.contract,
        fields=tuple(door(name, NAME) for name in fields),
        public_count=board.public_count,
        tally=_table_tally(board) or tuple(board.tally.items())[:TALLY_MAX],
        last_rows=tuple(_row_texts(row, fields) for row in board.last_rows or _newest(board)),
        hidden=tuple(transaction_view(one, board.sink) for one in hidden),
        held_count=board.held_count,
        waits_for=board.waits_for,
        written_count=board.written_count,
        written_tally=tuple(board.written_tally.items())[:TALLY_MAX],
    )


def _table_tally(board: Board) -> tuple[tuple[SafeText, int], ...]:
    """A table of (name, number) reads like a tally; by name, for its rows come and go."""
    rows = [row for row in board.table.values() if isinstance(row, tuple)]
    if not all(len(row) == _PAIR and type(row[1]) is int for row in rows):
        return ()
    return tuple(sorted((safe(name, NAME), number) for name, number in rows))[:TALLY_MAX]


def _newest(board: Board) -> list[Any]:
    return list(islice(reversed(board.table.values()), LAST_ROWS_MAX))[::-1]


def _row_texts(row: object, fields: tuple[str, ...]) -> tuple[SafeText, ...]:
    values = row if isinstance(row, tuple) else (row,)
    texts = []
    for place, value in enumerate(values):
        named = place < len(fields) and fields[place] == "window_start_ms"
        is_moment = named and isinstance(value, int)
        texts.append(door(moment_text(value), NAME) if is_moment else safe(value, NAME))
    return tuple(texts)
