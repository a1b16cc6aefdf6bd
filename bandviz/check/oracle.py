"""The reference: what a run without failures puts out, folded in one sequence.

No channels, no subtasks, no barriers, no time but event time: each operator takes all its input at
once, in topological order. On bounded input every window fires at the end and no record is late.
User functions are the specification and are shared; everything around them is written again here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bandviz.check.declared import Declared
from bandviz.events.records import DIGEST_MASK, provenance
from bandviz.events.structure import EdgeDeclared, VertexDeclared
from bandviz.events.values import pack, unpack
from bandviz.functions.registry import from_spec
from bandviz.functions.rows import Row
from bandviz.ids import Lineage, RecordId, ResultId


class Item(NamedTuple):
    """A record on its way through the reference."""

    row: Row
    time_ms: int | None
    id: Lineage


@dataclass(slots=True)
class Reference:
    """What should be found. All by vertex; keys and accumulators packed.

    `members` maps the identity of a window result to the source records behind it. `loose_rows` and
    `loose_ids` say of a vertex that the values, or even the ids, of what *enters* it depend on the
    interleaving: they follow a running aggregate, so this fold shows one possibility of many.
    """

    applied: dict[str, list[Lineage]] = field(default_factory=dict)
    state: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    visible: dict[str, list[Item]] = field(default_factory=dict)
    members: dict[bytes, tuple[RecordId, ...]] = field(default_factory=dict)
    loose_rows: dict[str, bool] = field(default_factory=dict)
    loose_ids: dict[str, bool] = field(default_factory=dict)

    def sources_of(self, lineage: Lineage) -> tuple[RecordId, ...]:
        """The source records behind an id."""
        if isinstance(lineage, RecordId):
            return (lineage._replace(path=()),)
        return self.members.get(identity(lineage), ())


def identity(lineage: Lineage) -> bytes:
    """What two appearances of the same result share; a window's contents do not count."""
    return pack(lineage if isinstance(lineage, RecordId) else lineage[:3])


@dataclass(frozen=True, slots=True)
class _Step:
    """One operator with everything that reaches it."""

    job: Declared
    vertex: VertexDeclared
    edges: list[EdgeDeclared]
    spec: dict[str, Any]
    items: list[Item]
    reference: Reference

    def bind(self, function: dict[str, Any]) -> Callable[..., Any]:
        """A user function, ready for the rows that come in."""
        fields = self.job.vertices[self.edges[0].upstream].fields
        declared: Any = from_spec(function)
        bound: Callable[..., Any] = declared.bind(fields)
        return bound

    def by_key(self) -> list[tuple[Any, Item]]:
        """Items with their keys. Raises ValueError if a key may have more than one owner."""
        key = self.spec["key"]
        for edge in self.edges:
            one_owner = edge.partitioner == "hash" and unpack(edge.key) == key
            if self.vertex.parallelism > 1 and not one_owner:
                raise ValueError(f"the keys of {self.vertex.vertex} have more than one owner")
        key_of = self.bind(key)
        return [(key_of(item.row), item) for item in self.items]

    def columns(self, key: Any) -> Row:
        """The key as leading columns of an output row."""
        return key if len(self.spec["key"]["fields"]) > 1 else (key,)


def fold(job: Declared) -> Reference:
    """Run the whole job once. Raises ValueError if the outcome is not determined by the input."""
    reference = Reference()
    flowing: dict[str, list[Item]] = {}
    for vertex in job.in_topological_order():
        edges = job.inputs_of(vertex.vertex)
        items = [item for edge in edges for item in flowing[edge.upstream] * _copies(edge, vertex)]
        step = _Step(job, vertex, edges, unpack(vertex.spec), items, reference)
        _mark_loose(step)
        flowing[vertex.vertex] = _OPERATORS[vertex.kind](step)
    return reference


def _copies(edge: EdgeDeclared, vertex: VertexDeclared) -> int:
    return vertex.parallelism if edge.partitioner == "broadcast" else 1


def _mark_loose(step: _Step) -> None:
    rows = ids = False
    for edge in step.edges:
        upstream = step.job.vertices[edge.upstream]
        loose = step.reference.loose_rows[edge.upstream]
        selects = loose and upstream.kind in ("filter", "flat_map", "window")
        ids = ids or step.reference.loose_ids[edge.upstream] or selects
        rows = rows or loose or _emits_running(upstream)
    step.reference.loose_rows[step.vertex.vertex] = rows
    step.reference.loose_ids[step.vertex.vertex] = ids


