"""Sinks in a running job: what a crash, a clock or a refusal does to their rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest

from bandviz.check.judge import judge
from bandviz.engine.choices import ChoiceKind
from bandviz.engine.faults import Fault
from bandviz.engine.job import Job
from bandviz.events import Entry, Event, job
from bandviz.events import checkpoint as ck
from bandviz.events import sink as facts
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.job import RunStatus
from bandviz.events.values import unpack
from bandviz.graph.execution import unroll
from bandviz.graph.sinks import with_writers
from bandviz.graph.specs import (
    JobEdge,
    JobGraph,
    JobVertex,
    PartitionData,
    Partitioner,
    SinkContract,
    SinkSpec,
    SourceSpec,
    TopicData,
)
from bandviz.ports import CommitAnswer
from bandviz.world import memory_world
from bandviz.world.broker import MemoryBroker
from tests.engines import MS, job_of, run, settings, vote_graph, vote_topics

Kind = TypeVar("Kind", bound=Event)
BOTH = [SinkContract.TWO_PHASE, SinkContract.TRANSACTIONAL]


def graph(contract: SinkContract, parallelism: int = 1, **spec: object) -> JobGraph:
    """The votes, with these settings of the sink."""
    made = vote_graph(contract)
    sink = SinkSpec(topic="board", contract=contract, **spec)  # type: ignore[arg-type]
    vertices = [
        replace(vertex, spec=sink, parallelism=parallelism) if vertex.uid == "board" else vertex
        for vertex in made.vertices
    ]
    return with_writers(replace(made, vertices=tuple(vertices)))


def of(entries: list[Entry], kind: type[Kind]) -> list[Kind]:
    """The events of one kind."""
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def tally(entries: list[Entry]) -> dict[str, int]:
    """Public rows by their first column."""
    counts: dict[str, int] = {}
    for event in of(entries, facts.RowsVisible):
        for name, _ in unpack(event.rows):
            counts[name] = counts.get(name, 0) + 1
    return counts


@pytest.mark.parametrize("contract", [*BOTH, SinkContract.FILE])
@pytest.mark.parametrize("parallelism", [1, 2])
def test_killed_at_any_step_every_vote_is_public_once(
    contract: SinkContract, parallelism: int
) -> None:
    steps = len({entry.step for entry in run(job_of(graph(contract, parallelism)))})
    victims = [str(each) for each in job_of(graph(contract, parallelism)).graph.subtasks]
    for step in range(3, steps, 23):
        victim = victims[step % len(victims)]
        entries = run(job_of(graph(contract, parallelism)), kills={step: victim})
        assert tally(entries) == {"c": 7, "d": 9}, f"kill {victim} at step {step}"
        verdict = judge(entries)
        assert verdict.holds, f"kill {victim} at step {step}: {verdict}"


def test_committables_reach_the_committer_ahead_of_the_barrier() -> None:
    entries = run(job_of(graph(SinkContract.TRANSACTIONAL)))
    told: list[str] = []
    for entry in entries:
        event = entry.event
        if isinstance(event, facts.CommittablesCollected) and event.received_count:
            told.append(f"collected {event.checkpoint_id}")
        elif isinstance(event, ck.SnapshotTaken) and event.subtask.vertex == "board":
            told.append(f"snapshot {event.checkpoint_id}")
        elif isinstance(event, facts.TransactionCommitted):
            told.append("commit")
    assert told[:4] == ["collected 1", "snapshot 1", "commit", "collected 2"]


def run_to_commit(made: JobGraph, **changes: int) -> tuple[Job, list[Entry]]:
    """Until checkpoint 1 is complete and nobody was told; then the sink dies."""
    running = job_of(made, run_settings=settings(**changes))
    entries = running.start()
    while not of(entries, ck.CheckpointCompleted):
        entries += step(running)
    entries += running.step(running.faults()[0].choice)
    return running, entries


def step(running: Job) -> list[Entry]:
    """The default policy's move."""
    choice = running.earliest()
    assert choice is not None, "nothing can move: the case says nothing"
    return running.step(choice)


def to_the_end(running: Job, entries: list[Entry]) -> list[Entry]:
    """The default policy until the run ends."""
    while running.run is None:
        choice = running.earliest()
        if choice is None:
            return entries + running.give_up("no move")
        entries += running.step(choice)
    return entries


