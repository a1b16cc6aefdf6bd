"""Two verdicts side by side: a variant and the scenario it differs from in one field."""

from __future__ import annotations

from time import perf_counter
from typing import Final, NamedTuple

from bandviz.check.verdict import Verdict
from bandviz.events import Level
from bandviz.scenario.plan import Plan
from bandviz.session.facts import Facts
from bandviz.session.result import ResultFold
from bandviz.session.run import Run


class Side(NamedTuple):
    """One of the two. `tallies`: (sink, `cats 7, dogs 9`) of what the public sees."""

    name: str
    verdict: Verdict
    tallies: tuple[tuple[str, str], ...]


STEPS_MAX: Final = 50_000
"""A story that is longer is not run through in passing."""


def run_through(plan: Plan) -> ResultFold | None:
    """The whole run of a plan, its own script at work; None if it is too long for that."""
    run, folded = Run(plan), ResultFold()
    while run.ended is None:
        if run.steps > STEPS_MAX:
            return None
        for entry in run.advance():
            folded.observe(entry)
    return folded


class Length:
    """How much virtual time the undisturbed story takes, found out bit by bit."""

    def __init__(self, plan: Plan) -> None:
        self.us = 0
        self._run: Run | None = Run(plan, level=Level.CONTROL)

    def advance_for(self, budget_s: float) -> None:
        """Run on for so much wall time; afterwards `us` is the end, or what is known of it."""
        deadline = perf_counter() + budget_s
        while self._run is not None and perf_counter() < deadline:
            self._run.advance()
            self.us = self._run.job.now_us
            if self._run.ended is not None or self._run.steps > STEPS_MAX:
                self._run = None


def side(name: str, folded: ResultFold, sinks: tuple[str, ...]) -> Side:
    """What it comes to."""
    verdict = folded.verdict()
    said = Facts(folded.model, verdict)
    return Side(name, verdict, tuple((sink, said("tally", sink)) for sink in sinks))


def sinks_of(plan: Plan) -> tuple[str, ...]:
    """Uids of the sinks, in the order of the graph."""
    return tuple(vertex.uid for vertex in plan.graph.vertices if vertex.kind == "sink")
