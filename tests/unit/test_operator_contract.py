"""What a subtask offers to its operator: input ports, side outputs, processing-time timers."""

from __future__ import annotations

from bandviz.engine.choices import ChoiceKind
from bandviz.engine.elements import RecordBuffer
from bandviz.engine.job import Job
from bandviz.engine.operators.base import Operator
from bandviz.events import flow
from bandviz.graph.execution import unroll
from bandviz.graph.settings import RunSettings
from bandviz.ids import SubtaskId
from bandviz.world import memory_world
from tests.engines import MS, vote_graph, vote_topics

COUNT = SubtaskId("count", 0)


class Probe(Operator):
    """Notes from which port records come; fires one timer; sends every second row aside."""

    def __init__(self, real: Operator) -> None:
        super().__init__(real.context)
        self.ports: list[int] = []
        self.fired: list[int] = []
        self.due: int | None = 1_234 * MS

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        self.ports.append(port)
        if len(self.ports) % 2:
            return buffer
        self.context.side("odd", buffer)
        return None

    def next_timer_us(self) -> int | None:
        return self.due

    def on_timer(self, now_us: int) -> RecordBuffer | None:
        self.fired.append(now_us)
        self.due = None
        return None


def probed() -> tuple[Job, Probe]:
    topics = vote_topics()
    job = Job(unroll(vote_graph()), RunSettings(name="ports"), topics, memory_world(topics))
    job.start()
    subtask = job.subtasks[COUNT]
    probe = Probe(subtask.operator)
    subtask.operator = probe
    job.touch(COUNT)
    job._finish_step()
    return job, probe


def test_port_is_the_ordinal_of_the_input_edge_and_timers_fire_when_due() -> None:
    job, probe = probed()
    sides = 0
    while (choice := job.earliest()) is not None:
        before = job.now_us
        for entry in job.step(choice):
            sides += isinstance(entry.event, flow.RecordsEmitted) and entry.event.count > 0
        if choice.kind is ChoiceKind.TIMER and choice.owner == "count[0]":
            assert choice.ordinal == 1_234 * MS
            assert before <= job.now_us
    assert set(probe.ports) == {0, 1}
    assert len(probe.ports) == 16
    assert len(probe.fired) == 1
    assert probe.fired[0] >= 1_234 * MS
    assert sides == 16 + 8, "records of a side output that nobody takes go nowhere"
