"""A broken engine is let loose, and the oracles are to see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from bandviz.errors import InvariantViolation
from bandviz.lab.campaign import plan_of, policy_of
from bandviz.lab.policies import Policy
from bandviz.lab.pool import each
from bandviz.lab.sweep import collecting_later
from bandviz.lab.trial import Trial
from bandviz.lab.witness import Witness, accused, all_runs, patient, shrunk
from bandviz.lab.zoo import ZOO
from bandviz.lab.zoo.breakage import Breakage, Ground, running
from bandviz.scenario.plan import Plan

INVARIANT: Final = "invariant"
"""The engine itself noticed, and stopped."""


@dataclass(slots=True)
class Caught:
    """What the oracles say. `runs`: all that were made; `accused`: runs by oracle."""

    name: str
    runs: int = 0
    revealing: int = 0
    accused: Counter[str] = field(default_factory=Counter)
    witness: Witness | None = None

    def to_json(self) -> dict[str, Any]:
        """One value of `per_entry`."""
        return {
            "killed": ZOO[self.name].oracle in self.accused,
            "oracles": sorted(self.accused),
            "witness_events": self.witness.events if self.witness is not None else None,
            "runs": self.runs,
            "revealing": self.revealing,
        }


def hunt(name: str) -> Caught:
    """Until the oracle that has to see it has seen it; what a worker does."""
    found = Caught(name)
    breakage = ZOO[name]
    for ground in breakage.grounds:
        _search(found, breakage, ground, plan_on(ground), policy_of(ground.schedule))
        if breakage.oracle in found.accused:
            break
    return found


def false_alarms(ground: Ground) -> int:
    """How many runs of the sound engine are accused on the same ground."""
    found = Caught("")
    _search(found, None, ground, plan_on(ground), policy_of(ground.schedule))
    return found.revealing


def plan_on(ground: Ground) -> Plan:
    """As long as the sound engine needs it, and some more. Raises BandvizError."""
    plan = plan_of(ground.scenario, ground.mode, ground.schedule, ground.variant)
    return patient(plan, policy_of(ground.schedule))


def _search(
    found: Caught, breakage: Breakage | None, ground: Ground, plan: Plan, policy: Policy
) -> None:
    with collecting_later(), running(breakage):
        for trial, told in _judged(plan, policy, ground):
            found.runs += 1
            found.revealing += bool(told)
            found.accused.update(told.keys())
            if breakage is not None and breakage.oracle in told and found.witness is None:
                found.witness = _witness(plan, policy, ground, breakage, trial)


def _witness(
    plan: Plan, policy: Policy, ground: Ground, breakage: Breakage, trial: Trial | None
) -> Witness:
    plan = replace(plan, zoo=breakage.name)
    if trial is None:
        return Witness(plan, (), (), INVARIANT)
    return shrunk(
        plan, policy, trial, breakage.oracle,
        all_runs, partial(accused, mode=ground.mode),
    )  # fmt: skip


def _judged(
    plan: Plan, policy: Policy, ground: Ground
) -> Iterator[tuple[Trial | None, dict[str, str]]]:
    """Every run with what is said of it; without the run, if the engine stopped itself in it."""
    try:
        for trial in all_runs(plan, policy):
            yield trial, accused(trial, mode=ground.mode)
    except InvariantViolation as error:
        yield None, {INVARIANT: str(error)}


def grounds_of(names: Sequence[str]) -> list[Ground]:
    """All of them, each once, in order."""
    return list(dict.fromkeys(ground for name in names for ground in ZOO[name].grounds))


def alarms(grounds: Sequence[Ground], workers: int) -> Iterator[int]:
    """False ones on each ground, in order."""
    return each(false_alarms, grounds, workers)


def hunted(names: Sequence[str], workers: int) -> Iterator[Caught]:
    """One for each name, in order."""
    return each(hunt, names, workers)
