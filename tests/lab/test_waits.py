"""Engines that cannot go on, and the circle of those who wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bandviz.engine.alignment import EffectKind
from bandviz.engine.channel import Channel
from bandviz.engine.subtask_checkpoints import _EFFECTS
from bandviz.lab.campaign import policy_of
from bandviz.lab.sweep import Outcome, Stretch, explore
from bandviz.lab.trial import Trial
from bandviz.lab.zoo.breakage import Breakage, Ground, Patch, running
from bandviz.lab.zoo.hunt import plan_on
from bandviz.scenario.plan import Plan


def gives_no_credit(_: Any) -> Callable[..., tuple[int, int]]:
    """What is held at a sender's end stays there."""
    return lambda _channel, now_us: (0, now_us)


def does_nothing(_: Any) -> Callable[..., None]:
    return lambda *_: None


DEADLOCKS = {
    "senders never get credit": (
        Patch(Channel, "release", gives_no_credit),
        "in a circle: count[0] waits for barrier 2 on north[0] -> count[0]; "
        "north[0] waits for credit on north[0] -> count[0]",
    ),
    "a gate that is never opened again": (
        Patch(_EFFECTS, EffectKind.RELEASE, does_nothing),
        "in a circle: count[0] waits for itself: it holds back north[0] -> count[0], "
        "south[0] -> count[0], though every barrier 1 is here",
    ),
    "barriers that are not forwarded": (
        Patch(_EFFECTS, EffectKind.COMPLETE, does_nothing),
        "in a circle: count[0] waits for checkpoint 1, which lacks board[0]; "
        "board[0] waits for checkpoint 1, which lacks count[0]",
    ),
}


def patient(ground: Ground) -> Plan:
    """Its checkpoints do not expire."""
    plan = plan_on(ground)
    return replace(
        plan, settings=replace(plan.settings, checkpoint_timeout_us=10**12, max_steps=200)
    )


def broken(patch: Patch) -> Breakage:
    return Breakage(
        name="stuck", family="", rule="", instead="", oracle="liveness", patches=(patch,)
    )


@pytest.mark.parametrize("story", DEADLOCKS)
def test_a_run_that_is_stuck_says_who_waits_for_whom(story: str) -> None:
    patch, circle = DEADLOCKS[story]
    plan = patient(Ground())
    with running(broken(patch)):
        trial = Trial(plan, policy_of(0))
        trial.finish()
    budget = f"the run did not finish: stuck, the budget of {plan.settings.max_steps} steps is "
    assert f"{budget}used up; who waits for whom, {circle}" in trial.verdict().reasons


def test_a_cell_of_a_sweep_that_is_stuck_says_why() -> None:
    patch, circle = DEADLOCKS["barriers that are not forwarded"]
    with running(broken(patch)):
        cell = explore(Stretch(patient(Ground()), policy_of(0), 5, 6))[0]
    assert cell.outcome is Outcome.STUCK
    assert cell.why.endswith(circle)
