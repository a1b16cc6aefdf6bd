"""What the language is for: a filter by an expression, and a map that computes columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from bandviz.functions.expr.evaluate import compiled
from bandviz.functions.expr.operations import truth
from bandviz.functions.expr.parse import parse
from bandviz.functions.expr.values import ExpressionError
from bandviz.functions.rows import Fields, FilterFunction, MapFunction, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression(FilterFunction):
    """Keeps the rows on which the expression is true."""

    fn: ClassVar[str] = "expr"
    text: str

    def bind(self, fields: Fields) -> Callable[[Row], bool]:
        """True or false; other values raise ExpressionError."""
        value = compiled(parse(self.text), fields)
        return lambda row: truth("filter", value(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute(MapFunction):
    """The row with computed columns: (name, expression) each. All see the row as it came in; one
    takes the place of the column of its name, others come behind, in order.
    """

    fn: ClassVar[str] = "compute"
    columns: tuple[tuple[str, str], ...]

    def output_fields(self, fields: Fields) -> Fields:
        """Old names, then new ones. Raises ExpressionError on what is no list of pairs."""
        columns: Any = self.columns  # a recording may hold anything
        if not isinstance(columns, tuple) or not all(map(_is_pair, columns)):
            raise ExpressionError("columns are pairs of name and expression")
        return tuple(dict.fromkeys((*fields, *[name for name, _ in self.columns])))

    def bind(self, fields: Fields) -> Callable[[Row], Row]:
        """Evaluate all, then put them in place."""
        made = self.output_fields(fields)
        values = [(made.index(name), compiled(parse(text), fields)) for name, text in self.columns]
        wider = (None,) * (len(made) - len(fields))

        def compute(row: Row) -> Row:
            out = [*row, *wider]
            for at, value in values:
                out[at] = value(row)
            return tuple(out)

        return compute


def _is_pair(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and all(isinstance(one, str) for one in item)