def test_outage_longer_than_the_timeout_loses_rows_although_the_checkpoint_completed() -> None:
    made = graph(SinkContract.TRANSACTIONAL, transaction_timeout_us=6_000 * MS)
    entries = to_the_end(*run_to_commit(made, restart_delay_us=8_000 * MS))
    (expired,) = of(entries, facts.TransactionExpired)
    told = [type(entry.event) for entry in entries]
    down, up = told.index(job.RestartScheduled), told.index(job.RestoreStarted)
    assert down < told.index(facts.TransactionExpired) < up, (
        "its clock goes on while the job is down"
    )
    assert [one.fate for one in of(entries, facts.CommitRefused)] == [facts.CommitFate.DROPPED]
    verdict = judge(entries)
    assert (verdict.state, verdict.output) == ("exact", "lost")
    assert verdict.lost == expired.row_count


def test_two_phase_sink_fails_for_ever_if_its_transaction_is_gone() -> None:
    made = graph(SinkContract.TWO_PHASE, transaction_timeout_us=6_000 * MS)
    running, entries = run_to_commit(made, restart_delay_us=8_000 * MS)
    entries = to_the_end(running, entries)
    assert running.run is RunStatus.FAILED
    refused = of(entries, facts.CommitRefused)
    assert len(refused) == 3
    assert {one.fate for one in refused} == {facts.CommitFate.FAILS_TASK}


def test_two_phase_sink_goes_on_with_a_loss_if_it_ignores_old_failures() -> None:
    made = graph(
        SinkContract.TWO_PHASE,
        transaction_timeout_us=6_000 * MS,
        ignore_failures_after_timeout=True,
    )
    running, entries = run_to_commit(made, restart_delay_us=8_000 * MS)
    entries = to_the_end(running, entries)
    assert running.run is RunStatus.FINISHED
    assert judge(entries).output == "lost"


@pytest.mark.parametrize("contract", BOTH)
def test_an_unfenced_transaction_lingers_and_holds_readers_back(contract: SinkContract) -> None:
    made = graph(contract, transaction_timeout_us=10_000 * MS, fencing=False)
    running = job_of(made, run_settings=settings(upload_us=1_500 * MS))
    entries = running.start()
    while not any(one.transaction_id == 3 for one in of(entries, facts.RowsWritten)):
        entries += step(running)
    assert len(of(entries, ck.CheckpointCompleted)) == 1, "checkpoint 2 does not know it"
    entries += running.step(running.faults()[0].choice)
    while not of(entries, facts.ReadersHeld):
        entries += step(running)
    held = of(entries, facts.ReadersHeld)[0]
    assert held.held_row_count > 0
    entries = to_the_end(running, entries)
    gone = [one.transaction_id for one in of(entries, facts.TransactionExpired)]
    assert held.waits_for in gone
    assert of(entries, facts.ReadersHeld)[-1].held_row_count == 0
    assert tally(entries) == {"c": 7, "d": 9}


@pytest.mark.parametrize(
    ("answer", "refusals", "fate"),
    [
        (CommitAnswer.RETRY, 0, facts.CommitFate.RETRIED),
        (CommitAnswer.FAILED, 1, facts.CommitFate.FAILS_TASK),
    ],
)
def test_committer_tells_the_kinds_of_refusal_apart(
    answer: CommitAnswer, refusals: int, fate: facts.CommitFate
) -> None:
    topics = vote_topics()
    world = memory_world(topics)
    assert isinstance(world.broker, MemoryBroker)
    running = Job(unroll(graph(SinkContract.TRANSACTIONAL)), settings(), topics, world)
    entries = running.start()
    world.broker.refuse_next_commit(of(entries, facts.TransactionOpened)[0].transaction_id, answer)
    entries = to_the_end(running, entries)
    assert [one.fate for one in of(entries, facts.CommitRefused)] == [fate]
    assert len(of(entries, job.SubtaskFailed)) == refusals
    assert judge(entries).holds


