"""A run again without one of the things that were done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from bandviz.engine.faults import Fault
from bandviz.errors import BandvizError
from bandviz.scenario.plan import Plan
from bandviz.session.facts import Facts
from bandviz.session.result import ResultFold
from bandviz.session.run import Run
from bandviz.timeline.timeline import Timeline
from bandviz.trace.commands import CommandRecord


class Played(NamedTuple):
    """A run that is over. `missed`: what was to be done and was not possible any more."""

    run: Run
    missed: tuple[CommandRecord, ...]


def played(plan: Plan, commands: Sequence[CommandRecord], *, without: int | None = None) -> Played:
    """The run with exactly these commands, to its end; the script itself breaks nothing.

    Up to the command at place `without` all is as it was, step by step. That one is left out;
    those behind it come at their virtual time, for their steps have other numbers now.
    """
    run, folded = Run(replace(plan, faults=())), ResultFold()
    missed = []

    def advance() -> None:
        for entry in run.advance():
            folded.observe(entry)
        while run.beat_us() is not None:
            verdict = folded.verdict() if run.ended is not None else None
            if run.reach_beat(Facts(folded.model, verdict, plan.words.record)) is None:
                break

    changed = len(commands) if without is None else without
    for place, record in enumerate(commands):
        if place == without:
            continue
        while run.ended is None and not _is_due(run, record, by_step=place < changed):
            advance()
        fault = Fault(record.kind, record.target)
        if run.ended is None and run.job.allows(fault):
            for entry in run.command(fault, at_us=record.time_us, by_hand=record.by_hand):
                folded.observe(entry)
        else:
            missed.append(record)
    while run.ended is None:
        advance()
    return Played(run, tuple(missed))


def require_repeatable(plan: Plan, timeline: Timeline, commands: Sequence[CommandRecord]) -> None:
    """Raises BandvizError if this recording cannot be run again as it was."""
    told = list(timeline.entries(0, len(timeline)))
    again = played(plan, commands).run.timeline
    if told != list(again.entries(0, len(told))):
        raise BandvizError(
            "run again, it does not come to the same",
            "it is of another version of bandviz, or of more than one process; play still opens it",
        )


def _is_due(run: Run, record: CommandRecord, *, by_step: bool) -> bool:
    """Whether the command is the next thing to happen."""
    if by_step:
        return run.steps >= record.step
    next_us = run.next_us()
    return run.steps > 0 and (next_us is None or record.time_us <= next_us)
