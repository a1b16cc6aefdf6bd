"""Grounds of the zoo: small jobs of its own, and other faults than a kill."""

from __future__ import annotations

from typing import Final

import pytest

from bandviz.engine.faults import LOSE_NOTIFICATION, RESCALE
from bandviz.events import Event
from bandviz.events.coordinator import NotificationLost
from bandviz.events.flow import WindowFired
from bandviz.events.keyed import TimerFired
from bandviz.events.rescaling import VertexRescaled
from bandviz.events.sink import CommittablesCollected
from bandviz.events.time import LateRecordAdmitted
from bandviz.lab.policies import EARLIEST
from bandviz.lab.sweep import Stretch, crash_runs, undisturbed
from bandviz.lab.zoo.breakage import Ground
from bandviz.lab.zoo.grounds import PAIRS, QUIET, TEXTS, WINDOWS
from bandviz.lab.zoo.hunt import plan_on

SHOWS: Final[dict[str, tuple[type[Event], ...]]] = {
    QUIET: (TimerFired,),
    WINDOWS: (WindowFired, LateRecordAdmitted),
    PAIRS: (CommittablesCollected,),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_small_job_is_exact_and_does_what_it_is_for(name: str) -> None:
    trial = undisturbed(plan_on(Ground(name)))
    assert trial.verdict().holds is True
    heard = {type(entry.event) for entry in trial.heard}
    assert [kind for kind in SHOWS[name] if kind not in heard] == []


@pytest.mark.parametrize(
    ("scenario", "fault", "seen"),
    [
        (PAIRS, LOSE_NOTIFICATION, NotificationLost),
        ("rescale", f"{RESCALE} count=3", VertexRescaled),
    ],
)
def test_each_run_of_a_ground_has_the_fault_of_the_ground_once(
    scenario: str, fault: str, seen: type[Event]
) -> None:
    part = Stretch(plan_on(Ground(scenario)), EARLIEST, 1, 60)
    runs = list(crash_runs(part, fault=fault))
    assert runs
    for run in runs:
        assert len(run.kills) == 1
        assert seen in {type(entry.event) for entry in run.trial.heard}
