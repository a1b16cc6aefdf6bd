"""What stands inside a MEMORY box: the subtask's working state, and its part in a checkpoint.

The most important line comes first, so a small box shows the best of it. No word is cut: each has
shorter stand-ins, `next offset  5` for instance becomes `offset 5`, then `5`.
"""

from __future__ import annotations

from typing import Final

from bandviz.events.flow import StallReason
from bandviz.model.views import (
    STATEFUL,
    SubtaskStatus,
    SubtaskView,
    TransactionStatus,
)
from bandviz.model.words import many, moment_text
from bandviz.text import SafeText
from bandviz.tui.panels.part import Choices, first_fitting, noun, packed, part_choices
from bandviz.tui.panels.typeset import blank, clip, clip_all, joined, one_of, text, wrap
from bandviz.tui.panels.words import Names, late_words, quantity
from bandviz.tui.spans import Line, Span
from bandviz.tui.spans import width as cells_of

_STALLS: Final = {
    StallReason.NO_INPUT: ("waits for input", "no input"),
    StallReason.BLOCKED: ("waits: inputs blocked", "blocked"),
    StallReason.BACK_PRESSURED: ("waits: output is full", "output full", "full"),
    StallReason.WAITS_FOR_FINAL_CHECKPOINT: ("waits for last ckpt", "last ckpt"),
    StallReason.AHEAD: ("waits for slower logs", "waits: ahead", "ahead"),
}
_BUSY: Final = ("source", *STATEFUL)
"""Others show at once why they stand still."""
_CONTRACTS: Final = {
    "append": ("appends, seen at once", "seen at once", "appends"),
    "upsert": ("upserts, seen at once", "seen at once", "upserts"),
    "transactional": ("only commits", "commits"),
}
"""What a sink does that needs no transaction."""


def boxes(view: SubtaskView, width: int, height: int, narrow: bool, names: Names) -> list[Line]:
    """At most `height` lines of at most `width` cells; the caller draws border and padding."""
    match view.status:
        case SubtaskStatus.ABSENT:
            lines = [one_of(width, "muted", "not there yet", "not yet", "-")]
        case SubtaskStatus.CANCELED:
            lines = [one_of(width, "warn", "CANCELED", "off")]
        case SubtaskStatus.FAILED:
            lines = _failed(view, width, height)
        case _:
            lines = _running(view, width, height, narrow, names)
    return clip_all(lines, width, height)


def _failed(view: SubtaskView, cells: int, height: int) -> list[Line]:
    """What it had and why it failed; that it has nothing any more goes without saying of a task
    that had nothing.
    """
    head = one_of(cells, "failed", "FAILED", "dead")
    nothing = one_of(cells, "lost", "has nothing", "empty", "-")
    reason = view.failure.partition(": ")[2]
    long, short = (wrap(text(each, "warn"), cells) for each in (reason, reason.partition(", ")[0]))
    lost = _had(view, cells)
    lines = [head, *first_fitting(lost, cells, max(1, height - 2))]
    rest = [[nothing, *long], [nothing, *short]]
    if not lost:
        rest.insert(1, long)
    return lines + first_fitting(rest, cells, height - len(lines))


def _had(view: SubtaskView, cells: int) -> list[list[Line]]:
    """What was lost, at length and shorter and shorter; nothing if there was nothing."""
    shorter = [wrap(text(words, "lost"), cells) for words in _had_in_words(view)]
    if not view.had or view.had_offsets or view.kind == "window":
        return shorter
    (name, value), *others = view.had
    pairs = ((SafeText(f"had {name}"), value), *others)
    return [packed(pairs, cells, "lost", narrow=True), *shorter]


def _had_in_words(view: SubtaskView) -> list[str]:
    if view.had_offsets:
        one = len(view.had_offsets) == 1
        figures = " ".join(str(at) for _, at in view.had_offsets)
        whole = " ".join(f"{'offset' if one else label} {at}" for label, at in view.had_offsets)
        return [f"had {whole}", f"had {figures}", figures]
    if not view.had:
        return []
    count = quantity(view.had)
    if view.kind == "window":
        whole = many(len(view.had), "open window")
        return [f"had {whole}", f"had {count} {noun(view, view.had)}", f"had {count}", count]
    return [f"had {count} {noun(view, view.had)}", f"had {count}"]


def _running(view: SubtaskView, cells: int, height: int, narrow: bool, names: Names) -> list[Line]:
    head = []
    if view.status is SubtaskStatus.FINISHED:
        head = [one_of(cells, "ok", "FINISHED", "done")]
    elif view.idle and height > 1:
        head = [one_of(cells, "muted", "idle: nobody waits", "idle")]
    elif view.paused_count and height > 1:
        logs = many(view.paused_count, "log")
        head = [one_of(cells, "held", f"paused: {logs} ahead", f"paused: {logs}", "paused")]
    room = height - len(head)
    below = part_choices(view, cells, narrow, names)
    reserved = 1 if room > 1 and below and _tells(view) else 0
    main = _main(view, cells, max(1, room - reserved), narrow)
    room -= len(main)
    lines = first_fitting(below, cells, room)
    if len(lines) < room and view.kind in _BUSY:
        lines += _asides(view, cells)[: room - len(lines)]
    apart = view.kind in STATEFUL and lines and len(lines) < room
    return [*head, *main, *([blank()] if apart else []), *lines]


