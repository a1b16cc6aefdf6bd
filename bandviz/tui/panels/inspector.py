"""One subtask in full: its state now, and what going back to each snapshot would change."""

from __future__ import annotations

from collections.abc import Sequence

from bandviz.model.views import (
    ChannelView,
    CheckpointStatus,
    DifferenceView,
    InspectorView,
    Pairs,
    SnapshotView,
)
from bandviz.model.words import many
from bandviz.tui.panels.typeset import blank, clip_all, text
from bandviz.tui.panels.words import Names
from bandviz.tui.spans import Line, Span, checkpoint_style

_PAIRS_SHOWN = 12


def inspector(view: InspectorView, names: Names, width: int, height: int) -> list[Line]:
    """At most `height` rows: name, state now, channels, then the snapshots, newest first."""
    box = view.view
    head = (
        Span(names(box.subtask), "title"),
        Span(f"  {box.kind}, attempt {box.attempt}, "),
        Span(box.status.value.upper(), "ok" if box.status.value == "running" else "warn"),
    )
    lines: list[Line] = [head, blank(), text("STATE NOW", "headline")]
    lines += _pairs(view.now, box.state_count, "state") or [text("  nothing", "muted")]
    lines += _channels(view, names)
    for snapshot in view.snapshots:
        lines += [blank(), *_snapshot(snapshot)]
    if not view.snapshots:
        lines += [blank(), text("no snapshot on disk yet", "muted")]
    return clip_all(lines, width, height)


def _pairs(pairs: Pairs, count: int, style: str) -> list[Line]:
    column = max((len(name) for name, _ in pairs[:_PAIRS_SHOWN]), default=0) + 2
    rows: list[Line] = [
        (Span(f"  {name.ljust(column)}"), Span(value, style))
        for name, value in pairs[:_PAIRS_SHOWN]
    ]
    more = max(count, len(pairs)) - len(rows)
    return [*rows, text(f"  … and {more} more", "muted")] if more > 0 else rows


def _channels(view: InspectorView, names: Names) -> list[Line]:
    lines: list[Line] = [_channel("from", names(one.upstream), one) for one in view.inputs]
    return lines + [_channel("to", names(one.downstream), one) for one in view.outputs]


def _channel(word: str, other: str, channel: ChannelView) -> Line:
    records = sum(each.count for each in channel.elements if each.kind == "record")
    spans = [Span(f"{word.ljust(4)} {other}: {many(records, 'record')} on the way")]
    if channel.blocked_by:
        spans += [Span(", "), Span(f"BLOCKED by [{channel.blocked_by}]", "blocked")]
    return tuple(spans)


def _snapshot(snapshot: SnapshotView) -> list[Line]:
    number = snapshot.checkpoint_id
    good = snapshot.status is CheckpointStatus.COMPLETE
    head: Line = (
        Span("CHECKPOINT ", "headline"),
        Span(str(number), checkpoint_style(number)),
        Span("  "),
        Span(snapshot.status.value.upper() if good else snapshot.status.value, "text"),
        Span(f", {many(snapshot.state_bytes, 'byte')}", "muted"),
    )
    if snapshot.contents is None:
        return [head, text("  contents are not recorded", "muted")]
    if not snapshot.differences:
        return [head, text("  the same as now", "muted")]
    return [head, *_differences(snapshot.differences)]


def _differences(differences: Sequence[DifferenceView]) -> list[Line]:
    shown = differences[:_PAIRS_SHOWN]
    column = max(len(each.name) for each in shown) + 2
    lines: list[Line] = [
        (
            Span(f"  {each.name.ljust(column)}"),
            Span(each.then if each.then is not None else "-", "snapshot"),
            Span(" then, ", "muted"),
            Span(each.now if each.now is not None else "-", "state"),
            Span(" now", "muted"),
        )
        for each in shown
    ]
    more = len(differences) - len(shown)
    return [*lines, text(f"  … and {more} more", "muted")] if more else lines
