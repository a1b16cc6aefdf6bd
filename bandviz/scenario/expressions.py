"""Expressions in a file: typed over the columns that come in; errors stand inside their text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bandviz.functions.expr.check import type_check
from bandviz.functions.expr.parse import parse
from bandviz.functions.expr.values import ExpressionError, Type, type_name
from bandviz.scenario.columns import Columns, Kind
from bandviz.scenario.findings import Problems, nearest
from bandviz.scenario.reader import Path

_TYPES: Final = {
    Kind.NOTHING: Type.NOTHING,
    Kind.INT: Type.INT,
    Kind.FLOAT: Type.NUMBER,
    Kind.TEXT: Type.TEXT,
    Kind.TRUTH: Type.TRUTH,
    Kind.MIXED: Type.ANY,
}
"""From narrow to wide: a result has the first kind that holds all it can be."""


def after_expr(
    expr: str | Mapping[str, str], at: Path, incoming: Columns, problems: Problems
) -> Columns:
    """Columns behind a filter by an expression, or a map with several by name."""
    types = {name: _TYPES[kind] for name, kind in zip(incoming.names, incoming.kinds, strict=True)}
    if isinstance(expr, str):
        found = _type(expr, at, types, problems)
        if found not in Type.TRUTH:
            problems.add(at, f"a filter is true or false; this gives {type_name(found)}")
        return incoming
    made = {name: _type(text, (*at, name), types, problems) for name, text in expr.items()}
    kinds = {**types, **made}
    return Columns(tuple(kinds), tuple(_kind(types) for types in kinds.values()))


def _type(text: str, at: Path, types: Mapping[str, Type], problems: Problems) -> Type:
    """What an expression gives; NOTHING if it is wrong, so that it is reported once."""
    try:
        return type_check(parse(text), types)
    except ExpressionError as error:
        hint = nearest(error.word, error.known) if error.word else error.hint
        problems.add(at, error.sentence, hint, beginning=text[: error.at])
        return Type.NOTHING


def _kind(types: Type) -> Kind:
    return next(kind for kind, holds in _TYPES.items() if types in holds)
