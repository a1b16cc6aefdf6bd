"""What the model reduced from events is what the engine holds, after every step and every crash."""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.engine.faults import Fault
from bandviz.engine.job import Job
from bandviz.events import Entry
from bandviz.events.job import RunStatus
from bandviz.events.values import pack
from bandviz.model import selectors
from bandviz.model.narrator import narrate, narrate_line, narrate_step, why
from bandviz.model.run import RunModel
from bandviz.model.views import SubtaskStatus
from tests.model_story import ALL, COUNT, job


def of_engine(run: Job) -> dict[str, Any]:
    """Projection of the engine: offsets, gates, elements, keyed state."""
    facts: dict[str, Any] = {}
    for name, subtask in run.subtasks.items():
        if subtask.reader is not None:
            facts[f"{name} offset"] = tuple(subtask.reader.offsets.values())
        for channel in subtask.inputs:
            waiting = [*channel.queue, *channel.held]
            facts[f"{channel.id} elements"] = [(one.position, one.arrive_us) for one in waiting]
            facts[f"{channel.id} blocked"] = channel.blocked
        state = getattr(subtask.operator, "_state", {})
        facts[f"{name} state"] = {pack(key): pack(value) for key, value in state.items()}
    return facts


def of_model(model: RunModel) -> dict[str, Any]:
    """The same out of the model."""
    facts: dict[str, Any] = {}
    for name, subtask in model.subtasks.items():
        if subtask.status not in (SubtaskStatus.RUNNING, SubtaskStatus.FINISHED):
            continue
        view = selectors.subtask_view(model, name)
        if view.kind == "source":
            facts[f"{name} offset"] = tuple(offset for _, offset in view.offsets)
        for channel in model.inputs[name]:
            seen = selectors.channel_view(model, channel)
            facts[f"{channel} elements"] = [(one.position, one.arrive_us) for one in seen.elements]
            facts[f"{channel} blocked"] = bool(seen.blocked_by)
        facts[f"{name} state"] = {key: value for (key, _), value in subtask.keyed.items()}
    return facts


def play(victim: str, at_us: int) -> tuple[RunModel, list[Entry]]:
    """Run the story with one kill, comparing and narrating after each step."""
    run, model, heard = job(), RunModel(), []
    killed = False
    entries = run.start()
    while True:
        for entry in entries:
            model.apply(entry)
            narrate(model, entry)
            narrate_line(model, entry)
            why(model, entry)
        narrate_step(model, entries)
        heard += entries
        assert of_model(model) == of_engine(run)
        if run.run is not None:
            return model, heard
        due = run.next_us()
        assert due is not None
        if not killed and due >= at_us:
            killed = True
            entries = run.step(Fault("kill", victim).choice, not_before_us=at_us)
            continue
        choice = run.earliest()
        assert choice is not None
        entries = run.step(choice)


@pytest.mark.parametrize("victim", [str(name) for name in ALL])
@pytest.mark.parametrize("at_us", range(500_000, 7_000_000, 1_300_000))
def test_the_model_mirrors_the_engine_whoever_dies_and_whenever(victim: str, at_us: int) -> None:
    model, heard = play(victim, at_us)
    assert model.job.run is RunStatus.FINISHED
    assert selectors.subtask_view(model, COUNT).state == (("cats", "7"), ("dogs", "9"))
    assert selectors.board_views(model)[0].tally == (("cats", 7), ("dogs", 9))
    assert selectors.counts(model).restarts == 1
    again = RunModel()
    for entry in heard:
        again.apply(entry)
    assert again == model
