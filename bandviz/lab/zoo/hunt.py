"""A broken engine is let loose, and the oracles are to see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from bandviz.errors import InvariantViolation
from bandviz.lab.campaign import plan_in, policy_of
from bandviz.lab.sweep import collecting_later
from bandviz.lab.trial import Trial
from bandviz.lab.witness import Accuse, Witness, accused, all_runs, patient, save, shrunk
from bandviz.lab.zoo import ZOO
from bandviz.lab.zoo.breakage import Breakage, Ground, running
from bandviz.lab.zoo.grounds import scenario_of
from bandviz.scenario.plan import Plan

INVARIANT: Final = "invariant"
"""The engine itself noticed, and stopped."""


class Quarry(NamedTuple):
    """An engine of the zoo on all of its grounds; "": the sound one on one ground."""

    breakage: str
    grounds: tuple[Ground, ...]

    @property
    def name(self) -> str:
        """Unique within a campaign."""
        return self.breakage or f"sound on {self.grounds}"


BROKEN: Final = [Quarry(one.name, one.grounds) for one in ZOO.values()]
SOUND: Final = [
    Quarry("", (ground,))
    for ground in dict.fromkeys(ground for one in ZOO.values() for ground in one.grounds)
]
"""The engine as it is, on every ground of the zoo."""


@dataclass(slots=True)
class Caught:
    """What the oracles say of an engine; `name` is that of its quarry.

    `runs`: all that were made; `revealing`: those that some oracle accuses, false alarms if the
    engine is sound. `files`: where the witness was saved.
    """

    name: str
    runs: int = 0
    revealing: int = 0
    oracles: set[str] = field(default_factory=set)
    witness_events: int | None = None
    files: list[str] = field(default_factory=list)

    @property
    def killed(self) -> bool:
        """Whether the oracle that has to see it has seen it."""
        return self.name in ZOO and ZOO[self.name].oracle in self.oracles

    def entry(self) -> dict[str, Any]:
        """One value of `per_entry`."""
        return {
            "killed": self.killed,
            "oracles": sorted(self.oracles),
            "witness_events": self.witness_events,
            "runs": self.runs,
            "revealing": self.revealing,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {**asdict(self), "oracles": sorted(self.oracles)}


def caught_of(told: Mapping[str, Any]) -> Caught:
    """From what `to_json` made of it."""
    plain = {one.name: told[one.name] for one in fields(Caught)}
    return Caught(**{**plain, "oracles": set(plain["oracles"])})


def hunt(quarry: Quarry, every: int = 1, *, first: bool = False, out: Path | None = None) -> Caught:
    """Until the oracle that has to see it has seen it, on the ground where it does; what a worker
    does. `every`: something happens at each so many steps only; `first`: no run after that one,
    and no witness. `out`: a folder for the witness.
    """
    found, breakage = Caught(quarry.name), ZOO.get(quarry.breakage)
    for ground in quarry.grounds:
        witness = _search(found, breakage, ground, every, first=first)
        if witness is not None:
            found.witness_events = witness.events
            if out is not None:
                found.files = [str(path) for path in save(witness, out, quarry.breakage)]
        if found.killed:
            break
    return found


def plan_on(ground: Ground) -> Plan:
    """As long as the sound engine needs it, and some more. Raises BandvizError."""
    scenario, policy = scenario_of(ground), policy_of(ground.schedule)
    return patient(
        plan_in(scenario, ground.mode, ground.schedule, ground.variant, ground.vary), policy
    )


def _search(
    found: Caught, breakage: Breakage | None, ground: Ground, every: int, *, first: bool
) -> Witness | None:
    """Adds what is found on a ground; a witness, if the oracle has seen it there."""
    plan, policy = plan_on(ground), policy_of(ground.schedule)
    runs = partial(all_runs, fault=ground.fault)
    accuse = partial(accused, mode=ground.mode)
    witness = None
    with collecting_later(), running(breakage):
        for trial, told in _judged(runs(plan, policy, every=every), accuse):
            found.runs += 1
            found.revealing += bool(told)
            found.oracles.update(told)
            if breakage is None or witness is not None or breakage.oracle not in told:
                continue
            if first:
                break
            loose = replace(plan, zoo=breakage.name)
            if trial is None:
                witness = Witness(loose, (), (), INVARIANT)
            else:
                witness = shrunk(loose, policy, trial, breakage.oracle, runs, accuse)
    return witness


def _judged(
    runs: Iterator[Trial], accuse: Accuse
) -> Iterator[tuple[Trial | None, Mapping[str, str]]]:
    """Every run with what is said of it; without the run, if the engine stopped itself in it."""
    try:
        for trial in runs:
            yield trial, accuse(trial)
    except InvariantViolation as error:
        yield None, {INVARIANT: str(error)}
