"""A broken engine is let loose, and the oracles are to see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from bandviz.engine.job import Job
from bandviz.errors import InvariantViolation
from bandviz.lab.campaign import plan_of, policy_of
from bandviz.lab.claims import accusations
from bandviz.lab.policies import Policy
from bandviz.lab.pool import each
from bandviz.lab.sweep import Kill, Stretch, collecting_later, crash_runs, undisturbed
from bandviz.lab.trial import Trial
from bandviz.lab.zoo import ZOO
from bandviz.lab.zoo.breakage import Breakage, Ground, running
from bandviz.scenario.plan import Plan

INVARIANT: Final = "invariant"
"""The engine itself noticed, and stopped."""


class Witness(NamedTuple):
    """A run that gives the broken engine away. `plan`: its input may be cut short."""

    ground: Ground
    plan: Plan
    kills: tuple[Kill, ...]
    sentence: str

    @property
    def events(self) -> int:
        """What one has to supply to see it: records of the input, and kills."""
        records = sum(len(part.rows) for topic in self.plan.topics for part in topic.partitions)
        return records + len(self.kills)


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
    steps = undisturbed(plan, policy_of(ground.schedule)).step
    return replace(plan, settings=replace(plan.settings, max_steps=4 * steps + 200))


def _search(
    found: Caught, breakage: Breakage | None, ground: Ground, plan: Plan, policy: Policy
) -> None:
    with collecting_later(), running(breakage):
        for kills, accused in _judged(plan, policy, ground.mode):
            found.runs += 1
            found.revealing += bool(accused)
            found.accused.update(accused.keys())
            if accused and found.witness is None:
                found.witness = Witness(ground, plan, kills, next(iter(accused.values())))


def _judged(
    plan: Plan, policy: Policy, mode: str
) -> Iterator[tuple[tuple[Kill, ...], dict[str, str]]]:
    """Kills and accusations of the undisturbed run, and of each with one kill."""
    base = Trial(plan, policy)
    try:
        base.finish()
    except InvariantViolation as error:
        yield (), {INVARIANT: str(error)}
        return
    yield (), _accused(base, mode)
    try:
        for crashed in crash_runs(Stretch(plan, policy, 1, base.step)):
            yield crashed.kills, _accused(crashed.trial, mode)
    except InvariantViolation as error:
        yield (), {INVARIANT: str(error)}


def _accused(trial: Trial, mode: str) -> dict[str, str]:
    job: Job = trial.job
    return {one.oracle: one.sentence for one in accusations(mode, trial.judged(), job)}


def grounds_of(names: Sequence[str]) -> list[Ground]:
    """All of them, each once, in order."""
    return list(dict.fromkeys(ground for name in names for ground in ZOO[name].grounds))


def alarms(grounds: Sequence[Ground], workers: int) -> Iterator[int]:
    """False ones on each ground, in order."""
    return each(false_alarms, grounds, workers)


def hunted(names: Sequence[str], workers: int) -> Iterator[Caught]:
    """One for each name, in order."""
    return each(hunt, names, workers)
