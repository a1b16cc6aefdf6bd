"""A region fails and restarts alone: the others keep running, it equals the snapshot."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bandviz.check.judge import judge
from bandviz.engine.choices import Choice
from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.engine.state.frozen import plain
from bandviz.events import Entry
from bandviz.events.checkpoint import CheckpointAborted, CheckpointTriggerRefused, SnapshotTaken
from bandviz.events.job import (
    JobStatus,
    JobStatusChanged,
    RestoreStarted,
    RunStatus,
    SubtaskCanceled,
    SubtaskDeployed,
    SubtaskFailed,
)
from bandviz.events.values import pack, unpack
from bandviz.graph.execution import unroll
from bandviz.ids import CheckpointId, SubtaskId
from tests import engines

REGIONS = unroll(engines.two_regions()).regions


def test_subtasks_that_no_channel_connects_are_regions_of_their_own() -> None:
    assert [[str(name) for name in region] for region in REGIONS] == [
        ["north[0]", "count-north[0]", "board-north[0]"],
        ["south[0]", "count-south[0]", "board-south[0]"],
    ]
    assert len(unroll(engines.vote_graph(parallelism=3)).regions) == 1


def job(**changes: int) -> Job:
    return engines.job_of(
        graph=engines.two_regions(), run_settings=engines.settings(restart_attempts=9, **changes)
    )


def keyed(job: Job, subtask: SubtaskId) -> bytes:
    return pack(plain(job.subtasks[subtask].operator.snapshot(CheckpointId(99))))


@effort(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    kills=st.dictionaries(
        st.integers(1, 200), st.sampled_from([str(name) for r in REGIONS for name in r]), max_size=4
    ),
    reorder=st.sampled_from([0, 300_000]),
    wishes=st.lists(st.integers(0, 5), max_size=60),
)
def test_the_whole_is_exact_whichever_regions_fail(
    seed: int, kills: dict[int, str], reorder: int, wishes: list[int]
) -> None:
    made = iter(wishes)

    def pick(job: Job) -> Choice | None:
        choices = job.choices()
        assert (choices[0] if choices else None) == job.earliest()
        return choices[next(made, 0) % len(choices)] if choices else None

    run = job(seed=seed, reorder_us=reorder)
    verdict = judge(engines.run(run, pick, kills))
    assert run.run is RunStatus.FINISHED
    assert verdict.holds is True, (verdict.reasons, verdict.violations)


@effort(max_examples=20, deadline=None)
@given(step=st.integers(5, 110), side=st.sampled_from([0, 1]), place=st.integers(0, 2))
def test_the_others_keep_their_state_and_the_failed_equal_the_snapshot(
    step: int, side: int, place: int
) -> None:
    run = job()
    entries = run.start()
    while len(entries) and run.emitter.step < step:
        entries += engines.move(run)
    failed, others = REGIONS[side], REGIONS[1 - side]
    before = {name: (id(run.subtasks[name]), run.subtasks[name]) for name in others}
    count = SubtaskId(f"count-{('north', 'south')[1 - side]}", 0)
    held = keyed(run, count)
    crash = run.step(Fault(KILL, str(failed[place])).choice)
    assert hit(crash) == set(failed)
    assert set(run.subtasks) == set(others)
    assert keyed(run, count) == held
    assert status(crash) == [JobStatus.RESTARTING]

    back: list[Entry] = []
    while not any(isinstance(entry.event, RestoreStarted) for entry in back):
        held = keyed(run, count)
        back = engines.move(run)
        entries += back
    restore = next(entry.event for entry in back if isinstance(entry.event, RestoreStarted))
    assert restore.subtasks == failed
    assert {e.event.subtask for e in back if isinstance(e.event, SubtaskDeployed)} == set(failed)
    assert keyed(run, count) == held
    for name, (identity, subtask) in before.items():
        assert id(run.subtasks[name]) == identity, subtask
    mine = SubtaskId(f"count-{('north', 'south')[side]}", 0)
    assert sorted(unpack(keyed(run, mine))["keyed"]) == sorted(
        snapshot(entries, mine, restore.checkpoint_id)
    )
    assert status(back) == [JobStatus.RUNNING]


def status(entries: list[Entry]) -> list[JobStatus]:
    return [e.event.status for e in entries if isinstance(e.event, JobStatusChanged)]


def hit(entries: list[Entry]) -> set[SubtaskId]:
    gone = (SubtaskFailed, SubtaskCanceled)
    return {entry.event.subtask for entry in entries if isinstance(entry.event, gone)}


def snapshot(entries: list[Entry], name: SubtaskId, checkpoint: CheckpointId) -> list[Any]:
    taken = [entry.event for entry in entries if isinstance(entry.event, SnapshotTaken)]
    states = [one.state for one in taken if (one.subtask, one.checkpoint_id) == (name, checkpoint)]
    return list(unpack(states[-1])["keyed"]) if states else []


def test_a_pending_checkpoint_is_aborted_and_none_is_triggered_until_all_run() -> None:
    run = job(restart_delay_us=3_000 * engines.MS)
    entries = engines.run(run, kills={50: "count-north[0]"})
    aborted = [e.event.reason.value for e in entries if isinstance(e.event, CheckpointAborted)]
    refused = [e.event.reason for e in entries if isinstance(e.event, CheckpointTriggerRefused)]
    assert aborted[0] == "job failover"
    assert "not all required tasks are running" in refused
    assert run.run is RunStatus.FINISHED
