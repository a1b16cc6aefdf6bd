"""Kill anywhere: the same run once for every moment and target, each with that one failure.

The script of the scenario is left out: what a cell shows is one kill and nothing else. Cells that
begin alike share their beginning: a run is copied at each step.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from bandviz.check import Verdict
from bandviz.check.verdict import BOTH, DUPLICATED, LOST
from bandviz.engine.faults import KILL
from bandviz.events.job import RunStatus
from bandviz.lab.policies import EARLIEST, Policy
from bandviz.lab.pool import each
from bandviz.lab.trial import Trial
from bandviz.lab.zoo import loose
from bandviz.scenario.plan import Plan

CHUNK = 12
"""Steps that one worker explores at a time."""


class Outcome(Enum):
    """What came of a run, worst first. By source records in the output; see `Verdict`."""

    LOST = "lost"
    DUPLICATE = "duplicate"
    STUCK = "stuck"
    """It did not come to its end: no move was possible, or no restart was left."""
    WRONG = "wrong"
    """Nothing is missing or there twice, but rows, state or a rule are not as they should be."""
    UNDETERMINED = "undetermined"
    EXACT = "exact"


class Cell(NamedTuple):
    """One run. `step` is the kill's own: the run is as ever up to the step before."""

    step: int
    time_us: int
    target: str
    outcome: Outcome
    lost: int
    duplicated: int
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {
            "step": self.step,
            "time_ms": self.time_us / 1_000,
            "target": self.target,
            "outcome": self.outcome.value,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Stretch:
    """The cells of the steps `first` up to but not `last` of one run, or of every so many."""

    plan: Plan
    policy: Policy
    first: int
    last: int
    every: int = 1


def undisturbed(plan: Plan, policy: Policy = EARLIEST) -> Trial:
    """The run in which nothing is killed, to its end."""
    with loose(plan.zoo):
        trial = Trial(plan, policy)
        trial.finish()
    return trial


def stretches(
    plan: Plan, steps: int, policy: Policy = EARLIEST, chunk: int = CHUNK
) -> list[Stretch]:
    """A run of so many steps, in pieces for workers. One that never ends is cut off."""
    bounded = replace(plan, settings=replace(plan.settings, max_steps=20 * steps + 2_000))
    return [
        Stretch(bounded, policy, first, min(first + chunk, steps))
        for first in range(1, steps, chunk)
    ]


def sweep(parts: Sequence[Stretch], workers: int) -> Iterator[list[Cell]]:
    """The cells of each part, in order."""
    return each(explore, parts, workers)


class Kill(NamedTuple):
    """One failure. `step` is the kill's own: the run is as ever up to the step before."""

    step: int
    time_us: int
    target: str


class CrashRun(NamedTuple):
    """A run that was killed, once or more, and then came to its end."""

    kills: tuple[Kill, ...]
    trial: Trial


def crash_runs(part: Stretch, kills: int = 1) -> Iterator[CrashRun]:
    """Every run of a stretch with so many kills; the first one is within the stretch."""
    base = Trial(part.plan, part.policy)
    while base.step < part.first and base.ended is None:
        base.advance()
    yield from _broken(base, (), kills, part.last, part.every)


def _broken(
    base: Trial, before: tuple[Kill, ...], kills: int, last: int | None = None, every: int = 1
) -> Iterator[CrashRun]:
    """All that can come of a run from here on."""
    first = base.step
    while base.ended is None and (last is None or base.step < last):
        if (base.step - first) % every == 0:
            for fault in base.job.faults():
                if fault.name == KILL:
                    so_far = (*before, Kill(base.step, base.job.now_us, fault.target))
                    broken = base.fork()
                    broken.inject(fault)
                    if len(so_far) < kills:
                        yield from _broken(broken, so_far, kills)
                    else:
                        broken.finish()
                        yield CrashRun(so_far, broken)
        base.advance()


def explore(part: Stretch) -> list[Cell]:
    """The cells of one stretch; what a worker does."""
    with collecting_later(), loose(part.plan.zoo):
        return [_cell(run) for run in crash_runs(part)]


def _cell(run: CrashRun) -> Cell:
    verdict = run.trial.verdict()
    outcome = outcome_of(verdict, run.trial.ended)
    why = verdict.reasons[0] if verdict.reasons else ""
    return Cell(*run.kills[0], outcome, verdict.lost, verdict.duplicated, why)


def outcome_of(verdict: Verdict, ended: RunStatus | None) -> Outcome:
    """One word for a run."""
    found = (verdict.state, verdict.output)
    if ended is not RunStatus.FINISHED:
        return Outcome.STUCK
    if verdict.holds:
        return Outcome.EXACT
    if LOST in found or BOTH in found:
        return Outcome.LOST
    if DUPLICATED in found:
        return Outcome.DUPLICATE
    return Outcome.WRONG if verdict.holds is False else Outcome.UNDETERMINED


@contextmanager
def collecting_later() -> Iterator[None]:
    """Runs are many, short and full of cycles: they are collected once, behind all of them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        gc.collect()
