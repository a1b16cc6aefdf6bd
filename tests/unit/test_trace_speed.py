"""Floors for speed and size, with slack for a busy machine; measured figures are far below them."""

from __future__ import annotations

from time import perf_counter

from bandviz.model.facts import Dirty
from bandviz.model.run import RunModel
from bandviz.timeline.cursor import Cursor
from bandviz.timeline.timeline import Timeline
from bandviz.trace.reader import parse_recording
from tests.synthetic import entries, recorded


def test_a_hundred_thousand_entries_are_small_and_quick_to_go_through() -> None:
    run = entries(7_400)
    assert len(run) > 100_000
    started = perf_counter()
    data = recorded(run)
    assert len(data) <= 12 * len(run)
    assert perf_counter() - started < 5 * 6e-6 * len(run)

    started = perf_counter()
    cursor = Cursor(Timeline.of(parse_recording(data)), RunModel, Dirty)
    while cursor.survey():
        pass
    assert perf_counter() - started < 5 * 1.0

    for index in range(3, len(run), 9_973):
        started = perf_counter()
        cursor.seek(len(run) - index)
        assert perf_counter() - started < 5 * 0.050
