"""Small jobs for tests: graphs, worlds and ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bandviz.engine.choices import Choice
from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.events import Entry, Level
from bandviz.functions.aggregates import Count
from bandviz.functions.rows import KeyBy
from bandviz.graph.execution import unroll
from bandviz.graph.settings import FixedDelay, RunSettings
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
    TumblingWindows,
    WindowSpec,
)
from bandviz.world import memory_world

MS = 1_000
ANIMAL = KeyBy(fields=("animal",))
VOTES = {
    "north": list("cdccccdd"),
    "south": list("dcddcddd"),
}


def vote_topics(votes: dict[str, Sequence[str]] | None = None) -> tuple[TopicData, ...]:
    return tuple(
        TopicData(
            name=f"{label}-box",
            fields=("animal",),
            partitions=(PartitionData(label=label, rows=tuple((vote,) for vote in rows)),),
        )
        for label, rows in (votes or VOTES).items()
    )


def vote_graph(
    contract: SinkContract = SinkContract.TWO_PHASE, parallelism: int = 1, capacity: int = 3
) -> JobGraph:
    """Two sources, one count, one sink."""
    count = AggregateSpec(
        key=ANIMAL,
        aggregates=(NamedAggregate(function=Count(), name="votes"),),
        emit=Emit.INCREMENT,
    )
    columns = ("animal", "increment")
    return JobGraph(
        vertices=(
            *(
                JobVertex(
                    uid=label,
                    spec=SourceSpec(topic=f"{label}-box", interval_us=600 * MS),
                    fields=("animal",),
                )
                for label in VOTES
            ),
            JobVertex(
                uid="count", spec=count, cost_us=90 * MS, fields=columns, parallelism=parallelism
            ),
            JobVertex(uid="board", spec=SinkSpec(topic="board", contract=contract), fields=columns),
        ),
        edges=(
            *(
                JobEdge(
                    upstream=label,
                    downstream="count",
                    partitioner=Partitioner.HASH,
                    key=ANIMAL,
                    latency_us=latency * MS,
                    capacity=capacity,
                )
                for label, latency in (("north", 600), ("south", 1_400))
            ),
            JobEdge(
                upstream="count",
                downstream="board",
                partitioner=Partitioner.REBALANCE,
                latency_us=200 * MS,
            ),
        ),
    )


def window_graph() -> tuple[JobGraph, tuple[TopicData, ...]]:
    """One source with two partitions, a 10 ms window, a two-phase sink."""
    window = WindowSpec(
        key=KeyBy(fields=("key",)),
        assigner=TumblingWindows(size_ms=10),
        aggregates=(NamedAggregate(function=Count(), name="n"),),
    )
    rows = [(f"k{i % 3}", i) for i in range(40)]
    topic = TopicData(
        name="in",
        fields=("key", "value"),
        partitions=tuple(
            PartitionData(
                label=f"p{p}",
                rows=tuple(rows[p::2]),
                times_ms=tuple(2 * i + p for i in range(len(rows[p::2]))),
            )
            for p in range(2)
        ),
    )
    graph = JobGraph(
        vertices=(
            JobVertex(
                uid="in",
                spec=SourceSpec(topic="in", interval_us=100 * MS, watermark_lag_ms=5),
                parallelism=2,
                fields=("key", "value"),
            ),
            JobVertex(
                uid="window", spec=window, parallelism=2, fields=("key", "window_start_ms", "n")
            ),
            JobVertex(
                uid="out",
                spec=SinkSpec(topic="out", contract=SinkContract.TWO_PHASE),
                fields=("key", "window_start_ms", "n"),
            ),
        ),
        edges=(
            JobEdge(
                upstream="in",
                downstream="window",
                partitioner=Partitioner.HASH,
                key=KeyBy(fields=("key",)),
                latency_us=30 * MS,
            ),
            JobEdge(
                upstream="window",
                downstream="out",
                partitioner=Partitioner.REBALANCE,
                latency_us=30 * MS,
            ),
        ),
    )
    return graph, (topic,)


def two_regions() -> JobGraph:
    """Each ballot box with a count and a board of its own: two regions."""
    votes = vote_graph()
    by_uid = {vertex.uid: vertex for vertex in votes.vertices}
    vertices, edges = [], []
    for label, edge in zip(VOTES, votes.edges, strict=False):
        count, board = f"count-{label}", f"board-{label}"
        topic = SinkSpec(topic=board, contract=SinkContract.TWO_PHASE)
        vertices += [
            by_uid[label],
            replace(by_uid["count"], uid=count),
            replace(by_uid["board"], uid=board, spec=topic),
        ]
        edges += [
            replace(edge, downstream=count),
            replace(votes.edges[-1], upstream=count, downstream=board),
        ]
    return JobGraph(vertices=tuple(vertices), edges=tuple(edges))


def settings(
    *, restart_attempts: int = 3, restart_delay_us: int = 500 * MS, **changes: int
) -> RunSettings:
    values: dict[str, int] = {
        "seed": 7,
        "checkpoint_interval_us": 2_000 * MS,
        "first_checkpoint_us": 1_500 * MS,
        "rpc_us": 40 * MS,
        "sync_us": 20 * MS,
        "upload_us": 300 * MS,
        "jitter_permille": 50,
        "retained": 3,
        "max_steps": 5_000,
        **changes,
    }
    restart = FixedDelay(attempts=restart_attempts, delay_us=restart_delay_us)
    return RunSettings(
        name="test",
        title="Test",
        confluent=True,
        restart=restart,
        **values,  # type: ignore[arg-type]
    )


def job_of(
    graph: JobGraph | None = None,
    topics: tuple[TopicData, ...] | None = None,
    run_settings: RunSettings | None = None,
    level: Level = Level.RECORD,
) -> Job:
    topics = topics or vote_topics()
    return Job(
        unroll(graph or vote_graph()),
        run_settings or settings(),
        topics,
        memory_world(topics),
        level,
    )


def move(job: Job) -> list[Entry]:
    """One move of the default policy."""
    choice = job.earliest()
    assert choice is not None
    return job.step(choice)


Pick = Callable[[Job], Choice | None]


def run(job: Job, pick: Pick = Job.earliest, kills: dict[int, str] | None = None) -> list[Entry]:
    """Drive a job to its end; `kills`: at which step to kill whom, if it runs then."""
    entries = job.start()
    for step in range(1, job.settings.max_steps):
        if job.run is not None:
            return entries
        victim = (kills or {}).get(step)
        if victim is not None and Fault(KILL, victim) in job.faults():
            entries += job.step(Fault(KILL, victim).choice)
            continue
        choice = pick(job)
        if choice is None:
            return entries + job.give_up("no move")
        entries += job.step(choice)
    return entries + job.give_up("budget")
