"""Data in flight of an unaligned checkpoint, for a job of another parallelism. Pure functions.

A buffer goes to the channel between the new owners of its two ends. Where a receiver was split,
several new ones read the same buffer, and each keeps the records of its own key groups. Source:
Flink StateAssignmentOperation, SubtaskStateMapper. Simplification: watermarks in flight on a
rescaled edge are dropped, for in a channel that was two they could overtake; newer ones follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bandviz.engine.state.redistribution import INPUT_MAPPERS, OUTPUT_MAPPER
from bandviz.events.checkpoint import InFlightSide
from bandviz.functions.rows import Row
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.key_groups import key_group_of, owner_of
from bandviz.graph.specs import JobEdge
from bandviz.ids import SubtaskId

LaneRow = tuple[str, int, int, int, Sequence[Any]]
"""(side, edge, old upstream index, old downstream index, elements), as in `engine.in_flight`."""


def move_in_flight(
    rows: Iterable[LaneRow], taken_with: Mapping[str, int], graph: ExecutionGraph
) -> dict[SubtaskId, list[LaneRow]]:
    """Rows by new owner: the receiver of an input row, the sender of an output row.

    `taken_with`: parallelism of every operator when the checkpoint was taken.
    """
    found: dict[SubtaskId, list[LaneRow]] = {}
    for side, number, upstream, downstream, elements in rows:
        edge = graph.job.edges[number]
        ends = [(taken_with[uid], graph.vertex_of[uid].parallelism)
                for uid in (edge.upstream, edge.downstream)]  # fmt: skip
        kept = elements
        if any(old != new for old, new in ends):
            kept = [one for one in elements if not isinstance(one, int)]
        (old, new), receivers = ends[0], ends[1]
        senders = (at for at in range(new) if upstream in OUTPUT_MAPPER.old_subtasks(at, old, new))
        sender = next(senders)
        for receiver, share in _shares(graph, edge, downstream, receivers, kept):
            owner = (
                SubtaskId(edge.downstream, receiver)
                if side == InFlightSide.INPUT.value
                else SubtaskId(edge.upstream, sender)
            )
            if share:
                found.setdefault(owner, []).append((side, number, sender, receiver, share))
    return found


def _shares(
    graph: ExecutionGraph,
    edge: JobEdge,
    downstream: int,
    parallelism: tuple[int, int],
    elements: Sequence[Any],
) -> Iterator[tuple[int, Sequence[Any]]]:
    """(new receiver, what it keeps of the buffers that were on their way to an old one)."""
    old, new = parallelism
    if old == new:
        yield downstream, elements
        return
    mapper = INPUT_MAPPERS[edge.partitioner]
    for receiver in range(new):
        if downstream in mapper.old_subtasks(receiver, old, new):
            filters = mapper.needs_record_filtering
            yield receiver, _own(graph, edge, receiver, elements) if filters else elements


def _own(graph: ExecutionGraph, edge: JobEdge, receiver: int, elements: Sequence[Any]) -> list[Any]:
    """The records whose keys the receiver owns."""
    vertex = graph.vertex_of[edge.downstream]
    assert edge.key is not None
    key_of, most = edge.key.bind(graph.fields_on(edge)), vertex.max_parallelism

    def owns(row: Row) -> bool:
        return owner_of(key_group_of(key_of(row), most), most, vertex.parallelism) == receiver

    kept = []
    for values, times, lineage in elements:
        at = [place for place, row in enumerate(values) if owns(row)]
        if at:
            parts = [None if part is None else [part[place] for place in at]
                     for part in (values, times, lineage)]  # fmt: skip
            kept.append(tuple(parts))
    return kept
