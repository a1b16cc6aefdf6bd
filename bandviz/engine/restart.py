"""Restart strategies: whether there is another attempt after a failure, and how long it waits.

A book of failures and one rule a strategy; time comes in, chance is the seeded `mix`. It knows
neither subtasks nor checkpoints. Source: Flink's RestartBackoffTimeStrategy classes; semantics.md
1.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bandviz.engine.choices import jittered, mix
from bandviz.graph.settings import (
    ExponentialDelay,
    FailureRate,
    FixedDelay,
    NoRestart,
    RestartStrategy,
)


class Restarts:
    """All failures of one job so far, oldest first, and when each restart was due."""

    def __init__(self, strategy: RestartStrategy, seed: int) -> None:
        self.strategy = strategy
        self.seed = seed
        self.failed_us: list[int] = []
        self.next_us = -1
        """When the last restart was or is due; -1: none was."""
        self.growth = 0
        """Exponential delay: restarts since the delay was the initial one."""

    def due_us(self, now_us: int) -> int | None:
        """Note a failure. When the next attempt begins; None: there is none."""
        self.failed_us.append(now_us)
        due = _RULES[type(self.strategy)](self, self.strategy, now_us)
        if due is not None:
            self.next_us = due
        return due


def _never(_book: Restarts, _strategy: NoRestart, _now_us: int) -> None:
    return None


def _fixed_delay(book: Restarts, strategy: FixedDelay, now_us: int) -> int | None:
    return now_us + strategy.delay_us if len(book.failed_us) <= strategy.attempts else None


def _failure_rate(book: Restarts, strategy: FailureRate, now_us: int) -> int | None:
    """Refused once one failure more than allowed has come within the interval."""
    recent = book.failed_us[-strategy.failures_max - 1 :]
    full = len(recent) > strategy.failures_max
    if full and now_us - recent[0] <= strategy.interval_us:
        return None
    return now_us + strategy.delay_us


def _exponential_delay(book: Restarts, strategy: ExponentialDelay, now_us: int) -> int:
    """A failure before the planned restart joins it: no new attempt, no longer delay."""
    if now_us <= book.next_us:
        return book.next_us
    if book.next_us >= 0 and now_us - book.next_us >= strategy.reset_us:
        book.growth = 0
    delay = strategy.initial_us * strategy.multiplier_percent**book.growth // 100**book.growth
    book.growth += 1
    draw = mix(book.seed, 5_000, len(book.failed_us))
    delay = jittered(delay, strategy.jitter_permille, draw)
    return now_us + max(strategy.initial_us, min(delay, strategy.max_us))


_RULES: Final[dict[type, Callable[[Restarts, Any, int], int | None]]] = {
    NoRestart: _never,
    FixedDelay: _fixed_delay,
    FailureRate: _failure_rate,
    ExponentialDelay: _exponential_delay,
}
