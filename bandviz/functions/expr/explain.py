"""The tree of an expression with the value of each node on one row, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bandviz.functions.expr.evaluate import compiled
from bandviz.functions.expr.tree import Apply, Column, Node
from bandviz.functions.expr.values import ExpressionError, shown
from bandviz.functions.rows import Fields, Row

RAISES = "raises"


class Step(NamedTuple):
    """One node. `value`: as it would stand in a text, `RAISES`, or nothing if the row does not need
    it (the branch of an `if` that was not taken) or there is no row.
    """

    level: int
    word: str
    value: str


def explained(node: Node, fields: Fields, row: Row | None) -> list[Step]:
    """Each node before its parts. Raises FunctionError if a column is missing."""
    return list(_steps(node, fields, row, 0))


def _steps(node: Node, fields: Fields, row: Row | None, level: int) -> Iterator[Step]:
    if not isinstance(node, Apply):
        word = node.name if isinstance(node, Column) else shown(node.value)
        yield Step(level, word, _value(node, fields, row) if isinstance(node, Column) else "")
        return
    yield Step(level, node.name, _value(node, fields, row))
    for part, is_needed in zip(node.parts, _needed(node, fields, row), strict=True):
        yield from _steps(part, fields, row if is_needed else None, level + 1)


def _value(node: Node, fields: Fields, row: Row | None) -> str:
    value = compiled(node, fields)
    if row is None:
        return ""
    try:
        return shown(value(row))
    except ExpressionError:
        return RAISES


def _needed(node: Apply, fields: Fields, row: Row | None) -> Sequence[bool]:
    """Which parts are evaluated, as far as another part decides it."""
    decides = {"if": 1, "and": 0, "or": 0}.get(node.name)
    if decides is None:
        return [True] * len(node.parts)
    value: Any = _value(node.parts[decides], fields, row)
    match node.name:
        case "if":
            return value == "true", True, value == "false"
        case "and":
            return True, value == "true"
        case _:
            return True, value == "false"
