"""Reduce functions: two rows of a key become one of the same columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from bandviz.functions.rows import Fields, Function, Row, position

Combine = Callable[[Row, Row], Row]
"""(reduced so far, next row) -> reduced."""


class ReduceFunction(Function):
    """Folds the rows of a key into one; the first row stands for itself."""

    __slots__ = ()

    def bind(self, fields: Fields) -> Combine:
        """The fold step for rows of these fields."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxBy(ReduceFunction):
    """The whole row with the largest value; of equal ones the first."""

    fn: ClassVar[str] = "max_by"
    field: str

    def bind(self, fields: Fields) -> Combine:
        """Compare by `>`."""
        at = position(fields, self.field, self.fn)
        return lambda old, row: row if row[at] > old[at] else old


@dataclass(frozen=True, slots=True, kw_only=True)
class MinBy(ReduceFunction):
    """The whole row with the smallest value; of equal ones the first."""

    fn: ClassVar[str] = "min_by"
    field: str

    def bind(self, fields: Fields) -> Combine:
        """Compare by `<`."""
        at = position(fields, self.field, self.fn)
        return lambda old, row: row if row[at] < old[at] else old


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest(ReduceFunction):
    """The row that came last."""

    fn: ClassVar[str] = "latest"

    def bind(self, fields: Fields) -> Combine:
        """Fields do not matter."""
        return lambda _old, row: row


@dataclass(frozen=True, slots=True, kw_only=True)
class AddUp(ReduceFunction):
    """The newest row with these whole-number fields replaced by their totals."""

    fn: ClassVar[str] = "add_up"
    fields: tuple[str, ...]

    def bind(self, fields: Fields) -> Combine:
        """Add in place."""
        places = tuple(position(fields, name, self.fn) for name in self.fields)

        def add(old: Row, row: Row) -> Row:
            total = list(row)
            for at in places:
                total[at] += old[at]
            return tuple(total)

        return add
