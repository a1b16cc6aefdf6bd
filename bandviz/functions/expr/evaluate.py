"""From a tree to a callable on rows: one closure a node, made when an operator is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bandviz.functions.expr.operations import OPERATIONS, truth
from bandviz.functions.expr.tree import Apply, Column, Constant, Node
from bandviz.functions.expr.values import admitted
from bandviz.functions.rows import Fields, Row, position

Evaluated = Callable[[Row], Any]
"""Raises ExpressionError."""


def compiled(node: Node, fields: Fields) -> Evaluated:
    """The value of a tree on rows of these fields. Raises FunctionError on an unknown column."""
    match node:
        case Constant(value=value):
            return lambda _row: value
        case Column(name=name):
            at = position(fields, name, "expr")
            return lambda row: admitted(row[at])
        case Apply():
            return _applied(node.name, [compiled(part, fields) for part in node.parts])


def _applied(name: str, parts: list[Evaluated]) -> Evaluated:
    call = OPERATIONS[name].call
    match name, parts:
        case "and", [left, right]:
            return lambda row: truth("and", left(row)) and truth("and", right(row))
        case "or", [left, right]:
            return lambda row: truth("or", left(row)) or truth("or", right(row))
        case "if", [then, condition, other]:
            return lambda row: then(row) if truth("if", condition(row)) else other(row)
        case _, [only]:
            return lambda row: call(only(row))
        case _, [left, right]:
            return lambda row: call(left(row), right(row))
        case _:
            return lambda row: call(*[part(row) for part in parts])
