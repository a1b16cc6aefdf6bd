"""Columns of operators that keep more than accumulators: what they need, and what they put out."""

from __future__ import annotations

from typing import Final

from bandviz.functions.broadcast import BroadcastFunction, MatchThresholds
from bandviz.functions.process import ProcessFunction, ThresholdAlert
from bandviz.functions.rows import Fields
from bandviz.scenario import columns as known
from bandviz.scenario.columns import Columns, Complain, Kind

RIGHT: Final = "right_"
"""Put before a right column whose name the left input has too."""


def processed(
    function: ProcessFunction, key: Fields, incoming: Columns, complain: Complain
) -> Columns:
    """Key columns, then results."""
    if not known.check(function, incoming, complain):
        return incoming
    columns = {name: incoming.kind(name) for name in key if name in incoming.names}
    for name in function.results:
        if name in columns:
            complain("fn", f"two columns '{name}': one of the key, one of {function.fn}", "")
        columns[name] = (
            incoming.kind(function.field) if isinstance(function, ThresholdAlert) else Kind.INT
        )
    return Columns(tuple(columns), tuple(columns.values()))


def joined(left: Columns, right: Columns) -> Columns:
    """Left columns, then right columns; of equal names the right one is told apart."""
    names = list(left.names)
    for name in right.names:
        while name in names:
            name = RIGHT + name
        names.append(name)
    return Columns(tuple(names), left.kinds + right.kinds)


def ruled(
    function: BroadcastFunction, records: Columns, rules: Columns, complain: Complain
) -> Columns:
    """Columns of the records, and what the function appends."""
    if not known.check(function, records, complain):
        return records
    if isinstance(function, MatchThresholds):
        known.check_column("rule_name", function.rule_name, known.KEYS, rules, function, complain)
        known.check_column(
            "rule_value", function.rule_value, known.NUMBERS, rules, function, complain
        )
    made = function.output_fields(records.names)
    if len(set(made)) < len(made):
        complain("fn", f"two columns '{made[-1]}'", "rename it before")
    return Columns(made, (*records.kinds, *[Kind.TEXT] * (len(made) - len(records.names))))
