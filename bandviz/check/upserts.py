"""Tables with one row a key: the last row of a key stands, whatever stood there before."""

from __future__ import annotations

from collections.abc import Iterable

from bandviz.check.compare import VisibleRow
from bandviz.events.structure import VertexDeclared
from bandviz.events.values import pack, unpack


def upserts(vertex: VertexDeclared) -> bool:
    """Does this sink keep one row a key?"""
    return dict(unpack(vertex.spec)).get("contract") == "upsert"


def last_by_key(vertex: VertexDeclared, rows: Iterable[VisibleRow]) -> list[VisibleRow]:
    """What stands in the table after these rows, in the order in which keys came first."""
    places = [vertex.fields.index(name) for name in dict(unpack(vertex.spec))["upsert_key"]]
    table: dict[bytes, VisibleRow] = {}
    for lineage, packed in rows:
        row = unpack(packed)
        table[pack([row[place] for place in places])] = (lineage, packed)
    return list(table.values())
