"""Faults in or behind one task: a record that user logic cannot take, an attempt that lives on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bandviz.check import judge
from bandviz.engine.faults import Fault
from bandviz.engine.job import Job
from bandviz.events import Entry, job
from bandviz.events import checkpoint as ck
from bandviz.events import sink as facts
from bandviz.events.job import RunStatus
from bandviz.graph.execution import unroll
from bandviz.graph.sinks import with_writers
from bandviz.graph.specs import Partitioner, SinkContract
from bandviz.world import memory_world
from tests.engines import MS, job_of, move, settings, vote_graph, vote_topics
from tests.property.test_chaining import job_of as crates_of
from tests.unit.test_sinks import graph, of, tally, to_the_end

TRANSACTIONS = [
    (SinkContract.TWO_PHASE, "board[0]"),
    (SinkContract.TRANSACTIONAL, "board-writer[0]"),
]


def broken(running: Job, fault: Fault, at_step: int = 60) -> list[Entry]:
    """A whole run, broken at the first step from this one on at which it can be."""
    entries, done = running.start(), False
    while running.run is None and (choice := running.earliest()) is not None:
        if not done and running.emitter.step >= at_step and running.allows(fault):
            choice, done = fault.choice, True
        entries += running.step(choice)
    assert done
    return entries


@pytest.mark.parametrize("at_step", [5, 30, 60])
def test_a_poison_record_comes_back_until_no_restart_is_left(at_step: int) -> None:
    running = job_of()
    entries = broken(running, Fault("poison", "count[0]"), at_step)
    assert running.run is RunStatus.FAILED
    failures = of(entries, job.SubtaskFailed)
    assert len(failures) == 4, "three restarts"
    assert len({one.detail for one in failures}) == 1, "the same record each time"
    assert "cannot digest record" in failures[0].detail
    assert failures[0].trace.endswith("in choke_on")


def test_a_poison_record_stays_poison_for_other_owners_of_its_key() -> None:
    running = job_of(vote_graph(parallelism=2))
    entries = broken(running, Fault("poison", "count[1]"))
    entries_of = of(entries, job.SubtaskFailed)
    assert running.run is RunStatus.FAILED
    assert {one.reason for one in entries_of} == {"user logic"}


@pytest.mark.parametrize("at_step", [5, 30, 60])
def test_what_raises_once_is_cured_by_a_restart(at_step: int) -> None:
    running = job_of()
    entries = broken(running, Fault("raise_once", "count[0]"), at_step)
    assert running.run is RunStatus.FINISHED
    assert [one.reason for one in of(entries, job.SubtaskFailed)] == ["user logic"]
    assert judge(entries).holds


@pytest.mark.parametrize("name", ["poison", "raise_once"])
def test_no_user_logic_no_poison(name: str) -> None:
    running = job_of(with_writers(vote_graph(SinkContract.TRANSACTIONAL)))
    running.start()
    targets = {one.target for one in running.faults() if one.name == name}
    assert targets == {"count[0]"}


@pytest.mark.parametrize(("contract", "victim"), TRANSACTIONS)
def test_a_zombie_bounces_off_the_broker_and_nobody_else_fails(
    contract: SinkContract, victim: str
) -> None:
    running = job_of(graph(contract))
    entries = broken(running, Fault("zombie", victim))
    (refused,) = of(entries, facts.WriteRefused)
    assert str(refused.subtask) == victim
    told = [type(entry.event) for entry in entries]
    again = told.index(job.RestoreStarted)
    assert again < told.index(facts.ProducerFenced, again) < told.index(facts.WriteRefused)
    assert len(of(entries, job.SubtaskFailed)) == 1
    assert tally(entries) == {"c": 7, "d": 9}
    assert judge(entries).holds


def test_a_zombie_that_nothing_fences_writes_but_nobody_commits_it() -> None:
    made = graph(SinkContract.TWO_PHASE, fencing=False, transaction_timeout_us=9_000 * MS)
    running = job_of(made, run_settings=settings(upload_us=1_500 * MS))
    entries = running.start()
    zombie = Fault("zombie", "board[0]")
    while len(of(entries, facts.TransactionOpened)) < 3 or not running.allows(zombie):
        entries += move(running)
    assert len(of(entries, ck.CheckpointCompleted)) == 1, "it does not know transaction 3"
    entries += running.step(zombie.choice)
    later = to_the_end(running, [])
    assert not of(later, facts.WriteRefused)
    assert [one for one in of(later, facts.RowsWritten) if one.transaction_id == 3]
    assert judge(entries + later).holds


def test_a_zombie_of_a_sink_without_transactions_is_believed() -> None:
    running = job_of(graph(SinkContract.APPEND))
    entries = broken(running, Fault("zombie", "board[0]"))
    plain = broken(job_of(graph(SinkContract.APPEND)), Fault("zombie", "board[0]"))
    assert sum(tally(entries).values()) > 16
    assert judge(entries).duplicated
    assert entries == plain


def test_a_copy_of_a_broken_job_breaks_in_the_same_way() -> None:
    running = job_of(graph(SinkContract.TWO_PHASE))
    running.start()
    while not running.allows(Fault("zombie", "board[0]")):
        choice = running.earliest()
        assert choice is not None
        running.step(choice)
    for name, victim in (("poison", "count[0]"), ("zombie", "board[0]")):
        running.step(Fault(name, victim).choice)
    assert to_the_end(running.clone(), []) == to_the_end(running, [])


# ---------------------------------------------------------------- in a chain


def chained(contract: SinkContract) -> Job:
    """The votes, with count and what writes to the board as one task."""
    made, topics = graph(contract), vote_topics()
    edges = tuple(
        replace(edge, partitioner=Partitioner.FORWARD) if edge.upstream == "count" else edge
        for edge in made.edges
    )
    plan = unroll(replace(made, edges=edges), chaining=True)
    assert len(plan.tasks[-1]) > 1
    return Job(plan, settings(chaining=True), topics, memory_world(topics))


def test_in_a_chain_poison_is_for_its_user_logic_and_a_zombie_is_its_writer() -> None:
    running = chained(SinkContract.TRANSACTIONAL)
    running.start()
    while not any(one.name == "zombie" for one in running.faults()):
        move(running)
    victims = {(one.name, one.target) for one in running.faults()}
    assert {one for one in victims if one[0] in ("poison", "raise_once", "zombie")} == {
        ("poison", "count[0]"),
        ("raise_once", "count[0]"),
        ("zombie", "board-writer[0]"),
    }


@pytest.mark.parametrize(("victim", "task"), [("parse", ["scale", "tare"]), ("total", ["book"])])
def test_poison_fails_the_task_of_an_operator_wherever_it_stands_in_its_chain(
    victim: str, task: list[str]
) -> None:
    running = crates_of(chaining=True)
    entries = broken(running, Fault("poison", f"{victim}[0]"), 5)
    failures = of(entries, job.SubtaskFailed)
    assert running.run is RunStatus.FAILED
    assert [one.subtask.vertex for one in failures] == [victim, *task] * 4
    assert len({one.detail for one in failures if one.subtask.vertex == victim}) == 1


@pytest.mark.parametrize(("contract", "victim"), TRANSACTIONS)
def test_a_zombie_that_is_a_chain_bounces_off_the_broker(
    contract: SinkContract, victim: str
) -> None:
    entries = broken(chained(contract), Fault("zombie", victim))
    (refused,) = of(entries, facts.WriteRefused)
    assert str(refused.subtask) == victim
    assert tally(entries) == {"c": 7, "d": 9}
    assert judge(entries).holds


def test_a_zombie_that_is_a_chain_tells_nothing_but_what_it_writes() -> None:
    entries = broken(chained(SinkContract.APPEND), Fault("zombie", "board[0]"))
    verdict = judge(entries)
    assert verdict.violations == ()
    assert verdict.duplicated
