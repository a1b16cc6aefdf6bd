"""The judge hears the real engine: killed at every step, it stays exact, and nobody is accused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bandviz.check import Judge, Verdict
from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.functions.aggregates import Count, Maximum, Mean
from bandviz.functions.rows import AtLeast, KeyBy
from bandviz.graph.execution import unroll
from bandviz.graph.settings import FixedDelay, RunSettings
from bandviz.graph.specs import (
    AggregateSpec,
    Emit,
    FilterSpec,
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
    TumblingWindows,
    WindowSpec,
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
    sync_us=20_000, upload_us=300_000, restart=FixedDelay(attempts=3, delay_us=500_000),
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


def run(
    graph: JobGraph,
    topics: tuple[TopicData, ...] = TOPICS,
    *,
    kill_at: int = 0,
    victim: str = "count[0]",
    settings: RunSettings = SETTINGS,
) -> tuple[int, Verdict]:
    """(steps made, verdict) of a run in which `victim` is killed before step `kill_at`."""
    job = Job(unroll(graph), settings, topics, memory_world(topics))
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
    graph = votes(SinkContract.TWO_PHASE)
    steps, _ = run(graph)
    assert steps > 100
    for kill_at in range(steps):
        _, verdict = run(graph, kill_at=kill_at, victim=victim)
        assert verdict.reasons == (), kill_at
        assert verdict.holds is True, kill_at


def test_append_repeats_rows_but_never_loses_one() -> None:
    graph = votes(SinkContract.APPEND)
    steps, _ = run(graph)
    verdicts = [run(graph, kill_at=kill_at)[1] for kill_at in range(steps)]
    assert {verdict.state for verdict in verdicts} == {"exact"}
    assert {verdict.output for verdict in verdicts} == {"exact", "duplicated"}
    assert not any(verdict.lost or verdict.wrong_rows or verdict.violations for verdict in verdicts)


def chain(*stages: JobVertex, watermark_lag_ms: int = -1) -> JobGraph:
    """Two sources of (kind, x) rows, read in turn, then the stages one after the other."""
    sources = [
        JobVertex(
            uid=name,
            spec=SourceSpec(topic=name, interval_us=10, watermark_lag_ms=watermark_lag_ms),
            fields=("kind", "x"),
        )
        for name in ("s", "t")
    ]
    edges: list[JobEdge] = []
    before = sources
    for stage in stages:
        key = getattr(stage.spec, "key", None)
        key = key if isinstance(key, KeyBy) else None
        how = Partitioner.HASH if key is not None else Partitioner.REBALANCE
        edges += [
            JobEdge(upstream=vertex.uid, downstream=stage.uid, partitioner=how, key=key)
            for vertex in before
        ]
        before = [stage]
    return JobGraph(vertices=(*sources, *stages), edges=tuple(edges))


def two_logs(s: Sequence[int], t: Sequence[int]) -> tuple[TopicData, ...]:
    return tuple(
        TopicData(
            name=name,
            fields=("kind", "x"),
            partitions=(
                PartitionData(
                    label=name, rows=tuple(("all", x) for x in log), times_ms=tuple(range(len(log)))
                ),
            ),
        )
        for name, log in (("s", s), ("t", t))
    )


FIRST = JobVertex(
    uid="first",
    spec=AggregateSpec(
        key=KeyBy(fields=("kind",)),
        aggregates=(
            NamedAggregate(function=Count(), name="n"),
            NamedAggregate(function=Maximum(field="x"), name="m"),
        ),
    ),
    fields=("kind", "n", "m"),
)
SECOND = JobVertex(
    uid="second",
    spec=AggregateSpec(
        key=KeyBy(fields=("n",)),
        aggregates=(NamedAggregate(function=Maximum(field="m"), name="m"),),
        emit=Emit.INCREMENT,
    ),
    fields=("n", "increment"),
)
LARGE = JobVertex(
    uid="large",
    spec=FilterSpec(function=AtLeast(field="m", value=5)),
    fields=("kind", "n", "m"),
)
OUT = JobVertex(uid="out", spec=SinkSpec(topic="out", contract=SinkContract.APPEND))


@pytest.mark.parametrize(
    ("stages", "state", "output"),
    [
        ((FIRST, OUT), "exact", "wrong"),
        ((FIRST, SECOND, OUT), "exact", "exact"),
        ((FIRST, LARGE, OUT), "exact", "wrong"),
        ((FIRST, LARGE, SECOND, OUT), "exact", "wrong"),
    ],
)
def test_what_depends_on_the_interleaving_is_judged_by_the_effective_history(
    stages: tuple[JobVertex, ...], state: str, output: str
) -> None:
    """`output` is what a claim of confluence leads to: it is believed, so a false one shows."""
    logs = two_logs([1, 2, 3, 4], [8, 7, 6, 5])
    _, verdict = run(chain(*stages), logs, settings=replace(SETTINGS, confluent=False))
    assert (verdict.holds, verdict.state, verdict.output) == (True, "exact", "exact")
    _, verdict = run(chain(*stages), logs)
    assert (verdict.state, verdict.output) == (state, output)


def test_windows_survive_a_kill_at_every_step() -> None:
    window = JobVertex(
        uid="count",
        spec=WindowSpec(
            key=KeyBy(fields=("kind",)),
            assigner=TumblingWindows(size_ms=3),
            aggregates=(NamedAggregate(function=Mean(field="x"), name="mean"),),
        ),
        fields=("kind", "window_start_ms", "mean"),
    )
    board = replace(OUT, spec=SinkSpec(topic="out", contract=SinkContract.TWO_PHASE))
    graph = chain(window, board, watermark_lag_ms=9)
    topics = two_logs([1, 2, 3, 4, 5], [8, 7, 6, 5])
    settings = replace(SETTINGS, checkpoint_interval_us=30, upload_us=3, rpc_us=1, sync_us=1)
    steps, _ = run(graph, topics, settings=settings)
    for kill_at in range(steps):
        _, verdict = run(graph, topics, kill_at=kill_at, settings=settings)
        assert verdict.reasons == (), kill_at
        assert verdict.holds is True, kill_at
