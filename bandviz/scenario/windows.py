"""Windows as a scenario writes them: `size_ms`, with `slide_ms` or not, or `gap_ms`."""

from __future__ import annotations

from bandviz.graph.specs import SessionWindows, SlidingWindows, TumblingWindows, WindowAssigner
from bandviz.scenario.findings import Problems
from bandviz.scenario.operators import Window, Windows
from bandviz.scenario.reader import Path


def check_windows(operator: Windows, at: Path, problems: Problems) -> None:
    """Whether the fields say one assigner."""
    gap_ms = operator.gap_ms if isinstance(operator, Window) else None
    if (operator.size_ms is None) == (gap_ms is None):
        sentence = f"'{operator.uid}' needs a size_ms, or for sessions a gap_ms; not both"
        problems.add(at, sentence, "size_ms with slide_ms makes sliding windows")
    elif gap_ms is not None:
        for field in ("slide_ms", "offset_ms"):
            if getattr(operator, field):
                problems.add((*at, field), "sessions begin with a record and end with the gap")
    else:
        every_ms = operator.slide_ms or operator.size_ms or 0
        if abs(operator.offset_ms) >= every_ms:
            sentence = f"an offset is smaller than what windows are apart, {every_ms} ms"
            problems.add((*at, "offset_ms"), sentence)


def assigner_of(operator: Window) -> WindowAssigner:
    """The assigner that the fields say; they have been checked."""
    if operator.gap_ms is not None:
        return SessionWindows(gap_ms=operator.gap_ms)
    return sized(operator)


def sized(operator: Windows) -> TumblingWindows | SlidingWindows:
    """The same for windows of one size."""
    size_ms, offset_ms = operator.size_ms or 0, operator.offset_ms
    if operator.slide_ms is None:
        return TumblingWindows(size_ms=size_ms, offset_ms=offset_ms)
    return SlidingWindows(size_ms=size_ms, slide_ms=operator.slide_ms, offset_ms=offset_ms)
