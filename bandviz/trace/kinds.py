"""How the values of one field become columns: one kind for each type that an event may carry.

Kinds are made from the type hints of the event classes, once. Reading checks as it builds: what
comes out of `read` has the declared type, whatever the bytes were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import accumulate, chain, pairwise
from typing import Any, Final, NewType, Protocol, get_args, get_origin, get_type_hints

from bandviz.errors import CorruptFrameError
from bandviz.events import TAGS, Event
from bandviz.events.values import VALUE_BYTES_MAX
from bandviz.trace.columns import ColumnReader, ColumnWriter

TUPLE_LENGTH_MAX: Final = 65_536


class Kind(Protocol):
    """One way to write and read the values of a field."""

    def write(self, out: ColumnWriter, values: Sequence[Any]) -> None:
        """Append the columns for these values."""
        ...

    def read(self, source: ColumnReader, count: int) -> list[Any]:
        """`count` values, checked. Raises CorruptFrameError."""
        ...


class Integer:
    """A whole number within 64 bits."""

    def write(self, out: ColumnWriter, values: Sequence[int]) -> None:
        """One column."""
        out.ints(values)

    def read(self, source: ColumnReader, count: int) -> list[int]:
        """One column."""
        return source.ints(count)


class Boolean:
    """True or False, as 1 or 0."""

    def write(self, out: ColumnWriter, values: Sequence[bool]) -> None:
        """One column."""
        out.ints(values)

    def read(self, source: ColumnReader, count: int) -> list[bool]:
        """One column."""
        return list(map(bool, source.naturals(count, 2)))


class Binary:
    """Bytes: a column of lengths, then all of them in a row."""

    def write(self, out: ColumnWriter, values: Sequence[bytes]) -> None:
        """Lengths, contents. Raises ValueError on a value that events may not carry."""
        lengths = list(map(len, values))
        if lengths and max(lengths) > VALUE_BYTES_MAX:
            raise ValueError(f"a value of {max(lengths)} bytes is too long for an event")
        out.ints(lengths)
        out.raw(b"".join(values))

    def read(self, source: ColumnReader, count: int) -> list[bytes]:
        """Lengths, contents."""
        lengths = source.naturals(count, VALUE_BYTES_MAX + 1)
        blob = source.raw(sum(lengths))
        return [blob[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]


class Text:
    """Text, as UTF-8."""

    def write(self, out: ColumnWriter, values: Sequence[str]) -> None:
        """As `Binary`."""
        BINARY.write(out, [value.encode() for value in values])

    def read(self, source: ColumnReader, count: int) -> list[str]:
        """As `Binary`."""
        try:
            return [value.decode() for value in BINARY.read(source, count)]
        except UnicodeDecodeError:
            raise CorruptFrameError("a text is not UTF-8") from None


BINARY: Final = Binary()
TEXT: Final = Text()
INTEGER: Final = Integer()
BOOLEAN: Final = Boolean()


class Member:
    """A member of an enum, by its value."""

    def __init__(self, enum: type[Enum]) -> None:
        self._members = {member.value: member for member in enum}
        self._name = enum.__name__

    def write(self, out: ColumnWriter, values: Sequence[Enum]) -> None:
        """The values of the members, as text."""
        TEXT.write(out, [member.value for member in values])

    def read(self, source: ColumnReader, count: int) -> list[Enum]:
        """Members by value."""
        try:
            return [self._members[value] for value in TEXT.read(source, count)]
        except KeyError as error:
            raise CorruptFrameError(f"{error.args[0]!r:.40} is no {self._name}") from None


class Named:
    """A NamedTuple such as `SubtaskId`: its fields one after the other."""

    def __init__(self, made: Any, parts: Sequence[Kind]) -> None:
        self._made = made
        self._parts = parts

    def write(self, out: ColumnWriter, values: Sequence[tuple[Any, ...]]) -> None:
        """Each field as its kind writes it."""
        for place, part in enumerate(self._parts):
            part.write(out, [value[place] for value in values])

    def read(self, source: ColumnReader, count: int) -> list[Any]:
        """Fields back into tuples."""
        return list(map(self._made, *[part.read(source, count) for part in self._parts]))


class Several:
    """A tuple of any length of one kind: lengths, then all items in a row."""

    def __init__(self, item: Kind) -> None:
        self._item = item

    def write(self, out: ColumnWriter, values: Sequence[tuple[Any, ...]]) -> None:
        """Lengths, items."""
        out.ints(list(map(len, values)))
        self._item.write(out, list(chain.from_iterable(values)))

    def read(self, source: ColumnReader, count: int) -> list[tuple[Any, ...]]:
        """Lengths, items."""
        lengths = source.naturals(count, TUPLE_LENGTH_MAX)
        items = self._item.read(source, sum(lengths))
        return [tuple(items[a:b]) for a, b in pairwise(accumulate(lengths, initial=0))]


class Interned:
    """Values that come again and again: each once, then a column of places."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def write(self, out: ColumnWriter, values: Sequence[Any]) -> None:
        """The number of different values, these values, places."""
        places: dict[Any, int] = {}
        column = [places.setdefault(value, len(places)) for value in values]
        out.ints([len(places)])
        self._kind.write(out, list(places))
        out.ints(column)

    def read(self, source: ColumnReader, count: int) -> list[Any]:
        """Values by their places."""
        (number,) = source.naturals(1, count + 1)
        values = self._kind.read(source, number)
        return list(map(values.__getitem__, source.naturals(count, number)))


def kinds_of(owner: Any) -> dict[str, Kind]:
    """The kind of every field of an event or a NamedTuple, by name, in order."""
    hints = get_type_hints(owner)
    names = [item.name for item in fields(owner)] if is_dataclass(owner) else owner._fields
    return {name: _kind(hints[name]) for name in names}


def named(owner: Any) -> Named:
    """The kind of a NamedTuple."""
    return Named(owner, list(kinds_of(owner).values()))


def _kind(hint: Any) -> Kind:
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if get_origin(hint) is tuple:
        item, _ = get_args(hint)
        return Interned(Several(_kind(item)))
    if hint is int:
        return INTEGER
    if hint is bool:
        return BOOLEAN
    if hint is bytes:
        return BINARY
    if hint is str:
        return Interned(TEXT)
    if issubclass(hint, Enum):
        return Interned(Member(hint))
    return Interned(named(hint))


KINDS: Final[dict[type[Event], dict[str, Kind]]] = {event: kinds_of(event) for event in TAGS}
