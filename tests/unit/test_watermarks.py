"""Watermarks: minimum over the channels that count; idle ones do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bandviz.check.judge import Judge
from bandviz.engine.elements import WATERMARK_MIN
from bandviz.engine.job import Job
from bandviz.engine.time.watermarks import BoundedOutOfOrderness, WatermarkValve
from bandviz.events import Entry, flow, job, time
from bandviz.graph.specs import JobGraph, PartitionData, SourceSpec, TopicData
from tests.engines import MS, job_of, run, settings, window_graph


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("0:5 1:3", "3"),
        ("0:5 1:3 1:9", "3 5"),
        ("0:5 1:3 0:4 1:7", "3 5"),  # marks never fall
        ("0:5 1i", "5"),  # channel 1 was the one that held back
        ("0:5 1:3 1i", "3 5"),
        ("0:5 1:3 0i 1:7", "3 7"),
        ("0:5 1:3 0i 1i", "3 5 I"),  # all idle: the largest
        ("0i 1i 0:9", "I"),  # an idle channel has nothing to say
        ("0:5 1:3 0i 1i 1a 1:9", "3 5 I A 9"),
        ("0:5 1:3 1i 1a 0:6 1:4 1:8", "3 5 6"),  # behind: does not count until it has caught up
        ("0:5 1:3 1i 1a 1:4 0:6 1:6 0:9 1:7", "3 5 6 7"),
        ("0i 0i 1:4", "4"),
    ],
)
def test_a_gate_leaves_idle_channels_out(script: str, told: str) -> None:
    valve, words = WatermarkValve(2), []
    for word in script.split():
        channel, was_idle = int(word[0]), valve.idle
        if word[1] == ":":
            rose = valve.advance(channel, int(word[2:]))
        else:
            rose = valve.set_idle(channel, idle=word[1] == "i")
        if rose:
            words.append(str(valve.current))
        if valve.idle is not was_idle:
            words.append("I" if valve.idle else "A")
    assert " ".join(words) == told


def test_a_silent_partition_becomes_idle_once_and_active_with_its_next_record() -> None:
    source = BoundedOutOfOrderness((0, 1), lag_ms=2, idle_after_us=100)
    assert source.next_rest_us() == 100
    source.see(0, 50, 90)
    assert (source.due(), list(source.rests(99))) == (None, [])
    assert (list(source.rests(100)), source.idle) == ([1], False)
    assert source.due() == 47
    assert (source.next_rest_us(), list(source.rests(150))) == (190, [])
    assert (list(source.rests(190)), source.idle, source.next_rest_us()) == ([0], True, None)
    assert source.see(1, 10, 200)
    assert (source.idle, source.due()) == (False, None)  # behind what was said: nothing new
    assert source.emitted == 47


def test_without_idleness_nothing_rests() -> None:
    source = BoundedOutOfOrderness((0,), lag_ms=0)
    assert source.next_rest_us() is None
    assert list(source.rests(10**9)) == []
    assert source.due() is None
    assert source.emitted == WATERMARK_MIN


def silent_job(idle_after_ms: int) -> tuple[JobGraph, tuple[TopicData, ...]]:
    """The windows of `tests.engines`; the second partition has two records, 5 s apart."""
    graph, (topic,) = window_graph()
    source, *others = graph.vertices
    assert isinstance(source.spec, SourceSpec)
    spec = replace(source.spec, idle_after_ms=idle_after_ms)
    late = PartitionData(
        label="silent", rows=(("k1", 0), ("k2", 1)), times_ms=(0, 39), available_us=(0, 5_000 * MS)
    )
    topics = (replace(topic, partitions=(topic.partitions[0], late)),)
    return replace(graph, vertices=(replace(source, spec=spec), *others)), topics


def silent_run(idle_after_ms: int, kills: dict[int, str] | None = None) -> list[Entry]:
    graph, topics = silent_job(idle_after_ms)
    # what is late depends on the run: the outcome is none of the input alone
    made = job_of(graph, topics, replace(settings(), confluent=False))
    return run(made, Job.earliest, kills)


def test_a_watermark_needs_no_record_to_be_sent() -> None:
    """Read at 0 and 100 ms, then nothing until 5 s: the second watermark goes out at 200 ms."""
    graph, (topic,) = window_graph()
    source, *others = graph.vertices
    vertices = (replace(source, parallelism=1, cost_us=0), *others)
    part = PartitionData(
        label="log",
        rows=(("k1", 0), ("k2", 1), ("k1", 2)),
        times_ms=(10, 20, 30),
        available_us=(0, 100 * MS, 5_000 * MS),
    )
    made = job_of(
        replace(graph, vertices=vertices), (replace(topic, partitions=(part,)),), settings()
    )
    told = [
        entry.time_us // MS
        for entry in run(made, Job.earliest)
        if isinstance(entry.event, flow.WatermarkAdvanced) and entry.event.subtask.vertex == "in"
    ]
    assert told[:2] == [0, 200]


def first_fired_us(entries: list[Entry]) -> int:
    return next(entry.time_us for entry in entries if isinstance(entry.event, flow.WindowFired))


def test_an_idle_source_lets_windows_fire() -> None:
    waiting, going = silent_run(0), silent_run(300)
    assert first_fired_us(waiting) > 5_000 * MS
    assert first_fired_us(going) < 3_000 * MS
    told = [
        (entry.event.subtask.index, entry.event.idle)
        for entry in going
        if isinstance(entry.event, time.IdlenessChanged) and entry.event.subtask.vertex == "in"
    ]
    assert (1, True) in told
    assert told[-1] == (1, False)
    assert any(isinstance(entry.event, time.WatermarkStatusDelivered) for entry in going)


@pytest.mark.parametrize("kill_at", range(60, 400, 20))
def test_the_judge_follows_idle_channels(kill_at: int) -> None:
    judge = Judge()
    entries = silent_run(300, {kill_at: "window[0]"})
    assert any(isinstance(entry.event, job.RunEnded) for entry in entries)
    for entry in entries:
        judge.observe(entry)
    verdict = judge.verdict()
    assert (verdict.state, verdict.holds, verdict.reasons) == ("exact", True, ())
