"""What holds for every schedule, every single kill, every recording level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bandviz.check.judge import Judge
from bandviz.check.verdict import Verdict
from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.engine.faults import CORRUPT_CHECKPOINT, Fault
from bandviz.engine.job import Job
from bandviz.errors import BandvizError, CommandRejected
from bandviz.events import Entry, Level
from bandviz.events.checkpoint import (
    CheckpointAborted,
    CheckpointCompleted,
    CheckpointTriggered,
)
from bandviz.events.flow import WindowFired
from bandviz.events.job import CheckpointRefused, RunEnded, RunStatus, SubtaskFailed
from bandviz.functions.aggregates import Sum
from bandviz.graph.execution import unroll
from bandviz.graph.specs import NamedAggregate, SinkContract, SourceSpec, WindowSpec
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import CheckpointStorage
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run
from bandviz.world import memory_world
from tests import engines

VICTIMS = ("north[0]", "south[0]", "count[0]", "board[0]")


def judged(entries: list[Entry]) -> Verdict:
    judge = Judge()
    for entry in entries:
        judge.observe(entry)
    return judge.verdict()


@effort(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    kills=st.dictionaries(st.integers(1, 220), st.sampled_from(VICTIMS), max_size=3),
    reorder=st.sampled_from([0, 300_000]),
    parallelism=st.sampled_from([1, 3]),
    data=st.data(),
)
def test_exactly_once_holds_whatever_is_killed(
    seed: int, kills: dict[int, str], reorder: int, parallelism: int, data: st.DataObject
) -> None:
    wishes = data.draw(st.lists(st.integers(0, 5), max_size=60))
    job = engines.job_of(
        graph=engines.vote_graph(parallelism=parallelism),
        run_settings=engines.settings(seed=seed, reorder_us=reorder, restart_attempts=5),
    )
    made = iter(wishes)

    def pick(job: Job) -> Choice | None:
        choices = job.choices()
        assert (choices[0] if choices else None) == job.earliest()
        return choices[next(made, 0) % len(choices)] if choices else None

    entries = engines.run(job, pick, kills)
    assert job.run is RunStatus.FINISHED
    verdict = judged(entries)
    assert verdict.holds is True, (verdict.reasons, verdict.violations)


@pytest.mark.parametrize("step", range(1, 120, 7))
def test_windows_survive_a_kill_at_any_step(step: int) -> None:
    graph, topics = engines.window_graph()
    job = engines.job_of(graph, topics)
    verdict = judged(engines.run(job, kills={step: "window[0]"}))
    assert verdict.holds is True, (verdict.reasons, verdict.violations)


@pytest.mark.parametrize("step", range(30, 70, 3))
def test_append_repeats_but_never_loses(step: int) -> None:
    job = engines.job_of(engines.vote_graph(SinkContract.APPEND))
    verdict = judged(engines.run(job, kills={step: "count[0]"}))
    assert (verdict.state, verdict.lost) == ("exact", 0)
    assert verdict.output in ("exact", "duplicated")


def test_append_repeats_somewhere() -> None:
    found = {
        judged(
            engines.run(
                engines.job_of(engines.vote_graph(SinkContract.APPEND)), kills={step: "count[0]"}
            )
        ).output
        for step in range(60, 70)
    }
    assert "duplicated" in found


def test_same_seed_same_entries_and_another_seed_another_schedule() -> None:
    runs = [
        engines.run(engines.job_of(run_settings=engines.settings(seed=seed))) for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_clone_goes_its_own_way_and_the_same_way() -> None:
    job = engines.job_of()
    job.start()
    for _ in range(40):
        choice = job.earliest()
        assert choice is not None
        job.step(choice)
    twin = job.clone()
    ends = [drain(job), drain(twin)]
    assert ends[0] == ends[1]


def drain(job: Job) -> list[Entry]:
    entries: list[Entry] = []
    while job.run is None:
        choice = job.earliest()
        assert choice is not None
        entries += job.step(choice)
    return entries


@pytest.mark.parametrize("level", [Level.CONTROL, Level.FLOW])
def test_the_level_changes_neither_schedule_nor_identities(level: Level) -> None:
    full = engines.run(engines.job_of())
    less = engines.run(engines.job_of(level=level))
    shown = [entry for entry in full if entry.event.level <= level]
    assert [entry[:3] for entry in less] == [entry[:3] for entry in shown]
    assert [type(entry.event) for entry in less] == [type(entry.event) for entry in shown]


def test_a_move_that_is_not_enabled_is_refused_and_changes_nothing() -> None:
    job = engines.job_of()
    job.start()
    before = job.choices()
    with pytest.raises(CommandRejected):
        job.step(Choice(ChoiceKind.POLL, "count[0]", 0))
    with pytest.raises(CommandRejected):
        job.step(Fault("kill", "nobody[0]").choice)
    assert job.choices() == before


def test_a_damaged_checkpoint_is_refused_and_its_commits_come_twice() -> None:
    job = engines.job_of()
    entries = job.start()
    completed = 0
    while completed < 2:
        choice = job.earliest()
        assert choice is not None
        made = job.step(choice)
        completed += sum(isinstance(entry.event, CheckpointCompleted) for entry in made)
        entries += made
    for _ in range(8):  # let everybody hear of it
        choice = job.earliest()
        assert choice is not None
        entries += job.step(choice)
    entries += job.step(Fault(CORRUPT_CHECKPOINT, "2").choice)
    entries += job.step(Fault("kill", "count[0]").choice)
    entries += drain(job)
    assert any(isinstance(entry.event, CheckpointRefused) for entry in entries)
    verdict = judged(entries)
    assert verdict.state == "exact"
    assert verdict.output == "duplicated"
    assert verdict.holds is False


def test_a_checkpoint_that_takes_too_long_is_aborted_and_the_next_one_completes() -> None:
    slow = engines.settings(checkpoint_timeout_us=1_000 * engines.MS)
    entries = engines.run(engines.job_of(run_settings=slow))
    aborted = [entry.event for entry in entries if isinstance(entry.event, CheckpointAborted)]
    assert aborted
    assert aborted[0].reason.value == "expired"


def test_without_restarts_left_the_job_fails() -> None:
    job = engines.job_of(run_settings=engines.settings(restart_attempts=0))
    entries = engines.run(job, kills={20: "count[0]"})
    assert job.run is RunStatus.FAILED
    assert any(isinstance(entry.event, SubtaskFailed) for entry in entries)


def test_after_the_final_checkpoint_none_is_triggered() -> None:
    eager = engines.settings(checkpoint_interval_us=300 * engines.MS)
    entries = engines.run(engines.job_of(run_settings=eager))
    ended: set[int] = set()
    for entry in entries:
        if isinstance(entry.event, CheckpointTriggered):
            ended.add(entry.event.checkpoint_id)
        elif isinstance(entry.event, (CheckpointCompleted, CheckpointAborted)):
            ended.discard(entry.event.checkpoint_id)
    assert not ended, "no checkpoint is left in progress"


def test_a_trigger_that_finds_one_pending_comes_right_after_it() -> None:
    eager = engines.settings(checkpoint_interval_us=300 * engines.MS)
    entries = engines.run(engines.job_of(run_settings=eager))
    end_us = next(e.time_us for e in entries if isinstance(e.event, CheckpointCompleted))
    triggered = [e.time_us for e in entries if isinstance(e.event, CheckpointTriggered)]
    assert end_us in triggered


def test_the_minimal_pause_counts_from_the_last_completed_one() -> None:
    calm = engines.settings(checkpoint_interval_us=300 * engines.MS, min_pause_us=700 * engines.MS)
    entries = engines.run(engines.job_of(run_settings=calm))
    ends = [e.time_us for e in entries if isinstance(e.event, CheckpointCompleted)]
    starts = [e.time_us for e in entries if isinstance(e.event, CheckpointTriggered)]
    assert [start - end for start, end in zip(starts[1:], ends, strict=False)] == [
        700 * engines.MS
    ] * (len(starts) - 1)


def test_an_empty_partition_holds_no_watermark_back() -> None:
    graph, (topic,) = engines.window_graph()
    empty = replace(topic.partitions[1], rows=(), times_ms=())
    topics = (replace(topic, partitions=(topic.partitions[0], empty)),)
    one_reader = tuple(
        replace(vertex, parallelism=1) if vertex.uid == "in" else vertex
        for vertex in graph.vertices
    )
    entries = engines.run(engines.job_of(replace(graph, vertices=one_reader), topics))
    fired = [entry.time_us for entry in entries if isinstance(entry.event, WindowFired)]
    assert min(fired) < max(fired), "windows fire while the input runs"


def test_user_logic_that_fails_when_a_window_fires_fails_the_job() -> None:
    graph, (topic,) = engines.window_graph()
    huge = tuple(("k", 1.7e308) for _ in topic.partitions[0].rows)
    topics = (
        replace(topic, partitions=(replace(topic.partitions[0], rows=huge), topic.partitions[1])),
    )
    total = NamedAggregate(function=Sum(field="value"), name="n")
    vertices = tuple(
        replace(vertex, spec=replace(vertex.spec, aggregates=(total,)))
        if isinstance(vertex.spec, WindowSpec)
        else vertex
        for vertex in graph.vertices
    )
    job = engines.job_of(
        replace(graph, vertices=vertices), topics, engines.settings(restart_attempts=1)
    )
    entries = engines.run(job)
    failed = [entry.event for entry in entries if isinstance(entry.event, SubtaskFailed)]
    assert job.run is RunStatus.FAILED
    assert {event.reason for event in failed} == {"user logic"}
    assert "OverflowError" in failed[0].detail


class FullDisk:
    """Storage whose disk is full for a while."""

    def __init__(self, real: CheckpointStorage, failing: str, ids: tuple[int, ...]) -> None:
        self._real, self._failing, self._ids = real, failing, ids

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)

        def maybe(checkpoint_id: CheckpointId, *rest: Any) -> Any:
            if name == self._failing and checkpoint_id in self._ids:
                raise BandvizError("no space left on device")
            return call(checkpoint_id, *rest)

        return maybe


@pytest.mark.parametrize(
    ("failing", "reason"),
    [("write", "upload failed"), ("write_manifest", "manifest not stored")],
)
def test_a_full_disk_costs_the_checkpoint_not_the_job(failing: str, reason: str) -> None:
    topics = engines.vote_topics()
    world = memory_world(topics)
    full = FullDisk(world.storage, failing, (1,))
    world.storage = cast("CheckpointStorage", full)
    job = Job(unroll(engines.vote_graph()), engines.settings(), topics, world)
    entries = engines.run(job, kills={70: "count[0]"})
    aborted = [e.event.reason.value for e in entries if isinstance(e.event, CheckpointAborted)]
    assert reason in aborted
    assert job.run is RunStatus.FINISHED
    assert judged(entries).holds is True


def test_a_state_of_many_keys_is_restored_whole() -> None:
    keys = 66_000
    rows = tuple(f"k{i}" for i in range(keys))
    topics = engines.vote_topics({"north": rows, "south": ()})
    graph = engines.vote_graph()
    fast = tuple(
        replace(vertex, cost_us=0, spec=replace(vertex.spec, interval_us=0))
        if isinstance(vertex.spec, SourceSpec)
        else replace(vertex, cost_us=0)
        for vertex in graph.vertices
    )
    late = 20_000 * engines.MS
    big = engines.settings(
        buffer_records=4_096, checkpoint_interval_us=late, first_checkpoint_us=late
    )
    job = engines.job_of(replace(graph, vertices=fast), topics, big, Level.CONTROL)
    entries = job.start()
    while not any(isinstance(entry.event, CheckpointCompleted) for entry in entries):
        choice = job.earliest()
        assert choice is not None
        entries = job.step(choice)
    entries = job.step(Fault("kill", "count[0]").choice)
    choice = job.earliest()
    assert choice is not None
    entries = job.step(choice)
    assert not any(isinstance(entry.event, CheckpointRefused) for entry in entries)
    state = job.subtasks[SubtaskId("count", 0)].operator.snapshot(CheckpointId(9))
    assert len(state["keyed"]) == keys


def test_a_job_whose_checkpoints_all_expire_is_called_stuck_with_the_reason() -> None:
    plan = load_plan("one-barrier")
    hasty = replace(plan, settings=replace(plan.settings, checkpoint_timeout_us=1_000))
    run = Run(hasty)
    while run.ended is None:
        run.advance()
    last = run.timeline.entry(len(run.timeline) - 1).event
    assert isinstance(last, RunEnded)
    assert last.status is RunStatus.STUCK
    assert "expired" in last.reason
