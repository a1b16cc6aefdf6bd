"""Rescaling: the same job with other parallelism, and where its keyed state goes."""

from __future__ import annotations

from dataclasses import dataclass

from bandviz.events.base import Event
from bandviz.ids import CheckpointId, SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexRescaled(Event):
    """An operator goes on with another parallelism. All subtasks have been stopped.

    The whole graph is declared anew behind this; ids of channels begin again. Source: Flink's
    adaptive scheduler, which restarts the job from its latest completed checkpoint.
    """

    vertex: str
    from_parallelism: int
    to_parallelism: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyGroupsAssigned(Event):
    """A restore with another parallelism: a new subtask takes over a range of key groups.

    The range is inclusive and was `from_subtask`'s when the checkpoint was taken. `entry_count`:
    keyed entries in it.
    """

    subtask: SubtaskId
    checkpoint_id: CheckpointId
    from_subtask: SubtaskId
    first_key_group: int
    last_key_group: int
    entry_count: int