def _asides(view: SubtaskView, cells: int) -> list[Line]:
    """What else there is to know, where a row is left: why it stands still, its next timer."""
    out = []
    if view.stall in (StallReason.BACK_PRESSURED, StallReason.WAITS_FOR_FINAL_CHECKPOINT):
        out.append(one_of(cells, "held", *_STALLS[view.stall]))
    if view.key_groups is not None and not view.sole:
        first, last = view.key_groups
        out.append(one_of(cells, "muted", f"key groups {first} to {last}", f"kg {first}-{last}"))
    if view.duplicate_count:
        repeats = many(view.duplicate_count, "repeat")
        out.append(one_of(cells, "muted", f"{repeats} dropped", repeats))
    if view.timer_count:
        count = many(view.timer_count, "timer")
        out.append(one_of(cells, "muted", f"{count}, next {view.next_timer}", count))
    return out


def _tells(view: SubtaskView) -> bool:
    """Does the line about the checkpoint outrank the last one of a sink's transaction?"""
    return view.kind not in ("sink", "writer") or (
        view.part is not None and bool(view.part.contents)
    )


def _main(view: SubtaskView, cells: int, room: int, narrow: bool) -> list[Line]:
    match view.kind:
        case "source":
            return _offsets(view, cells, narrow)
        case "sink" | "writer":
            return _transaction(view, cells, narrow)[:room]
        case "account" if view.state:
            return [_figure(view.state[0][1], cells, True, "balance", "has", "")]
        case kind if kind in STATEFUL:
            head = _watermark(view, cells) if room > 2 else []
            return [*head, *_state(view, cells, room - len(head), narrow)]
    stalled = _STALLS.get(view.stall)
    if stalled:
        return [one_of(cells, "held", *stalled)]
    return [one_of(cells, "muted", "keeps no state", "stateless", "no state", "-")]


def _watermark(view: SubtaskView, cells: int) -> list[Line]:
    if view.kind != "window" or view.watermark_ms is None:
        return []
    moment = moment_text(view.watermark_ms)
    line = one_of(cells, "watermark", f"wm {moment}", moment, "")
    late = [one_of(cells, "warn", *late_words(view.late), "late")] if any(view.late) else []
    return [*([line] if line[0].text else []), *late]


def _offsets(view: SubtaskView, cells: int, narrow: bool) -> list[Line]:
    if not view.offsets:
        return [one_of(cells, "muted", "no offset yet", "no offset", "-")]
    if len(view.offsets) > 1:
        return [_figure(str(offset), cells, narrow, label, "") for label, offset in view.offsets]
    label, offset = view.offsets[0]
    words = ["next offset", "offset"]
    if not view.sole or (label != view.subtask.vertex and not narrow):
        words = [f"{label} next", label]
    words = words[1:] if narrow else words
    return [_figure(str(offset), cells, narrow, *words, "next", "")]


def _figure(value: str, cells: int, narrow: bool, *words: str) -> Line:
    """The first word that fits, and its figure; in a wide box figures stand under one another."""
    word = next((each for each in words if len(each) + 1 + len(value) <= cells), words[-1])
    room = max(1, min(cells, 14) - len(word) - len(value))
    gap = " " * (1 if narrow else room) if word else ""
    return (Span(word + gap), Span(value, "state"))


def _transaction(view: SubtaskView, cells: int, narrow: bool) -> list[Line]:
    transaction = view.transaction
    if transaction is None:
        words = _CONTRACTS.get(view.contract, ("no transaction", "no txn", "-"))
        return [one_of(cells, "muted", *words)]
    number = transaction.transaction_id
    promised = transaction.status is TransactionStatus.PRE_COMMITTED
    status = "hidden" if promised else transaction.status.value
    rows = many(transaction.row_count, "line")
    if not narrow and len(f"{status}, {rows}") <= cells:
        name = one_of(cells, "state", f"transaction {number}", f"txn {number}")
        return [name, text(f"{status}, {rows}")]
    name = one_of(cells, "state", f"txn {number}", str(number))
    return [name, text(status), one_of(cells, "text", rows, str(transaction.row_count))]


def _state(view: SubtaskView, cells: int, room: int, narrow: bool) -> list[Line]:
    if not view.state:
        return [one_of(cells, "muted", *_nothing(view))]
    if view.kind == "window":
        pairs = [(name, f"{name} {value}") for name, value in view.state]
        rows = [text(pair if len(pair) <= cells else name) for name, pair in pairs]
        rows = rows if all(cells_of(row) <= cells for row in rows) else []
        count, late = view.state_count, sum(view.late)
        with_late = (f"{count} open, {late} late", f"{count}, {late} late")
        plain = (f"{many(count, 'window')} open", many(count, "window"), f"{count} open")
        words = (*with_late, *plain) if late and room == 1 else plain
        return [one_of(cells, "state", *words, str(count)), *rows[: room - 1]]
    fits = all(len(f"{name} {value}") <= cells for name, value in view.state)
    if fits:
        rows = packed(view.state, cells, "state", narrow=narrow)
    else:
        rows = [one_of(cells, "state", f"{name} {value}", name) for name, value in view.state]
    if len(rows) <= room and view.state_count <= len(view.state):
        return rows
    if room == 1:
        return [clip(joined(rows[0], text(" …", "muted")), cells)]
    return [*rows[: room - 1], text(f"… {many(view.state_count, 'key')}", "muted")]


def _nothing(view: SubtaskView) -> Choices:
    if view.kind != "window":
        return ("no keys yet", "no keys", "-")
    if view.status is SubtaskStatus.FINISHED:
        return ("all windows closed", "all closed", "closed")
    return ("no windows yet", "none yet", "-")
