"""What a mode promises of a run in which something broke, and whether the run kept it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from bandviz.check import Judge
from bandviz.check.verdict import EXACT
from bandviz.engine.job import Job
from bandviz.events.job import RunStatus
from bandviz.graph.specs import AggregateSpec, MapSpec, SinkContract, SinkSpec, SourceSpec
from bandviz.lab.modes import EXACTLY_ONCE, LATEST

_KEEPING: Final = (SourceSpec, MapSpec, AggregateSpec, SinkSpec)


LIVENESS: Final = "liveness"
STATE: Final = "state"
OUTPUT: Final = "output"
FORETOLD: Final = "foretold"
"""Oracles beside the rules of the judge, which go by their own names."""


class Accusation(NamedTuple):
    """One oracle's word against a run."""

    oracle: str
    sentence: str


def accusations(mode: str, judge: Judge, job: Job) -> Iterator[Accusation]:
    """Every promise that was not kept; nothing if all were.

    Every mode: the run ends, no rule is broken, and what is lost or twice in the end is, record by
    record, what the cut foretold at the restore, or part of it if the job may drop or merge
    records. Exactly-once: the state is exact, and so is the output unless a sink just appends.
    Else: only a source that restarts at `latest` loses.
    """
    verdict = judge.verdict()
    for rule in dict.fromkeys(violation.rule for violation in verdict.violations):
        first = next(one for one in verdict.violations if one.rule == rule)
        yield Accusation(rule, f"{rule}: {first.sentence}")
    if job.run is not RunStatus.FINISHED:
        yield Accusation(LIVENESS, f"the run did not finish: {job.run.value if job.run else ''}")
        return
    why = "; ".join(verdict.reasons[:1])
    strict = mode in EXACTLY_ONCE
    if strict and verdict.state != EXACT:
        yield Accusation(STATE, f"the state is {verdict.state}: {why}")
    if strict and not _appends(job):
        if verdict.output != EXACT or verdict.holds is None:
            yield Accusation(OUTPUT, f"the output is {verdict.output}: {why}")
        return
    if mode != LATEST and verdict.lost:
        yield Accusation(OUTPUT, f"{verdict.lost} source records are lost")
    found, foretold = judge.found(), judge.foretold()
    for what, came, told in zip(("lost", "duplicated"), found, foretold, strict=True):
        if came - told or (came != told and _keeps_all(job)):
            one = min(came - told or told - came)
            said = "was foretold and did not come" if one in told else "was not foretold"
            yield Accusation(FORETOLD, f"that {one} would be {what} {said}")


def broken_claim(mode: str, judge: Judge, job: Job) -> str:
    """The first accusation, in a sentence; empty if there is none."""
    return next((one.sentence for one in accusations(mode, judge, job)), "")


def _keeps_all(job: Job) -> bool:
    """Whether each record leaves its trace in the end."""
    return all(isinstance(vertex.spec, _KEEPING) for vertex in job.graph.job.vertices)


def _appends(job: Job) -> bool:
    return any(
        isinstance(vertex.spec, SinkSpec) and vertex.spec.contract is SinkContract.APPEND
        for vertex in job.graph.job.vertices
    )
