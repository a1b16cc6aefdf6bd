"""Rescaling: the old graph goes, the new one is declared behind it."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, rescaling
from bandviz.model.facts import Dirty, RunFacts
from bandviz.model.reducers.kinds import CRASH, JOB, STRUCTURE, Reducer


def vertex_rescaled(model: RunFacts, _event: rescaling.VertexRescaled) -> Dirty:
    """Nothing of the old subtasks and channels is left; logs, boards and checkpoints stay."""
    for facts in (model.edges, model.inputs, model.subtasks, model.channels):
        facts.clear()
    model.job.moved_groups = 0
    return CRASH | STRUCTURE


def key_groups_assigned(model: RunFacts, event: rescaling.KeyGroupsAssigned) -> Dirty:
    """A block that changes hands."""
    if event.subtask != event.from_subtask:
        model.job.moved_groups += event.last_key_group - event.first_key_group + 1
    return JOB


REDUCERS: Final[dict[type[Event], Reducer]] = {
    rescaling.VertexRescaled: vertex_rescaled,
    rescaling.KeyGroupsAssigned: key_groups_assigned,
}
