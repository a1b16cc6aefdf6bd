"""What stands inside a MEMORY box: the subtask's working state, and its part in a checkpoint.

The most important line comes first, so a small box shows the best of it. A narrow box has shorter
words: `next offset  5` becomes `offset 5`.
"""

from __future__ import annotations

from typing import Final

from bandviz.events.flow import StallReason
from bandviz.model.views import Pairs, PartPhase, SubtaskStatus, SubtaskView, TransactionView
from bandviz.model.words import many, moment_text
from bandviz.tui.panels.typeset import blank, clip, clip_all, joined, text, wrap
from bandviz.tui.panels.words import Names, listed, quantity
from bandviz.tui.spans import Line, Span, checkpoint_style, width

_STALLS: Final = {
    StallReason.NO_INPUT: "waits for input",
    StallReason.BLOCKED: "waits: inputs blocked",
    StallReason.BACK_PRESSURED: "waits: output is full",
    StallReason.WAITS_FOR_FINAL_CHECKPOINT: "waits for last ckpt",
}

_CKPT_LEAST: Final = 10
"""A box with fewer cells writes `[1]`, the barrier's sign, for `ckpt 1:`."""


def boxes(view: SubtaskView, width: int, height: int, narrow: bool, names: Names) -> list[Line]:
    """At most `height` lines of at most `width` cells; the caller draws border and padding."""
    match view.status:
        case SubtaskStatus.ABSENT:
            lines = [text("not there yet", "muted")]
        case SubtaskStatus.CANCELED:
            lines = [text("CANCELED", "warn")]
        case SubtaskStatus.FAILED:
            lines = _failed(view, width, height)
        case _:
            lines = _running(view, width, height, narrow, names)
    return clip_all(lines, width, height)


def _failed(view: SubtaskView, cells: int, height: int) -> list[Line]:
    nothing = text("has nothing", "lost")
    had = listed(view.had, " ")
    if view.kind == "window" and view.had:
        had = many(len(view.had), "open window")
    if view.had_offsets:
        one = len(view.had_offsets) == 1
        had = " ".join(f"{'offset' if one else label} {at}" for label, at in view.had_offsets)
    if not had:
        return [text("FAILED", "failed"), nothing]
    lost = wrap(text(f"had {had}", "lost"), cells)
    return [text("FAILED", "failed"), *lost[: max(1, height - 2)], nothing]


def _running(view: SubtaskView, cells: int, height: int, narrow: bool, names: Names) -> list[Line]:
    head = [text("FINISHED", "ok")] if view.status is SubtaskStatus.FINISHED else []
    below = _checkpoint_lines(view, cells, narrow, names)
    if view.kind == "source":
        return [*head, *_offsets(view, cells, narrow), *below]
    if view.kind == "sink":
        return [*head, *_transaction(view.transaction, cells, narrow), *below]
    room = height - len(head) - len(below)
    if view.kind in ("aggregate", "window"):
        head += _watermark(view) if room > 2 else []
        state = _state(view, cells, max(1, height - len(head) - len(below)), narrow)
        spare = height - len(head) - len(state) - len(below)
        return [*head, *state, *([blank()] if below and spare > 0 else []), *below]
    return [*head, *(_stall(view) or [text("keeps no state", "muted")]), *below]


def _stall(view: SubtaskView) -> list[Line]:
    words = _STALLS.get(view.stall)
    return [text(words, "held")] if words else []


def _watermark(view: SubtaskView) -> list[Line]:
    if view.kind != "window" or view.watermark_ms is None:
        return []
    return [text(f"wm {moment_text(view.watermark_ms)}", "watermark")]


def _offsets(view: SubtaskView, cells: int, narrow: bool) -> list[Line]:
    if not view.offsets:
        return [text("no offset yet", "muted")]
    if len(view.offsets) == 1:
        label, offset = view.offsets[0]
        words = "offset" if narrow else "next offset"
        if label != view.subtask.vertex and not narrow:
            words = f"{label} next"
        return [_figure(words, str(offset), cells, narrow)]
    return [_figure(label, str(offset), cells, narrow) for label, offset in view.offsets]


def _figure(words: str, value: str, cells: int, narrow: bool, style: str = "text") -> Line:
    """A word and its figure; in a wide box figures stand under one another."""
    room = max(1, min(cells, 14) - len(words) - len(value))
    return (Span(words + " " * (1 if narrow else room), style), Span(value, "state"))


def _transaction(transaction: TransactionView | None, cells: int, narrow: bool) -> list[Line]:
    if transaction is None:
        return [text("no transaction", "muted")]
    number, status = transaction.transaction_id, transaction.status.value
    rows = many(transaction.row_count, "line")
    if narrow or cells < len(f"{status}, {rows}"):
        return [text(f"txn {number}", "state"), text(status), text(rows)]
    return [text(f"transaction {number}", "state"), text(f"{status}, {rows}")]


