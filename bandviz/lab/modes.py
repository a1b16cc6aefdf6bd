"""The modes that every claim is held against: one scenario, four promises.

`none` takes no checkpoints, so its sinks show each line at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bandviz.scenario.load import Scenario
from bandviz.scenario.operators import Sink
from bandviz.scenario.reader import Scalar

ALIGNED: Final = "aligned"
UNALIGNED: Final = "unaligned"
AT_LEAST_ONCE: Final = "at_least_once"
NONE: Final = "none"
MODES: Final = (ALIGNED, UNALIGNED, AT_LEAST_ONCE, NONE)

_BARRIERS: Final[Mapping[str, Mapping[str, Scalar]]] = {
    ALIGNED: {"run.mode": "exactly_once", "run.unaligned": False, "run.aligned_timeout_ms": 0},
    UNALIGNED: {"run.mode": "exactly_once", "run.unaligned": True, "run.aligned_timeout_ms": 0},
    AT_LEAST_ONCE: {
        "run.mode": "at_least_once",
        "run.unaligned": False,
        "run.aligned_timeout_ms": 0,
    },
}


def changes_for(scenario: Scenario, mode: str) -> dict[str, Scalar]:
    """What to set in a scenario, by path."""
    if mode != NONE:
        return dict(_BARRIERS[mode])
    sinks = [one for one in scenario.document.pipeline if isinstance(one, Sink)]
    return {
        **_BARRIERS[ALIGNED],
        "run.checkpoint_interval_ms": 0,
        **{f"pipeline.{sink.uid}.contract": "append" for sink in sinks},
    }
