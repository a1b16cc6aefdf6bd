"""What a run says about itself: its graph and its whole input."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import Any

from bandviz.events import Event
from bandviz.events.structure import (
    EdgeDeclared,
    PartitionDeclared,
    PartitionRowsDeclared,
    RunDeclared,
    VertexDeclared,
)
from bandviz.events.values import unpack
from bandviz.functions.rows import Row

STATEFUL = ("aggregate", "window")


class Declared:
    """The preamble, collected."""

    def __init__(self) -> None:
        self.run: RunDeclared | None = None
        self.vertices: dict[str, VertexDeclared] = {}
        self.edges: list[EdgeDeclared] = []
        self.partitions: list[PartitionDeclared] = []
        self._rows: dict[tuple[str, int], list[PartitionRowsDeclared]] = {}
        self.notes: dict[type[Event], Callable[[Any], None]] = {
            RunDeclared: self._run_declared,
            VertexDeclared: self._vertex_declared,
            EdgeDeclared: self._edge_declared,
            PartitionDeclared: self._partition_declared,
            PartitionRowsDeclared: self._rows_declared,
        }

    def _run_declared(self, event: RunDeclared) -> None:
        self.run = event

    def _vertex_declared(self, event: VertexDeclared) -> None:
        self.vertices[event.vertex] = event

    def _edge_declared(self, event: EdgeDeclared) -> None:
        """A rescaled job declares its edges again. Raises LookupError without both ends."""
        for uid in (event.upstream, event.downstream):
            if uid not in self.vertices:
                raise LookupError(f"no vertex {uid!r} was declared")
        if event not in self.edges:
            self.edges.append(event)

    def _partition_declared(self, event: PartitionDeclared) -> None:
        """The same partition again: another subtask reads it."""
        for place, known in enumerate(self.partitions):
            if (known.vertex, known.partition) == (event.vertex, event.partition):
                self.partitions[place] = event
                return
        self.partitions.append(event)

    def _rows_declared(self, event: PartitionRowsDeclared) -> None:
        self._rows.setdefault((event.topic, event.partition), []).append(event)

    @property
    def confluent(self) -> bool:
        """Whether final rows may be compared as multisets."""
        return self.run is not None and self.run.confluent

    @property
    def at_least_once(self) -> bool:
        """Whether checkpoints may repeat what they store."""
        return self.run is not None and self.run.mode == "at_least_once"

    @property
    def record_count(self) -> int:
        """Source records there are."""
        return sum(partition.record_count for partition in self.partitions)

    def of_kind(self, *kinds: str) -> list[str]:
        """Vertices of these kinds, in the order of declaration."""
        return [uid for uid, vertex in self.vertices.items() if vertex.kind in kinds]

    def begins_at_latest(self, uid: str) -> bool:
        """Whether a source without a checkpoint skips what is there."""
        return bool(dict(unpack(self.vertices[uid].spec)).get("start_from") == "latest")

    @property
    def appends(self) -> bool:
        """Whether rows of some sink become public at once, and again after a restore."""
        return any(self._contract(uid) == "append" for uid in self.of_kind("sink"))

    def _contract(self, uid: str) -> str:
        vertex = self.vertices.get(uid)
        return dict(unpack(vertex.spec)).get("contract", "") if vertex is not None else ""

    def has_transactions(self, uid: str) -> bool:
        """Whether the rows of this sink become public by commits alone."""
        return self._contract(uid) in ("two_phase", "transactional", "file")

    def fences(self, uid: str) -> bool:
        """Whether a new attempt of this sink, or writer of one, takes over its transactions."""
        vertex = self.vertices.get(uid)
        spec = dict(unpack(vertex.spec)) if vertex is not None else {}
        spec = dict(spec.get("sink", spec))
        return bool(spec.get("fencing")) and spec.get("contract") in ("two_phase", "transactional")

    def inputs_of(self, uid: str) -> list[EdgeDeclared]:
        """Edges that end there."""
        return [edge for edge in self.edges if edge.downstream == uid]

    def port_of(self, edge: int) -> int:
        """Ordinal of an edge among the inputs of its receiver. Raises LookupError."""
        for declared in self.edges:
            if declared.edge == edge:
                return self.inputs_of(declared.downstream).index(declared)
        raise LookupError(f"no edge {edge} was declared")

    def fields_on(self, edge: EdgeDeclared) -> tuple[str, ...]:
        """Columns of what an edge carries."""
        return edge.fields or self.vertices[edge.upstream].fields

    def in_topological_order(self) -> list[VertexDeclared]:
        """Every vertex after all that feed it. Raises ValueError on a cycle."""
        sorter = TopologicalSorter(
            {uid: [edge.upstream for edge in self.inputs_of(uid)] for uid in self.vertices}
        )
        return [self.vertices[uid] for uid in sorter.static_order()]

    def partition_of(self, uid: str, partition: int) -> PartitionDeclared:
        """One that a source reads. Raises LookupError."""
        for declared in self.partitions:
            if (declared.vertex, declared.partition) == (uid, partition):
                return declared
        raise LookupError(f"no partition {partition} of {uid} was declared")

    def records_of(self, partition: PartitionDeclared) -> list[tuple[Row, int | None]]:
        """Rows and event times by offset. Raises ValueError if they are incomplete."""
        records: list[tuple[Row, int | None]] = []
        chunks = self._rows.get((partition.topic, partition.partition), [])
        for chunk in chunks:
            rows, times = unpack(chunk.rows), unpack(chunk.times_ms)
            if chunk.first_offset != len(records):
                break
            records += zip(rows, times if times is not None else [None] * len(rows), strict=True)
        if len(records) != partition.record_count:
            raise ValueError(f"the input of {partition.vertex} is not in the recording")
        return records
