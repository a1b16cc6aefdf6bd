"""Aggregate functions: accumulators are immutable values, so that a snapshot is a copy of a dict.

Sums are exact: the order in which records come does not change a total, floats included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from bandviz.functions.rows import Fields, Function, Row, position

Accumulator = Any
"""An int, a number, None, or a tuple of those: packs with `events.values`."""


class AggregateFunction(Function):
    """Folds rows into an accumulator; `initial` is that of no rows at all."""

    __slots__ = ()
    initial: ClassVar[Accumulator] = 0

    def bind(self, fields: Fields) -> Callable[[Accumulator, Row], Accumulator]:
        """The fold step for rows of these fields; returns a new accumulator."""
        raise NotImplementedError

    def result(self, accumulator: Accumulator) -> Any:
        """The value that an output row carries."""
        return accumulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(AggregateFunction):
    """How many rows."""

    fn: ClassVar[str] = "count"

    def bind(self, fields: Fields) -> Callable[[Accumulator, Row], Accumulator]:
        """Fields do not matter."""
        return lambda accumulator, _row: accumulator + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(AggregateFunction):
    """Exact sum of a number field: an int, or `(mantissa, exponent)` once a float came in."""

    fn: ClassVar[str] = "sum"
    field: str

    def bind(self, fields: Fields) -> Callable[[Accumulator, Row], Accumulator]:
        """Add the field exactly."""
        at = position(fields, self.field, self.fn)
        return lambda accumulator, row: exact_add(accumulator, row[at])

    def result(self, accumulator: Accumulator) -> Any:
        """An int if all were ints, else the correctly rounded float."""
        return exact_value(accumulator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(AggregateFunction):
    """Arithmetic mean of a number field; accumulator `(count, exact sum)`; None of no rows."""

    fn: ClassVar[str] = "mean"
    initial: ClassVar[Accumulator] = (0, 0)
    field: str

    def bind(self, fields: Fields) -> Callable[[Accumulator, Row], Accumulator]:
        """Count, and add the field exactly."""
        at = position(fields, self.field, self.fn)
        return lambda accumulator, row: (accumulator[0] + 1, exact_add(accumulator[1], row[at]))

    def result(self, accumulator: Accumulator) -> Any:
        """Correctly rounded, to 3 decimals."""
        count, total = accumulator
        return round(exact_value(total) / count, 3) if count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum(AggregateFunction):
    """Smallest value of a field; None of no rows."""

    fn: ClassVar[str] = "min"
    initial: ClassVar[Accumulator] = None
    field: str

    def bind(self, fields: Fields) -> Callable[[Accumulator, Row], Accumulator]:
        """Keep the smaller."""
        at = position(fields, self.field, self.fn)
        return lambda old, row: row[at] if old is None or row[at] < old else old


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum(AggregateFunction):
    """Largest value of a field; None of no rows."""

    fn: ClassVar[str] = "max"
    initial: ClassVar[Accumulator] = None
    field: str

    def bind(self, fields: Fields) -> Callable[[Accumulator, Row], Accumulator]:
        """Keep the larger."""
        at = position(fields, self.field, self.fn)
        return lambda old, row: row[at] if old is None or row[at] > old else old


def exact_add(total: Any, value: Any) -> Any:
    """Add a finite number exactly. `total`: an int, or (m, e) that stands for m * 2**-e, m odd."""
    if type(total) is int and isinstance(value, int):
        return total + value
    mantissa, exponent = total if type(total) is tuple else (total, 0)
    numerator, denominator = value.as_integer_ratio()
    shift = denominator.bit_length() - 1
    if shift > exponent:
        mantissa, exponent = mantissa << (shift - exponent), shift
    mantissa += numerator << (exponent - shift)
    while exponent and not mantissa & 1:
        mantissa, exponent = mantissa >> 1, exponent - 1
    return (mantissa, exponent)


def exact_value(total: Any) -> Any:
    """The number that an exact total stands for."""
    if type(total) is tuple:
        mantissa, exponent = total
        return mantissa / (1 << exponent)
    return total