def _emits_running(vertex: VertexDeclared) -> bool:
    return vertex.kind == "aggregate" and bool(unpack(vertex.spec)["emit"] == "running")


def _source(step: _Step) -> list[Item]:
    uid = step.vertex.vertex
    return [
        Item(row, time_ms, RecordId(uid, partition.partition, offset))
        for partition in step.job.partitions
        if partition.vertex == uid
        for offset, (row, time_ms) in enumerate(step.job.records_of(partition))
    ]


def _map(step: _Step) -> list[Item]:
    call = step.bind(step.spec["function"])
    return [item._replace(row=call(item.row)) for item in step.items]


def _filter(step: _Step) -> list[Item]:
    keeps = step.bind(step.spec["function"])
    return [item for item in step.items if keeps(item.row)]


def _flat_map(step: _Step) -> list[Item]:
    call = step.bind(step.spec["function"])
    return [
        Item(row, item.time_ms, _child(item.id, ordinal))
        for item in step.items
        for ordinal, row in enumerate(call(item.row))
    ]


def _child(parent: Lineage, ordinal: int) -> Lineage:
    if isinstance(parent, RecordId):
        return parent._replace(path=(*parent.path, ordinal))
    return parent


def _aggregate(step: _Step) -> list[Item]:
    functions = [from_spec(part["function"]) for part in step.spec["aggregates"]]
    folds = [step.bind(part["function"]) for part in step.spec["aggregates"]]
    running = step.spec["emit"] == "running"
    state: dict[Any, tuple[Any, ...]] = {}
    out: list[Item] = []
    for key, item in step.by_key():
        old = state.get(key) or _initial(functions)
        new = state[key] = tuple(add(part, item.row) for add, part in zip(folds, old, strict=True))
        tail = _results(functions, new) if running else (1,)
        out.append(item._replace(row=(*step.columns(key), *tail)))
    uid = step.vertex.vertex
    step.reference.applied[uid] = [item.id for item in step.items]
    step.reference.state[uid] = sorted((pack(key), pack(value)) for key, value in state.items())
    return out


def _window(step: _Step) -> list[Item]:
    functions = [from_spec(part["function"]) for part in step.spec["aggregates"]]
    folds = [step.bind(part["function"]) for part in step.spec["aggregates"]]
    assigner = step.spec["assigner"]
    if assigner["kind"] != "tumbling":
        raise ValueError(f"the reference has no {assigner['kind']} windows")
    size_ms, offset_ms = assigner["size_ms"], assigner["offset_ms"]
    panes: dict[tuple[int, Any], list[Item]] = {}
    for key, item in step.by_key():
        if item.time_ms is None:
            raise ValueError(f"what enters {step.vertex.vertex} has no event time")
        start_ms = item.time_ms - (item.time_ms - offset_ms) % size_ms
        panes.setdefault((start_ms, key), []).append(item)
    out: list[Item] = []
    for (start_ms, key), items in panes.items():
        value = _initial(functions)
        for item in items:
            value = tuple(add(part, item.row) for add, part in zip(folds, value, strict=True))
        row = (*step.columns(key), start_ms, *_results(functions, value))
        out.append(Item(row, start_ms + size_ms - 1, _result_id(step, key, start_ms, items)))
    step.reference.applied[step.vertex.vertex] = [item.id for item in step.items]
    step.reference.state[step.vertex.vertex] = []
    return out


def _result_id(step: _Step, key: Any, start_ms: int, items: list[Item]) -> ResultId:
    count = digest = 0
    members: dict[RecordId, None] = {}
    for item in items:
        more, part = provenance(item.id)
        count, digest = count + more, (digest + part) & DIGEST_MASK
        members.update(dict.fromkeys(step.reference.sources_of(item.id)))
    result = ResultId(step.vertex.vertex, key, start_ms, count, digest)
    step.reference.members[identity(result)] = tuple(members)
    return result


def _initial(functions: list[Any]) -> tuple[Any, ...]:
    return tuple(function.initial for function in functions)


def _results(functions: list[Any], value: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(function.result(part) for function, part in zip(functions, value, strict=True))


def _sink(step: _Step) -> list[Item]:
    step.reference.visible[step.vertex.vertex] = step.items
    return []


_OPERATORS: Final[dict[str, Callable[[_Step], list[Item]]]] = {
    "source": _source,
    "map": _map,
    "filter": _filter,
    "flat_map": _flat_map,
    "aggregate": _aggregate,
    "window": _window,
    "sink": _sink,
}
