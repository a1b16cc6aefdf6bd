"""Captions for rescaling."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, rescaling
from bandviz.model.captions.telling import Caption, Teller, caption
from bandviz.model.facts import RunFacts
from bandviz.model.words import many


def vertex_rescaled(_model: RunFacts, event: rescaling.VertexRescaled) -> Caption:
    """More or fewer."""
    subtasks = many(event.to_parallelism, "subtask")
    return caption(
        f"RESCALED: {event.vertex} goes on with {subtasks} instead of {event.from_parallelism}.",
        "All tasks have stopped and the graph is built anew. Keys do not move one by one: they "
        "belong to key groups, and each new subtask gets a range of groups with their state.",
        "the band is set up in another number of rows.",
    )


def key_groups_assigned(_model: RunFacts, event: rescaling.KeyGroupsAssigned) -> Caption:
    """Which block, from whom to whom."""
    groups = f"key groups {event.first_key_group} to {event.last_key_group}"
    entries = many(event.entry_count, "entry").replace("entrys", "entries")
    moved = event.subtask != event.from_subtask
    what = (
        f"go from {event.from_subtask} to {event.subtask}" if moved else f"stay {event.subtask}'s"
    )
    return caption(
        f"MOVED: {groups} {what}, {entries}." if moved else f"KEPT: {groups} {what}, {entries}.",
        "The ranges of old and new subtasks overlap in blocks, so a subtask reads whole pieces of "
        "the checkpoint. The number of groups is fixed for ever: it is the max parallelism.",
        "a block of players changes to another row.",
    )


TELLERS: Final[dict[type[Event], Teller]] = {
    rescaling.VertexRescaled: vertex_rescaled,
    rescaling.KeyGroupsAssigned: key_groups_assigned,
}
