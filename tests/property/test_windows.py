"""Windows over any input: neither its cut into buffers nor crashes change a result."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.engine.elements import WATERMARK_MAX, WATERMARK_MIN
from bandviz.graph.specs import SessionWindows, SlidingWindows, TumblingWindows, WindowAssigner
from tests.unit.test_windows import Bench, Fired

Records = list[tuple[str, int]]

ASSIGNERS: list[WindowAssigner] = [
    TumblingWindows(size_ms=7, offset_ms=-2),
    SlidingWindows(size_ms=10, slide_ms=4, offset_ms=1),
    SlidingWindows(size_ms=3, slide_ms=5),
    SessionWindows(gap_ms=4),
]
RECORDS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-30, 30)), max_size=25)
LATENESS = st.sampled_from([0, 3, 100])


def pieces(records: Records, sizes: list[int]) -> list[Records]:
    """Cut by these sizes; the rest is one more piece."""
    cuts = [0, *accumulate(sizes), max(sum(sizes), len(records))]
    return [part for first, end in pairwise(cuts) if (part := records[first:end])]


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=lambda assigner: assigner.kind)
@given(RECORDS, st.lists(st.integers(1, 6), max_size=12), st.integers(-20, 20), LATENESS)
def test_the_size_of_buffers_changes_nothing(
    assigner: WindowAssigner, records: Records, sizes: list[int], watermark: int, lateness: int
) -> None:
    whole, cut = Bench(assigner, lateness, "late"), Bench(assigner, lateness, "late")
    for bench in (whole, cut):
        bench.take(("a", -25), ("b", -21))
        bench.rise(watermark)
    expected = whole.take(*records)
    assert [row for part in pieces(records, sizes) for row in cut.take(*part)] == expected
    assert asides(cut) == asides(whole)
    assert cut.rise(WATERMARK_MAX) == whole.rise(WATERMARK_MAX)


def asides(bench: Bench) -> Fired:
    return [row for _, buffer in bench.context.sides for row in buffer.values]


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=lambda assigner: assigner.kind)
@given(RECORDS, st.lists(st.integers(1, 6), max_size=12), LATENESS)
def test_crashes_before_any_watermark_change_nothing(
    assigner: WindowAssigner, records: Records, sizes: list[int], lateness: int
) -> None:
    steady, crashing = Bench(assigner, lateness), Bench(assigner, lateness)
    steady.take(*records)
    for part in pieces(records, sizes):
        crashing.take(*part)
        crashing.crash()
    assert sorted(crashing.rise(WATERMARK_MAX)) == sorted(steady.rise(WATERMARK_MAX))


@given(RECORDS, st.integers(-20, 20))
def test_a_restored_operator_goes_on_as_the_one_that_was_photographed(
    records: Records, watermark: int
) -> None:
    for assigner in ASSIGNERS:
        one, other = Bench(assigner, 5), Bench(assigner, 5)
        for bench in (one, other):
            bench.take(*records)
            bench.rise(watermark)
        one.watermark = WATERMARK_MIN  # as after a restore
        other.crash()
        assert sorted(one.take(*records[::2])) == sorted(other.take(*records[::2]))
        assert sorted(one.rise(WATERMARK_MAX)) == sorted(other.rise(WATERMARK_MAX))


@given(RECORDS.flatmap(lambda records: st.tuples(st.just(records), st.permutations(records))))
def test_sessions_do_not_depend_on_the_order_of_records(both: tuple[Records, Records]) -> None:
    results = []
    for records in both:
        bench = Bench(SessionWindows(gap_ms=4))
        bench.take(*records)
        results.append(sorted(bench.rise(WATERMARK_MAX)))
    assert results[0] == results[1]


@given(RECORDS)
def test_sessions_of_a_key_lie_apart_and_hold_every_record_once(records: Records) -> None:
    bench = Bench(SessionWindows(gap_ms=4))
    bench.take(*records)
    rows = sorted(bench.rise(WATERMARK_MAX))
    assert sum(row[3] for row in rows) == len(records)
    for (key, _, end, *_), (other, start, *_) in pairwise(rows):
        assert key != other or end < start
