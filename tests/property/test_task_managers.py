"""A lost process takes its slice of every operator, and the job survives it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bandviz.check.judge import judge
from bandviz.engine.faults import LOSE, Fault
from bandviz.engine.job import Job
from bandviz.errors import CommandRejected
from bandviz.events.job import RunStatus, SubtaskCanceled, SubtaskFailed
from bandviz.events.structure import TaskManagerDeclared
from tests import engines


def job() -> Job:
    """count runs three times, on two processes with two slots each."""
    settings = replace(engines.settings(), task_managers=2, slots_each=2)
    return engines.job_of(graph=engines.vote_graph(parallelism=3), run_settings=settings)


def test_slot_i_holds_subtask_i_of_every_operator() -> None:
    declared = [e.event for e in job().start() if isinstance(e.event, TaskManagerDeclared)]
    assert [(one.task_manager, list(map(str, one.subtasks))) for one in declared] == [
        ("taskmanager-1", ["north[0]", "south[0]", "count[0]", "count[1]", "board[0]"]),
        ("taskmanager-2", ["count[2]"]),
    ]


@pytest.mark.parametrize("step", range(20, 140, 20))
@pytest.mark.parametrize("name", ["taskmanager-1", "taskmanager-2"])
def test_all_its_subtasks_fail_in_one_step_and_the_result_is_exact(step: int, name: str) -> None:
    run = job()
    entries = run.start()
    while run.emitter.step < step:
        entries += engines.move(run)
    lost = run.step(Fault(LOSE, name).choice)
    failed = [str(e.event.subtask) for e in lost if isinstance(e.event, SubtaskFailed)]
    spared = [str(e.event.subtask) for e in lost if isinstance(e.event, SubtaskCanceled)]
    assert ("count[2]" in failed) == (name == "taskmanager-2")
    assert sorted(failed + spared) == sorted(map(str, run.graph.subtasks))
    with pytest.raises(CommandRejected):
        run.step(Fault(LOSE, name).choice)
    entries += lost
    while run.run is None:
        entries += engines.move(run)
    assert run.run is RunStatus.FINISHED
    assert judge(entries).holds is True