def _state(view: SubtaskView, cells: int, room: int, narrow: bool) -> list[Line]:
    if not view.state:
        return [text(f"no {_noun(view)}s yet", "muted")]
    if view.kind == "window":
        pairs = [(name, f"{name} {value}") for name, value in view.state]
        rows = [text(pair if len(pair) <= cells else name) for name, pair in pairs]
        return [text(f"{many(view.state_count, 'window')} open", "state"), *rows[: room - 1]]
    for separator in ("   ", "  ", " ")[2 if narrow else 0 :]:
        rows = _packed(view.state, cells, separator, "state")
        if len(rows) <= room and view.state_count <= len(view.state):
            return rows
    if room == 1:
        return [clip(joined(rows[0], text(" …", "muted")), cells)]
    return [*rows[: room - 1], text(f"… {many(view.state_count, _noun(view))}", "muted")]


def _packed(pairs: Pairs, cells: int, separator: str, style: str) -> list[Line]:
    """As many pairs a row as have room."""
    rows: list[str] = []
    for name, value in pairs:
        pair = f"{name} {value}"
        if rows and len(rows[-1]) + len(separator) + len(pair) <= cells:
            rows[-1] += separator + pair
        else:
            rows.append(pair)
    return [text(row, style) for row in rows]


def _checkpoint_lines(view: SubtaskView, cells: int, narrow: bool, names: Names) -> list[Line]:
    """The part in the present checkpoint; before there is one, what this attempt began with."""
    if view.part is None:
        return _restored(view, cells, narrow)
    number = view.part.checkpoint_id
    head: Line = (Span("ckpt "), Span(str(number), checkpoint_style(number)), Span(":"))
    if cells < _CKPT_LEAST:
        head = (Span(f"[{number}]", checkpoint_style(number)),)
    phase, waits = view.part.phase, view.part.waits_for
    if phase is PartPhase.WAITS_FOR_BARRIER:
        return [(*head, Span(" -", "muted"))]
    if phase is PartPhase.ALIGNING:
        if cells < _CKPT_LEAST:
            return [(*head, Span(" ..", "held"))]
        who = names(waits[0]) if len(waits) == 1 else many(len(waits), "barrier")
        whose = "" if narrow or len(waits) != 1 else "'s barrier"
        lines = wrap((*head, Span(f" waits for {who}{whose}", "held")), cells)
        brief = wrap((*head, Span(f" waits for {who}", "held")), cells)
        return lines if len(lines) <= 2 else brief
    return _taken(view, head, cells, narrow)


def _taken(view: SubtaskView, head: Line, cells: int, narrow: bool) -> list[Line]:
    assert view.part is not None
    contents = view.part.contents
    if view.offsets and contents and len(contents) == 1:
        return [_beside_head(head, str(contents[0][1]), cells, narrow)]
    if not contents or cells < 14:
        word = "copied" if view.part.phase is PartPhase.UPLOADING else "stored"
        return [(*head, Span(" ok" if cells < _CKPT_LEAST else f" {word}", "snapshot"))]
    if view.kind == "sink":
        return wrap((*head, Span(f" {listed(contents, short=True)}", "snapshot")), cells)
    rows = _packed(contents, cells, "   ", "snapshot")
    if len(rows) > 1 or width(rows[0]) > cells:
        return wrap((*head, Span(f" {quantity(contents)} {_noun(view)}s", "snapshot")), cells)
    return [head, *rows]


def _noun(view: SubtaskView) -> str:
    return "window" if view.kind == "window" else "key"


def _beside_head(head: Line, value: str, cells: int, narrow: bool) -> Line:
    room = 1 if narrow else max(1, min(cells, 14) - width(head) - len(value))
    return (*head, Span(" " * room), Span(value, "snapshot"))


def _restored(view: SubtaskView, cells: int, narrow: bool) -> list[Line]:
    if view.restored_from is None:
        return []
    if not view.restored_from:
        return [text("began empty", "warn")]
    restored = view.restored or ()
    if view.offsets and len(restored) == 1:
        words = "restored" if narrow else "restored to"
        return [_figure(words, str(restored[0][1]), cells, narrow, "ok")]
    if not restored:
        return [text("restored", "ok")]
    if view.kind == "sink":
        return [text("restored:", "ok"), text(listed(restored, short=True), "snapshot")]
    rows = _packed(restored, cells, "   ", "snapshot")
    if len(rows) > 1 or width(rows[0]) > cells:
        return wrap(text(f"restored {quantity(restored)} {_noun(view)}s", "ok"), cells)
    return [text("restored to", "ok"), *rows]
