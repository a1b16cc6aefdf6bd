"""What a mode promises of a run in which something broke, and whether the run kept it."""

from __future__ import annotations

from typing import Final

from bandviz.check import Judge
from bandviz.check.verdict import EXACT
from bandviz.engine.job import Job
from bandviz.events.job import RunStatus
from bandviz.graph.specs import AggregateSpec, MapSpec, SinkContract, SinkSpec, SourceSpec
from bandviz.lab.modes import EXACTLY_ONCE, LATEST

_KEEPING: Final = (SourceSpec, MapSpec, AggregateSpec, SinkSpec)


def broken_claim(mode: str, judge: Judge, job: Job) -> str:
    """The first promise that was not kept, in a sentence; empty if all were.

    Every mode: the run ends, no rule is broken, and what is lost or twice in the end is, record by
    record, what the cut foretold at the restore, or part of it if the job may drop or merge
    records. Exactly-once: the state is exact, and so is the
    output unless a sink just appends. Else: only a source that restarts at `latest` loses.
    """
    if job.run is not RunStatus.FINISHED:
        return f"the run did not finish: {job.run.value if job.run else 'it goes on'}"
    verdict = judge.verdict()
    if verdict.violations:
        first = verdict.violations[0]
        return f"{first.rule}: {first.sentence}"
    if mode in EXACTLY_ONCE and verdict.state != EXACT:
        return f"the state is {verdict.state}: {'; '.join(verdict.reasons[:1])}"
    if mode in EXACTLY_ONCE and not _appends(job):
        return "" if verdict.holds else "; ".join(verdict.reasons[:1])
    if mode != LATEST and verdict.lost:
        return f"{verdict.lost} source records are lost"
    found, foretold = judge.found(), judge.foretold()
    for what, came, told in zip(("lost", "duplicated"), found, foretold, strict=True):
        if came - told or (came != told and _keeps_all(job)):
            one = min(came - told or told - came)
            said = "was foretold and did not come" if one in told else "was not foretold"
            return f"that {one} would be {what} {said}"
    return ""


def _keeps_all(job: Job) -> bool:
    """Whether each record leaves its trace in the end."""
    return all(isinstance(vertex.spec, _KEEPING) for vertex in job.graph.job.vertices)


def _appends(job: Job) -> bool:
    return any(
        isinstance(vertex.spec, SinkSpec) and vertex.spec.contract is SinkContract.APPEND
        for vertex in job.graph.job.vertices
    )
