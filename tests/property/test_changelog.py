"""The state backend `changelog`: its files are others than those of `heap`, its state is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from bandviz.engine import restore
from bandviz.engine.choices import Choice
from bandviz.engine.job import Job
from bandviz.engine.state import encoding, frozen
from bandviz.events import Event
from bandviz.events.checkpoint import (
    CheckpointAborted,
    CheckpointCompleted,
    CheckpointDiscarded,
    CheckpointTriggered,
)
from bandviz.events.job import CheckpointRefused
from bandviz.graph.execution import unroll
from bandviz.graph.settings import RunSettings, StateBackend
from bandviz.ids import NO_CHECKPOINT, CheckpointId
from bandviz.lab.swarm import (
    STEPS_MAX,
    Case,
    complaints,
    draw,
    graph_of,
    pick_move,
    policy_for,
    settings_of,
)
from bandviz.ports import StateHandle
from bandviz.world import memory_world
from bandviz.world.blobs import MemoryBlobs
from bandviz.world.storage import MANIFEST, CheckpointFiles

STAGES = ("increment", "window", "running", "session")
SIZES = ("uploaded_bytes", "checkpointed_bytes", "full_bytes")


class Listed(MemoryBlobs):
    """Blobs whose names can be read."""

    def names(self) -> set[str]:
        return set(self._blobs)


class Life:
    """A job of a random case with one of the backends, and what lies in its storage."""

    def __init__(self, case: Case, settings: RunSettings) -> None:
        self.case = case
        self.completed: set[CheckpointId] = set()
        self.pending: set[CheckpointId] = set()
        self.last = NO_CHECKPOINT
        graph, topics = graph_of(case)
        self.blobs = Listed()
        self.storage = CheckpointFiles(self.blobs)
        world = replace(memory_world(topics), storage=self.storage)
        self.job = Job(unroll(graph), settings, topics, world)
        self.told: list[Event] = [entry.event for entry in self.job.start()]

    def steps(self) -> Iterator[Choice]:
        """To its end, with the faults of the case."""
        faults, step, policy = dict(self.case.faults), 0, policy_for(self.case)
        while self.job.run is None:
            step += 1
            assert step < STEPS_MAX
            choice = pick_move(self.job, step, faults, policy)
            assert choice is not None
            self.step(choice)
            yield choice

    def step(self, choice: Choice) -> None:
        self.told = [entry.event for entry in self.job.step(choice)]
        for event in self.told:
            match event:
                case CheckpointTriggered():
                    self.pending.add(event.checkpoint_id)
                    self.last = event.checkpoint_id
                case CheckpointCompleted():
                    self.pending.remove(event.checkpoint_id)
                    self.completed.add(event.checkpoint_id)
                case CheckpointAborted():
                    self.pending.discard(event.checkpoint_id)
                case CheckpointDiscarded() | CheckpointRefused():
                    self.completed.remove(event.checkpoint_id)
                case _:
                    pass

    def story(self) -> list[Event]:
        return [_without_sizes(event) for event in self.told]

    def restored(self, checkpoint_id: CheckpointId) -> Any:
        job = self.job
        found = restore.load_state(
            self.storage, checkpoint_id, job.settings, job.graph, job.graph.subtasks
        )
        return found.state

    def manifest(self, checkpoint_id: CheckpointId) -> tuple[StateHandle, ...]:
        return self.storage.manifest(checkpoint_id, "random")

    def needed(self) -> set[str]:
        """Names of the manifests, and of all files that they name."""
        found = set()
        for at in self.completed:
            found.add(f"chk-{at:06d}/{MANIFEST}")
            for file in self.manifest(at):
                found.add(f"chk-{file.owner or at:06d}/{file.name}")
        return found


def _without_sizes(event: Event) -> Event:
    sizes = {field.name: 0 for field in fields(event) if field.name in SIZES}
    return replace(event, **sizes) if sizes else event


def _settings(case: Case) -> RunSettings:
    seed = case.seed
    return replace(
        settings_of(case),
        retained=1 + seed % 3,
        materialize_every=1 + seed // 3 % 5,
        max_concurrent_checkpoints=3 if case.mode == "aligned" else 1,
        state_backend=StateBackend.CHANGELOG,
    )


@pytest.mark.parametrize("seed", range(16))
def test_it_tells_the_story_of_heap_and_restores_the_same_state(seed: int) -> None:
    case = replace(draw(seed), stage=STAGES[seed % 4], rows=14)
    settings = _settings(case)
    log = Life(case, settings)
    heap = Life(case, replace(settings, state_backend=StateBackend.HEAP))
    for choice in log.steps():
        heap.step(choice)
        assert log.story() == heap.story()
        if any(isinstance(event, CheckpointCompleted) for event in log.told):
            for at in log.completed:
                assert log.restored(at) == heap.restored(at)


@pytest.mark.parametrize("seed", range(16))
def test_a_shared_file_goes_exactly_with_the_last_checkpoint_that_names_it(seed: int) -> None:
    case = replace(draw(seed), stage="increment", rows=14)
    life = Life(case, _settings(case))
    ever: set[str] = set()
    shared = False
    for _ in life.steps():
        needed = life.needed()
        ever |= needed
        shared |= any(file.owner for at in life.completed for file in life.manifest(at))
        if not life.pending:
            assert life.blobs.names() & ever == needed
        assert needed <= life.blobs.names()
    assert shared or life.job.settings.materialize_every == 1 or life.last < CheckpointId(3)


@pytest.mark.parametrize("seed", range(12))
def test_large_state_is_never_copied_as_a_whole_and_the_judge_finds_it_exact(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "SMALL_ENTRIES", 0)
    monkeypatch.setattr(encoding, "SMALL_ENTRIES", 0)
    assert complaints(replace(draw(seed), changelog=True, rows=14)) == []
