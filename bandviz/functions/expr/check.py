"""Types of a tree over typed columns: what cannot work on any row is an error of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bandviz.functions.expr.operations import OPERATIONS
from bandviz.functions.expr.tokens import CONSTANTS
from bandviz.functions.expr.tree import Apply, Column, Constant, Node
from bandviz.functions.expr.values import ExpressionError, Type, type_name, type_of


def type_check(node: Node, columns: Mapping[str, Type]) -> Type:
    """What it may give. Raises ExpressionError at the node that does not fit."""
    match node:
        case Constant():
            return type_of(node.value)
        case Column():
            if node.name not in columns:
                sentence, known = f"no column '{node.name}' here", (*columns, *CONSTANTS)
                raise ExpressionError(sentence, node.at, word=node.name, known=known)
            return columns[node.name]
        case Apply():
            return _applied(node, [type_check(part, columns) for part in node.parts])


def _applied(node: Apply, types: Sequence[Type]) -> Type:
    operation = OPERATIONS[node.name]
    if node.name == "if":
        _fits(node, types[1:2], (Type.TRUTH,))
    if node.name in ("==", "!=", "in"):
        _comparable(node, types)
    _fits(node, types, operation.takes)
    _fits(node, types[-1:], (operation.last,))
    return operation.gives(types)


def _fits(node: Apply, types: Sequence[Type], takes: Sequence[Type]) -> None:
    """All arguments together have to be of one of the alternatives."""
    if not any(all(one in wanted for one in types) for wanted in takes):
        wanted = " or ".join([type_name(one) for one in takes])
        misfits = [one for one in types if not any(one in wanted for wanted in takes)]
        found = " and ".join(dict.fromkeys([type_name(one) for one in misfits or types]))
        word = "-" if node.name == "negated" else node.name
        raise ExpressionError(f"'{word}' takes {wanted}, not {found}", node.at)


def _comparable(node: Apply, types: Sequence[Type]) -> None:
    first = types[0]
    for part, other in zip(node.parts[1:], types[1:], strict=True):
        null = (first | other) & Type.NULL
        if first and other and not null and not _widened(first) & _widened(other):
            sentence = f"{type_name(first)} never equal {type_name(other)}"
            raise ExpressionError(sentence, part.at if node.name == "in" else node.at)


def _widened(types: Type) -> Type:
    """Whole numbers may equal others."""
    return types | Type.NUMBER if types & Type.NUMBER else types
