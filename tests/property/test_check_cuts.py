"""Any cut through a random run: consistent if and only if vector clocks say so, and its price."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import pytest

from bandviz.check.cuts import SpaceTime
from bandviz.events import Entry
from bandviz.events.checkpoint import SnapshotTaken
from bandviz.events.job import SubtaskDeployed
from bandviz.events.rescaling import VertexRescaled
from bandviz.events.structure import RunDeclared, SubtaskDeclared
from bandviz.ids import SubtaskId
from bandviz.lab.swarm import draw, judged_run
from tests.vector_clocks import Clock, Clocks

CUTS = 25


class Places:
    """The clock of each subtask behind each of its steps, in the attempts of an index."""

    def __init__(self, entries: list[Entry], index: int) -> None:
        self.clocks = Clocks()
        self.at: dict[SubtaskId, dict[int, Clock]] = {}
        for step, group in groupby(_attempts(entries, index), key=lambda entry: entry.step):
            events = [entry.event for entry in group]
            for event in sorted(events, key=lambda event: isinstance(event, SnapshotTaken)):
                self.clocks.observe(event)
                if isinstance(event, VertexRescaled):
                    self.at = {}
                if isinstance(event, (SubtaskDeclared, SubtaskDeployed)):
                    self.at[event.subtask] = {-1: self.clocks.clock_of(event.subtask)}
            for subtask, places in self.at.items():
                places[step] = self.clocks.clock_of(subtask)

    def clocks_in(self, space: SpaceTime, cut: dict[SubtaskId, int]) -> dict[SubtaskId, Clock]:
        """Of every operator, where the cut puts its task."""
        steps = {
            task: space.histories[task].moves[count - 1].step if count else -1
            for task, count in cut.items()
        }
        return {name: self.at[name][steps[task]] for name, task in space.tasks.items()}


def _attempts(entries: list[Entry], index: int) -> Iterator[Entry]:
    for place, entry in enumerate(entries):
        if place >= index and isinstance(entry.event, (SubtaskDeployed, VertexRescaled)):
            return
        yield entry


@pytest.mark.parametrize("seed", range(40))
def test_every_cut_is_as_vector_clocks_say(seed: int) -> None:
    entries: list[Entry] = []
    judged_run(draw(seed), entries.append)
    run = entries[0].event
    assert isinstance(run, RunDeclared)
    rng = random.Random(seed)
    index = rng.randint(len(entries) // 2, len(entries))
    space, places = SpaceTime.at(entries, index), Places(entries, index)
    for number in space.found:
        cut = space.cut_of(number)
        taken = places.clocks.cuts[number]
        assert places.clocks_in(space, cut).items() >= taken.items()
        assert all(name in taken or cut[name] == len(space.histories[name].moves) for name in cut)
        agree(space, places, cut)
        if run.mode == "exactly_once" and number in space.completed:
            finding = space.judged(cut)
            assert finding.consistent
            assert finding.price_records == space.stored[number]
    for _ in range(CUTS):
        here = rng.choice(entries).step
        cut = space.cut_at(here)
        for name in cut:
            moves = len(space.histories[name].moves)
            cut[name] = max(0, min(moves, cut[name] + rng.randint(-2, 2)))
        agree(space, places, cut)


def agree(space: SpaceTime, places: Places, cut: dict[SubtaskId, int]) -> None:
    clocks = places.clocks_in(space, cut)
    finding = space.judged(cut)
    assert finding.consistent is (not places.clocks.orphans_in(clocks))
    for channel in places.clocks.channels:
        inside = Counter(places.clocks.inside(clocks, channel))
        on_channel = [
            sum(one.count for one in some if one.channel == channel)
            for some in (finding.in_flight, finding.orphans)
        ]
        assert on_channel == [inside[True, False], inside[False, True]]
