"""Requests, failures, plans and the retained list: one rule each, as a table or a property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.engine.checkpoint_plan import calculate_plan
from bandviz.engine.completed_checkpoints import CompletedCheckpointStore
from bandviz.engine.failure_manager import COUNTED, CheckpointFailureManager
from bandviz.engine.request_decider import CheckpointRequest, RequestDecider
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.coordinator import SnapshotKind
from bandviz.graph.execution import all_to_all, pointwise
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.world.pointer import MemoryPointer

KINDS = {
    "periodic": (SnapshotKind.CHECKPOINT, True, False),
    "manual": (SnapshotKind.CHECKPOINT, False, False),
    "savepoint": (SnapshotKind.SAVEPOINT, False, False),
    "forced": (SnapshotKind.SAVEPOINT, False, True),
}


def requests(names: str) -> list[CheckpointRequest]:
    return [
        CheckpointRequest(number, *KINDS[name])
        for number, name in enumerate(names.split(), start=1)
    ]


# ------------------------------------------------------------------ requests


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ("periodic manual savepoint forced", [4, 3, 2, 1]),
        ("periodic periodic", [1, 2]),
        ("savepoint savepoint manual", [1, 2, 3]),
    ],
)
def test_the_queue_is_by_whom_it_was_asked_for(asked: str, order: list[int]) -> None:
    decider = RequestDecider(1, 0, 1_000)
    for request in requests(asked):
        assert decider.submit(request) is None
    assert [request.number for request in decider.queue] == order


@pytest.mark.parametrize(
    ("asked", "leaves"),
    [
        ("periodic periodic manual", 2),  # the last periodic one makes room
        ("manual savepoint periodic", 3),  # people's requests stay
        ("manual manual savepoint", 3),
        ("periodic manual savepoint", 1),
    ],
)
def test_a_full_queue_drops_a_periodic_request_or_the_newcomer(asked: str, leaves: int) -> None:
    decider = RequestDecider(1, 0, 2)
    dropped = [decider.submit(request) for request in requests(asked)]
    assert [one.number for one in dropped if one is not None] == [leaves]


@pytest.mark.parametrize(
    ("asked", "pending", "now_us", "starts", "again_us"),
    [
        ("periodic", 0, 149, None, 150),  # too early: dropped, comes again
        ("periodic", 0, 150, 1, 0),
        ("manual", 0, 101, 1, 0),  # only periodic requests mind the pause
        ("savepoint", 1, 500, None, 0),
        ("forced", 1, 101, 1, 0),  # minds neither the pause nor the limit
        ("", 0, 500, None, 0),
    ],
)
def test_who_may_start(
    asked: str, pending: int, now_us: int, starts: int | None, again_us: int
) -> None:
    decider = RequestDecider(1, 50, 1_000)
    for request in requests(asked):
        decider.submit(request)
    decision = decider.choose(now_us, pending, completed_us=100)
    assert (decision.start.number if decision.start else None) == starts
    assert decision.again_us == again_us


# ------------------------------------------------------------------ failures


def test_exactly_five_reasons_count() -> None:
    counting = []
    for reason in Reason:
        manager = CheckpointFailureManager(0)
        if manager.failed(CheckpointId(1), reason):
            counting.append(reason)
    assert set(counting) == set(COUNTED)
    assert len(counting) == 5


@pytest.mark.parametrize(
    ("kind", "by_task", "fails"),
    [
        (SnapshotKind.CHECKPOINT, False, True),
        (SnapshotKind.SAVEPOINT, True, True),
        (SnapshotKind.SAVEPOINT, False, False),  # for the person who asked for it
        (SnapshotKind.STOP, True, True),
        (SnapshotKind.STOP, False, False),
        (SnapshotKind.DRAIN, False, True),  # its sources have ended and cannot go on
    ],
)
def test_whose_failure_it_is(kind: SnapshotKind, by_task: bool, fails: bool) -> None:
    manager = CheckpointFailureManager(0)
    failed = manager.failed(CheckpointId(1), Reason.EXPIRED, kind, by_task=by_task)
    assert bool(failed) is fails


def test_after_the_job_failed_the_counter_starts_over() -> None:
    manager = CheckpointFailureManager(1)
    failed = [manager.failed(CheckpointId(n), Reason.DECLINED) for n in range(1, 6)]
    assert failed == [0, 2, 0, 2, 0]


# ------------------------------------------------------------------ plans

SIZES = st.integers(1, 6)


@given(SIZES, SIZES)
def test_pointwise_edges_reach_everybody_and_share_evenly(senders: int, receivers: int) -> None:
    pairs = pointwise(senders, receivers)
    assert {sender for sender, _ in pairs} == set(range(senders))
    assert {receiver for _, receiver in pairs} == set(range(receivers))
    assert len(pairs) == max(senders, receivers)
    assert set(pairs) <= set(all_to_all(senders, receivers))
    ends = [receiver if senders >= receivers else sender for sender, receiver in pairs]
    counts = [ends.count(one) for one in set(ends)]
    assert max(counts) - min(counts) <= 1


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_barrier_reaches_every_running_task_from_those_that_begin(ended: list[bool]) -> None:
    """Two of each vertex, all to all; a task has finished only after all of its senders."""
    tasks = [SubtaskId(vertex, index) for vertex in "abc" for index in range(2)]
    before: dict[SubtaskId, tuple[SubtaskId, ...]] = {
        task: tuple(tasks[: place // 2 * 2][-2:]) for place, task in enumerate(tasks)
    }
    finished: list[SubtaskId] = []
    for task, is_ended in zip(tasks, ended, strict=True):
        if is_ended and all(sender in finished for sender in before[task]):
            finished.append(task)
    plan = calculate_plan(tasks, before, finished)
    assert sorted((*plan.wait_for, *plan.finished)) == tasks
    reached = set(plan.trigger)
    for task in plan.wait_for:
        if reached & set(before[task]):
            reached.add(task)
    assert reached == set(plan.wait_for)


# ------------------------------------------------------------------ the retained list


def test_a_savepoint_that_is_retired_keeps_its_files() -> None:
    store = CompletedCheckpointStore(2, MemoryPointer())
    retired = [store.add(CheckpointId(number), owned=number != 2) for number in (1, 2, 3, 4)]
    assert retired == [[], [], [1], []]
    assert store.ids == (3, 4)


def test_with_a_durable_pointer_no_id_is_given_out_twice() -> None:
    pointer = MemoryPointer()
    first = CompletedCheckpointStore(1, pointer)
    ids = [first.take_id(), first.take_id()]
    second = CompletedCheckpointStore(1, pointer)
    assert [*ids, second.take_id()] == [1, 2, 3]
    assert CompletedCheckpointStore(1, None).take_id() == 1
