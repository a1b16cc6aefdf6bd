"""Two verdicts side by side: a variant and the scenario it differs from in one field."""

from __future__ import annotations

from typing import NamedTuple

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


def run_through(plan: Plan) -> ResultFold:
    """The whole run of a plan, its own script at work."""
    run, folded = Run(plan), ResultFold()
    while run.ended is None:
        for entry in run.advance():
            folded.observe(entry)
    return folded


def length_us(plan: Plan) -> int:
    """Virtual time that the undisturbed story takes."""
    run = Run(plan, level=Level.CONTROL)
    while run.ended is None:
        run.advance()
    return run.job.now_us


def side(name: str, folded: ResultFold, sinks: tuple[str, ...]) -> Side:
    """What it comes to."""
    verdict = folded.verdict()
    said = Facts(folded.model, verdict)
    return Side(name, verdict, tuple((sink, said("tally", sink)) for sink in sinks))


def sinks_of(plan: Plan) -> tuple[str, ...]:
    """Uids of the sinks, in the order of the graph."""
    return tuple(vertex.uid for vertex in plan.graph.vertices if vertex.kind == "sink")
