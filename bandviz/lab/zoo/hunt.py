"""A broken engine is let loose, and the oracles are to see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from bandviz.errors import InvariantViolation
from bandviz.lab.campaign import plan_in, policy_of
from bandviz.lab.pool import each
from bandviz.lab.sweep import collecting_later
from bandviz.lab.trial import Trial
from bandviz.lab.witness import Accuse, Witness, accused, all_runs, patient, shrunk
from bandviz.lab.zoo import ZOO
from bandviz.lab.zoo.breakage import Breakage, Ground, running
from bandviz.lab.zoo.grounds import scenario_of
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


def hunt(name: str, every: int = 1, *, first: bool = False) -> Caught:
    """Until the oracle that has to see it has seen it, on the ground where it does; what a worker
    does. `every`: something happens at each so many steps only; `first`: no run after that one,
    and no witness.
    """
    found = Caught(name)
    breakage = ZOO[name]
    for ground in breakage.grounds:
        _search(found, breakage, ground, every, first=first)
        if breakage.oracle in found.accused:
            break
    return found


def false_alarms(ground: Ground, every: int = 1) -> int:
    """How many runs of the sound engine are accused on the same ground."""
    found = Caught("")
    _search(found, None, ground, every)
    return found.revealing


def plan_on(ground: Ground) -> Plan:
    """As long as the sound engine needs it, and some more. Raises BandvizError."""
    scenario, policy = scenario_of(ground), policy_of(ground.schedule)
    return patient(
        plan_in(scenario, ground.mode, ground.schedule, ground.variant, ground.vary), policy
    )


def _search(
    found: Caught, breakage: Breakage | None, ground: Ground, every: int, *, first: bool = False
) -> None:
    plan, policy = plan_on(ground), policy_of(ground.schedule)
    runs = partial(all_runs, fault=ground.fault)
    accuse = partial(accused, mode=ground.mode)
    with collecting_later(), running(breakage):
        for trial, told in _judged(runs(plan, policy, every=every), accuse):
            found.runs += 1
            found.revealing += bool(told)
            found.accused.update(told.keys())
            if breakage is None or breakage.oracle not in told:
                continue
            if first:
                return
            if found.witness is None:
                broken = replace(plan, zoo=breakage.name)
                found.witness = (
                    shrunk(broken, policy, trial, breakage.oracle, runs, accuse)
                    if trial is not None
                    else Witness(broken, (), (), INVARIANT)
                )


def _judged(
    runs: Iterator[Trial], accuse: Accuse
) -> Iterator[tuple[Trial | None, Mapping[str, str]]]:
    """Every run with what is said of it; without the run, if the engine stopped itself in it."""
    try:
        for trial in runs:
            yield trial, accuse(trial)
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
