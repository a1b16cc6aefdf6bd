"""Kill anywhere: the same run once for every moment and target, each with that one failure.

The script of the scenario is left out: what a cell shows is one kill and nothing else. Cells that
begin alike share their beginning: a run is copied at each step.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from bandviz.check import Verdict
from bandviz.check.heard import UNFINISHED
from bandviz.check.verdict import BOTH, DUPLICATED, LOST
from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.events.job import RestoreStarted, RunStatus
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
    """One run. `step` is the kill's own: the run is as ever up to the step before.

    `state`: the judge's word for it. `restored`: the checkpoint that the job last went back to, 0
    for none that was complete, None if it never came back.
    """

    step: int
    time_us: int
    target: str
    outcome: Outcome
    lost: int
    duplicated: int
    why: str
    state: str
    restored: int | None

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
            "state": self.state,
            "restored": self.restored,
        }


@dataclass(frozen=True, slots=True)
class Stretch:
    """The cells of the steps `first` up to but not `last` of one run.

    `every`: each task is killed at one step in so many, the tasks in turn.
    """

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
    plan: Plan, steps: int, policy: Policy = EARLIEST, chunk: int = CHUNK, every: int = 1
) -> list[Stretch]:
    """A run of so many steps, in pieces for workers. One that never ends is cut off."""
    bounded = replace(plan, settings=replace(plan.settings, max_steps=20 * steps + 2_000))
    return [
        Stretch(bounded, policy, first, min(first + chunk, steps), every)
        for first in range(1, steps, chunk)
    ]


def sweep(parts: Sequence[Stretch], workers: int) -> Generator[list[Cell]]:
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


def crash_runs(part: Stretch, kills: int = 1, fault: str = KILL) -> Iterator[CrashRun]:
    """Every run of a stretch with so many kills; the first one is within the stretch.

    Another `fault`, by name or as a script says it (`rescale count=3`), may stand for the kills.
    """
    base = Trial(part.plan, part.policy)
    tasks = base.job.graph.subtasks
    turn = {str(task): place * part.every // len(tasks) for place, task in enumerate(tasks)}
    while base.ended is None and base.step < part.last:
        if base.step >= part.first:
            here = [
                one
                for one in _possible(base.job, fault)
                if not (base.step + turn.get(one.target, 0)) % part.every
            ]
            yield from _broken(base, here, (), kills, fault)
        base.advance()


def _broken(
    base: Trial, faults: Sequence[Fault], before: tuple[Kill, ...], kills: int, fault: str
) -> Iterator[CrashRun]:
    """The runs that go on from here with one of these faults."""
    for one in faults:
        so_far = (*before, Kill(base.step, base.job.now_us, one.target))
        broken = base.fork()
        broken.inject(one)
        while len(so_far) < kills and broken.ended is None:
            yield from _broken(broken, _possible(broken.job, fault), so_far, kills, fault)
            broken.advance()
        if len(so_far) == kills:
            broken.finish()
            yield CrashRun(so_far, broken)


def _possible(job: Job, fault: str) -> list[Fault]:
    """What may happen now; one that names its target is possible once or not at all."""
    name, _, target = fault.partition(" ")
    if not target:
        return [one for one in job.faults() if one.name == name]
    return [one for one in [Fault(name, target)] if job.allows(one)]


def explore(part: Stretch) -> list[Cell]:
    """The cells of one stretch; what a worker does."""
    with collecting_later(), loose(part.plan.zoo):
        return [_cell(run) for run in crash_runs(part)]


def _cell(run: CrashRun) -> Cell:
    verdict = run.trial.verdict()
    outcome = outcome_of(verdict, run.trial.ended)
    why = next(iter(verdict.reasons), "")
    if outcome is Outcome.STUCK:  # who waits for whom
        why = next((one for one in verdict.reasons if one.startswith(UNFINISHED)), why)
    restored = [
        one.event.checkpoint_id for one in run.trial.heard if type(one.event) is RestoreStarted
    ]
    return Cell(
        *run.kills[0], outcome, verdict.lost, verdict.duplicated, why,
        verdict.state, restored[-1] if restored else None,
    )  # fmt: skip


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
