"""Restart strategies: a book of failures in, times of restarts out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.engine.restart import Restarts
from bandviz.graph.settings import (
    ExponentialDelay,
    FailureRate,
    FixedDelay,
    NoRestart,
    RestartStrategy,
)

S = 1_000_000
PLAIN = ExponentialDelay(jitter_permille=0)


@pytest.mark.parametrize(
    ("strategy", "failed_s", "due_s"),
    [
        (NoRestart(), [5], [None]),
        (FixedDelay(), [5, 9], [6, None]),
        (FixedDelay(attempts=2, delay_us=3 * S), [1, 5, 9], [4, 8, None]),
        (FixedDelay(attempts=0), [5], [None]),
        (FailureRate(), [0, 30], [1, None]),
        (FailureRate(), [0, 61, 122], [1, 62, 123]),
        (FailureRate(), [0, 60], [1, None]),
        (FailureRate(failures_max=2), [0, 30, 61, 80], [1, 31, 62, None]),
        (PLAIN, [0, 10, 20, 30], [1, 11.5, 22.25, 33.375]),
        (PLAIN, [0, 0, 1, 10], [1, 1, 1, 11.5]),
        (PLAIN, [0, 10, 3_611, 3_620], [1, 11.5, 3_613.25, 3_623.375]),
        (PLAIN, [0, 10, 3_612, 3_620], [1, 11.5, 3_613, 3_621.5]),
    ],
    ids=[
        "none", "one by default", "two", "none allowed", "two within the minute",
        "one a minute", "the interval's end counts", "two a minute", "growing",
        "failures before the restart join it", "an hour counts from the restart", "reset",
    ],
)  # fmt: skip
def test_when_the_next_attempt_begins(
    strategy: RestartStrategy, failed_s: list[float], due_s: list[float | None]
) -> None:
    book = Restarts(strategy, seed=7)
    due = [book.due_us(int(second * S)) for second in failed_s]
    assert due == [None if second is None else int(second * S) for second in due_s]


@given(seed=st.integers(0, 2**40), gaps=st.lists(st.integers(1, 100 * S), min_size=1, max_size=30))
def test_the_delay_stays_between_its_bounds_and_repeats_itself(seed: int, gaps: list[int]) -> None:
    strategy = ExponentialDelay()
    first, second = Restarts(strategy, seed), Restarts(strategy, seed)
    now = 0
    for gap in gaps:
        due = first.due_us(now)
        assert due is not None
        assert due == second.due_us(now)
        assert strategy.initial_us <= due - now <= strategy.max_us
        now = due + gap


def test_the_longest_delay_is_reached_and_kept() -> None:
    book = Restarts(ExponentialDelay(), seed=1)
    now = 0
    for _ in range(15):
        due = book.due_us(now)
        assert due is not None
        now, delay = due + 1, due - now
    assert delay == ExponentialDelay().max_us
