"""What is known of rows before a run: names and kinds of columns, through every function.

So that a misspelt field, or a sum over text, is an error of the file and not of record 317.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from bandviz.functions import aggregates, broadcast, process, reduce, rows
from bandviz.functions.rows import Fields, Function, Row
from bandviz.graph.specs import NamedAggregate
from bandviz.scenario.findings import nearest

Complain = Callable[[str, str, str], None]
"""Takes the parameter at fault, a sentence and a hint."""


class Kind(Enum):
    """What stands in a column."""

    INT = "whole numbers"
    FLOAT = "numbers"
    TEXT = "text"
    TRUTH = "true and false"
    MIXED = "values of several kinds"
    NOTHING = "no values"


class Columns(NamedTuple):
    """Two lists in parallel."""

    names: Fields
    kinds: tuple[Kind, ...]

    def kind(self, name: str) -> Kind:
        """Kind of a column that is there."""
        return self.kinds[self.names.index(name)]


NUMBERS: Final = (Kind.INT, Kind.FLOAT)
KEYS: Final = (Kind.INT, Kind.TEXT, Kind.TRUTH)
_SORTABLE: Final = (*NUMBERS, Kind.TEXT, Kind.TRUTH)
_POSITIVE: Final = ("timeout_ms", "quiet_ms", "times")
_TAKES: Final[dict[type[Function], tuple[Kind, ...]]] = {
    rows.Add: NUMBERS,
    rows.Multiply: NUMBERS,
    rows.AtLeast: NUMBERS,
    rows.Lower: (Kind.TEXT,),
    rows.ToInt: (Kind.TEXT,),
    rows.Split: (Kind.TEXT,),
    rows.KeyBy: KEYS,
    reduce.MaxBy: _SORTABLE,
    reduce.MinBy: _SORTABLE,
    reduce.AddUp: (Kind.INT,),
    process.ThresholdAlert: NUMBERS,
    broadcast.MatchThresholds: NUMBERS,
    aggregates.Sum: NUMBERS,
    aggregates.Mean: NUMBERS,
    aggregates.Minimum: _SORTABLE,
    aggregates.Maximum: _SORTABLE,
}


def of_rows(names: Fields, data: Iterable[Row]) -> Columns:
    """Columns of rows that all have this width."""
    seen: list[dict[type, None]] = [{} for _ in names]
    for row in data:
        for types, value in zip(seen, row, strict=True):
            types[type(value)] = None
    return Columns(names, tuple(_kind(tuple(types)) for types in seen))


def after(function: Function, columns: Columns, complain: Complain) -> Columns:
    """Columns that a map, filter or flat_map puts out; `complain` hears what does not fit."""
    if not check(function, columns, complain):
        return columns
    if isinstance(function, rows.Project):
        return Columns(function.fields, tuple(columns.kind(name) for name in function.fields))
    if isinstance(function, (rows.Add, rows.Multiply)) and isinstance(function.by, float):
        return _changed(columns, function.field, Kind.FLOAT)
    if isinstance(function, rows.ToInt):
        return _changed(columns, function.field, Kind.INT)
    return columns


def _changed(columns: Columns, field: str, new: Kind) -> Columns:
    kinds = zip(columns.names, columns.kinds, strict=True)
    return Columns(columns.names, tuple(new if name == field else kind for name, kind in kinds))


def check(function: Function, columns: Columns, complain: Complain) -> bool:
    """Whether a function can be bound to these columns."""
    if isinstance(function, rows.Split) and not function.separator:
        complain("separator", "a separator has at least one character", "")
        return False
    for name in _POSITIVE:
        if getattr(function, name, 1) < 1:
            complain(name, f"{name} has to be at least 1", "")
            return False
    parameter = "field" if hasattr(function, "field") else "fields"
    names: Sequence[str] = getattr(function, "fields", ())
    if parameter == "field":
        names = (getattr(function, parameter),)
    elif isinstance(function, (rows.Project, rows.KeyBy, reduce.AddUp)) and not _distinct(names):
        complain(parameter, "columns have to be named, and once each", "")
        return False
    takes = _TAKES.get(type(function), tuple(Kind))
    return all(check_column(parameter, name, takes, columns, function, complain) for name in names)


def check_column(
    parameter: str,
    name: str,
    takes: tuple[Kind, ...],
    columns: Columns,
    function: Function,
    complain: Complain,
) -> bool:
    """Whether there is a column that a parameter names, and holds what the function takes."""
    if name not in columns.names:
        complain(parameter, f"no column '{name}' here", nearest(name, columns.names))
        return False
    kind = columns.kind(name)
    if kind not in (*takes, Kind.NOTHING):
        wanted = " or ".join(item.value for item in takes)
        complain(parameter, f"'{name}' holds {kind.value}; {function.fn} takes {wanted}", "")
        return False
    return True


def join(one: Columns, other: Columns) -> Columns:
    """Columns behind two inputs of equal names."""
    pairs = zip(one.kinds, other.kinds, strict=True)
    return Columns(one.names, tuple(_either(left, right) for left, right in pairs))


def result_column(aggregate: NamedAggregate, columns: Columns) -> tuple[str, Kind]:
    """Name and kind of what an aggregate puts out; its function has been checked."""
    function = aggregate.function
    if isinstance(function, (aggregates.Sum, aggregates.Minimum, aggregates.Maximum)):
        return aggregate.name, columns.kind(function.field)
    return aggregate.name, Kind.FLOAT if isinstance(function, aggregates.Mean) else Kind.INT


def _distinct(names: Sequence[str]) -> bool:
    return bool(names) and len(dict.fromkeys(names)) == len(names)


def _kind(types: tuple[type, ...]) -> Kind:
    if not types:
        return Kind.NOTHING
    if len(types) == 1:
        return {int: Kind.INT, float: Kind.FLOAT, str: Kind.TEXT, bool: Kind.TRUTH}[types[0]]
    if all(item in (int, float) for item in types):
        return Kind.FLOAT
    return Kind.MIXED


def _either(one: Kind, other: Kind) -> Kind:
    if one is other or other is Kind.NOTHING:
        return one
    if one is Kind.NOTHING:
        return other
    return Kind.FLOAT if one in NUMBERS and other in NUMBERS else Kind.MIXED
