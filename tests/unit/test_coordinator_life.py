"""The coordinator in a running job: savepoints, stops, lost notices, outages, its own crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from bandviz.check import Verdict, judge
from bandviz.engine.faults import (
    CRASH_COORDINATOR,
    DECLINE_CHECKPOINT,
    FAIL_STORAGE,
    KILL,
    LOSE_NOTIFICATION,
    REPAIR_STORAGE,
    Fault,
)
from bandviz.engine.job import Job
from bandviz.errors import BandvizError
from bandviz.events import Entry, Event
from bandviz.events import checkpoint as ck
from bandviz.events.coordinator import (
    CheckpointRequestQueued,
    CoordinatorRecovered,
    NotificationLost,
    SnapshotKind,
    ToleranceExceeded,
)
from bandviz.events.flow import InputEnded
from bandviz.events.job import RestoreStarted, RunStatus, SourceRewound, SubtaskFinished
from bandviz.events.sink import RowsVisible, TransactionCommitted
from bandviz.graph.settings import FixedDelay
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model.narrator import narrate
from bandviz.model.run import RunModel
from bandviz.model.views import CheckpointStatus
from tests import engines

E = TypeVar("E", bound=Event)
When = Callable[[Event], bool]
BOARD = SubtaskId("board", 0)


def all_of(entries: list[Entry], kind: type[E]) -> list[E]:
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def at(kind: type[Any], number: int, **fields: object) -> When:
    """The event of this kind and checkpoint, with these fields."""
    return lambda event: (
        isinstance(event, kind)
        and event.checkpoint_id == number
        and all(getattr(event, name) == value for name, value in fields.items())
    )


def drive(job: Job, *script: tuple[When, Fault]) -> list[Entry]:
    """To the end; a fault is the first step after its moment at which it is possible."""
    entries, made, due = [], job.start(), []
    waiting = list(script)
    while True:
        entries += made
        due += [fault for when, fault in waiting if any(when(one.event) for one in made)]
        waiting = [one for one in waiting if one[1] not in due]
        if job.run is not None:
            return entries
        ready = next((fault for fault in due if fault in job.faults()), None)
        choice = job.earliest() if ready is None else ready.choice
        if ready is not None:
            due.remove(ready)
        made = job.give_up("stuck") if choice is None else job.step(choice)


def job_of(**changes: Any) -> Job:
    """Checkpoints seldom enough that none waits for another."""
    changes = {"checkpoint_interval_us": 4_000 * engines.MS, **changes}
    return engines.job_of(run_settings=replace(engines.settings(), **changes))


def judged(entries: list[Entry]) -> Verdict:
    return judge(entries)


def told(entries: list[Entry], subtask: SubtaskId = BOARD) -> list[int]:
    return [e.checkpoint_id for e in all_of(entries, ck.CompletionNotified) if e.subtask == subtask]


# ------------------------------------------------------------------ savepoints


def test_a_savepoint_commits_nothing_and_no_restore_takes_it() -> None:
    entries = drive(
        job_of(),
        (at(ck.CheckpointCompleted, 1), Fault("take_savepoint")),
        (at(ck.CheckpointCompleted, 2), Fault(KILL, "count[0]")),
    )
    kinds = {one.checkpoint_id: one.kind for one in all_of(entries, ck.CheckpointTriggered)}
    assert kinds[CheckpointId(2)] is SnapshotKind.SAVEPOINT
    assert 2 not in told(entries)
    assert [one.checkpoint_id for one in all_of(entries, RestoreStarted)] == [1]
    assert judged(entries).holds is True


def test_a_savepoint_is_never_deleted() -> None:
    job = job_of(retained=1)
    drive(job, (at(ck.CheckpointCompleted, 1), Fault("take_savepoint")))
    assert job.world.storage.manifest(CheckpointId(2), "test")


def test_stop_with_savepoint_commits_and_ends_every_task_behind_its_barrier() -> None:
    job = job_of()
    entries = drive(job, (at(ck.CheckpointCompleted, 1), Fault("stop_with_savepoint")))
    assert job.run is RunStatus.FINISHED
    assert len(all_of(entries, SubtaskFinished)) == 4
    assert all_of(entries, InputEnded) == []
    assert told(entries) == [1, 2]
    assert len(all_of(entries, TransactionCommitted)) == 2
    verdict = judged(entries)
    assert verdict.holds is None, "what comes after the savepoint is for another job"
    assert verdict.violations == ()


def test_a_job_goes_on_from_its_savepoint_where_it_stopped() -> None:
    first = job_of()
    before = drive(first, (at(ck.CheckpointCompleted, 1), Fault("stop_with_savepoint")))
    second = Job(
        first.graph,
        first.settings,
        engines.vote_topics(),
        first.world,
        restore_from=CheckpointId(2),
    )
    after = drive(second)
    assert second.run is RunStatus.FINISHED
    assert all_of(after, ck.CheckpointTriggered)[0].checkpoint_id == 3
    assert [one.from_offset for one in all_of(after, SourceRewound)] == [0, 0]
    assert second.world.storage.manifest(CheckpointId(2), "test"), "it stays the user's"
    rows = sum(one.row_count for one in all_of(before + after, RowsVisible))
    assert rows == 16


def test_a_start_from_what_is_no_checkpoint_is_refused_in_a_sentence() -> None:
    job = job_of()
    lost = Job(
        job.graph, job.settings, engines.vote_topics(), job.world, restore_from=CheckpointId(7)
    )
    with pytest.raises(BandvizError, match="checkpoint 7 cannot be restored"):
        lost.start()


def test_drain_fires_what_is_left_before_the_savepoint() -> None:
    graph, topics = engines.window_graph()
    job = engines.job_of(graph, topics)
    entries = drive(job, (at(ck.CheckpointCompleted, 1), Fault("drain_and_stop")))
    assert job.run is RunStatus.FINISHED
    ended = [one.subtask for one in all_of(entries, InputEnded)]
    assert len(ended) == 5
    assert told(entries, SubtaskId("out", 0))[-1] == 2


def test_a_stop_that_expires_lets_the_sources_read_on() -> None:
    job = job_of(checkpoint_timeout_us=2_500 * engines.MS)
    slow = Fault("stop_with_savepoint")
    entries = drive(
        job,
        (at(ck.CheckpointCompleted, 1), slow),
        (at(ck.CheckpointTriggered, 2), Fault(FAIL_STORAGE)),
        (at(ck.CheckpointAborted, 2), Fault(REPAIR_STORAGE)),
    )
    aborted = all_of(entries, ck.CheckpointAborted)
    assert aborted[0].reason.value == "upload failed"
    assert len(all_of(entries, ToleranceExceeded)) == 1, "a task failed it, so the job fails over"
    assert judged(entries).holds is True


# ------------------------------------------------------------------ as the viewer sees it


def seen(entries: list[Entry]) -> RunModel:
    model = RunModel()
    for entry in entries:
        model.apply(entry)
        narrate(model, entry)
    return model


def test_a_savepoint_has_a_page_of_its_own_and_is_not_the_latest_checkpoint() -> None:
    entries = drive(job_of(), (at(ck.CheckpointCompleted, 1), Fault("take_savepoint")))
    done = next(i for i, e in enumerate(entries) if at(ck.CheckpointCompleted, 2)(e.event))
    model = seen(entries[: done + 1])
    assert model.checkpoints[CheckpointId(2)].status is CheckpointStatus.SAVEPOINT
    assert model.job.latest_completed == 1


def test_what_no_coordinator_knows_is_forgotten_though_it_lies_on_disk() -> None:
    entries = drive(
        job_of(high_availability=False),
        (at(ck.SnapshotTaken, 2, subtask=BOARD), Fault(CRASH_COORDINATOR)),
    )
    known = next(i for i, e in enumerate(entries) if isinstance(e.event, CoordinatorRecovered))
    model = seen(entries[: known + 1])
    assert model.checkpoints[CheckpointId(1)].status is CheckpointStatus.FORGOTTEN
    assert model.job.latest_completed == 0
    assert list(seen(entries).checkpoints)[-1] == max(seen(entries).checkpoints)


# ------------------------------------------------------------------ notices


def test_a_lost_notice_is_made_good_by_the_next_checkpoint() -> None:
    entries = drive(job_of(), (at(ck.CheckpointCompleted, 1), Fault(LOSE_NOTIFICATION, "board[0]")))
    assert [one.checkpoint_id for one in all_of(entries, NotificationLost)] == [1]
    assert 1 not in told(entries)
    assert judged(entries).holds is True


def test_an_abort_brings_the_completion_that_was_missed() -> None:
    entries = drive(
        job_of(tolerable_failed_checkpoints=9),
        (at(ck.CheckpointCompleted, 1), Fault(LOSE_NOTIFICATION, "board[0]")),
        (at(ck.CheckpointTriggered, 2), Fault(DECLINE_CHECKPOINT, "north[0]")),
    )
    first_commit = next(e for e in entries if isinstance(e.event, TransactionCommitted))
    aborted = next(e for e in entries if isinstance(e.event, ck.CheckpointAborted))
    assert told(entries)[0] == 1
    assert first_commit.step > aborted.step
    assert judged(entries).holds is True


def test_late_notices_come_late_and_in_order() -> None:
    prompt, late = (drive(job_of(notification_us=us)) for us in (0, 900 * engines.MS))
    assert told(late) == told(prompt)[: len(told(late))] == sorted(told(late))
    assert judged(late).holds is True


# ------------------------------------------------------------------ failures


def test_the_first_failed_checkpoint_restarts_a_job_that_tolerates_none() -> None:
    decline = (at(ck.CheckpointTriggered, 2), Fault(DECLINE_CHECKPOINT, "count[0]"))
    strict = drive(job_of(), decline)
    assert [one.tolerable_count for one in all_of(strict, ToleranceExceeded)] == [0]
    assert [one.checkpoint_id for one in all_of(strict, RestoreStarted)] == [1]
    assert judged(strict).holds is True
    lenient = drive(job_of(tolerable_failed_checkpoints=1), decline)
    assert all_of(lenient, RestoreStarted) == []
    assert judged(lenient).holds is True


def test_an_outage_fails_what_is_begun_and_what_is_under_way() -> None:
    entries = drive(
        job_of(tolerable_failed_checkpoints=9),
        (at(ck.SnapshotTaken, 1), Fault(FAIL_STORAGE)),
        (at(ck.CheckpointAborted, 3), Fault(REPAIR_STORAGE)),
    )
    reasons = [one.reason.value for one in all_of(entries, ck.CheckpointAborted)]
    assert reasons[:3] == ["upload failed", "storage not reachable", "storage not reachable"]
    assert judged(entries).holds is True


def test_without_a_restart_left_too_many_failures_end_the_job() -> None:
    job = job_of(restart=FixedDelay(attempts=0))
    drive(job, (at(ck.SnapshotTaken, 1), Fault(FAIL_STORAGE)))
    assert job.run is RunStatus.FAILED


# ------------------------------------------------------------------ several at once


def test_concurrent_checkpoints_overlap_and_the_output_is_exact() -> None:
    often = {"checkpoint_interval_us": 400 * engines.MS, "upload_us": 900 * engines.MS}
    entries = drive(job_of(max_concurrent_checkpoints=4, tolerable_failed_checkpoints=99, **often))
    open_now, most = set(), 0
    for entry in entries:
        match entry.event:
            case ck.CheckpointTriggered(checkpoint_id=number):
                open_now.add(number)
            case ck.CheckpointCompleted(checkpoint_id=number):
                open_now.discard(number)
            case ck.CheckpointAborted(checkpoint_id=number):
                open_now.discard(number)
        most = max(most, len(open_now))
    assert most > 1
    assert judged(entries).holds is True


def test_a_request_waits_while_one_is_in_progress() -> None:
    entries = drive(job_of(), (at(ck.CheckpointTriggered, 1), Fault("take_checkpoint")))
    assert all_of(entries, CheckpointRequestQueued)[0].queued_count == 1
    assert judged(entries).holds is True


# ------------------------------------------------------------------ the coordinator itself


def test_a_new_coordinator_finds_the_checkpoints_of_the_dead_one() -> None:
    entries = drive(job_of(), (at(ck.SnapshotTaken, 2, subtask=BOARD), Fault(CRASH_COORDINATOR)))
    (recovered,) = all_of(entries, CoordinatorRecovered)
    assert recovered == CoordinatorRecovered(
        completed=(CheckpointId(1),), next_checkpoint_id=CheckpointId(3)
    )
    assert [one.checkpoint_id for one in all_of(entries, RestoreStarted)] == [1]
    assert judged(entries).holds is True


def test_without_a_store_the_job_starts_from_zero_and_repeats_its_output() -> None:
    entries = drive(
        job_of(high_availability=False),
        (at(ck.SnapshotTaken, 2, subtask=BOARD), Fault(CRASH_COORDINATOR)),
    )
    (recovered,) = all_of(entries, CoordinatorRecovered)
    assert recovered.completed == ()
    assert [one.checkpoint_id for one in all_of(entries, RestoreStarted)] == [0]
    verdict = judged(entries)
    assert (verdict.state, verdict.output, verdict.lost) == ("exact", "duplicated", 0)
    assert verdict.violations == ()


@pytest.mark.parametrize("step", range(5, 205, 10))
def test_wherever_the_coordinator_dies_the_output_is_exact(step: int) -> None:
    job = job_of()
    entries = job.start()
    while job.run is None:
        crash = Fault(CRASH_COORDINATOR)
        hit = job.emitter.step == step and crash in job.faults()
        choice = crash.choice if hit else job.earliest()
        assert choice is not None
        entries += job.step(choice)
    assert job.run is RunStatus.FINISHED
    assert judged(entries).holds is True


# ------------------------------------------------------------------ tasks that have finished


def uneven(**changes: Any) -> Job:
    topics = engines.vote_topics({"north": "cd", "south": "dcddcddd"})
    return engines.job_of(topics=topics, run_settings=replace(engines.settings(), **changes))


def test_a_task_ends_after_a_checkpoint_begun_after_its_own_end() -> None:
    entries = drive(uneven())
    names = [str(one.subtask) for one in all_of(entries, SubtaskFinished)]
    assert names[0] == "north[0]"
    later = [one for one in all_of(entries, ck.CheckpointTriggered) if one.finished]
    assert later, "checkpoints go on"
    assert {str(name) for name in later[0].finished} == {"north[0]"}
    assert {str(name) for name in later[0].triggered} == {"south[0]"}
    assert judged(entries).holds is True


def test_a_finished_task_has_nothing_to_do_after_a_restore() -> None:
    def late(event: Event) -> bool:
        return isinstance(event, ck.CheckpointTriggered) and len(event.finished) > 0

    numbers = [one.checkpoint_id for one in all_of(drive(uneven()), ck.CheckpointTriggered)]
    found = [
        one.checkpoint_id for one in all_of(drive(uneven()), ck.CheckpointTriggered) if one.finished
    ]
    assert found
    assert found[0] in numbers
    entries = drive(uneven(), (at(ck.CheckpointCompleted, found[0]), Fault(KILL, "count[0]")))
    rewound = {str(one.subtask): one.to_offset for one in all_of(entries, SourceRewound)}
    assert rewound["north[0]"] == 2, "it had read all"
    assert judged(entries).holds is True


def test_without_checkpoints_after_the_end_the_tail_is_never_committed() -> None:
    entries = drive(uneven(checkpoints_after_tasks_finish=False))
    assert judged(entries).output == "lost"
