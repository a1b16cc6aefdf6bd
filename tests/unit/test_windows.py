"""Windows: which ones an event time belongs to, when they fire, what late records do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bandviz.engine.deploy import make_operator
from bandviz.engine.elements import WATERMARK_MAX, WATERMARK_MIN, RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.engine.operators.base import Context, Operator
from bandviz.engine.state.frozen import GONE, plain
from bandviz.engine.time.windows import Span, Window, merged_with, span_of
from bandviz.events import Event, Level, flow, time
from bandviz.events.values import pack, unpack
from bandviz.functions.aggregates import Count, Maximum, Mean, Minimum, Sum
from bandviz.functions.rows import FunctionError, KeyBy
from bandviz.graph.specs import (
    JobVertex,
    NamedAggregate,
    SessionWindows,
    SlidingWindows,
    TumblingWindows,
    WindowAssigner,
    WindowSpec,
)
from bandviz.ids import CheckpointId, RecordId, ResultId, SubtaskId
from bandviz.world import memory_world
from tests.engines import settings

FIELDS = ("key", "value")
Fired = list[tuple[Any, ...]]


@pytest.mark.parametrize(
    ("size", "offset", "time_ms", "expected"),
    [
        (10, 0, 0, (0, 10, (0,))),
        (10, 0, 9, (0, 10, (0,))),
        (10, 0, 10, (10, 20, (10,))),
        (10, 0, -1, (-10, 0, (-10,))),
        (10, 0, -10, (-10, 0, (-10,))),
        (10, 3, 12, (3, 13, (3,))),
        (10, 3, 2, (-7, 3, (-7,))),
        (10, -4, 5, (-4, 6, (-4,))),
        (10, -4, -5, (-14, -4, (-14,))),
    ],
)
def test_tumbling_windows_are_cut_by_floor(
    size: int, offset: int, time_ms: int, expected: tuple[int, int, tuple[int, ...]]
) -> None:
    assigner = TumblingWindows(size_ms=size, offset_ms=offset)
    assert span_of(assigner, time_ms) == Span(*expected)


@pytest.mark.parametrize(
    ("size", "slide", "offset", "time_ms", "expected"),
    [
        (10, 5, 0, 7, (5, 10, (5, 0))),
        (10, 5, 0, -1, (-5, 0, (-5, -10))),
        (10, 5, 2, 1, (-3, 2, (-3, -8))),
        (10, 4, 0, 9, (8, 10, (8, 4, 0))),  # [0, 10) ends before [12, 22) begins
        (10, 4, 0, 10, (10, 12, (8, 4))),
        (10, 10, 0, 10, (10, 20, (10,))),
        (4, 10, 0, 13, (10, 14, (10,))),
        (4, 10, 0, 14, (14, 20, ())),  # a gap
        (4, 10, 0, -7, (-10, -6, (-10,))),
    ],
)
def test_sliding_windows_overlap_or_leave_gaps(
    size: int, slide: int, offset: int, time_ms: int, expected: tuple[int, int, tuple[int, ...]]
) -> None:
    assigner = SlidingWindows(size_ms=size, slide_ms=slide, offset_ms=offset)
    assert span_of(assigner, time_ms) == Span(*expected)


@pytest.mark.parametrize("assigner", [
    TumblingWindows(size_ms=7, offset_ms=-3),
    SlidingWindows(size_ms=10, slide_ms=4, offset_ms=1),
    SlidingWindows(size_ms=3, slide_ms=5),
])  # fmt: skip
def test_a_span_holds_for_each_of_its_times_and_no_longer(
    assigner: TumblingWindows | SlidingWindows,
) -> None:
    for time_ms in range(-60, 60):
        span = span_of(assigner, time_ms)
        assert span.first_ms <= time_ms < span.end_ms
        assert all(span_of(assigner, each) == span for each in range(*span[:2]))
        assert span_of(assigner, span.end_ms).starts != span.starts
        assert all(start <= time_ms < start + assigner.size_ms for start in span.starts)


@pytest.mark.parametrize(
    ("others", "merged", "absorbed"),
    [
        ([], (10, 15), 0),
        ([(0, 9)], (10, 15), 0),
        ([(0, 10)], (0, 15), 1),  # they touch
        ([(15, 20)], (10, 20), 1),
        ([(16, 20)], (10, 15), 0),
        ([(0, 12), (14, 20)], (0, 20), 2),
        ([(5, 30)], (5, 30), 1),
    ],
)
def test_sessions_that_overlap_or_touch_become_one(
    others: list[tuple[int, int]], merged: tuple[int, int], absorbed: int
) -> None:
    window, inside = merged_with(Window(10, 15), [Window(*one) for one in others])
    assert (window, len(inside)) == (Window(*merged), absorbed)


class Bench:
    """One window operator, fed by hand: `(key, time)` is a record whose value is its time."""

    def __init__(
        self, assigner: WindowAssigner, lateness: int = 0, late: str = "", *, ids: bool = False
    ) -> None:
        aggregates = (Count(), Sum(field="value"))
        self.spec = WindowSpec(
            key=KeyBy(fields=("key",)),
            assigner=assigner,
            aggregates=tuple(NamedAggregate(function=one, name=one.fn) for one in aggregates),
            allowed_lateness_ms=lateness,
            late=late,
        )
        self.watermark = WATERMARK_MIN
        self.ids = ids
        self.read = 0
        self.emitter = Emitter(Level.RECORD)
        self.context = Context(SubtaskId("win", 0), self.emitter)
        self.operator = self.fresh()

    def fresh(self) -> Operator:
        vertex = JobVertex(uid="win", spec=self.spec)
        return make_operator(vertex, self.context, (FIELDS,), memory_world(()), settings())

    def take(self, *records: tuple[str, int]) -> Fired:
        rows = [(key, time_ms) for key, time_ms in records]
        ids = [RecordId("in", 0, self.read + place) for place in range(len(rows))]
        self.read += len(rows)
        times = [time_ms for _, time_ms in records]
        buffer = RecordBuffer(rows, times, ids if self.ids else None)
        return fired(self.operator.process(buffer, self.watermark, 0))

    def rise(self, watermark: int) -> Fired:
        self.watermark = watermark
        return fired(self.operator.on_watermark(watermark))

    def crash(self) -> None:
        """Come back from a snapshot taken just now."""
        state = unpack(pack(plain(self.operator.snapshot(CheckpointId(1)))))
        self.operator, self.watermark = self.fresh(), WATERMARK_MIN
        self.operator.restore(state)

    def told(self, *kinds: type[Event]) -> list[Event]:
        return [entry.event for entry in self.emitter.flush(0) if isinstance(entry.event, kinds)]


def fired(buffer: RecordBuffer | None) -> Fired:
    """Rows with their event time."""
    if buffer is None:
        return []
    assert buffer.times_ms is not None
    return [(*row, time_ms) for row, time_ms in zip(buffer.values, buffer.times_ms, strict=True)]


TEN = TumblingWindows(size_ms=10)


def test_a_window_fires_at_its_last_millisecond_and_is_gone() -> None:
    bench = Bench(TEN)
    assert bench.take(("b", 3), ("a", 12), ("b", 9)) == []
    assert bench.rise(8) == []
    assert bench.rise(9) == [("b", 0, 2, 12, 9)]
    assert bench.rise(WATERMARK_MAX) == [("a", 10, 1, 12, 19)]
    assert bench.rise(WATERMARK_MAX) == []


def test_windows_before_1970_fire_too() -> None:
    bench = Bench(TumblingWindows(size_ms=10, offset_ms=3))
    bench.take(("a", -1), ("a", -8), ("a", 3))
    assert bench.rise(2) == [("a", -17, 1, -8, -8), ("a", -7, 1, -1, 2)]


def test_a_late_record_is_dropped_and_said_to_be() -> None:
    bench = Bench(TEN, ids=True)
    bench.rise(9)
    assert bench.take(("a", 9), ("a", 10)) == []
    assert bench.told(flow.LateRecordDropped) == [
        flow.LateRecordDropped(
            subtask=SubtaskId("win", 0), event_time_ms=9, watermark_ms=9,
            lineage=pack(RecordId("in", 0, 0)),
        )
    ]  # fmt: skip
    assert bench.rise(19) == [("a", 10, 1, 10, 19)]


def test_within_the_lateness_each_late_record_fires_the_whole_window_again() -> None:
    bench = Bench(TEN, lateness=5)
    bench.take(("a", 1), ("b", 2))
    assert bench.rise(13) == [("a", 0, 1, 1, 9), ("b", 0, 1, 2, 9)]
    assert bench.take(("a", 3), ("c", 4), ("a", 5)) == [
        ("a", 0, 2, 4, 9), ("c", 0, 1, 4, 9), ("a", 0, 3, 9, 9),
    ]  # fmt: skip
    assert bench.rise(14) == []
    assert bench.take(("a", 9)) == []
    kinds = (time.LateRecordAdmitted, flow.LateRecordDropped)
    assert [type(event).__name__ for event in bench.told(*kinds)] == [
        "LateRecordAdmitted", "LateRecordAdmitted", "LateRecordAdmitted", "LateRecordDropped",
    ]  # fmt: skip


def test_what_comes_after_the_lateness_leaves_by_the_side_output_as_it_came() -> None:
    bench = Bench(TEN, lateness=5, late="too-late", ids=True)
    bench.rise(14)
    assert bench.take(("a", 4), ("a", 25), ("b", 9)) == []
    ((tag, aside),) = bench.context.sides
    assert (tag, list(aside.values), aside.times_ms) == ("too-late", [("a", 4), ("b", 9)], [4, 9])
    assert aside.lineage == [RecordId("in", 0, 0), RecordId("in", 0, 2)]
    assert len(bench.told(time.LateRecordDiverted)) == 2


def test_a_record_late_for_one_sliding_window_is_on_time_for_another() -> None:
    bench = Bench(SlidingWindows(size_ms=10, slide_ms=5))
    bench.rise(9)
    assert bench.take(("a", 7)) == []
    assert bench.told(flow.LateRecordDropped, time.LateRecordAdmitted) == []
    assert bench.rise(14) == [("a", 5, 1, 7, 14)]


def test_a_record_in_a_gap_is_in_no_window_and_not_late() -> None:
    bench = Bench(SlidingWindows(size_ms=4, slide_ms=10))
    bench.take(("a", 5), ("a", 13))
    assert bench.told(flow.LateRecordDropped) == []
    assert bench.rise(20) == [("a", 10, 1, 13, 13)]
    bench.take(("a", 15))
    assert len(bench.told(flow.LateRecordDropped)) == 1


def test_sessions_end_with_the_gap_and_merge_when_one_closes_it() -> None:
    bench = Bench(SessionWindows(gap_ms=5), ids=True)
    bench.take(("a", 0), ("a", 9), ("b", 2), ("a", 20))
    assert bench.rise(4) == [("a", 0, 5, 1, 0, 4)]
    bench.take(("a", 14), ("b", 6))
    assert bench.rise(18) == [("b", 2, 11, 2, 8, 10), ("a", 9, 19, 2, 23, 18)]
    bench.take(("a", 25))
    assert bench.rise(WATERMARK_MAX) == [("a", 20, 30, 2, 45, 29)]
    assert bench.told(time.WindowsMerged) == []


def test_a_record_between_two_sessions_makes_one_of_them() -> None:
    bench = Bench(SessionWindows(gap_ms=5), ids=True)
    bench.take(("a", 0), ("a", 10), ("a", 5))
    (merged,) = bench.told(time.WindowsMerged)
    assert isinstance(merged, time.WindowsMerged)
    assert (merged.window_start_ms, merged.window_end_ms) == (0, 15)
    assert merged.absorbed_start_ms == (0, 10)
    buffer = bench.operator.on_watermark(14)
    assert fired(buffer) == [("a", 0, 15, 3, 15, 14)]
    assert buffer is not None
    assert buffer.lineage is not None
    assert isinstance(buffer.lineage[0], ResultId)
    assert buffer.lineage[0].count == 3


def test_a_late_record_may_wake_a_session_that_had_fired() -> None:
    bench = Bench(SessionWindows(gap_ms=5), lateness=10)
    bench.take(("a", 0))
    assert bench.rise(6) == [("a", 0, 5, 1, 0, 4)]
    assert bench.take(("a", 1)) == [("a", 0, 6, 2, 1, 5)]  # still past: at once
    assert bench.take(("a", 4)) == []  # to 9: not past any more
    assert bench.rise(8) == [("a", 0, 9, 3, 5, 8)]
    assert bench.rise(18) == []
    assert bench.take(("a", 3)) == []
    assert len(bench.told(flow.LateRecordDropped)) == 1


@pytest.mark.parametrize("assigner", [TEN, SessionWindows(gap_ms=10)])
def test_after_a_restore_what_had_fired_is_silent_until_a_record_comes(
    assigner: WindowAssigner,
) -> None:
    bench = Bench(assigner, lateness=50)
    bench.take(("a", 0), ("b", 0))
    assert len(bench.rise(9)) == 2
    bench.crash()
    assert bench.take(("b", 0)) == []  # the watermark is at the minimum: not late now
    bench.crash()
    rows = bench.rise(9)
    assert [row[0] for row in rows] == ["b"]
    assert rows[0][-3] == 2
    bench.rise(59)
    assert plain(bench.operator.snapshot(CheckpointId(2))) == {"panes": []}


def test_a_snapshot_is_by_key_group_and_not_touched_by_what_comes_later() -> None:
    bench = Bench(TEN)
    bench.take(("b", 12), ("a", 3), ("a", 15), ("c", 1))
    snapshot = bench.operator.snapshot(CheckpointId(1))
    bench.take(("a", 4), ("d", 4))
    bench.rise(WATERMARK_MAX)
    keys = [key for key, _ in plain(snapshot)["panes"]]
    assert sorted(keys) == ["a", "b", "c"]
    assert dict(plain(snapshot)["panes"])["a"] == (
        ((0, 10), (1, 3), (0, 0), False), ((10, 20), (1, 15), (0, 0), False),
    )  # fmt: skip


@pytest.mark.parametrize("assigner", [TEN, SessionWindows(gap_ms=10)])
def test_records_without_event_time_are_user_errors(assigner: WindowAssigner) -> None:
    with pytest.raises(FunctionError, match="no event time"):
        Bench(assigner).operator.process(RecordBuffer([("a", 1)]), WATERMARK_MIN, 0)


@pytest.mark.parametrize(
    "function",
    [Count(), Sum(field="v"), Mean(field="v"), Minimum(field="v"), Maximum(field="v")],
    ids=lambda function: function.fn,
)
@pytest.mark.parametrize("cut", range(5))
@pytest.mark.parametrize("values", [(3, -1, 4, 1), (0.1, 2.5, -3, 7.25)])
def test_merged_accumulators_are_those_of_all_rows(
    function: Any, cut: int, values: Sequence[float]
) -> None:
    fold = function.bind(("v",))

    def folded(rows: Sequence[float]) -> Any:
        accumulator = function.initial
        for value in rows:
            accumulator = fold(accumulator, (value,))
        return accumulator

    assert function.merge(folded(values[:cut]), folded(values[cut:])) == folded(values)


@pytest.mark.parametrize(
    "assigner", [TEN, SlidingWindows(size_ms=10, slide_ms=5), SessionWindows(gap_ms=10)]
)
def test_windows_keep_account_of_the_keys_that_changed(assigner: WindowAssigner) -> None:
    bench = Bench(assigner, lateness=5)
    bench.context.tracks_changes = True

    def changes(number: int) -> Any:
        return bench.operator.snapshot(CheckpointId(number))["panes"].changes

    bench.take(("a", 0), ("b", 0), ("c", 40))
    changes(1)  # nobody builds on what was before an attempt's first snapshot
    bench.take(("b", 1), ("d", 41))
    assert set(changes(2)) == {"b", "d"}
    bench.rise(11)
    assert [one.settled for (one,) in [changes(3)["a"]]] == [True]
    bench.rise(30)
    assert changes(4) == {"a": GONE, "b": GONE}
    assert changes(5) == {}
