"""The photo album: checkpoints on disk, newest first, with what each holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.model.views import CheckpointStatus, CheckpointView, Pairs
from bandviz.tui.panels.typeset import clip, clip_all, text
from bandviz.tui.panels.words import Names, listed, quantity
from bandviz.tui.spans import Line, Span, checkpoint_style, fit, width

_PAGES_SHOWN = 3
_PAIRS_SHOWN = 4
_BECAUSE: Final = {
    Reason.EXPIRED.value: "it took too long",
    Reason.DECLINED.value: "a task could not",
    Reason.SUBSUMED.value: "a newer one came",
    Reason.JOB_FAILOVER.value: "the job restarted",
    Reason.FINALIZE_FAILURE.value: "disk trouble",
    Reason.ASYNC_FAILURE.value: "disk trouble",
    Reason.CANCELLED.value: "a task gave it up",
    Reason.IO_FAILURE.value: "disk trouble",
    Reason.TASK_CLOSING.value: "a task was ending",
    Reason.TASK_NOT_READY.value: "a task was not ready",
    Reason.COORDINATOR_SUSPENDED.value: "the JobManager died",
    Reason.COORDINATOR_SHUTDOWN.value: "the job ended",
}
_SOUND: Final = (CheckpointStatus.COMPLETE, CheckpointStatus.SAVEPOINT)


def album_lines(
    checkpoints: Sequence[CheckpointView], names: Names, cells: int, rows: int, *, tight: bool
) -> list[Line]:
    """`checkpoints` oldest first. The newest page shows its parts, older ones what room is left.

    The newest complete one is always among those shown: it is what a restore would take.
    """
    pages = _chosen(checkpoints, min(_PAGES_SHOWN, max(rows, 1)))
    if not pages:
        return [text("CKPT  none yet" if tight else "none yet", "muted")]
    room = rows - len(pages)
    lines: list[Line] = []
    for place, page in enumerate(pages):
        lines.append(clip(_heading(page, cells, tight), cells))
        older = len(pages) - place - 1
        parts = _parts(page, names, cells, max(room - older, min(room, 1)), tight=tight)
        room -= len(parts)
        lines += parts
    return clip_all(lines, cells, rows)


def _chosen(checkpoints: Sequence[CheckpointView], pages_max: int) -> list[CheckpointView]:
    newest_first = [
        page for page in reversed(checkpoints) if page.status is not CheckpointStatus.DISCARDED
    ]
    shown = newest_first[:pages_max]
    complete = [page for page in newest_first if page.status is CheckpointStatus.COMPLETE]
    if complete and complete[0] not in shown:
        shown[-1] = complete[0]
    return shown


def _heading(page: CheckpointView, cells: int, tight: bool) -> Line:
    number = Span(str(page.checkpoint_id), checkpoint_style(page.checkpoint_id))
    kind = "SAVEPOINT " if page.is_savepoint else "CKPT " if tight else ""
    before = (Span(kind, "muted"),) if kind else ()
    status = _status(page)
    whole = (*before, number, Span("  "), *status)
    return whole if width(whole) <= cells else (*before, number, Span("  "), *status[:1])


def _status(page: CheckpointView) -> Line:
    if page.status is CheckpointStatus.IN_PROGRESS:
        return text("in progress")
    style = "ok" if page.status in _SOUND else "failed"
    kept = page.status is CheckpointStatus.SAVEPOINT
    word = Span((CheckpointStatus.COMPLETE if kept else page.status).value.upper(), style)
    if page.status is CheckpointStatus.ABORTED:
        because = _BECAUSE.get(page.reason, page.reason)
        return (Span(word.text, "warn"), Span(f": {because}" if because else ""))
    if page.money is not None:
        recorded, there = page.money
        sum_ = Span(f"adds up to {recorded} of {there}", "text" if recorded == there else "failed")
        return (word, Span(": "), sum_)
    told = {0: "", 1: ", restored once"}.get(
        page.restored_count, f", restored {page.restored_count} times"
    )
    if kept:
        told += ", no restart takes it"
    if 0 < page.told_count < len(page.expected):
        told += f", {page.told_count} of {len(page.expected)} told"
    if page.unaligned:
        told += f", {len(page.unaligned)} of {len(page.expected)} unaligned"
    new, full = page.checkpointed_bytes, page.full_bytes
    if new < full:
        told += f", {new:,} of {full:,} bytes new"
    return (word, Span(told)) if told else (word,)


def _parts(page: CheckpointView, names: Names, cells: int, rows: int, *, tight: bool) -> list[Line]:
    """One row a part if there is room, else one after the other."""
    if rows <= 0 or page.status is CheckpointStatus.ABORTED:
        return []
    names = _names_then(page, names)
    told = [subtask for subtask, _ in page.parts]
    column = max([len(names(one)) for one in (*told, *page.finished)], default=0) + 2
    room = cells - 3 - column
    in_flight = dict(page.in_flight)
    parts = [
        (names(subtask), _contents(pairs, in_flight.get(subtask, 0), room, tight))
        for subtask, pairs in page.parts
    ]
    parts += [(names(subtask), "finished") for subtask in page.finished]
    if not tight and len(parts) <= rows:
        return [
            (Span(f"   {name.ljust(column)}"), Span(contents, "snapshot"))
            for name, contents in parts
        ]
    return _flowed(parts, cells, rows, indent=0 if tight else 3)


def _names_then(page: CheckpointView, names: Names) -> Names:
    """`count[0]` where an operator that is rescaled since had several subtasks."""
    several = {one.vertex for one in (*page.expected, *page.finished) if one.index}
    return lambda subtask: str(subtask) if subtask.vertex in several else names(subtask)


def _flowed(parts: Sequence[tuple[str, str]], cells: int, rows: int, *, indent: int) -> list[Line]:
    """Parts one after the other; when not all have room, whole ones and an ellipsis."""
    lines: list[list[Line]] = []
    for name, contents in parts:
        part: Line = (Span(f"{name} "), Span(contents, "snapshot"))
        if lines and width(_row(lines[-1], indent)) + 3 + width(part) <= cells:
            lines[-1].append(part)
        else:
            lines.append([part])
    if len(lines) <= rows:
        return [_row(line, indent) for line in lines]
    shown = lines[:rows]
    if len(shown[-1]) > 1 and width(_row(shown[-1], indent)) + 2 > cells:
        shown[-1].pop()
    last = fit(_row(shown[-1], indent), min(width(_row(shown[-1], indent)), cells - 2))
    return [*(_row(line, indent) for line in shown[:-1]), (*last, Span(" …", "muted"))]


def _row(parts: Sequence[Line], indent: int) -> Line:
    spans: list[Span] = [Span(" " * indent)] if indent else []
    for place, part in enumerate(parts):
        spans += [*([Span("   ")] if place else []), *part]
    return tuple(spans)


def _contents(pairs: Pairs | None, in_flight: int, cells: int, tight: bool) -> str:
    """What the part holds, and the records in flight that belong to it."""
    held = _held(pairs, tight)
    if not in_flight:
        return held
    long = f"{held} + {in_flight} in flight"
    return f"{held} +{in_flight}" if tight or len(long) > cells else long


def _held(pairs: Pairs | None, tight: bool) -> str:
    if pairs is None:
        return ".."
    if not pairs:
        return "-"
    if len(pairs) > _PAIRS_SHOWN:
        return f"{quantity(pairs)} entries"
    if tight and len(pairs) == 1 and pairs[0][0] == "offset":
        return pairs[0][1]
    return listed(pairs, " " if tight else ", ", short=tight)
