"""What holds for every schedule, every single kill, every recording level."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bandviz.check.judge import Judge
from bandviz.check.verdict import Verdict
from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.engine.faults import CORRUPT_CHECKPOINT, Fault
from bandviz.engine.job import Job
from bandviz.errors import CommandRejected
from bandviz.events import Entry, Level
from bandviz.events.checkpoint import CheckpointAborted, CheckpointCompleted
from bandviz.events.job import CheckpointRefused, RunStatus, SubtaskFailed
from bandviz.graph.specs import SinkContract
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
