"""Rescaling a running job: whatever the moment and the parallelism, each record counts once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.check import judge
from bandviz.engine.faults import Fault
from bandviz.engine.job import Job
from bandviz.engine.rescaling import rescaled
from bandviz.engine.state.channel_state import LaneRow, move_in_flight
from bandviz.errors import CommandRejected
from bandviz.events import Entry
from bandviz.events.checkpoint import CheckpointCompleted, InFlightRestored
from bandviz.events.job import RunStatus, SubtaskRestored
from bandviz.events.rescaling import KeyGroupsAssigned
from bandviz.events.values import pack, unpack
from bandviz.graph.execution import unroll
from bandviz.graph.key_groups import key_group_of, owner_of
from bandviz.graph.settings import RunSettings
from bandviz.graph.sinks import with_writers
from bandviz.graph.specs import (
    JobGraph,
    Partitioner,
    SessionWindows,
    SinkContract,
    SlidingWindows,
    SourceSpec,
    TopicData,
    WindowAssigner,
    WindowSpec,
)
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run
from tests import engines

VOTES = engines.vote_graph(parallelism=2)
ENDS_EARLY = Path(__file__).parent.parent / "data" / "ends-early.yaml"
WINDOWS, WINDOW_TOPICS = engines.window_graph()


def rescaled_run(
    graph: JobGraph,
    topics: tuple[TopicData, ...],
    plan: dict[int, Fault],
    run: RunSettings | None = None,
) -> tuple[Job, list[Entry]]:
    """A whole run; at some steps something is done to it, if it can be."""
    job = engines.job_of(graph, topics, run or engines.settings())
    entries = job.start()
    while (choice := job.earliest()) is not None and job.run is None:
        fault = plan.get(job.emitter.step)
        if fault is not None and job.allows(fault):
            choice = fault.choice
        entries += job.step(choice)
    return job, entries


@given(
    step=st.integers(1, 250),
    wanted=st.sampled_from(["count=1", "count=3", "count=5", "count=100"]),
    then=st.sampled_from(["count=1", "count=2", "count=7", "kill"]),
    later=st.integers(1, 200),
)
@settings(max_examples=25, deadline=None)
def test_a_rescaled_job_counts_each_record_once(
    step: int, wanted: str, then: str, later: int
) -> None:
    second = Fault("kill", "count[0]") if then == "kill" else Fault("rescale", then)
    plan = {step: Fault("rescale", wanted), step + later: second}
    job, entries = rescaled_run(VOTES, engines.vote_topics(), plan)
    assert job.run is RunStatus.FINISHED
    verdict = judge(entries)
    assert verdict.holds, verdict.reasons


@given(step=st.integers(1, 250), wanted=st.sampled_from(["board=2,count=4", "board=3"]))
@settings(max_examples=15, deadline=None)
def test_promised_output_is_kept_by_other_sink_subtasks(step: int, wanted: str) -> None:
    plan = {step: Fault("rescale", wanted)}
    _, entries = rescaled_run(VOTES, engines.vote_topics(), plan)
    verdict = judge(entries)
    assert verdict.holds, verdict.reasons


def test_committables_that_a_rescaling_loses_are_missed() -> None:
    graph = with_writers(engines.vote_graph(SinkContract.TRANSACTIONAL))
    step = next(
        entry.step
        for entry in rescaled_run(graph, engines.vote_topics(), {})[1]
        if isinstance(entry.event, CheckpointCompleted)
    )
    plan = {step + 1: Fault("rescale", "board-writer=2,board=2")}
    _, entries = rescaled_run(graph, engines.vote_topics(), plan)
    assert judge(entries).holds
    back = next(
        place
        for place, entry in enumerate(entries)
        if isinstance(entry.event, SubtaskRestored)
        and dict(unpack(entry.event.state)).get("committables")
    )
    told: Any = entries[back].event
    event = replace(told, state=pack({"committables": []}))
    entries[back] = entries[back]._replace(event=event)
    assert "dealt_out_whole" in [found.rule for found in judge(entries).violations]


@given(step=st.integers(1, 250), wanted=st.sampled_from(["window=1", "window=3", "in=1,window=5"]))
@settings(max_examples=15, deadline=None)
def test_rescaled_windows_fire_once(step: int, wanted: str) -> None:
    job, entries = rescaled_run(WINDOWS, WINDOW_TOPICS, {step: Fault("rescale", wanted)})
    assert job.run is RunStatus.FINISHED
    verdict = judge(entries)
    assert not verdict.violations
    assert verdict.output == "exact", verdict.reasons


@pytest.mark.parametrize("wanted", ["votes=1", "votes=3", "board=3", "votes=3,count=1"])
@pytest.mark.parametrize("later", [1, 9, 14, 20])
def test_a_reader_that_had_finished_leaves_its_partition_to_another(
    wanted: str, later: int
) -> None:
    run = Run(load_plan(str(ENDS_EARLY)))
    while run.job.now_us < 750 * engines.MS:
        run.advance()
    run.command(Fault("kill", "board[0]"))
    moved = run.steps + later
    while run.ended is None:
        run.advance()
        if run.steps >= moved and run.job.allows(Fault("rescale", wanted)):
            run.command(Fault("rescale", wanted))
            moved = run.steps + 1_000
        if run.steps == moved - 985:
            run.command(Fault("kill", "count[0]"))
    verdict = judge(run.timeline.entries(0, len(run.timeline)))
    assert verdict.holds, verdict.reasons


@pytest.mark.parametrize(
    "assigner",
    [SlidingWindows(size_ms=20, slide_ms=10), SessionWindows(gap_ms=4)],
    ids=lambda assigner: assigner.kind,
)
@pytest.mark.parametrize("wanted", ["window=1", "window=5"])
def test_open_windows_go_to_the_new_owners_of_their_keys(
    assigner: WindowAssigner, wanted: str
) -> None:
    graph = replace(
        WINDOWS,
        vertices=tuple(
            replace(vertex, spec=replace(vertex.spec, assigner=assigner))
            if isinstance(vertex.spec, WindowSpec)
            else vertex
            for vertex in WINDOWS.vertices
        ),
    )
    moved = 0
    for step in range(170, 240, 20):  # from the first checkpoint on
        _, entries = rescaled_run(graph, WINDOW_TOPICS, {step: Fault("rescale", wanted)})
        verdict = judge(entries)
        assert (verdict.output, verdict.violations) == ("exact", ()), verdict.reasons
        facts = [entry.event for entry in entries]
        moved += sum(one.entry_count for one in facts if isinstance(one, KeyGroupsAssigned))
    assert moved > 0


SLOW = replace(
    VOTES,
    vertices=tuple(
        replace(vertex, cost_us=900 * engines.MS)
        if vertex.uid == "count"
        else replace(vertex, spec=replace(vertex.spec, interval_us=100 * engines.MS))
        if isinstance(vertex.spec, SourceSpec)
        else vertex
        for vertex in VOTES.vertices
    ),
)
"""The sources are faster than the count: there is always something in flight."""


@pytest.mark.parametrize("wanted", ["count=1", "count=3"])
def test_data_in_flight_goes_to_the_new_owners(wanted: str) -> None:
    often = engines.settings(
        checkpoint_interval_us=1_500 * engines.MS, first_checkpoint_us=700 * engines.MS
    )
    put_back = 0
    for step in range(60, 110, 5):
        plan = {step: Fault("rescale", wanted)}
        unaligned = replace(often, unaligned=True)
        _, entries = rescaled_run(SLOW, engines.vote_topics(), plan, unaligned)
        verdict = judge(entries)
        assert (verdict.state, verdict.output) == ("exact", "exact"), verdict.reasons
        facts = [entry.event for entry in entries]
        put_back += sum(one.record_count for one in facts if isinstance(one, InFlightRestored))
    assert put_back > 0


@given(
    parallelism=st.tuples(*[st.integers(1, 4)] * 4),
    lanes=st.dictionaries(
        st.tuples(st.sampled_from(["input", "output"]), st.integers(0, 3), st.integers(0, 3)),
        st.lists(st.integers(0, 20), min_size=1, max_size=5),
        max_size=8,
    ),
)
def test_every_record_in_flight_finds_the_one_owner_of_its_key(
    parallelism: tuple[int, int, int, int], lanes: dict[tuple[str, int, int], list[int]]
) -> None:
    senders, receivers, old_senders, old_receivers = parallelism
    graph = unroll(
        JobGraph(
            vertices=tuple(
                replace(vertex, parallelism=senders if vertex.uid == "north" else receivers)
                for vertex in VOTES.vertices
            ),
            edges=VOTES.edges[:1],
        )
    )
    rows: list[LaneRow] = []
    for (side, sender, receiver), numbers in lanes.items():
        own = [n for n in numbers if owner_of(key_group_of(n, 128), 128, old_receivers) == receiver]
        if sender < old_senders and own:
            rows.append((side, 0, sender, receiver, [([(n,) for n in own], None, None), 7]))
    moved = move_in_flight(rows, {"north": old_senders, "count": old_receivers}, graph)
    found = []
    for owner, lanes_there in moved.items():
        for side, _, sender, receiver, elements in lanes_there:
            assert owner == (("north", sender) if side == "output" else ("count", receiver))
            for values in (one[0] for one in elements if not isinstance(one, int)):
                found += values
                for (key,) in values:
                    assert owner_of(key_group_of(key, 128), 128, receivers) == receiver
    assert sorted(found) == sorted(row for lane in rows for row in lane[4][0][0])


def test_every_key_group_gets_one_owner() -> None:
    _, entries = rescaled_run(VOTES, engines.vote_topics(), {120: Fault("rescale", "count=3")})
    blocks = [one.event for one in entries if isinstance(one.event, KeyGroupsAssigned)]
    groups = [
        group
        for block in blocks
        for group in range(block.first_key_group, block.last_key_group + 1)
    ]
    assert groups == list(range(128))


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"cuont": 3}, "no operator 'cuont' to rescale"),
        ({"count": 2}, "'count' runs with parallelism 2 already"),
        ({"count": 129}, "'count' cannot run with parallelism 129: its max_parallelism is 128"),
        ({"count": 0}, "'count' cannot run with parallelism 0"),
        ({"board": 2, "count": 3}, "'count' and 'board' are joined by a forward edge"),
    ],
)
def test_what_does_not_fit_is_refused(wanted: dict[str, int], sentence: str) -> None:
    last = replace(VOTES.edges[-1], partitioner=Partitioner.FORWARD)
    graph = unroll(JobGraph(vertices=VOTES.vertices, edges=(*VOTES.edges[:-1], last)))
    with pytest.raises(CommandRejected, match=sentence):
        rescaled(graph, wanted, engines.settings())


def test_more_subtasks_than_slots_are_refused() -> None:
    slots = replace(engines.settings(), task_managers=2, slots_each=1)
    with pytest.raises(CommandRejected, match="'count' needs 3 slots, there are 2"):
        rescaled(unroll(VOTES), {"count": 3}, slots)


def test_a_stopped_job_is_not_rescaled() -> None:
    job, _ = rescaled_run(VOTES, engines.vote_topics(), {})
    assert not job.allows(Fault("rescale", "count=3"))
    with pytest.raises(CommandRejected, match="while all of its tasks run"):
        job.step(Fault("rescale", "count=3").choice)
    with pytest.raises(CommandRejected, match="write count=3"):
        job.step(Fault("rescale", "count").choice)
