"""Functions on rows: map, filter, flat_map and key.

A row is a tuple; its field names are fixed when the job is built. A function is declared by name
and parameters (`{"fn": "equals", "field": "animal", "value": "cat"}`), bound once to the field
names of its input, and then called for each record. A bound function is a plain callable without
state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

Row = tuple[Any, ...]
Fields = tuple[str, ...]
Key = Any
"""A scalar for a key of one field, else a tuple of scalars."""


class FunctionError(Exception):
    """User logic cannot be bound or failed on a record. `message` names function and field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A declared function. `fn` is its name in scenario files."""

    fn: ClassVar[str] = ""

    def spec(self) -> dict[str, Any]:
        """The form that scenario files, events and recordings carry."""
        return {"fn": self.fn, **{item.name: getattr(self, item.name) for item in fields(self)}}


def position(fields: Fields, name: str, fn: str) -> int:
    """Index of a field. Raises FunctionError that names the fields there are."""
    try:
        return fields.index(name)
    except ValueError:
        raise FunctionError(f"{fn}: no field {name!r}; there are {', '.join(fields)}") from None


class MapFunction(Function):
    """One row in, one row out."""

    __slots__ = ()

    def output_fields(self, fields: Fields) -> Fields:
        """Names of the columns it puts out. Raises FunctionError if a field is missing."""
        return fields

    def bind(self, fields: Fields) -> Callable[[Row], Row]:
        """The callable for rows of these fields."""
        raise NotImplementedError


class FilterFunction(Function):
    """Keeps a row or drops it."""

    __slots__ = ()

    def bind(self, fields: Fields) -> Callable[[Row], bool]:
        """The predicate for rows of these fields."""
        raise NotImplementedError


class FlatMapFunction(Function):
    """One row in, any number out."""

    __slots__ = ()

    def output_fields(self, fields: Fields) -> Fields:
        """Names of the columns it puts out."""
        return fields

    def bind(self, fields: Fields) -> Callable[[Row], Sequence[Row]]:
        """The callable for rows of these fields."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(MapFunction):
    """Keep these fields, in this order."""

    fn: ClassVar[str] = "project"
    fields: tuple[str, ...]

    def output_fields(self, fields: Fields) -> Fields:
        """The chosen names."""
        for name in self.fields:
            position(fields, name, self.fn)
        return tuple(self.fields)

    def bind(self, fields: Fields) -> Callable[[Row], Row]:
        """Pick by position."""
        places = [position(fields, name, self.fn) for name in self.fields]
        return lambda row: tuple([row[place] for place in places])


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(MapFunction):
    """Add a constant to a number field."""

    fn: ClassVar[str] = "add"
    field: str
    by: int | float

    def bind(self, fields: Fields) -> Callable[[Row], Row]:
        """In place of the field."""
        at, by = position(fields, self.field, self.fn), self.by
        return lambda row: (*row[:at], row[at] + by, *row[at + 1 :])


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiply(MapFunction):
    """Multiply a number field by a constant."""

    fn: ClassVar[str] = "multiply"
    field: str
    by: int | float

    def bind(self, fields: Fields) -> Callable[[Row], Row]:
        """In place of the field."""
        at, by = position(fields, self.field, self.fn), self.by
        return lambda row: (*row[:at], row[at] * by, *row[at + 1 :])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lower(MapFunction):
    """Write a text field in lower case."""

    fn: ClassVar[str] = "lower"
    field: str

    def bind(self, fields: Fields) -> Callable[[Row], Row]:
        """In place of the field."""
        at = position(fields, self.field, self.fn)
        return lambda row: (*row[:at], row[at].lower(), *row[at + 1 :])


@dataclass(frozen=True, slots=True, kw_only=True)
class ToInt(MapFunction):
    """Read a text field as a whole number. Raises FunctionError on a text that is none."""

    fn: ClassVar[str] = "to_int"
    field: str

    def bind(self, fields: Fields) -> Callable[[Row], Row]:
        """In place of the field."""
        at = position(fields, self.field, self.fn)

        def read(row: Row) -> Row:
            try:
                return (*row[:at], int(row[at]), *row[at + 1 :])
            except ValueError:
                raise FunctionError(f"to_int: {row[at]!r:.40} is no whole number") from None

        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Equals(FilterFunction):
    """The field has this value."""

    fn: ClassVar[str] = "equals"
    field: str
    value: str | int | float | bool

    def bind(self, fields: Fields) -> Callable[[Row], bool]:
        """Compare by `==`."""
        at, value = position(fields, self.field, self.fn), self.value
        return lambda row: bool(row[at] == value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEquals(FilterFunction):
    """The field has another value."""

    fn: ClassVar[str] = "not_equals"
    field: str
    value: str | int | float | bool

    def bind(self, fields: Fields) -> Callable[[Row], bool]:
        """Compare by `!=`."""
        at, value = position(fields, self.field, self.fn), self.value
        return lambda row: bool(row[at] != value)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast(FilterFunction):
    """The number field is this large or larger."""

    fn: ClassVar[str] = "at_least"
    field: str
    value: int | float

    def bind(self, fields: Fields) -> Callable[[Row], bool]:
        """Compare by `>=`."""
        at, value = position(fields, self.field, self.fn), self.value
        return lambda row: bool(row[at] >= value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(FlatMapFunction):
    """One row a part of a text field; empty parts are dropped."""

    fn: ClassVar[str] = "split"
    field: str
    separator: str = " "

    def bind(self, fields: Fields) -> Callable[[Row], Sequence[Row]]:
        """The other fields are repeated."""
        at, separator = position(fields, self.field, self.fn), self.separator

        def split(row: Row) -> Sequence[Row]:
            head, tail = row[:at], row[at + 1 :]
            return [(*head, part, *tail) for part in row[at].split(separator) if part]

        return split


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBy(Function):
    """The key of a row: one field gives a scalar, several give a tuple."""

    fn: ClassVar[str] = "key"
    fields: tuple[str, ...]

    def bind(self, fields: Fields) -> Callable[[Row], Key]:
        """Pick by position."""
        places = [position(fields, name, self.fn) for name in self.fields]
        if len(places) == 1:
            at = places[0]
            return lambda row: row[at]
        return lambda row: tuple([row[place] for place in places])
