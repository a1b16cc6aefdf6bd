"""Keyed operators: buffers and restores change nothing; joins pair all that lies near."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.events import Level
from bandviz.events.keyed import TimerFired, TimerRegistered
from bandviz.functions.aggregates import Count
from bandviz.functions.broadcast import MatchThresholds
from bandviz.functions.process import CountUntilQuiet, InactivityAlert, ThresholdAlert
from bandviz.functions.reduce import AddUp, Latest
from bandviz.functions.rows import KeyBy
from bandviz.graph.specs import (
    BroadcastSpec,
    DeduplicateSpec,
    IntervalJoinSpec,
    NamedAggregate,
    OperatorSpec,
    ProcessSpec,
    ReduceSpec,
    SessionWindows,
    SlidingWindows,
    TumblingWindows,
    WindowJoinSpec,
    WindowSpec,
)
from tests.operators import Barrier, Bench, Clock, Item, Mark, Record

FIELDS = ("k", "n")
KEY = KeyBy(fields=("k",))
COUNT = (NamedAggregate(function=Count(), name="n"),)
SPECS: dict[str, OperatorSpec] = {
    "reduce": ReduceSpec(key=KEY, function=AddUp(fields=("n",))),
    "reduce by two": ReduceSpec(key=KeyBy(fields=("n", "k")), function=Latest()),
    "inactivity": ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=4)),
    "inactivity by clock": ProcessSpec(
        key=KEY, function=InactivityAlert(timeout_ms=4, time="processing")
    ),
    "quiet": ProcessSpec(key=KEY, function=CountUntilQuiet(quiet_ms=3)),
    "threshold": ProcessSpec(key=KEY, function=ThresholdAlert(field="n", value=5, times=2)),
    "deduplicate": DeduplicateSpec(key=KEY, duplicates="again"),
    "deduplicate for a while": DeduplicateSpec(key=KEY, ttl_ms=5),
    "interval join": IntervalJoinSpec(
        left_key=KEY, right_key=KEY, lower_ms=-2, upper_ms=3, late_left="late"
    ),
    "window join": WindowJoinSpec(
        left_key=KEY,
        right_key=KEY,
        assigner=SlidingWindows(size_ms=4, slide_ms=2),
        late_left="late",
    ),
    "tumbling": WindowSpec(
        key=KEY, assigner=TumblingWindows(size_ms=5), aggregates=COUNT, allowed_lateness_ms=3
    ),
    "sliding": WindowSpec(
        key=KEY, assigner=SlidingWindows(size_ms=5, slide_ms=2), aggregates=COUNT, late="late"
    ),
    "session": WindowSpec(
        key=KEY, assigner=SessionWindows(gap_ms=2), aggregates=COUNT, allowed_lateness_ms=3
    ),
    "broadcast": BroadcastSpec(function=MatchThresholds(field="n", rule_name="k", rule_value="n")),
}

rows = st.tuples(st.sampled_from("abc"), st.integers(0, 9))


@st.composite
def scripts(draw: st.DrawFn) -> list[Item]:
    """Records somewhat out of order on two ports, watermarks and clocks that only rise."""
    items: list[Item] = []
    mark_ms = now_ms = 0
    for word in draw(st.lists(st.sampled_from(["record", "record", "mark", "clock"]), max_size=30)):
        if word == "record":
            time_ms = mark_ms + draw(st.integers(-2, 8))
            items.append(Record(draw(rows), time_ms, draw(st.integers(0, 1))))
        elif word == "mark":
            mark_ms += draw(st.integers(1, 6))
            items.append(Mark(mark_ms))
        else:
            now_ms += draw(st.integers(1, 6))
            items.append(Clock(now_ms))
    return items


def bench(name: str) -> Bench:
    return Bench(SPECS[name], FIELDS, FIELDS)


names = pytest.mark.parametrize("name", SPECS)
some = settings(max_examples=25, deadline=None)


@names
@some
@given(script=scripts(), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_how_records_are_split_into_buffers_changes_nothing(
    name: str, script: list[Item], sizes: list[int]
) -> None:
    one_by_one, in_buffers = bench(name).play(script), bench(name).play(script, sizes)
    assert Counter(in_buffers.out) == Counter(one_by_one.out)
    assert in_buffers.rows == one_by_one.rows
    assert in_buffers.state() == one_by_one.state()
    for level in Level:  # the order across levels is not the order of happening
        told = [event for event in in_buffers.told if event.level is level]
        assert told == [event for event in one_by_one.told if event.level is level]


@names
@some
@given(script=scripts(), at=st.integers(0, 30))
def test_a_restore_at_any_point_gives_the_same_rest(name: str, script: list[Item], at: int) -> None:
    whole = bench(name).play(script)
    restored = bench(name).play([*script[:at], Barrier(), *script[at:]])
    assert restored.out == whole.out
    assert restored.told == whole.told
    assert restored.state() == whole.state()


@pytest.mark.parametrize("name", ["inactivity", "quiet"])
@some
@given(script=scripts())
def test_timers_fire_once_each_and_in_order_and_leave_nothing_behind(
    name: str, script: list[Item]
) -> None:
    played = bench(name).play(script)
    before = len(played.told)
    played.play([Mark(2**63 - 1)])
    last = [event.time_ms for event in played.told[before:] if isinstance(event, TimerFired)]
    assert last == sorted(last)
    fired = Counter(_timers(played, TimerFired))
    assert all(
        count <= Counter(_timers(played, TimerRegistered))[one] for one, count in fired.items()
    )
    assert played.state() == {}


def _timers(played: Bench, kind: type[Any]) -> list[tuple[int, bytes]]:
    return [(event.time_ms, event.key) for event in played.told if isinstance(event, kind)]


@some
@given(st.lists(st.tuples(rows, st.integers(0, 20), st.integers(0, 1)), max_size=25))
def test_an_interval_join_in_time_pairs_all_that_lie_near(
    records: list[tuple[Any, int, int]],
) -> None:
    played = bench("interval join").play([Record(*one) for one in records])
    left, right = ([one for one in records if one[2] == port] for port in (0, 1))
    pairs = [
        (*row, *other)
        for row, time_ms, _ in left
        for other, other_ms, _ in right
        if row[0] == other[0] and time_ms - 2 <= other_ms <= time_ms + 3
    ]
    assert Counter(played.rows) == Counter(pairs)
    assert played.play([Mark(2**63 - 1)]).state() == {}


@some
@given(st.lists(rows, max_size=25))
def test_of_each_key_the_first_comes_through(records: list[tuple[str, int]]) -> None:
    played = bench("deduplicate").play([Record(row) for row in records])
    first = {row[0]: row for row in reversed(records)}
    assert sorted(played.rows) == sorted(first.values())
    assert len(played.out) == len(records)
