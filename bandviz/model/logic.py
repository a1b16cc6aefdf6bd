"""What the expressions of a subtask make of the record that comes next."""

from __future__ import annotations

from typing import Any

from bandviz.functions.expr.explain import explained
from bandviz.functions.expr.functions import Compute, Expression
from bandviz.functions.expr.parse import parse
from bandviz.functions.registry import from_spec
from bandviz.functions.rows import Fields, Row
from bandviz.ids import SubtaskId
from bandviz.model.facts import RunFacts
from bandviz.model.specs import opened, readable, rows_of
from bandviz.model.views import LogicView
from bandviz.text import LINE, NAME, door


def logic_views(model: RunFacts, name: SubtaskId) -> tuple[LogicView, ...]:
    """Its expressions; nothing if its logic is none."""
    return readable((), lambda: _views(model, name))


def _views(model: RunFacts, name: SubtaskId) -> tuple[LogicView, ...]:
    function: Any = from_spec(opened(model.vertices[name.vertex].spec)["function"])
    match function:
        case Expression():
            texts = [("keep if", function.text)]
        case Compute():
            texts = [(f"{column} =", text) for column, text in function.columns]
        case _:
            return ()
    fields, row = _next_row(model, name)
    return tuple(
        LogicView(
            text=door(f"{purpose} {text}", LINE),
            tree=tuple(
                (door("  " * step.level + step.word, NAME), door(step.value, NAME))
                for step in explained(parse(text), fields, row)
            ),
        )
        for purpose, text in texts
    )


def _next_row(model: RunFacts, name: SubtaskId) -> tuple[Fields, Row | None]:
    """Columns that come in, and the next row that is recorded; None if none is on its way."""
    fields: Fields = ()
    for channel in model.channels.values():
        declared = channel.declared
        if declared.downstream != name:
            continue
        edge = model.edges[declared.edge]
        fields = edge.fields or model.vertices[declared.upstream.vertex].fields
        for _, element in channel.in_order():
            rows = rows_of(element.values)
            if rows and isinstance(rows[0], tuple) and len(rows[0]) == len(fields):
                return fields, rows[0]
    return fields, None
