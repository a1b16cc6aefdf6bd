"""Engine, recording, timeline: steps a second, bytes an event, time to open and to seek."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from bandviz.engine.job import Job
from bandviz.events import Entry, Level
from bandviz.graph.execution import unroll
from bandviz.graph.specs import (
    TopicData,
)
from bandviz.model.facts import Dirty
from bandviz.model.run import RunModel
from bandviz.scenario.build import load_plan
from bandviz.session.collector import calm
from bandviz.session.run import header_of
from bandviz.timeline.cursor import Cursor
from bandviz.timeline.timeline import Timeline
from bandviz.trace.reader import read_recording
from bandviz.trace.writer import Writer
from bandviz.world import memory_world

RUNS = 3
STORY = "kill-and-rewind"
RECORDS, BUFFER, KEYS = 1_000_000, 500, 1_000


def steps_per_second(level: Level, *, record: bool) -> float:
    """The story without its script, again and again for about a second."""
    plan = load_plan(STORY)
    graph = unroll(plan.graph)
    steps, seconds = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        while seconds < 1.0:
            job = Job(graph, plan.settings, plan.topics, memory_world(plan.topics), level)
            model = RunModel()
            path = Path(folder) / "run.bvt"
            writer = Writer.create(path, header_of(plan, level), overwrite=True) if record else None
            begun = perf_counter()
            entries = job.start()
            while True:
                if writer is not None:
                    writer.add(entries)
                    for entry in entries:
                        model.apply(entry)
                choice = job.earliest()
                if choice is None:
                    break
                entries = job.step(choice)
                steps += 1
            if writer is not None:
                writer.close()
            seconds += perf_counter() - begun
    return steps / seconds


def entries_of_long_run(count: int) -> list[Entry]:
    """The flights, with their three days of data repeated until there are so many entries."""
    plan = load_plan("nyc-flights")
    for days in range(4, 400, 4):
        topics = tuple(_repeated(topic, days) for topic in plan.topics)
        job = Job(unroll(plan.graph), plan.settings, topics, memory_world(topics))
        entries = list(drain(job))
        if len(entries) >= count:
            return entries[:count]
    raise RuntimeError("the run is too short")


def _repeated(topic: TopicData, times: int) -> TopicData:
    parts = []
    for part in topic.partitions:
        assert part.times_ms is not None
        assert part.available_us is not None
        days = range(times)
        parts.append(
            replace(
                part,
                rows=part.rows * times,
                times_ms=tuple(t + d * 3 * 86_400_000 for d in days for t in part.times_ms),
                available_us=tuple(t + d * 75_000_000 for d in days for t in part.available_us),
            )
        )
    return replace(topic, partitions=tuple(parts))


def drain(job: Job) -> Iterator[Entry]:
    """All entries of a run."""
    yield from job.start()
    while (choice := job.earliest()) is not None:
        yield from job.step(choice)


def recording(count: int = 100_000) -> dict[str, float]:
    """Bytes an event, seconds to open, worst and median seek in milliseconds."""
    plan = load_plan("nyc-flights")
    entries = entries_of_long_run(count)
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.bvt"
        with Writer.create(path, header_of(plan, Level.RECORD)) as writer:
            writer.add(entries)
        size = path.stat().st_size
        calm()
        begun = perf_counter()
        timeline = Timeline.of(read_recording(path))
        cursor = Cursor(timeline, RunModel, Dirty)
        while cursor.survey():
            pass
        opened = perf_counter() - begun
        seeks = []
        for _ in range(60):
            begun = perf_counter()
            cursor.seek(rng.randrange(count))
            seeks.append((perf_counter() - begun) * 1_000)
    return {
        "bytes": size / count,
        "open_s": opened,
        "seek_median_ms": median(seeks),
        "seek_worst_ms": max(seeks),
    }
