"""The restart strategy that a scenario names, or Flink's default."""

from __future__ import annotations

from typing import Final

from bandviz.graph.settings import (
    ExponentialDelay,
    FailureRate,
    FixedDelay,
    NoRestart,
    RestartStrategy,
)
from bandviz.scenario.findings import Problems, nearest
from bandviz.scenario.schema import Restart, Run

_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "none": (),
    "fixed_delay": ("attempts", "delay_ms"),
    "failure_rate": ("failures_max", "interval_ms", "delay_ms"),
    "exponential_delay": (
        "initial_ms", "multiplier_percent", "max_ms", "jitter_percent", "reset_ms",
    ),
}  # fmt: skip


def restart_strategy(run: Run, problems: Problems) -> RestartStrategy:
    """A field of another strategy is reported: it would change nothing."""
    declared = run.restart
    if declared is None:
        return ExponentialDelay() if run.checkpoint_interval_ms else NoRestart()
    own = _FIELDS[declared.strategy]
    for field in Restart.model_fields:
        if field in declared.model_fields_set and field not in ("strategy", *own):
            sentence = f"strategy {declared.strategy} has no '{field}'"
            problems.add(("run", "restart", field), sentence, nearest(field, own), key=True)
    if declared.max_ms < declared.initial_ms:
        sentence = f"the greatest delay is less than the first, {declared.initial_ms}"
        problems.add(("run", "restart"), sentence, "raise max_ms or lower initial_ms")
    return _strategy(declared)


def _strategy(declared: Restart) -> RestartStrategy:
    match declared.strategy:
        case "none":
            return NoRestart()
        case "fixed_delay":
            return FixedDelay(attempts=declared.attempts, delay_us=declared.delay_ms * 1_000)
        case "failure_rate":
            return FailureRate(
                failures_max=declared.failures_max,
                interval_us=declared.interval_ms * 1_000,
                delay_us=declared.delay_ms * 1_000,
            )
        case "exponential_delay":
            return ExponentialDelay(
                initial_us=declared.initial_ms * 1_000,
                multiplier_percent=declared.multiplier_percent,
                max_us=declared.max_ms * 1_000,
                jitter_permille=declared.jitter_percent * 10,
                reset_us=declared.reset_ms * 1_000,
            )
