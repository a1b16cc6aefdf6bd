"""The modes that every claim is held against: one scenario, five promises.

Without checkpoints no transaction would ever be committed, so such sinks show each row at once, and
a source has nothing but `start_from` to go by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bandviz.scenario.load import Scenario
from bandviz.scenario.operators import Sink, Source
from bandviz.scenario.varied import job_of

ALIGNED: Final = "aligned"
UNALIGNED: Final = "unaligned"
AT_LEAST_ONCE: Final = "at_least_once"
EARLIEST: Final = "none_earliest"
LATEST: Final = "none_latest"
MODES: Final = (ALIGNED, UNALIGNED, AT_LEAST_ONCE, EARLIEST, LATEST)
EXACTLY_ONCE: Final = (ALIGNED, UNALIGNED)
"""Modes in which nothing may be lost or repeated, but by a sink that promises less."""

_RESTART: Final[Mapping[str, Any]] = {"strategy": "fixed_delay", "attempts": 10, "delay_ms": 1_000}
_INTERVAL_MS: Final = 1_000
"""For a scenario that takes no checkpoints by itself."""


def changes_for(scenario: Scenario, mode: str) -> dict[str, Any]:
    """What to set in a scenario, by path; it comes back after each failure."""
    job = job_of(scenario)
    changes: dict[str, Any] = {
        "run.mode": "at_least_once" if mode == AT_LEAST_ONCE else "exactly_once",
        "run.unaligned": mode == UNALIGNED,
        "run.aligned_timeout_ms": 0,
        "run.restart": _RESTART,
    }
    without = mode in (EARLIEST, LATEST)
    if without or not job.run.checkpoint_interval_ms:
        changes["run.checkpoint_interval_ms"] = 0 if without else _INTERVAL_MS
    for one in job.pipeline:
        if isinstance(one, Source):
            changes[f"pipeline.{one.uid}.start_from"] = "latest" if mode == LATEST else "earliest"
        elif without and isinstance(one, Sink) and one.contract not in ("append", "upsert"):
            changes[f"pipeline.{one.uid}.contract"] = "append"
    return changes
