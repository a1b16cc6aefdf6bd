"""Process functions, called by a keeper of one key that is as small as can be."""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.functions.process import ProcessFunction, StateDescriptor, TimeDomain
from bandviz.functions.registry import from_spec
from bandviz.functions.rows import Row


class OneKey:
    """State and timers of one key; `clock` drives both domains."""

    key = "k"

    def __init__(self) -> None:
        self.now_ms = self.watermark_ms = 0
        self.values: dict[str, Any] = {}
        self.timers: set[int] = set()
        self.out: list[Row] = []

    def time(self, domain: TimeDomain) -> int:
        return self.now_ms

    def get(self, state: StateDescriptor) -> Any:
        return self.values.get(state.name, state.initial)

    def put(self, state: StateDescriptor, value: Any) -> None:
        self.values[state.name] = value
        if value == state.initial:
            del self.values[state.name]

    def clear(self, state: StateDescriptor) -> None:
        self.values.pop(state.name, None)

    def set_timer(self, domain: TimeDomain, time_ms: int) -> None:
        self.timers.add(time_ms)

    def delete_timer(self, domain: TimeDomain, time_ms: int) -> None:
        self.timers.discard(time_ms)

    def emit(self, row: Row) -> None:
        self.out.append(row)


def fed(function: ProcessFunction, records: list[tuple[int, Row]], until_ms: int) -> OneKey:
    """Each record at its time, then time passes; a timer fires when its time has come."""
    logic, ctx = function.bind(("n",)), OneKey()

    def wait(time_ms: int) -> None:
        while due := [timer for timer in ctx.timers if timer <= time_ms]:
            ctx.timers.remove(min(due))
            logic.on_timer(ctx, min(due))

    for time_ms, row in records:
        wait(time_ms - 1)
        ctx.now_ms = time_ms
        logic.on_element(ctx, row)
    wait(until_ms)
    return ctx


@pytest.mark.parametrize("time", ["event", "processing"])
@pytest.mark.parametrize(
    ("times", "silent_since"),
    [
        ([0], [0]),
        ([0, 9], [9]),
        ([0, 5, 9, 18], [18]),
        ([0, 11, 30], [0, 11, 30]),
        ([0, 10], [10]),  # the record comes before the timer of its own instant
        ([5, 3], [5]),  # out of order: the newer one counts
    ],
)
def test_inactivity_is_told_once_for_each_silence(
    times: list[int], silent_since: list[int], time: str
) -> None:
    function = from_spec({"fn": "inactivity_alert", "timeout_ms": 10, "time": time})
    assert isinstance(function, ProcessFunction)
    assert function.domain is TimeDomain(time)
    ctx = fed(function, [(at, (0,)) for at in times], 100)
    assert ctx.out == [(since,) for since in silent_since]
    assert (ctx.values, ctx.timers) == ({}, set())


@pytest.mark.parametrize(
    ("times", "counted"),
    [([0, 1, 2], [(3, 2)]), ([0, 1, 20, 22, 21], [(2, 1), (3, 22)]), ([0, 11], [(1, 0), (1, 11)])],
)
def test_counting_begins_again_behind_a_quiet_time(times: list[int], counted: list[Row]) -> None:
    function = from_spec({"fn": "count_until_quiet", "quiet_ms": 10})
    assert isinstance(function, ProcessFunction)
    ctx = fed(function, [(at, (0,)) for at in times], 100)
    assert ctx.out == counted
    assert (ctx.values, ctx.timers) == ({}, set())


@pytest.mark.parametrize(
    ("times", "numbers", "told"),
    [
        (1, [3, 5, 4, 7], [5, 7]),
        (2, [5, 5, 5, 5], [5, 5]),
        (2, [5, 1, 5, 6, 1], [6]),
        (3, [5, 5, 1, 5, 5], []),
    ],
)
def test_a_threshold_has_to_be_reached_so_often_in_a_row(
    times: int, numbers: list[int], told: list[int]
) -> None:
    function = from_spec({"fn": "threshold_alert", "field": "n", "value": 5, "times": times})
    assert isinstance(function, ProcessFunction)
    assert function.domain is None
    ctx = fed(function, [(at, (number,)) for at, number in enumerate(numbers)], 100)
    assert ctx.out == [(number,) for number in told]
    assert ctx.timers == set()


@pytest.mark.parametrize(
    "spec",
    [{"fn": "inactivity_alert", "timeout_ms": 10}, {"fn": "count_until_quiet", "quiet_ms": 10}],
)
@pytest.mark.parametrize("times", [[0, 5, 40, 60], [0, 11, 22], [3, 13, 24, 24]])
def test_how_far_time_lags_behind_the_records_changes_nothing(
    spec: dict[str, Any], times: list[int]
) -> None:
    function = from_spec(spec)
    assert isinstance(function, ProcessFunction)
    records: list[tuple[int, Row]] = [(at, (0,)) for at in times]
    prompt, late = fed(function, records, 100), OneKey()
    logic = function.bind(("n",))
    for late.now_ms in times:
        logic.on_element(late, (0,))
    while late.timers:
        late.timers.remove(first := min(late.timers))
        logic.on_timer(late, first)
    assert late.out == prompt.out
    assert late.values == {}
