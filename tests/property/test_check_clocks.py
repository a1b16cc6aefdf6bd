"""Two opinions on each cut, vector clocks and the ledger's counts, must agree: on every checkpoint
of every shipped scenario, and on those of a job that cheats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import pytest
from hypothesis import given

from bandviz.check.book import Book
from bandviz.check.declared import Declared
from bandviz.engine.job import Job
from bandviz.events import Entry
from bandviz.events.checkpoint import AlignmentCompleted, SnapshotTaken
from bandviz.graph.execution import unroll
from bandviz.ids import CheckpointId
from bandviz.scenario import catalog
from bandviz.scenario.build import Plan, load_plan, variants_of
from bandviz.session.run import Run
from bandviz.world import memory_world
from tests.engines import run
from tests.judged_runs import STORY, STORY_LOGS, Play, played
from tests.property.test_check_interleaving import SCRIPTS
from tests.property.test_check_operators import MODES, SPECS, entries_of, graph, slowly
from tests.vector_clocks import Clocks


def compared(entries: Iterable[Entry]) -> list[int]:
    """The gap of each channel in each whole cut, as both opinions have it.

    What a subtask sends in the step of its snapshot goes ahead of the barrier, so the snapshot is
    heard last.
    """
    job, clocks = Declared(), Clocks()
    book = Book(job)
    notes = {**job.notes, **book.notes}
    gaps: dict[CheckpointId, list[int]] = {}
    for step, group in groupby(entries, key=lambda entry: entry.step):
        book.step, events = step, [entry.event for entry in group]
        snapshots = [event for event in events if isinstance(event, SnapshotTaken)]
        for event in events:
            if type(event) in notes:
                notes[type(event)](event)
        for event in [*(event for event in events if event not in snapshots), *snapshots]:
            clocks.observe(event)
        for snapshot in snapshots:
            gaps.setdefault(snapshot.checkpoint_id, []).extend(settled(snapshot, book, clocks))
            expected = book.checkpoints[snapshot.checkpoint_id].expected
            if len(clocks.cuts[snapshot.checkpoint_id]) == len(expected):
                twice = any(gap < 0 for gap in gaps[snapshot.checkpoint_id])
                assert bool(clocks.orphans(snapshot.checkpoint_id)) is twice, snapshot
        for event in events:
            if isinstance(event, AlignmentCompleted):
                all_in_flight_is_held(event, book, clocks)
    return [gap for cut in gaps.values() for gap in cut]


def all_in_flight_is_held(done: AlignmentCompleted, book: Book, clocks: Clocks) -> None:
    """Once all barriers are here, an overtaking checkpoint has stored what was on its way."""
    snapshot = book.snapshots.get((done.subtask, done.checkpoint_id))
    if snapshot is None or not snapshot.unaligned:
        return
    for channel, lane in book.lanes.items():
        sender_is_in_it = lane.upstream in clocks.cuts[done.checkpoint_id]
        if lane.downstream == done.subtask and sender_is_in_it:
            held = lane.held.get(done.checkpoint_id, 0)
            assert clocks.in_flight(done.checkpoint_id, channel) == held, (channel, done)


def settled(snapshot: SnapshotTaken, book: Book, clocks: Clocks) -> Iterator[int]:
    """Gaps of the channels of which both ends are in the cut now."""
    cut = clocks.cuts[snapshot.checkpoint_id]
    for channel, lane in book.lanes.items():
        ends = (lane.upstream, lane.downstream)
        if snapshot.subtask in ends and all(end in cut for end in ends):
            gap = lane.sent[snapshot.checkpoint_id] - lane.received[snapshot.checkpoint_id]
            assert clocks.in_flight(snapshot.checkpoint_id, channel) == gap, (channel, snapshot)
            yield gap


@pytest.mark.parametrize("name", catalog.names())
def test_every_cut_of_a_shipped_scenario(name: str) -> None:
    for variant in ("", *variants_of(name)):
        plan = load_plan(name, variant=variant)
        if plan.traffic is not None:
            every_cut_of_a_network(plan)
            continue
        graph = unroll(plan.graph, chaining=plan.settings.chaining)
        job = Job(graph, plan.settings, plan.topics, memory_world(plan.topics))
        victim = f"{plan.graph.vertices[0].uid}[0]"
        gaps = compared(run(job, kills={90: victim, 600: victim}))
        assert bool(gaps) is (plan.settings.checkpoint_interval_us > 0)


def every_cut_of_a_network(plan: Plan) -> None:
    """Those of its snapshots, also where a channel does not keep the order."""
    run = Run(plan)
    while run.ended is None:
        run.advance()
    assert compared(run.timeline.entries(0, len(run.timeline)))


@pytest.mark.parametrize("mode", MODES)
def test_every_cut_with_data_in_flight(mode: str) -> None:
    job = slowly(graph(SPECS["running"]))
    gaps = compared(entries_of(job, 150, "worker[1]", MODES[mode]))
    assert max(gaps) > 0 == min(gaps)


class SkipsAlignment(Play):
    def is_blocked(self, name: str) -> bool:
        return False


def test_both_see_the_orphans_of_a_job_that_skips_alignment() -> None:
    assert min(compared(played(SkipsAlignment(STORY_LOGS), STORY).entries)) < 0


@given(SCRIPTS)
def test_every_cut_of_a_job_that_skips_alignment(script: list[str]) -> None:
    compared(played(SkipsAlignment(STORY_LOGS), script).entries)