def test_the_clock_of_the_broker_is_a_move_like_any_other() -> None:
    running, _ = run_to_commit(
        graph(SinkContract.TRANSACTIONAL, transaction_timeout_us=6_000 * MS),
        restart_delay_us=60_000 * MS,
    )
    choice = running.earliest()
    assert choice is not None
    assert (choice.kind, choice.owner) == (ChoiceKind.TIMER, "broker's clock")
    assert running.choices()[0] == choice
    twin = running.clone()
    assert twin.step(choice) == running.step(choice)


def test_files_are_renamed_with_their_checkpoint_and_orphans_stay() -> None:
    made = graph(SinkContract.FILE, fencing=False)
    running, entries = run_to_commit(made)
    entries = to_the_end(running, entries)
    renamed = [(one.path_before, one.path_after) for one in of(entries, facts.FileRenamed)]
    assert renamed[:2] == [
        ("part-board[0]-0.inprogress.0", "part-board[0]-0.pending.0"),
        ("part-board[0]-0.pending.0", "part-board[0]-0"),
    ]
    committed = [one for one in of(entries, facts.TransactionCommitted) if not one.repeated]
    final = [after for _, after in renamed if "." not in after]
    assert len(final) == len(set(final)) == len(committed)
    assert tally(entries) == {"c": 7, "d": 9}


def shrunk(contract: SinkContract) -> tuple[Job, list[Entry]]:
    """Two sinks become one when both have written behind checkpoint 1."""
    made = graph(contract, parallelism=2)
    running = job_of(made)
    entries, behind = running.start(), list[Entry]()
    while len({one.subtask for one in of(behind, facts.RowsWritten)}) < 2:
        new = step(running)
        entries += new
        behind += new if of(entries, ck.CheckpointCompleted) else []
    assert len(of(entries, ck.CheckpointCompleted)) == 1
    sinks = [vertex.uid for vertex in made.vertices if vertex.uid.startswith("board")]
    wanted = ",".join(f"{uid}=1" for uid in sinks)
    return running, entries + running.step(Fault("rescale", wanted).choice)


@pytest.mark.parametrize("contract", BOTH)
def test_what_a_vanished_sink_left_open_is_aborted_by_those_that_stay(
    contract: SinkContract,
) -> None:
    running, entries = shrunk(contract)
    opened = {one.transaction_id for one in of(entries, facts.TransactionOpened)}
    entries = to_the_end(running, entries)
    (fenced,) = [one for one in of(entries, facts.ProducerFenced) if "[1]" in one.producer]
    assert fenced.subtask.index == 0
    aborted = {one.transaction_id for one in of(entries, facts.TransactionAborted)}
    committed = {one.transaction_id for one in of(entries, facts.TransactionCommitted)}
    assert opened <= aborted | committed
    assert judge(entries).holds


def test_no_file_gets_a_name_twice_when_a_sink_is_rescaled_to_and_fro() -> None:
    running, entries = shrunk(SinkContract.FILE)
    while len(of(entries, ck.CheckpointCompleted)) < 2:
        entries += step(running)
    entries += running.step(Fault("rescale", "board=2").choice)
    entries = to_the_end(running, entries)
    final = [one.path_after for one in of(entries, facts.FileRenamed) if "." not in one.path_after]
    committed = [one for one in of(entries, facts.TransactionCommitted) if not one.repeated]
    assert len(final) == len(set(final)) == len(committed)
    assert judge(entries).holds


def test_file_sinks_end_together_for_they_share_a_counter() -> None:
    rows = [PartitionData(label=label, rows=(("c",),) * n) for label, n in (("a", 1), ("b", 12))]
    topic = TopicData(name="box", fields=("animal",), partitions=tuple(rows))
    source = SourceSpec(topic="box", interval_us=600 * MS)
    sink = SinkSpec(topic="board", contract=SinkContract.FILE)
    made = JobGraph(
        vertices=tuple(
            JobVertex(uid=uid, spec=spec, fields=("animal",), parallelism=2)
            for uid, spec in (("box", source), ("board", sink))
        ),
        edges=(JobEdge(upstream="box", downstream="board", partitioner=Partitioner.FORWARD),),
    )
    tolerant = replace(settings(), tolerable_failed_checkpoints=9)
    entries = run(job_of(made, (topic,), tolerant))
    aborted = [one.reason for one in of(entries, ck.CheckpointAborted)]
    assert Reason.TASK_CLOSING in aborted
    assert judge(entries).holds
