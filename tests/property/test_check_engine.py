"""The judge hears the real engine: killed at every step, it stays exact, and nobody is accused."""

from __future__ import annotations

import pytest

from bandviz.check import Judge, Verdict
from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.functions.aggregates import Count
from bandviz.functions.rows import KeyBy
from bandviz.graph.execution import unroll
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import (
    AggregateSpec,
    Emit,
    JobEdge,
    JobGraph,
    JobVertex,
    NamedAggregate,
    PartitionData,
    Partitioner,
    SinkContract,
    SinkSpec,
    SourceSpec,
    TopicData,
)
from bandviz.world import memory_world

BY_ANIMAL = KeyBy(fields=("animal",))
COUNT = AggregateSpec(
    key=BY_ANIMAL,
    aggregates=(NamedAggregate(function=Count(), name="votes"),),
    emit=Emit.INCREMENT,
)
BOXES = {"north": "cdccccdd", "south": "dcddcddd"}
TOPICS = tuple(
    TopicData(
        name=name,
        fields=("animal",),
        partitions=(PartitionData(label=name, rows=tuple((vote,) for vote in votes)),),
    )
    for name, votes in BOXES.items()
)
SETTINGS = RunSettings(
    name="votes", confluent=True, checkpoint_interval_us=3_000_000, retained=2, rpc_us=40_000,
    sync_us=20_000, upload_us=300_000, restart_delay_us=500_000,
)  # fmt: skip


def votes(contract: SinkContract) -> JobGraph:
    fields = ("animal", "increment")
    sources = [
        JobVertex(uid=name, spec=SourceSpec(topic=name, interval_us=600_000), fields=("animal",))
        for name in BOXES
    ]
    return JobGraph(
        vertices=(
            *sources,
            JobVertex(uid="count", spec=COUNT, parallelism=2, cost_us=100_000, fields=fields),
            JobVertex(uid="board", spec=SinkSpec(topic="board", contract=contract), fields=fields),
        ),
        edges=(
            *(
                JobEdge(
                    upstream=name, downstream="count", partitioner=Partitioner.HASH, key=BY_ANIMAL,
                    latency_us=latency,
                )
                for name, latency in (("north", 600_000), ("south", 1_400_000))
            ),
            JobEdge(upstream="count", downstream="board", partitioner=Partitioner.REBALANCE),
        ),
    )  # fmt: skip


def run(contract: SinkContract, kill_at: int, victim: str) -> tuple[int, Verdict]:
    """(steps made, verdict) of a run in which `victim` is killed before step `kill_at`."""
    job = Job(unroll(votes(contract)), SETTINGS, TOPICS, memory_world(TOPICS))
    bench, steps = Judge(), 0
    entries = job.start()
    while entries:
        for entry in entries:
            bench.observe(entry)
        steps += 1
        choice = job.earliest()
        fault = Fault(KILL, victim)
        if steps == kill_at and fault in job.faults():
            entries = job.step(fault.choice)
        else:
            entries = job.step(choice) if choice is not None and job.run is None else []
    return steps, bench.verdict()


@pytest.mark.parametrize("victim", ["north[0]", "count[1]", "board[0]"])
def test_two_phase_survives_a_kill_at_every_step(victim: str) -> None:
    steps, _ = run(SinkContract.TWO_PHASE, 0, victim)
    assert steps > 100
    for kill_at in range(steps):
        _, verdict = run(SinkContract.TWO_PHASE, kill_at, victim)
        assert verdict.reasons == (), kill_at
        assert verdict.holds is True, kill_at


def test_append_repeats_rows_but_never_loses_one() -> None:
    steps, _ = run(SinkContract.APPEND, 0, "count[0]")
    verdicts = [run(SinkContract.APPEND, kill_at, "count[0]")[1] for kill_at in range(steps)]
    assert {verdict.state for verdict in verdicts} == {"exact"}
    assert {verdict.output for verdict in verdicts} == {"exact", "duplicated"}
    assert not any(verdict.lost or verdict.wrong_rows or verdict.violations for verdict in verdicts)
