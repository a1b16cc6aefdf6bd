"""Names of the built-in functions, and the way from a spec back to the function."""

from __future__ import annotations

from typing import Any, Final

from bandviz.functions import aggregates, broadcast, process, reduce, rows
from bandviz.functions.expr import functions as expr
from bandviz.functions.rows import Function, FunctionError

FUNCTIONS: Final[dict[str, type[Function]]] = {
    kind.fn: kind
    for kind in (
        rows.Project, rows.Add, rows.Multiply, rows.Lower, rows.ToInt,
        rows.Equals, rows.NotEquals, rows.AtLeast,
        rows.Split,
        expr.Expression, expr.Compute,
        rows.KeyBy,
        aggregates.Count, aggregates.Sum, aggregates.Mean, aggregates.Minimum, aggregates.Maximum,
        reduce.MaxBy, reduce.MinBy, reduce.Latest, reduce.AddUp,
        process.InactivityAlert, process.CountUntilQuiet, process.ThresholdAlert,
        broadcast.MatchThresholds,
    )
}  # fmt: skip


def from_spec(spec: dict[str, Any]) -> Function:
    """Rebuild a function from `Function.spec()`. Raises FunctionError on an unknown one."""
    parameters = dict(spec)
    name = parameters.pop("fn", None)
    if name not in FUNCTIONS:
        raise FunctionError(f"no function {name!r}")
    try:
        return FUNCTIONS[name](**parameters)
    except TypeError as error:
        raise FunctionError(f"{name}: {error}") from None
