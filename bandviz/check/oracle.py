"""The reference: what a run without failures puts out, folded in one sequence.

No channels, no subtasks, no barriers, no time but event time: each operator takes all its input at
once, in topological order. On bounded input every window fires at the end and no record is late.
User functions are the specification and are shared; everything around them is written again, in
`folds`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from bandviz.check.declared import STATEFUL, Declared
from bandviz.check.folds import FOLDS
from bandviz.check.folds.base import (
    WATERMARK_MAX,
    Fold,
    Item,
    Made,
    Members,
    Moment,
    Site,
    sources_of,
)
from bandviz.events.structure import EdgeDeclared, VertexDeclared
from bandviz.events.values import pack, unpack
from bandviz.ids import Lineage, RecordId

LOOSE_IDS: Final = ("deduplicate", "process", "broadcast")
"""Kinds for which order decides what comes out at all."""


@dataclass(slots=True)
class Reference:
    """What should be found. All by vertex; keys and accumulators packed.

    `applied` and `state` are there where each record goes into one entry of the state.
    `loose_rows` and `loose_ids` say of a vertex that the values, or even the ids, of what *enters*
    it depend on the interleaving: this fold shows one possibility of many.
    """

    applied: dict[str, list[Lineage]] = field(default_factory=dict)
    state: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    visible: dict[str, list[Item]] = field(default_factory=dict)
    members: Members = field(default_factory=dict)
    loose_rows: dict[str, bool] = field(default_factory=dict)
    loose_ids: dict[str, bool] = field(default_factory=dict)

    def sources_of(self, lineage: Lineage) -> tuple[RecordId, ...]:
        """The source records behind an id."""
        return sources_of(self.members, lineage)


def fold(job: Declared) -> Reference:
    """Run the whole job once. Raises ValueError if the outcome is not determined by the input."""
    reference = Reference()
    flowing: dict[tuple[str, str], list[Item]] = {}
    for vertex in job.in_topological_order():
        uid = vertex.vertex
        _mark_loose(job, vertex, reference)
        inputs = [
            flowing.get((edge.upstream, edge.side), []) * _copies(edge, vertex)
            for edge in job.inputs_of(uid)
        ]
        if vertex.kind == "source":
            flowing[uid, ""] = _source(job, uid)
        elif vertex.kind == "sink":
            reference.visible[uid] = [item for items in inputs for item in items]
        else:
            for made in _operator(job, vertex, inputs, reference):
                flowing.setdefault((uid, made.side), []).append(made.item)
    return reference


def _copies(edge: EdgeDeclared, vertex: VertexDeclared) -> int:
    return vertex.parallelism if edge.partitioner == "broadcast" else 1


def _source(job: Declared, uid: str) -> list[Item]:
    return [
        Item(row, time_ms, RecordId(uid, partition.partition, offset))
        for partition in job.partitions
        if partition.vertex == uid
        for offset, (row, time_ms) in enumerate(job.records_of(partition))
    ]


def _operator(
    job: Declared, vertex: VertexDeclared, inputs: list[list[Item]], reference: Reference
) -> list[Made]:
    if vertex.kind not in FOLDS:
        raise ValueError(f"the judge knows no operator of kind {vertex.kind}")
    site = Site(job, vertex, unpack(vertex.spec), reference.members)
    _one_owner(site)
    operator = FOLDS[vertex.kind](site)
    made: list[Made] = []
    for port, items in enumerate(inputs):
        for item in items:
            made += operator.take(port, item, Moment())
    made += operator.rise(Moment(WATERMARK_MAX))
    if _applies_once(site):
        reference.applied[vertex.vertex] = [item.id for items in inputs for item in items]
        reference.state[vertex.vertex] = _cells(operator)
    return made


def _applies_once(site: Site) -> bool:
    """Each record goes into one entry; a sliding window takes it into several, or into none."""
    assigner = site.spec.get("assigner", {})
    return site.vertex.kind in STATEFUL and assigner.get("kind") != "sliding"


def _one_owner(site: Site) -> None:
    """Raises ValueError if a key may have more than one owner."""
    key = site.spec.get("key")
    if key is None or site.vertex.parallelism == 1:
        return
    for edge in site.job.inputs_of(site.vertex.vertex):
        if edge.partitioner != "hash" or unpack(edge.key) != key:
            raise ValueError(f"the keys of {site.vertex.vertex} have more than one owner")


def _cells(operator: Fold) -> list[tuple[bytes, bytes]]:
    """Accumulators by key; at the end no window is open."""
    state: dict[str, Any] = operator.state() or {}
    return sorted((pack(key), pack(value)) for key, value in state.get("keyed", ()))


def _mark_loose(job: Declared, vertex: VertexDeclared, reference: Reference) -> None:
    rows = ids = False
    for edge in job.inputs_of(vertex.vertex):
        upstream = job.vertices[edge.upstream]
        loose = reference.loose_rows[edge.upstream]
        selects = loose and upstream.kind not in ("map", "aggregate", "reduce", "writer")
        chosen = selects or upstream.kind in LOOSE_IDS or bool(edge.side) or _refires(upstream)
        ids = ids or reference.loose_ids[edge.upstream] or chosen
        rows = rows or ids or loose or _emits_running(upstream)
    reference.loose_rows[vertex.vertex] = rows
    reference.loose_ids[vertex.vertex] = ids


def _refires(vertex: VertexDeclared) -> bool:
    """A window that admits late records puts out a result for each of them."""
    return vertex.kind == "window" and unpack(vertex.spec)["allowed_lateness_ms"] > 0


def _emits_running(vertex: VertexDeclared) -> bool:
    if vertex.kind == "reduce":
        return True
    return vertex.kind == "aggregate" and bool(unpack(vertex.spec)["emit"] == "running")
