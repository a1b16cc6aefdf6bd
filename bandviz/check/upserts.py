"""Tables with one row a key: the last row of a key stands, whatever stood there before."""

from __future__ import annotations

from collections.abc import Iterable

from bandviz.check.compare import VisibleRow
from bandviz.events.structure import VertexDeclared
from bandviz.events.values import pack, unpack
from bandviz.functions.rows import Row


def upserts(vertex: VertexDeclared) -> bool:
    """Does this sink keep one row a key?"""
    return dict(unpack(vertex.spec)).get("contract") == "upsert"


def keys_of(vertex: VertexDeclared, rows: Iterable[Row]) -> list[bytes]:
    """The packed key of each row."""
    places = [vertex.fields.index(name) for name in dict(unpack(vertex.spec))["upsert_key"]]
    return [pack([row[place] for place in places]) for row in rows]


def last_by_key(vertex: VertexDeclared, rows: Iterable[VisibleRow]) -> list[VisibleRow]:
    """What stands in the table after these rows, in the order in which keys came first."""
    shown = list(rows)
    keys = keys_of(vertex, (unpack(packed) for _, packed in shown))
    return list(dict(zip(keys, shown, strict=True)).values())
