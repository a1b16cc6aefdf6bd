"""One run under trial: a job, a policy that picks its moves, and all that it told.

Lean on purpose: no timeline, no screen, no script. A campaign makes tens of thousands of them.
"""

from __future__ import annotations

from copy import deepcopy

from bandviz.check import Judge, Verdict
from bandviz.engine.advance import advance
from bandviz.engine.faults import Fault
from bandviz.engine.job import Job
from bandviz.events import Entry, Level
from bandviz.events.job import RunStatus
from bandviz.graph.execution import unroll
from bandviz.lab.policies import EARLIEST, Policy
from bandviz.scenario.plan import Plan
from bandviz.world import memory_world


class Trial:
    """A run from its first step on. `heard` are its entries, in order; `breaks` what was injected,
    with the step that each made.
    """

    def __init__(self, plan: Plan, policy: Policy = EARLIEST) -> None:
        """The script of the plan is left out: what breaks is up to whoever makes the trial."""
        world = memory_world(plan.topics)
        graph = unroll(plan.graph, chaining=plan.settings.chaining)
        self.job = Job(graph, plan.settings, plan.topics, world, Level.RECORD)
        self.policy = deepcopy(policy)  # some remember; another trial begins with it anew
        self.heard: list[Entry] = self.job.start()
        self.breaks: list[tuple[int, Fault]] = []

    @property
    def step(self) -> int:
        """The next step's number; 1 right after the start."""
        return self.job.emitter.step

    @property
    def ended(self) -> RunStatus | None:
        """How it ended; None while it goes on."""
        return self.job.run

    def advance(self) -> None:
        """The move that the policy picks."""
        self.heard += advance(self.job, self.policy.pick(self.job))

    def inject(self, fault: Fault) -> None:
        """Break something now. Raises CommandRejected."""
        step = self.step
        self.heard += self.job.step(fault.choice)
        self.breaks.append((step, fault))

    def finish(self) -> None:
        """Go on to the end."""
        while self.job.run is None:
            self.advance()

    def fork(self) -> Trial:
        """The same run from here on, apart from this one."""
        other = object.__new__(Trial)
        other.job, other.policy = self.job.clone(), deepcopy(self.policy)
        other.heard, other.breaks = list(self.heard), list(self.breaks)
        return other

    def judged(self) -> Judge:
        """A judge that has heard it all."""
        bench = Judge()
        for entry in self.heard:
            bench.observe(entry)
        return bench

    def verdict(self) -> Verdict:
        """What the judge says of all that was heard."""
        return self.judged().verdict()
