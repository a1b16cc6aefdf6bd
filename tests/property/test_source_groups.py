"""Watermark alignment: fast sources wait for the slowest of their group, and nobody for ever."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.check import judge
from bandviz.engine.job import Job
from bandviz.engine.source_groups import UPDATE_US
from bandviz.events import Entry, flow, time
from bandviz.events.flow import StallReason
from bandviz.events.job import RunEnded, RunStatus
from bandviz.graph.specs import (
    JobGraph,
    JobVertex,
    PartitionData,
    SourceSpec,
    TopicData,
    WatermarkAlignment,
)
from tests.engines import MS, job_of, run, window_graph
from tests.engines import settings as run_settings

LAG_MS = 3
"""Of all watermarks."""

Pace = tuple[int, list[list[int]]]
"""(ms between polls, by partition the steps of event time from record to record)."""

STEPS = st.lists(st.integers(-2, 40), min_size=4, max_size=25)
PACES = st.lists(
    st.tuples(st.sampled_from([10, 70, 400]), st.lists(STEPS, min_size=1, max_size=2)),
    min_size=2,
    max_size=3,
)


def grouped(paces: list[Pace], drift_ms: int) -> tuple[JobGraph, tuple[TopicData, ...]]:
    """The windows of `tests.engines` behind several sources of one group."""
    graph, _ = window_graph()
    (edge, *edges), (source, *others) = graph.edges, graph.vertices
    alignment = WatermarkAlignment(group="all", max_drift_ms=drift_ms)
    vertices: list[JobVertex] = []
    topics = []
    for number, (every_ms, partitions) in enumerate(paces):
        name = f"in{number}"
        spec = SourceSpec(
            topic=name, interval_us=every_ms * MS, watermark_lag_ms=LAG_MS, alignment=alignment
        )
        vertices.append(replace(source, uid=name, spec=spec, parallelism=1))
        parts = [
            PartitionData(
                label=f"p{place}",
                rows=tuple((f"k{n % 3}", n) for n in range(len(steps))),
                times_ms=tuple(accumulate(steps, initial=0))[1:],
            )
            for place, steps in enumerate(partitions)
        ]
        topics.append(TopicData(name=name, fields=source.fields, partitions=tuple(parts)))
    incoming = [replace(edge, upstream=vertex.uid) for vertex in vertices]
    return JobGraph(vertices=(*vertices, *others), edges=(*incoming, *edges)), tuple(topics)


def played(paces: list[Pace], drift_ms: int, kills: dict[int, str] | None = None) -> list[Entry]:
    graph, topics = grouped(paces, drift_ms)
    own = replace(run_settings(max_steps=20_000), confluent=False)
    return run(job_of(graph, topics, own), Job.earliest, kills)


@given(paces=PACES, drift_ms=st.integers(0, 120))
@settings(max_examples=60, deadline=None)
def test_nobody_reads_on_who_is_ahead_of_the_group(paces: list[Pace], drift_ms: int) -> None:
    """From the first announcement that knows a watermark on; a later limit is never lower."""
    _, topics = grouped(paces, drift_ms)
    partitions = {
        (topic.name, p): part for topic in topics for p, part in enumerate(topic.partitions)
    }
    read = dict.fromkeys(partitions, 0)
    marks: dict[str, int] = {}
    paused: dict[tuple[str, int], int] = {}
    limit_ms, told_us = None, 0
    announced_us = UPDATE_US
    for entry in played(paces, drift_ms):
        event = entry.event
        while entry.time_us > announced_us:
            live = [mark for name, mark in marks.items() if unread(name, read, partitions)]
            if live:
                told_us = told_us or announced_us + run_settings().rpc_us
                limit_ms = min(live) + drift_ms
            announced_us += UPDATE_US
        if isinstance(event, flow.WatermarkAdvanced) and event.subtask.vertex in {
            topic.name for topic in topics
        }:
            marks[event.subtask.vertex] = event.watermark_ms
        elif isinstance(event, time.PartitionPauseChanged):
            place = (event.topic, event.partition)
            if event.paused:
                paused[place] = entry.step
            else:
                del paused[place]
        elif isinstance(event, flow.SourcePolled):
            place = (event.topic, event.partition)
            assert paused.get(place, entry.step) == entry.step, "read although it was paused before"
            times = (partitions[place].times_ms or ())[: read[place]]
            if times and limit_ms is not None and entry.time_us > told_us:
                assert max(times) - LAG_MS - 1 <= limit_ms
            read[place] += event.count
    assert not paused


def unread(
    name: str, read: dict[tuple[str, int], int], partitions: dict[tuple[str, int], PartitionData]
) -> bool:
    return any(
        read[place] < len(part.rows) for place, part in partitions.items() if place[0] == name
    )


@given(
    paces=PACES,
    drift_ms=st.integers(0, 60),
    kill_at=st.integers(20, 300),
    victim=st.sampled_from(["in0[0]", "in1[0]", "window[1]"]),
)
@settings(max_examples=20, deadline=None)
def test_a_crash_changes_nothing_and_everybody_comes_to_the_end(
    paces: list[Pace], drift_ms: int, kill_at: int, victim: str
) -> None:
    entries = played(paces, drift_ms, {kill_at: victim})
    last = entries[-1].event
    assert isinstance(last, RunEnded)
    assert last.status is RunStatus.FINISHED
    verdict = judge(entries)
    assert verdict.holds, verdict.reasons


def test_a_fast_source_waits_and_says_why() -> None:
    fast: Pace = (100, [[30] * 60])
    slow: Pace = (400, [[30] * 15])
    entries = [entry.event for entry in played([fast, slow], 150)]
    pauses = [one for one in entries if isinstance(one, time.PartitionPauseChanged)]
    assert [one.subtask.vertex for one in pauses] == ["in0"] * len(pauses)
    assert [one.paused for one in pauses] == [True, False] * (len(pauses) // 2)
    assert all(one.paused is (one.watermark_ms > one.limit_ms) for one in pauses)
    stalls = [one for one in entries if isinstance(one, flow.SubtaskStalled)]
    assert any(one.reason is StallReason.AHEAD for one in stalls)
