"""Entries and timers of keyed operators in the model: as the engine has them, and in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.engine.state.frozen import plain
from bandviz.events import Entry
from bandviz.events.flow import RecordApplied
from bandviz.events.keyed import DuplicateDropped, TimerFired
from bandviz.events.values import pack
from bandviz.graph.execution import unroll
from bandviz.graph.specs import KEYED
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model import selectors
from bandviz.model.contents import working_pairs
from bandviz.model.narrator import narrate
from bandviz.model.run import RunModel
from bandviz.model.specs import packed_entries, packed_timers
from bandviz.scenario.build import load_plan
from bandviz.world import memory_world
from tests.engines import job_of, run, window_graph

FILE = Path(__file__).parent.parent / "data" / "stateful.yaml"
ONCE = SubtaskId("once", 0)


def started() -> tuple[Job, RunModel]:
    plan = load_plan(str(FILE))
    job = Job(unroll(plan.graph), plan.settings, plan.topics, memory_world(plan.topics))
    model = RunModel()
    told(model, job.start())
    return job, model


def told(model: RunModel, entries: list[Entry]) -> None:
    for entry in entries:
        model.apply(entry)


def of_engine(job: Job) -> dict[SubtaskId, Any]:
    """Entries and timers of all keyed operators, from a snapshot of now."""
    found = {}
    for name, subtask in job.subtasks.items():
        if isinstance(job.graph.vertex_of[name.vertex].spec, KEYED):
            state = pack(plain(subtask.operator.snapshot(CheckpointId(1))))
            found[name] = (packed_entries(state), packed_timers(state))
    return found


@pytest.mark.parametrize("kill_at", [90, 200])
def test_the_model_mirrors_entries_and_timers_over_a_crash(kill_at: int) -> None:
    job, model = started()
    timers = 0
    for step in range(job.settings.max_steps):
        if step == kill_at:
            told(model, job.step(Fault(KILL, "quiet[0]").choice))
            continue
        choice = job.earliest()
        if choice is None:
            break
        told(model, job.step(choice))
        for name, (entries, expected) in of_engine(job).items():
            assert model.subtasks[name].keyed == entries, (step, name)
            assert model.subtasks[name].timers == expected, (step, name)
            timers += len(expected)
    assert timers
    assert selectors.counts(model).restarts == 1


def test_entries_read_by_the_kind_of_their_operator() -> None:
    job, model = started()
    while job.now_us < 1_000_000:
        choice = job.earliest()
        assert choice is not None
        told(model, job.step(choice))
    words: dict[str, dict[str, str]] = {
        view.subtask.vertex: {str(name): value for name, value in view.state}
        for view in selectors.subtask_views(model)
        if view.state
    }
    assert set(words["once"].values()) == {"seen"}
    assert words["quiet"]["a"] == "bursts 90 2"
    assert words["rated"] == {"any": "0", "large": "6"}
    assert words["most"]["a"] == "3 a 7 90"
    assert words["paid"]["right a 01-Jan 00:00:00"] in ("a 5 12", "a 8 95")
    inspected = [selectors.inspect(model, name).timers for name in model.subtasks]
    assert ("a", "event time 01-Jan 00:00:00") in [pair for pairs in inspected for pair in pairs]


def test_a_timer_and_a_duplicate_have_captions() -> None:
    _, model = started()
    fired = TimerFired(
        subtask=SubtaskId("quiet", 1), domain="processing", time_ms=3_200, key=pack("a"),
        value=b"", row_count=1,
    )  # fmt: skip
    dropped = DuplicateDropped(subtask=ONCE, key=pack(7), lineage=b"", side="again")
    heads = [narrate(model, Entry(1, 0, 0, None, event)) for event in (fired, dropped)]
    assert [told.headline for told in heads if told] == [
        "TIMER: quiet[1] fires the one of a at 3.2 s.",
        "DUPLICATE: once[0] has seen 7 before and lets it go no further.",
    ]


def test_windows_before_1970_have_a_name_too() -> None:
    graph, (topic,) = window_graph()
    parts = [
        replace(part, times_ms=tuple(time_ms - 1_000_000 for time_ms in part.times_ms or ()))
        for part in topic.partitions
    ]
    model = RunModel()
    named: set[str] = set()
    for entry in run(job_of(graph, (replace(topic, partitions=tuple(parts)),)), Job.earliest):
        model.apply(entry)
        if isinstance(entry.event, RecordApplied):
            pairs = working_pairs(model, entry.event.subtask)
            named.update(name for name, _ in pairs)
    assert named
    assert all("31-Dec 23:43" in name for name in named)
