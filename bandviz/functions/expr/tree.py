"""The tree of an expression: constants, columns, and operations on other nodes.

`at` is the index in the text of what names the node; `depth` counts levels, 1 for a leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bandviz.functions.expr.values import Value


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the text."""

    at: int
    value: Value
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a column of the row."""

    at: int
    name: str
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or a function by its name in `operations.OPERATIONS`, and what it takes.

    Of `if` the parts are (then, condition, otherwise), of `in` the value and then the list.
    """

    at: int
    name: str
    parts: tuple[Node, ...]
    depth: int


Node = Constant | Column | Apply


def nodes(node: Node) -> Iterator[Node]:
    """All of a tree, each before its parts."""
    yield node
    if isinstance(node, Apply):
        for part in node.parts:
            yield from nodes(part)
