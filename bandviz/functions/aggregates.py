"""Aggregate functions: accumulators are immutable values, so that a snapshot is a copy of a dict.

Sums are exact: the order in which records come does not change a total, floats included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    def merge(self, one: Accumulator, other: Accumulator) -> Accumulator:
        """The accumulator of the rows of both, as when two session windows become one."""
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

    def merge(self, one: Accumulator, other: Accumulator) -> Accumulator:
        """Add up."""
        return one + other


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(AggregateFunction):
    """Exact sum of a number field: an int, or `(mantissa, exponent)` once a float came in."""

    fn: ClassVar[str] = "sum"
    field: str

    def bind(self, fields: Fields) -> Callable[[Accumulator, Row], Accumulator]:
        """Add the field exactly."""
        at = position(fields, self.field, self.fn)
        return lambda accumulator, row: exact_add(accumulator, row[at])

    def merge(self, one: Accumulator, other: Accumulator) -> Accumulator:
        """Add exactly."""
        return exact_sum(one, other)

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

    def merge(self, one: Accumulator, other: Accumulator) -> Accumulator:
        """Counts, and sums exactly."""
        return one[0] + other[0], exact_sum(one[1], other[1])

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

    def merge(self, one: Accumulator, other: Accumulator) -> Accumulator:
        """The smaller."""
        return other if one is None or (other is not None and other < one) else one


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

    def merge(self, one: Accumulator, other: Accumulator) -> Accumulator:
        """The larger."""
        return other if one is None or (other is not None and other > one) else one


def fold_all(
    functions: Sequence[AggregateFunction], fields: Fields
) -> Callable[[tuple[Accumulator, ...], Row], tuple[Accumulator, ...]]:
    """One fold step over the accumulators of several functions, in order.

    One and two of them are written out: this is the innermost call of keyed operators.
    """
    folds = [function.bind(fields) for function in functions]
    match folds:
        case [only]:
            return lambda old, row: (only(old[0], row),)
        case [first, second]:
            return lambda old, row: (first(old[0], row), second(old[1], row))
        case _:
            return lambda old, row: tuple(
                [fold(part, row) for fold, part in zip(folds, old, strict=True)]
            )


def exact_add(total: Any, value: Any) -> Any:
    """Add a finite number exactly. `total`: an int, or (m, e) that stands for m * 2**-e, m odd."""
    if type(total) is int and isinstance(value, int):
        return total + value
    numerator, denominator = value.as_integer_ratio()
    return exact_sum(total, (numerator, denominator.bit_length() - 1))


def exact_sum(one: Any, other: Any) -> Any:
    """The sum of two exact totals; an int only if both are."""
    if type(one) is int and type(other) is int:
        return one + other
    (mantissa, exponent), (more, shift) = (
        total if type(total) is tuple else (total, 0) for total in (one, other)
    )
    if shift > exponent:
        mantissa, exponent = mantissa << (shift - exponent), shift
    mantissa += more << (exponent - shift)
    while exponent and not mantissa & 1:
        mantissa, exponent = mantissa >> 1, exponent - 1
    return (mantissa, exponent)


def exact_value(total: Any) -> Any:
    """The number that an exact total stands for."""
    if type(total) is tuple:
        mantissa, exponent = total
        return mantissa / (1 << exponent)
    return total
