"""Every operator of the engine beside the judge's own: killed anywhere, the history holds.

Late records, first-wins, timers and joins depend on the interleaving, so no reference decides here.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bandviz.check import judge
from bandviz.engine.job import Job
from bandviz.events import Entry
from bandviz.events import checkpoint as ck
from bandviz.functions.aggregates import Count, Mean, Sum
from bandviz.functions.broadcast import MatchThresholds
from bandviz.functions.process import CountUntilQuiet, InactivityAlert, ThresholdAlert
from bandviz.functions.reduce import AddUp
from bandviz.functions.rows import KeyBy
from bandviz.graph.execution import unroll
from bandviz.graph.settings import CheckpointingMode, RunSettings
from bandviz.graph.specs import (
    AggregateSpec,
    BroadcastSpec,
    DeduplicateSpec,
    IntervalJoinSpec,
    JobEdge,
    JobGraph,
    JobVertex,
    NamedAggregate,
    OperatorSpec,
    PartitionData,
    Partitioner,
    ProcessSpec,
    ReduceSpec,
    SessionWindows,
    SinkContract,
    SinkSpec,
    SlidingWindows,
    SourceSpec,
    TopicData,
    TumblingWindows,
    WindowJoinSpec,
    WindowSpec,
)
from bandviz.world import memory_world
from tests.engines import run as drive
from tests.property.test_check_engine import SETTINGS, run

FIELDS = ("k", "n")
KEY = KeyBy(fields=("k",))
TOTAL = (
    NamedAggregate(function=Count(), name="records"),
    NamedAggregate(function=Sum(field="n"), name="total"),
    NamedAggregate(function=Mean(field="n"), name="mean"),
)
SPECS: dict[str, OperatorSpec] = {
    "running": AggregateSpec(key=KEY, aggregates=TOTAL),
    "tumbling": WindowSpec(key=KEY, assigner=TumblingWindows(size_ms=4), aggregates=TOTAL),
    "tumbling, admits late": WindowSpec(
        key=KEY,
        assigner=TumblingWindows(size_ms=4, offset_ms=1),
        aggregates=TOTAL,
        allowed_lateness_ms=3,
    ),
    "sliding": WindowSpec(
        key=KEY,
        assigner=SlidingWindows(size_ms=6, slide_ms=2),
        aggregates=TOTAL,
        allowed_lateness_ms=1,
    ),
    "sliding with gaps": WindowSpec(
        key=KEY, assigner=SlidingWindows(size_ms=2, slide_ms=3), aggregates=TOTAL
    ),
    "session": WindowSpec(key=KEY, assigner=SessionWindows(gap_ms=2), aggregates=TOTAL),
    "session, admits late": WindowSpec(
        key=KEY, assigner=SessionWindows(gap_ms=1), aggregates=TOTAL, allowed_lateness_ms=4
    ),
    "reduce": ReduceSpec(key=KEY, function=AddUp(fields=("n",))),
    "silence": ProcessSpec(key=KEY, function=InactivityAlert(timeout_ms=4)),
    "silence by clock": ProcessSpec(
        key=KEY, function=InactivityAlert(timeout_ms=4, time="processing")
    ),
    "quiet": ProcessSpec(key=KEY, function=CountUntilQuiet(quiet_ms=2)),
    "threshold": ProcessSpec(key=KEY, function=ThresholdAlert(field="n", value=5, times=2)),
    "deduplicate": DeduplicateSpec(key=KEY),
    "deduplicate for a while": DeduplicateSpec(key=KEY, ttl_ms=3),
    "interval join": IntervalJoinSpec(left_key=KEY, right_key=KEY, lower_ms=-2, upper_ms=3),
    "window join": WindowJoinSpec(
        left_key=KEY, right_key=KEY, assigner=SlidingWindows(size_ms=4, slide_ms=2)
    ),
    "window join with gaps": WindowJoinSpec(
        left_key=KEY, right_key=KEY, assigner=SlidingWindows(size_ms=2, slide_ms=3)
    ),
    "broadcast": BroadcastSpec(function=MatchThresholds(field="n", rule_name="k", rule_value="n")),
}
JITTERY = replace(
    SETTINGS, confluent=False, checkpoint_interval_us=4_000, upload_us=700, rpc_us=100, sync_us=20,
    jitter_permille=300,
)  # fmt: skip


def log(name: str, seed: int) -> TopicData:
    """Records somewhat out of order."""
    rng = random.Random(seed)
    rows = tuple((rng.choice("ab"), rng.randrange(10)) for _ in range(18))
    times = tuple(place + rng.randrange(-3, 4) for place in range(18))
    part = PartitionData(label=name, rows=rows, times_ms=times)
    return TopicData(name=name, fields=FIELDS, partitions=(part,))


LOGS = (log("s", 1), log("t", 2))


def graph(spec: OperatorSpec) -> JobGraph:
    sources = [
        JobVertex(
            uid=name,
            spec=SourceSpec(topic=name, interval_us=450, watermark_lag_ms=1),
            fields=FIELDS,
        )
        for name in ("s", "t")
    ]
    worker = JobVertex(uid="worker", spec=spec, parallelism=2, cost_us=90, fields=("out",))
    sink = SinkSpec(topic="out", contract=SinkContract.TWO_PHASE)
    edges = [
        JobEdge(
            upstream=name, downstream="worker", partitioner=Partitioner.HASH, key=KEY,
            latency_us=latency,
        )
        for name, latency in (("s", 300), ("t", 800))
    ]  # fmt: skip
    if isinstance(spec, BroadcastSpec):
        edges[1] = replace(edges[1], partitioner=Partitioner.BROADCAST, key=None)
    return JobGraph(
        vertices=(*sources, worker, JobVertex(uid="out", spec=sink)),
        edges=(
            *edges,
            JobEdge(upstream="worker", downstream="out", partitioner=Partitioner.REBALANCE),
        ),
    )


@pytest.mark.parametrize("name", SPECS)
def test_an_operator_does_what_the_judge_expects_wherever_it_is_killed(name: str) -> None:
    job = graph(SPECS[name])
    steps, verdict = run(job, LOGS, settings=JITTERY)
    assert (verdict.reasons, verdict.violations) == ((), ())
    for kill_at in range(11, steps, 37):
        victim = f"worker[{kill_at % 2}]"
        _, verdict = run(job, LOGS, kill_at=kill_at, victim=victim, settings=JITTERY)
        assert (verdict.reasons, verdict.violations) == ((), ()), kill_at
        assert (verdict.holds, verdict.state, verdict.output) == (True, "exact", "exact"), kill_at


def slowly(job: JobGraph) -> JobGraph:
    """Work takes longer than reading, so data queues up in front of barriers."""
    slow = [replace(one, cost_us=700) if one.uid == "worker" else one for one in job.vertices]
    return replace(job, vertices=tuple(slow))


def entries_of(job: JobGraph, kill_at: int, victim: str, settings: RunSettings) -> list[Entry]:
    running = Job(unroll(job), settings, LOGS, memory_world(LOGS))
    return drive(running, kills={kill_at: victim})


MODES = {
    "unaligned": replace(JITTERY, unaligned=True),
    "aligned with a time-out": replace(JITTERY, unaligned=True, aligned_timeout_us=600),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["running", "interval join"])
def test_data_in_flight_is_part_of_the_history(name: str, mode: str) -> None:
    job = slowly(graph(SPECS[name]))
    seen = 0
    for kill_at in range(11, 400, 53):
        victim = f"worker[{kill_at % 2}]"
        entries = entries_of(job, kill_at, victim, MODES[mode])
        seen += any(isinstance(entry.event, ck.InFlightRestored) for entry in entries)
        verdict = judge(entries)
        assert (verdict.reasons, verdict.violations) == ((), ()), kill_at
        assert (verdict.holds, verdict.state, verdict.output) == (True, "exact", "exact"), kill_at
    assert seen


def test_at_least_once_counts_twice_what_came_behind_the_barrier() -> None:
    job = slowly(graph(SPECS["running"]))
    settings = replace(JITTERY, mode=CheckpointingMode.AT_LEAST_ONCE)
    words = set()
    for kill_at in range(11, 400, 53):
        verdict = judge(entries_of(job, kill_at, "worker[0]", settings))
        assert (verdict.lost, verdict.wrong_rows, verdict.violations) == (0, 0, ())
        words.add((verdict.state, verdict.output))
    assert words == {("exact", "exact"), ("duplicated", "duplicated")}
