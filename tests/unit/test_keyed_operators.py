"""Reduce, process, deduplicate, interval join and broadcast, each alone."""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.events.flow import LateRecordDropped, RecordApplied
from bandviz.events.keyed import (
    DuplicateDropped,
    StateDropped,
    TimerDeleted,
    TimerFired,
    TimerRegistered,
)
from bandviz.events.time import LateRecordDiverted
from bandviz.events.values import pack, unpack
from bandviz.functions.broadcast import MatchThresholds
from bandviz.functions.process import CountUntilQuiet, InactivityAlert, ThresholdAlert
from bandviz.functions.reduce import AddUp, MaxBy
from bandviz.functions.rows import FunctionError, KeyBy
from bandviz.graph.specs import (
    BroadcastSpec,
    DeduplicateSpec,
    IntervalJoinSpec,
    ProcessSpec,
    ReduceSpec,
    SlidingWindows,
    TumblingWindows,
    WindowJoinSpec,
)
from bandviz.ids import RecordId, ResultId
from tests.operators import Barrier, Bench, Clock, EndOfData, Item, Mark, Out, Record

FIELDS = ("k", "n")
KEY = KeyBy(fields=("k",))
END = Mark(2**63 - 1)


def records(text: str, port: int = 0) -> list[Record]:
    """`a5 b7` are rows (a, 5) and (b, 7), with their numbers as event times."""
    parts = [(word[0], int(word[1:])) for word in text.split()]
    return [Record(part, part[1], port) for part in parts]


def test_reduce_puts_out_the_row_so_far_for_each_row() -> None:
    bench = Bench(ReduceSpec(key=KEY, function=MaxBy(field="n")), FIELDS)
    bench.play(records("a5 b1 a3 a7"))
    assert bench.rows == [("a", 5), ("b", 1), ("a", 5), ("a", 7)]
    assert [one.time_ms for one in bench.out] == [5, 1, 3, 7]
    assert bench.state() == {"keyed": [("b", ("b", 1)), ("a", ("a", 7))]}
    assert unpack(_last(bench, RecordApplied).value) == ("a", 7)


def _last(bench: Bench, kind: type[Any]) -> Any:
    return [event for event in bench.told if isinstance(event, kind)][-1]


def test_a_process_function_fires_by_event_time_and_its_row_knows_where_it_came_from() -> None:
    spec = ProcessSpec(key=KEY, function=CountUntilQuiet(quiet_ms=10))
    bench = Bench(spec, FIELDS).play([*records("a1 b2 a3"), Mark(11)])
    assert bench.out == []
    bench.play([Mark(12)])
    assert bench.rows == [("b", 1, 2)]
    bench.play([Mark(13)])
    row, time_ms, origin, _ = bench.out[-1]
    assert (row, time_ms) == (("a", 2, 3), 13)
    assert isinstance(origin, ResultId)
    assert (origin.vertex, origin.key, origin.window_start_ms, origin.count) == ("op", "a", 13, 2)
    assert bench.state() == {}
    assert _last(bench, TimerFired).value == b""


def test_timers_are_told_when_set_when_taken_back_and_when_fired() -> None:
    spec = ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=10))
    bench = Bench(spec, FIELDS).play([*records("a1 a4"), END])
    kinds = (TimerRegistered, TimerDeleted, TimerFired)
    told = [(type(event), event.time_ms) for event in bench.told if isinstance(event, kinds)]
    assert told == [
        (TimerRegistered, 11),
        (TimerDeleted, 11),
        (TimerRegistered, 14),
        (TimerFired, 14),
    ]
    assert bench.rows == [("a", 4)]


def test_an_event_timer_in_the_past_fires_with_the_next_watermark() -> None:
    spec = ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=10))
    bench = Bench(spec, FIELDS).play([Mark(50), *records("a1")])
    assert bench.rows == []
    assert bench.play([Mark(51)]).rows == [("a", 1)]


