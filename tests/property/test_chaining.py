"""Chained operators: one task, one barrier, one acknowledgement, and a state for each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest

from bandviz.check import judge
from bandviz.engine.elements import RecordBuffer
from bandviz.engine.faults import KILL, LOSE_NOTIFICATION, Fault
from bandviz.engine.job import Job
from bandviz.engine.operators.chain import OperatorChain
from bandviz.errors import BandvizError
from bandviz.events import Entry, Event
from bandviz.events import checkpoint as ck
from bandviz.events import job as life
from bandviz.events.sink import RowsVisible
from bandviz.functions.aggregates import Sum
from bandviz.functions.rows import Add, KeyBy, ToInt
from bandviz.graph.chaining import chained_edges
from bandviz.graph.execution import unroll
from bandviz.graph.specs import (
    AggregateSpec,
    Emit,
    JobEdge,
    JobGraph,
    JobVertex,
    MapSpec,
    NamedAggregate,
    PartitionData,
    Partitioner,
    SinkContract,
    SinkSpec,
    SourceSpec,
    TopicData,
)
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.tui.canvas.scene import Zoom
from bandviz.tui.picture import Look, Stage, next_in_box
from bandviz.world import memory_world
from tests import engines

E = TypeVar("E", bound=Event)
FIELDS = ("fruit", "kilos")
KEY = KeyBy(fields=("fruit",))
FORWARD, HASH = Partitioner.FORWARD, Partitioner.HASH
SCALE, PARSE, TARE, TOTAL, BOOK = (
    SubtaskId(uid, 0) for uid in ("scale", "parse", "tare", "total", "book")
)


def edge(upstream: str, downstream: str, partitioner: Partitioner = FORWARD) -> JobEdge:
    return JobEdge(
        upstream=upstream,
        downstream=downstream,
        partitioner=partitioner,
        key=KEY if partitioner is HASH else None,
        latency_us=70 * engines.MS,
    )


GRAPH = JobGraph(
    vertices=(
        JobVertex(
            uid="scale", spec=SourceSpec(topic="crates", interval_us=100_000), fields=FIELDS
        ),
        JobVertex(uid="parse", spec=MapSpec(function=ToInt(field="kilos")), fields=FIELDS),
        JobVertex(uid="tare", spec=MapSpec(function=Add(field="kilos", by=-1)), fields=FIELDS),
        JobVertex(
            uid="total",
            spec=AggregateSpec(
                key=KEY,
                aggregates=(NamedAggregate(function=Sum(field="kilos"), name="kilos"),),
                emit=Emit.INCREMENT,
            ),
            fields=("fruit", "increment"),
        ),
        JobVertex(
            uid="book",
            spec=SinkSpec(topic="book", contract=SinkContract.TWO_PHASE),
            fields=("fruit", "increment"),
        ),
    ),
    edges=(
        edge("scale", "parse"),
        edge("parse", "tare"),
        edge("tare", "total", HASH),
        edge("total", "book"),
    ),
)  # fmt: skip
"""scale -> parse -> tare is one task when chained, total -> book another."""


def crates(*kilos: str) -> tuple[TopicData, ...]:
    rows = tuple(
        (fruit, one) for one, fruit in zip(kilos, ["apple", "pear", "plum"] * 9, strict=False)
    )
    return (
        TopicData(
            name="crates",
            fields=FIELDS,
            partitions=(PartitionData(label="scale", rows=rows),),
        ),
    )


GOOD = crates(*"3141592653589")


def job_of(
    *, chaining: bool, topics: tuple[TopicData, ...] = GOOD, after: Job | None = None
) -> Job:
    """`after`: it begins with the newest checkpoint of that one, in the same world."""
    settings = engines.settings(
        checkpoint_interval_us=600 * engines.MS,
        first_checkpoint_us=200 * engines.MS,
        upload_us=90 * engines.MS,
        chaining=chaining,
    )
    return Job(
        unroll(GRAPH, chaining=chaining),
        settings,
        topics,
        after.world if after is not None else memory_world(topics),
        restore_from=newest(after) if after is not None else None,
    )


def newest(job: Job) -> CheckpointId:
    return job._master.coordinator.completed[-1]


def facts(entries: list[Entry], kind: type[E]) -> list[E]:
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


# ---------------------------------------------------------------- what is chained

WIDE = replace(GRAPH.vertices[1], parallelism=2)
SECOND = edge("scale", "tare")


@pytest.mark.parametrize(
    ("graph", "chained"),
    [
        (GRAPH, (0, 1, 3)),
        (replace(GRAPH, vertices=(GRAPH.vertices[0], WIDE, *GRAPH.vertices[2:])), (3,)),
        (replace(GRAPH, edges=(*GRAPH.edges[:3], edge("total", "book", HASH))), (0, 1)),
        (replace(GRAPH, edges=(*GRAPH.edges, SECOND)), (3,)),
        (replace(GRAPH, edges=(replace(GRAPH.edges[0], side="late"), *GRAPH.edges[1:])), (1, 3)),
    ],
    ids=[
        "forward edges",
        "another parallelism",
        "by key",
        "two inputs or outputs",
        "a side output",
    ],
)
def test_an_edge_is_chained_where_a_record_can_go_on_by_a_call(
    graph: JobGraph, chained: tuple[int, ...]
) -> None:
    assert chained_edges(graph) == chained


def test_nothing_is_chained_unless_the_job_says_so() -> None:
    assert [len(task) for task in unroll(GRAPH).tasks] == [1] * 5
    assert unroll(GRAPH, chaining=True).tasks == ((SCALE, PARSE, TARE), (TOTAL, BOOK))


# ---------------------------------------------------------------- one task


def test_a_chain_takes_one_barrier_and_acknowledges_once() -> None:
    entries = engines.run(job_of(chaining=True))
    completed = [one.checkpoint_id for one in facts(entries, ck.CheckpointCompleted)]
    assert len(completed) > 2
    barriers = [one.checkpoint_id for one in facts(entries, ck.BarrierEmitted)]
    assert [barriers.count(number) for number in completed] == [1] * len(completed)
    for number in completed:
        acknowledged: dict[int, list[SubtaskId]] = {}
        for entry in entries:
            event = entry.event
            if isinstance(event, ck.SubtaskAcknowledged) and event.checkpoint_id == number:
                acknowledged.setdefault(entry.step, []).append(event.subtask)
        assert sorted(map(sorted, acknowledged.values())) == [[BOOK, TOTAL], [PARSE, SCALE, TARE]]
    assert judge(entries).holds is True


def test_a_call_takes_no_time_and_holds_nothing() -> None:
    model = RunModel()
    for entry in engines.run(job_of(chaining=True)):
        model.apply(entry)
        calls = [one for one in selectors.channel_views(model) if one.chained]
        assert not any(one.elements for one in calls)
    assert model.time_us < 2_000 * engines.MS


def test_who_kills_an_operator_kills_its_task() -> None:
    job, entries = job_of(chaining=True), []
    entries += job.start()
    while not facts(entries, ck.CheckpointCompleted):
        entries += engines.move(job)
    entries += job.step(Fault(KILL, str(PARSE)).choice)
    assert [one.target for one in facts(entries, life.FaultInjected)] == [str(SCALE)]
    assert [one.subtask for one in facts(entries, life.SubtaskFailed)] == [SCALE, PARSE, TARE]
    assert [one.subtask for one in facts(entries, life.SubtaskCanceled)] == [TOTAL, BOOK]
    while job.run is None:
        entries += engines.move(job)
    assert judge(entries).holds is True


def test_an_operator_whose_logic_raises_is_named_first() -> None:
    entries = engines.run(job_of(chaining=True, topics=crates("3", "1", "?", "4")))
    failed = facts(entries, life.SubtaskFailed)
    assert [one.subtask for one in failed[:3]] == [PARSE, SCALE, TARE]
    assert {one.reason for one in failed} == {"user logic"}
    assert "ToInt" in failed[0].trace
    assert judge(entries).violations == ()


def test_a_chain_that_loses_a_record_between_two_operators_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = OperatorChain._hand_on

    def forgetful(self: OperatorChain, out: RecordBuffer | None, place: int) -> RecordBuffer | None:
        handed = sound(self, out, place)
        return None if handed is not None and ("pear", 0) in handed.values else handed

    monkeypatch.setattr(OperatorChain, "_hand_on", forgetful)
    verdict = judge(engines.run(job_of(chaining=True)))
    assert verdict.holds is False
    assert "replayed_output" in {one.rule for one in verdict.violations}


# ---------------------------------------------------------------- from one to the other


@pytest.mark.parametrize("before", [False, True])
def test_state_is_found_by_uid_whether_operators_were_chained_or_not(before: bool) -> None:
    first, entries = job_of(chaining=before), []
    entries += first.start()
    while len(facts(entries, ck.CheckpointCompleted)) < 2:
        entries += engines.move(first)
    second = job_of(chaining=not before, after=first)
    later = engines.run(second)
    assert [one.subtask for one in facts(later, life.SubtaskRestored)] != []
    assert second.run is life.RunStatus.FINISHED
    shown = facts(entries, RowsVisible) + facts(later, RowsVisible)
    assert sum(one.row_count for one in shown) == 13


def test_a_task_of_which_a_part_had_finished_is_refused_in_a_sentence() -> None:
    """parse hears of no checkpoint until scale has finished, and so waits for one more."""
    job, entries = job_of(chaining=False), []
    entries += job.start()
    unheard = Fault(LOSE_NOTIFICATION, str(PARSE))
    mixed: list[CheckpointId] = []
    while not mixed or newest(job) < mixed[0]:
        lose = not job.has_finished(SCALE) and unheard in job.faults()
        step = job.step(unheard.choice) if lose else engines.move(job)
        triggered = facts(step, ck.CheckpointTriggered)
        mixed += [one.checkpoint_id for one in triggered if one.finished]
        entries += step
    sentence = r"scale\[0\] had finished when .* and parse\[0\] had not, and now they are one task"
    with pytest.raises(BandvizError, match=sentence):
        job_of(chaining=True, after=job).start()


# ---------------------------------------------------------------- one box


@pytest.mark.parametrize("zoom", list(Zoom))
def test_a_chain_is_one_box_named_by_its_operators(zoom: Zoom) -> None:
    model = RunModel()
    for entry in job_of(chaining=True).start():
        model.apply(entry)
    picture = Stage().picture(model, 0, (120, 20), Look(zoom=zoom, focus="parse"))
    assert list(picture.scene.boxes) == ["scale", "total"]
    assert picture.scene.boxes["scale"].title == "Source: scale -> parse -> tare"
    assert picture.scene.boxes["total"].title == "total -> Sink: book"
    assert picture.states["scale"] == "box_focus"
    assert len(picture.scene.paths) == 1


def test_the_focus_goes_through_a_box_operator_by_operator() -> None:
    model = RunModel()
    for entry in job_of(chaining=True).start():
        model.apply(entry)
    chains = selectors.task_views(model)
    assert next_in_box(chains, "scale", 1) == "parse"
    assert next_in_box(chains, "tare", -1) == "parse"
    assert next_in_box(chains, "tare", 1) is None
    assert next_in_box(chains, "total", 0) is None
