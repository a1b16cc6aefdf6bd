"""Structure: declared before step 1, and again when the job is rescaled."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, structure
from bandviz.model.facts import Board, Channel, Dirty, RunFacts, Subtask, Tape
from bandviz.model.reducers.kinds import STRUCTURE, Reducer
from bandviz.model.specs import sink_spec, table_key


def run_declared(model: RunFacts, event: structure.RunDeclared) -> Dirty:
    """The header of the run."""
    model.run = event
    return STRUCTURE


def vertex_declared(model: RunFacts, event: structure.VertexDeclared) -> Dirty:
    """A vertex; a sink brings its board."""
    model.vertices[event.vertex] = event
    if event.kind == "sink":
        topic, contract = sink_spec(event.spec)
        key = [name for name in table_key(event.spec) if name in event.fields]
        places = tuple(map(event.fields.index, key))
        board = Board(event.vertex, topic, contract, key_places=places)
        model.boards.setdefault(event.vertex, board)
    return STRUCTURE


def edge_declared(model: RunFacts, event: structure.EdgeDeclared) -> Dirty:
    """An edge; its channels follow."""
    model.edges[event.edge] = event
    return STRUCTURE


def subtask_declared(model: RunFacts, event: structure.SubtaskDeclared) -> Dirty:
    """A subtask; it has no inputs until channels are declared. KeyError if its vertex is not."""
    if event.subtask.vertex not in model.vertices:
        raise KeyError(event.subtask.vertex)
    model.subtasks[event.subtask] = Subtask(event)
    model.inputs[event.subtask] = ()
    return STRUCTURE


def task_manager_declared(model: RunFacts, event: structure.TaskManagerDeclared) -> Dirty:
    """A process and who runs in it."""
    model.task_managers[event.task_manager] = event
    return STRUCTURE


def channel_declared(model: RunFacts, event: structure.ChannelDeclared) -> Dirty:
    """A channel, the next in the gate of its receiver."""
    model.channels[event.channel] = Channel(event)
    model.inputs[event.downstream] += (event.channel,)
    return STRUCTURE


def partition_declared(model: RunFacts, event: structure.PartitionDeclared) -> Dirty:
    """A source log; after rescaling another subtask may read it, from where it stood."""
    model.tapes.setdefault((event.vertex, event.partition), Tape(event)).declared = event
    return STRUCTURE


def partition_rows_declared(model: RunFacts, event: structure.PartitionRowsDeclared) -> Dirty:
    """Contents of a source log, or a part of them; two sources on one topic declare it twice."""
    key = event.topic, event.partition
    chunk = event.first_offset, event.rows
    known = model.rows.get(key, ())
    if chunk not in known:
        model.rows[key] = (*known, chunk)
    return STRUCTURE


REDUCERS: Final[dict[type[Event], Reducer]] = {
    structure.RunDeclared: run_declared,
    structure.VertexDeclared: vertex_declared,
    structure.EdgeDeclared: edge_declared,
    structure.SubtaskDeclared: subtask_declared,
    structure.TaskManagerDeclared: task_manager_declared,
    structure.ChannelDeclared: channel_declared,
    structure.PartitionDeclared: partition_declared,
    structure.PartitionRowsDeclared: partition_rows_declared,
}