def test_a_processing_timer_fires_when_its_millisecond_is_over_and_its_row_has_no_time() -> None:
    spec = ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=10, time="processing"))
    bench = Bench(spec, FIELDS).play([Clock(5), *records("a1"), Clock(15)])
    assert bench.out == []
    bench.play([Clock(16)])
    assert bench.out[0][:2] == (("a", 5), None)


def test_processing_timers_of_two_instants_fire_one_after_the_other() -> None:
    spec = ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=10, time="processing"))
    bench = Bench(spec, FIELDS).play([Clock(5), *records("a1"), Clock(6), *records("b1")])
    assert bench.operator.next_timer_us() == 16_000
    bench.play([Clock(16)])
    assert bench.rows == [("a", 5)]
    assert bench.play([Clock(17)]).rows == [("a", 5), ("b", 6)]


def test_an_overdue_processing_timer_fires_right_after_the_restore() -> None:
    spec = ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=10, time="processing"))
    bench = Bench(spec, FIELDS).play([Clock(5), *records("a1"), Barrier()])
    assert bench.operator.next_timer_us() == 16_000
    assert bench.play([Clock(900)]).rows == [("a", 5)]
    assert bench.operator.next_timer_us() is None


def test_no_processing_timer_fires_behind_the_end_of_data() -> None:
    spec = ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=10, time="processing"))
    bench = Bench(spec, FIELDS).play([*records("a1"), EndOfData(), Clock(900)])
    assert bench.rows == []


def test_event_time_without_event_times_is_the_users_error() -> None:
    spec = ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=10))
    with pytest.raises(FunctionError, match="no event time"):
        Bench(spec, FIELDS).play([Record(("a", 1))])


def test_what_a_function_cleared_is_told_as_gone() -> None:
    spec = ProcessSpec(key=KEY, function=ThresholdAlert(field="n", value=5, times=2))
    bench = Bench(spec, FIELDS).play(records("a5 a6 b7"))
    assert bench.rows == [("a", 6)]
    assert bench.state() == {"keyed": [("b", (1,))]}
    assert [event.key for event in bench.told if isinstance(event, StateDropped)] == [pack("a")]


@pytest.mark.parametrize(
    ("ttl_ms", "times", "passed"),
    [
        (0, [0, 1, 10**9], [0]),
        (10, [0, 9], [0]),
        (10, [0, 10], [0, 10]),  # at its end the entry is expired already
        (10, [0, 9, 10], [0, 10]),  # being seen again does not prolong it
        (10, [0, 10, 19, 20], [0, 10, 20]),  # coming through again begins a new life
    ],
)
@pytest.mark.parametrize("restored", [False, True])
def test_a_key_is_new_again_when_its_time_to_live_is_over(
    ttl_ms: int, times: list[int], passed: list[int], restored: bool
) -> None:
    bench = Bench(DeduplicateSpec(key=KEY, ttl_ms=ttl_ms), FIELDS)
    for time_ms in times:
        bench.play([Clock(time_ms), Record(("a", time_ms)), *[Barrier()] * restored])
    assert bench.rows == [("a", time_ms) for time_ms in passed]


def test_a_set_in_a_plain_field_does_not_survive_a_restore() -> None:
    bench = Bench(DeduplicateSpec(key=KEY, in_state=False), FIELDS)
    bench.play([*records("a1 a2"), Barrier(), *records("a3 a4")])
    assert bench.rows == [("a", 1), ("a", 3)]


def test_duplicates_are_told_and_go_to_their_side_output_as_they_came() -> None:
    bench = Bench(DeduplicateSpec(key=KEY, duplicates="again"), FIELDS)
    bench.play(records("a1 b2 a3 a4"), sizes=(4,))
    assert bench.out == [
        Out(("a", 3), 3, RecordId("in", 0, 2), "again"),
        Out(("a", 4), 4, RecordId("in", 0, 3), "again"),
        Out(("a", 1), 1, RecordId("in", 0, 0)),
        Out(("b", 2), 2, RecordId("in", 0, 1)),
    ]
    dropped = [event for event in bench.told if isinstance(event, DuplicateDropped)]
    assert [event.key for event in dropped] == [pack("a")] * 2
    assert {event.side for event in dropped} == {"again"}


