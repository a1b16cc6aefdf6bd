"""Two opinions on each cut, vector clocks and the ledger's counts, must agree: on every checkpoint
of every shipped scenario, and on those of a job that cheats.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given

from bandviz.check.book import Book
from bandviz.engine.job import Job
from bandviz.events import Entry
from bandviz.events.checkpoint import SnapshotTaken
from bandviz.graph.execution import unroll
from bandviz.ids import CheckpointId
from bandviz.scenario import catalog
from bandviz.scenario.build import load_plan, variants_of
from bandviz.world import memory_world
from tests.engines import run
from tests.judged_runs import STORY, STORY_LOGS, Play, played
from tests.property.test_check_interleaving import SCRIPTS
from tests.vector_clocks import Clocks


def compared(entries: Iterable[Entry]) -> list[int]:
    """The gap of each channel in each whole cut, as both opinions have it."""
    book, clocks = Book(), Clocks()
    gaps: dict[CheckpointId, list[int]] = {}
    for entry in entries:
        book.step = entry.step
        if type(entry.event) in book.notes:
            book.notes[type(entry.event)](entry.event)
        clocks.observe(entry)
        if not isinstance(entry.event, SnapshotTaken):
            continue
        checkpoint_id, who = entry.event.checkpoint_id, entry.event.subtask
        cut = clocks.cuts[checkpoint_id]
        for channel, lane in book.lanes.items():
            if who in (lane.upstream, lane.downstream) and {lane.upstream, lane.downstream} <= {
                *cut
            }:
                gap = lane.sent[checkpoint_id] - lane.received[checkpoint_id]
                assert clocks.in_flight(checkpoint_id, channel) == gap, (channel, entry)
                gaps.setdefault(checkpoint_id, []).append(gap)
        if len(cut) == len(book.checkpoints[checkpoint_id].expected):
            twice = any(gap < 0 for gap in gaps[checkpoint_id])
            assert bool(clocks.orphans(checkpoint_id)) is twice, entry
    return [gap for cut in gaps.values() for gap in cut]


@pytest.mark.parametrize("name", catalog.names())
def test_every_cut_of_a_shipped_scenario(name: str) -> None:
    for variant in ("", *variants_of(name)):
        plan = load_plan(name, variant=variant)
        job = Job(unroll(plan.graph), plan.settings, plan.topics, memory_world(plan.topics))
        victim = f"{plan.graph.vertices[0].uid}[0]"
        gaps = compared(run(job, kills={90: victim, 600: victim}))
        assert gaps
        assert not any(gaps)


class SkipsAlignment(Play):
    def is_blocked(self, name: str) -> bool:
        return False


def test_both_see_the_orphans_of_a_job_that_skips_alignment() -> None:
    assert min(compared(played(SkipsAlignment(STORY_LOGS), STORY).entries)) < 0


@given(SCRIPTS)
def test_every_cut_of_a_job_that_skips_alignment(script: list[str]) -> None:
    compared(played(SkipsAlignment(STORY_LOGS), script).entries)
