"""One subtask in full: its state now, and what going back to each snapshot would change.

Left what it holds and what is on its way to it, right the snapshots; in a narrow window the one
above the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.model.views import (
    STATEFUL,
    ChannelView,
    CheckpointStatus,
    DifferenceView,
    InspectorView,
    Pairs,
    PartPhase,
    SnapshotView,
    SubtaskStatus,
)
from bandviz.model.words import many
from bandviz.tui.panels.table import table
from bandviz.tui.panels.typeset import beside, blank, clip_all, joined, text, wrap
from bandviz.tui.panels.words import Names, late_words, manager_tag, short_name
from bandviz.tui.spans import Line, Span, checkpoint_style
from bandviz.tui.spans import width as cells_of

_TWO_COLUMNS: Final = 60
_INDENT: Final = 2
_STATE_ROWS_LEAST: Final = 4
_COMPARED_ROWS_LEAST: Final = 3
"""Head, column heads and one difference; with fewer rows they are only counted."""
_TIMER_ROWS_LEAST: Final = 3
_TIMERS_MAX: Final = 4
_NARROW: Final = 40
_KIB: Final = 1024
_NAMED: Final = {"window": "window", **{kind: "key" for kind in STATEFUL if kind != "window"}}


def inspector(view: InspectorView, names: Names, width: int, height: int) -> list[Line]:
    """At most `height` rows of at most `width` cells."""
    if width < _TWO_COLUMNS:
        above = _now(view, names, width, (height + 1) // 2)
        below = _snapshots(view, width, height - len(above) - 1)
        return clip_all([*above, blank(), *below], width, height)
    column = (width - 1) // 2
    left = _now(view, names, column - 2, height)
    right = _snapshots(view, width - 1 - column, height)
    return beside([(left, column), (right, width - 1 - column)], height)


def _now(view: InspectorView, names: Names, cells: int, height: int) -> list[Line]:
    """Who it is, what it holds, what is on its way."""
    channels = _channels(view, names, cells)
    room = max(0, min(len(channels), height - 1 - _STATE_ROWS_LEAST))
    if room < len(channels):
        left_out = len(channels) - room + 1
        channels = [*channels[: room - 1], _more(left_out, "channels")] if room else []
    failure = _failure(view, cells, (height - len(channels)) // 2)
    late = [text(late_words(view.view.late)[0], "warn")] if any(view.view.late) else []
    told = [*failure, *late]
    room = height - 1 - len(told) - len(channels)
    timers = _timers(view, cells, room - _STATE_ROWS_LEAST)
    logic = _logic(view, cells, room - len(timers) - _STATE_ROWS_LEAST)
    state = _state(view, cells, room - len(timers) - len(logic))
    lines = [_head(view, names, cells), *told, *logic, *state, *timers, *channels]
    return clip_all(lines, cells, height)


def _timers(view: InspectorView, cells: int, rows: int) -> list[Line]:
    """The next few; none if there is no room for any."""
    if not view.timers or rows < _TIMER_ROWS_LEAST:
        return []
    values = [[name, moment] for name, moment in view.timers[:_TIMERS_MAX]]
    listed = _listed([], values, len(view.timers), cells, min(rows - 1, _TIMERS_MAX), "state")
    return [text("TIMERS", "headline"), *listed]


def _logic(view: InspectorView, cells: int, rows: int) -> list[Line]:
    """Each expression, and its tree if there is room for all of them."""
    texts = [text(one.text, "headline") for one in view.logic]
    if len(texts) + sum(len(one.tree) for one in view.logic) > rows:
        return texts[: max(0, rows)]
    lines: list[Line] = []
    for line, one in zip(texts, view.logic, strict=True):
        values = [[name, value] for name, value in one.tree]
        lines += [line, *_listed([], values, len(values), cells, len(values), "state")]
    return lines


def _failure(view: InspectorView, cells: int, rows: int) -> list[Line]:
    """Why it failed last; where rows are few, the sentence and the innermost calls stay."""
    if not view.failure or rows < 1:
        return []
    sentence, *calls = view.failure
    told = wrap(text(sentence, "warn"), cells)[:rows]
    kept = calls[max(0, len(calls) - (rows - len(told))) :]
    return [*told, *(text(f"  {call}", "muted") for call in kept)]


def _head(view: InspectorView, names: Names, cells: int) -> Line:
    box = view.view
    good = box.status in (SubtaskStatus.RUNNING, SubtaskStatus.FINISHED)
    name = Span(names(box.subtask), "title")
    status = Span(box.status.value.upper(), "ok" if good else "warn")
    attempt = f"  {box.kind}, attempt {box.attempt}"
    told = [f"{attempt}, ", f"  {box.kind}, ", "  "]
    if box.task_manager:
        tag = manager_tag(box.task_manager)
        told = [f"{attempt} in {box.task_manager}, ", f"  {box.kind} in {tag}, ", f"  in {tag}, "]
    return _fitting([(name, Span(words), status) for words in told], cells)


def _state(view: InspectorView, cells: int, rows: int) -> list[Line]:
    count = max(view.view.state_count, len(view.now))
    title = text("STATE NOW", "headline")
    if view.now:
        heads, values = _columns(view.view.kind, view.now[:rows])
        return [title, *_listed(heads, values, count, cells, rows - 1, "state")]
    had = view.view.had
    if not had:
        return [title, text("  nothing", "muted")]
    heads, values = _columns(view.view.kind, had[:rows])
    return [text("LOST", "headline"), *_listed(heads, values, len(had), cells, rows - 1, "lost")]


def _columns(kind: str, pairs: Pairs) -> tuple[list[str], list[list[str]]]:
    """Column heads, none if there is nothing to tell apart, and a row for each entry."""
    results = [_results(value) for _, value in pairs]
    fields = _fields(results)
    if not fields:
        return [], [[name, value] for name, value in pairs]
    rows = [[name, *one.values()] for (name, _), one in zip(pairs, results, strict=True)]
    return [_NAMED.get(kind, ""), *fields], rows


def _results(value: str) -> dict[str, str]:
    """Several results by name, `departures 3, mean_delay 2.5`; none if there is but one."""
    named = [part.rpartition(" ")[::2] for part in value.split(", ")]
    return dict(named) if len(named) > 1 and all(name for name, _ in named) else {}


def _fields(results: Sequence[dict[str, str]]) -> list[str]:
    """The names that all have in common; none if one has others."""
    first = list(results[0]) if results else []
    return first if all(list(one) == first for one in results) else []


def _listed(
    heads: Sequence[str],
    values: Sequence[Sequence[str]],
    count: int,
    cells: int,
    rows: int,
    style: str,
) -> list[Line]:
    """As many rows of a table as there is room for, and how many more there are."""
    head, lines = table(heads, values, cells - _INDENT, style)
    out = [head] if any(heads) else []
    room = max(0, rows - len(out))
    shown = lines if count <= room else lines[: max(0, room - 1)]
    out += shown
    if count > len(shown):
        out.append(_more(count - len(shown)))
    return [joined(text(" " * _INDENT), line) for line in out[: max(0, rows)]]


def _more(count: int, nouns: str = "") -> Line:
    return text(f"… and {count} more {nouns}".rstrip(), "muted")


def _channels(view: InspectorView, names: Names, cells: int) -> list[Line]:
    lines = [_channel("from", names(one.upstream), one, cells) for one in view.inputs]
    return lines + [_channel("to", names(one.downstream), one, cells) for one in view.outputs]


def _channel(word: str, other: str, channel: ChannelView, cells: int) -> Line:
    count = sum(each.count for each in channel.elements if each.kind == "record")
    records = many(count, "record")
    if channel.blocked_by:
        forced = ", forced aligned" if channel.forced else ""
        blocked = Span(f"BLOCKED by [{channel.blocked_by}]{forced}", "blocked")
        choices: list[Line] = [(Span(f"{word.ljust(4)} {other}: {records}, "), blocked)]
        choices.append((Span(f"{word} {other}: "), Span("BLOCKED" + forced, "blocked")))
        choices.append((Span(f"{word} {other}: "), Span("BLOCKED", "blocked")))
    elif channel.chained:
        choices = [text(f"{word.ljust(4)} {other}: by call, in this task", "muted")]
        choices.append(text(f"{word} {other}: a call", "muted"))
    else:
        choices = [text(f"{word.ljust(4)} {other}: {records} on the way")]
        choices.append(text(f"{word} {other}: {records}"))
    return _fitting(choices, cells)


def _fitting(choices: Sequence[Line], cells: int) -> Line:
    return next((each for each in choices if cells_of(each) <= cells), choices[-1])


def _snapshots(view: InspectorView, cells: int, height: int) -> list[Line]:
    """The newest with its differences; each older one keeps at least a row for its head."""
    if not view.snapshots:
        return clip_all([text("no snapshot on disk yet", "muted")], cells, height)
    lines: list[Line] = []
    for place, snapshot in enumerate(view.snapshots):
        older = len(view.snapshots) - place - 1
        lines += _snapshot(view, snapshot, cells, height - len(lines) - older)
    return clip_all(lines, cells, height)


def _snapshot(view: InspectorView, snapshot: SnapshotView, cells: int, rows: int) -> list[Line]:
    head = _snapshot_head(view, snapshot, short=cells < _NARROW)
    if snapshot.contents is None or not snapshot.differences:
        known = snapshot.contents is not None
        words = "the same as now" if known else "contents are not recorded"
        return [head, text(f"  {words}", "muted")] if rows > 1 else [head]
    count = len(snapshot.differences)
    if rows < _COMPARED_ROWS_LEAST:
        return [joined(head, text(f", {count} differ" + ("s" if count == 1 else ""), "muted"))]
    heads, values = _compared(view.view.kind, snapshot.differences[:rows], short=cells < _NARROW)
    return [head, *_listed(heads, values, count, cells, rows - 1, "snapshot")]


def _snapshot_head(view: InspectorView, snapshot: SnapshotView, *, short: bool) -> Line:
    number = snapshot.checkpoint_id
    status = snapshot.status.value
    good = snapshot.status is CheckpointStatus.COMPLETE
    part = view.view.part
    if part is not None and part.checkpoint_id == number and part.phase is PartPhase.UPLOADING:
        status = "copied, not stored yet"
    size = (
        f", {snapshot.state_bytes // _KIB} KiB"
        if snapshot.state_bytes >= _KIB and not short
        else ""
    )
    return (
        Span("CKPT " if short else "CHECKPOINT ", "headline"),
        Span(str(number), checkpoint_style(number)),
        Span(f"  {status.upper() if good else status}"),
        Span(size, "muted"),
    )


def _compared(
    kind: str, differences: Sequence[DifferenceView], *, short: bool
) -> tuple[list[str], list[list[str]]]:
    """A column then and one now; where entries have several results, one for each of these."""
    then = [_results(each.then or "") for each in differences]
    now = [_results(each.now or "") for each in differences]
    fields = _fields([one for one in (*then, *now) if one])
    whole = all(
        bool(was or not each.then) and bool(is_now or not each.now)
        for each, was, is_now in zip(differences, then, now, strict=True)
    )
    if not fields or not whole:
        plain = [
            [short_name(each.name) if short else each.name, each.then or "-", each.now or "-"]
            for each in differences
        ]
        return [_NAMED.get(kind, ""), "then", "now"], plain
    rows = [
        [each.name, *(_change(was.get(field, "-"), is_now.get(field, "-")) for field in fields)]
        for each, was, is_now in zip(differences, then, now, strict=True)
    ]
    return ["then→now", *fields], rows


def _change(then: str, now: str) -> str:
    return now if then == now else f"{then}→{now}"