def joined(text: str, spec: IntervalJoinSpec | WindowJoinSpec) -> list[str]:
    """Pairs that come out of `L5 R7 |6`: left and right rows of one key, and a watermark."""
    bench = Bench(spec, FIELDS, FIELDS)
    for word in text.split():
        number = int(word[1:])
        sides = {"L": 0, "R": 1}
        bench.play(
            [Mark(number) if word[0] == "|" else Record(("k", number), number, sides[word[0]])]
        )
    return [f"{row[1]}-{row[3]}@{time}" for row, time, _, _ in bench.out]


@pytest.mark.parametrize(
    ("text", "bounds", "pairs"),
    [
        ("L5 R4 R5 R6 R7 R8", (0, 2), ["5-5@5", "5-6@6", "5-7@7"]),
        ("R4 R5 R6 R7 R8 L5", (0, 2), ["5-5@5", "5-6@6", "5-7@7"]),
        ("L5 R2 R3 R4 R5", (-2, -1), ["5-3@5", "5-4@5"]),
        ("L5 |6 R6 R7", (0, 2), ["5-6@6", "5-7@7"]),  # not older than the watermark: in time
        ("L5 |6 R5", (0, 2), []),  # late
        ("L5 |7 R7", (0, 2), []),  # in time, but the watermark has just cleared the left row
        ("L5 |8 R8 L8", (0, 2), ["8-8@8"]),
        ("R5 |4 L5 |5 L5", (0, 2), ["5-5@5"]),  # a right row waits for left ones of its own time
        ("L9 |6 R6", (-5, -3), ["9-6@9"]),  # kept until its own time, wherever partners lie
        ("L5 L5 R5", (0, 0), ["5-5@5", "5-5@5"]),
    ],
)
def test_interval_join(text: str, bounds: tuple[int, int], pairs: list[str]) -> None:
    lower_ms, upper_ms = bounds
    spec = IntervalJoinSpec(left_key=KEY, right_key=KEY, lower_ms=lower_ms, upper_ms=upper_ms)
    assert joined(text, spec) == pairs


@pytest.mark.parametrize(
    ("assigner", "text", "pairs"),
    [
        (TumblingWindows(size_ms=10), "L3 R9 L10 R4 |8 |9", ["3-9@9", "3-4@9"]),
        (TumblingWindows(size_ms=10), "L3 |9 R9 |19", []),  # late
        (TumblingWindows(size_ms=10, offset_ms=5), "L4 R5 L14 |19", ["14-5@14"]),
        (SlidingWindows(size_ms=10, slide_ms=5), "L3 R7 |14", ["3-7@9"]),
        (SlidingWindows(size_ms=10, slide_ms=5), "L6 R7 |14", ["6-7@9", "6-7@14"]),
        (SlidingWindows(size_ms=10, slide_ms=5), "L6 |9 R7 |14", ["6-7@14"]),
    ],
)
def test_window_join(
    assigner: TumblingWindows | SlidingWindows, text: str, pairs: list[str]
) -> None:
    spec = WindowJoinSpec(left_key=KEY, right_key=KEY, assigner=assigner)
    assert joined(text, spec) == pairs


def test_a_window_join_forgets_its_windows_and_turns_late_rows_away() -> None:
    spec = WindowJoinSpec(
        left_key=KEY, right_key=KEY, assigner=TumblingWindows(size_ms=10), late_right="r"
    )
    bench = Bench(spec, FIELDS, FIELDS)
    bench.play([*records("a3 b4"), *records("a5", port=1), Barrier(), Mark(9)])
    assert [(one.row, one.time_ms) for one in bench.out] == [(("a", 3, "a", 5), 9)]
    assert bench.state() == {}
    bench.play([*records("a6"), *records("a7", port=1)])
    assert [(one.row, one.side) for one in bench.out[1:]] == [(("a", 7), "r")]
    late = (LateRecordDropped, LateRecordDiverted)
    assert len([event for event in bench.told if isinstance(event, late)]) == 2


