"""Window assigners: to which windows an event time belongs. Arithmetic only, without state.

Source: Flink TimeWindow.getWindowStartWithOffset, SlidingEventTimeWindows, TimeWindow.mergeWindows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bandviz.graph.specs import SlidingWindows, TumblingWindows


class Span(NamedTuple):
    """Event times in [first_ms, end_ms) all belong to the windows that begin at `starts`, newest
    first; to none where sliding windows leave a gap.
    """

    first_ms: int
    end_ms: int
    starts: tuple[int, ...]


def span_of(assigner: TumblingWindows | SlidingWindows, time_ms: int) -> Span:
    """The longest span around an event time; the modulo is that of floor, below zero too."""
    size_ms = assigner.size_ms
    slide_ms = assigner.slide_ms if isinstance(assigner, SlidingWindows) else size_ms
    newest = time_ms - (time_ms - assigner.offset_ms) % slide_ms
    starts = tuple(range(newest, time_ms - size_ms, -slide_ms))
    ended = newest - len(starts) * slide_ms + size_ms  # end of the youngest window that is over
    next_ms = newest + slide_ms
    return Span(
        max(newest, ended), min(next_ms, starts[-1] + size_ms) if starts else next_ms, starts
    )


class Window(NamedTuple):
    """[start_ms, end_ms); its last millisecond is end_ms - 1."""

    start_ms: int
    end_ms: int


def merged_with(new: Window, others: Iterable[Window]) -> tuple[Window, list[Window]]:
    """The window that `new` becomes with those that it overlaps or touches, and these.

    `others` are apart from each other, so that one pass is enough.
    """
    absorbed = [one for one in others if one.start_ms <= new.end_ms and one.end_ms >= new.start_ms]
    start_ms = min(one.start_ms for one in (new, *absorbed))
    end_ms = max(one.end_ms for one in (new, *absorbed))
    return Window(start_ms, end_ms), absorbed