def test_a_pair_has_the_provenance_of_both_and_an_id_of_its_own() -> None:
    spec = IntervalJoinSpec(left_key=KEY, right_key=KEY, lower_ms=0, upper_ms=5)
    bench = Bench(spec, FIELDS, FIELDS)
    bench.play([*records("a1 a2"), Barrier(), *records("a3", port=1)])
    first, second = (one.id for one in bench.out)
    assert isinstance(first, ResultId)
    assert isinstance(second, ResultId)
    assert (first.count, second.count) == (2, 2)
    assert first[:3] != second[:3]


def test_late_rows_of_a_join_are_dropped_or_go_to_their_side() -> None:
    keys = {"left_key": KEY, "right_key": KEY, "lower_ms": 0, "upper_ms": 5}
    script: list[Item] = [Mark(9), *records("a1"), *records("a2", port=1)]
    plain = Bench(IntervalJoinSpec(**keys), FIELDS, FIELDS).play(script)  # type: ignore[arg-type]
    dropped = [event for event in plain.told if isinstance(event, LateRecordDropped)]
    assert [(event.event_time_ms, event.watermark_ms) for event in dropped] == [(1, 9), (2, 9)]
    spec = IntervalJoinSpec(**keys, late_left="l", late_right="r")  # type: ignore[arg-type]
    aside = Bench(spec, FIELDS, FIELDS).play(script)
    assert [(one.row, one.side) for one in aside.out] == [(("a", 1), "l"), (("a", 2), "r")]


def test_a_join_forgets_rows_that_no_partner_can_come_for() -> None:
    spec = IntervalJoinSpec(left_key=KEY, right_key=KEY, lower_ms=-3, upper_ms=5)
    bench = Bench(spec, FIELDS, FIELDS).play([*records("a10"), *records("a10", port=1), Mark(12)])
    assert set(bench.state()) == {"left", "right", "cleanup"}
    bench.play([Mark(13)])
    assert set(bench.state()) == {"left", "cleanup"}
    assert unpack(_last(bench, StateDropped).key) == ("right", "a")
    assert bench.play([Mark(15)]).state() == {}


def test_records_meet_the_rules_that_came_before_them() -> None:
    function = MatchThresholds(field="n", rule_name="rule", rule_value="level")
    bench = Bench(BroadcastSpec(function=function), FIELDS, ("rule", "level"))
    bench.play(
        [
            *records("a5"),
            Record(("high", 6), 1, 1),
            Record(("low", 2), 1, 1),
            Barrier(),
            *records("a5 b9"),
            Record(("low", 7), 1, 1),
            *records("c6"),
        ],
        sizes=(2,),
    )
    assert bench.rows == [("a", 5, "low"), ("b", 9, "high"), ("b", 9, "low"), ("c", 6, "high")]
    assert bench.state() == {"rules": [("high", 6), ("low", 7)]}


def test_records_without_ids_come_out_without_ids() -> None:
    totals = ReduceSpec(key=KEY, function=AddUp(fields=("n",)))
    quiet = ProcessSpec(key=KEY, function=CountUntilQuiet(quiet_ms=10))
    join = IntervalJoinSpec(left_key=KEY, right_key=KEY, lower_ms=0, upper_ms=5)
    for spec in (totals, quiet, join):
        bench = Bench(spec, FIELDS, FIELDS, lineage=False)
        bench.play([*records("a1 a2"), *records("a3", port=1), END])
        assert bench.out
        assert {one.id for one in bench.out} == {None}
