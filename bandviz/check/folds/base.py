"""What an operator is to the judge: a pure fold. Items, watermarks and timers in, items out.

One object folds the input of one subtask. It knows no channels, barriers or storage; `copy` is the
whole of its fault tolerance. Cells hold immutable values, so that a copy of the dict is a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple, Self

from bandviz.check.declared import Declared
from bandviz.events.records import DIGEST_MASK, provenance
from bandviz.events.structure import VertexDeclared
from bandviz.events.values import pack
from bandviz.functions.registry import from_spec
from bandviz.functions.rows import Row
from bandviz.ids import Lineage, RecordId, ResultId

WATERMARK_MIN: Final = -(2**63)
WATERMARK_MAX: Final = 2**63 - 1

DROPPED: Final = "\0dropped"
"""Side output of what is dropped because it came late; no edge has this tag."""

Members = dict[bytes, tuple[RecordId, ...]]
"""Id of a result -> the source records behind it; by its identity, behind the last of that name."""


class Item(NamedTuple):
    """A record on its way through the reference."""

    row: Row
    time_ms: int | None
    id: Lineage

    def with_row(self, row: Row) -> Item:
        """Another row, with the same time and id."""
        return Item(row, self.time_ms, self.id)


class Made(NamedTuple):
    """What an operator put out, and on which output; the main one has no tag."""

    item: Item
    side: str = ""


class Moment(NamedTuple):
    """When something happens: event time of the operator, and processing time."""

    watermark_ms: int = WATERMARK_MIN
    now_us: int = 0


def identity(lineage: Lineage) -> bytes:
    """What two appearances of the same result share; a window's contents do not count."""
    return pack(lineage if isinstance(lineage, RecordId) else lineage[:3])


def sources_of(members: Members, lineage: Lineage) -> tuple[RecordId, ...]:
    """The source records behind an id, as far as somebody remembered them."""
    if isinstance(lineage, RecordId):
        return (lineage._replace(path=()),)
    return members.get(pack(lineage)) or members.get(identity(lineage), ())


def child(parent: Lineage, ordinal: int) -> Lineage:
    """Id of one of several rows that come from one."""
    if isinstance(parent, RecordId):
        return parent._replace(path=(*parent.path, ordinal))
    return parent


@dataclass(frozen=True, slots=True)
class Site:
    """An operator as it was declared; `members` is filled by those that make results of many."""

    job: Declared
    vertex: VertexDeclared
    spec: Mapping[str, Any]
    members: Members

    def bind(self, function: Mapping[str, Any], port: int = 0) -> Callable[..., Any]:
        """A user function, ready for the rows of this input."""
        declared: Any = from_spec(dict(function))
        bound: Callable[..., Any] = declared.bind(self.fields(port))
        return bound

    def fields(self, port: int = 0) -> tuple[str, ...]:
        """Columns of an input."""
        return self.job.fields_on(self.job.inputs_of(self.vertex.vertex)[port])

    def result(self, key: Any, time_ms: int, behind: Behind) -> ResultId:
        """Id of a result of many records; who they were is remembered."""
        lineage = ResultId(self.vertex.vertex, key, time_ms, behind.count, behind.digest)
        records = [each for item in behind.items() for each in sources_of(self.members, item.id)]
        known = self.members[identity(lineage)] = tuple(dict.fromkeys(records))
        self.members[pack(lineage)] = known
        return lineage


class Behind(NamedTuple):
    """What a result is made of: (count, digest), and a chain back through the items."""

    count: int = 0  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    digest: int = 0
    last: Item | None = None
    before: Behind | None = None

    def plus(self, item: Item) -> Behind:
        """One more."""
        count, digest = provenance(item.id)
        return Behind(self.count + count, (self.digest + digest) & DIGEST_MASK, item, self)

    def items(self) -> list[Item]:
        """In order of arrival."""
        found: list[Item] = []
        at: Behind | None = self
        while at is not None and at.last is not None:
            found.append(at.last)
            at = at.before
        return found[::-1]


class Aggregates:
    """The aggregate functions of an operator, bound; a value is a tuple of accumulators."""

    def __init__(self, site: Site, port: int = 0) -> None:
        parts: Sequence[Mapping[str, Any]] = site.spec["aggregates"]
        functions: list[Any] = [from_spec(dict(part["function"])) for part in parts]
        self.initial = tuple(function.initial for function in functions)
        self._adds = [site.bind(part["function"], port) for part in parts]
        self._results = [function.result for function in functions]

    def add(self, value: tuple[Any, ...], row: Row) -> tuple[Any, ...]:
        """One more row."""
        return tuple(add(part, row) for add, part in zip(self._adds, value, strict=True))

    def results(self, value: tuple[Any, ...]) -> Row:
        """Output columns."""
        return tuple(call(part) for call, part in zip(self._results, value, strict=True))


class Key:
    """A key function, bound."""

    def __init__(self, site: Site, spec: Mapping[str, Any], port: int = 0) -> None:
        self.of = site.bind(spec, port)
        self._wide = len(spec["fields"]) > 1

    def columns(self, key: Any) -> Row:
        """The key as leading columns of an output row."""
        columns: Row = key if self._wide else (key,)
        return columns


class Fold:
    """One operator. `held`: the dicts that are its state.

    `ordered`: what one buffer brings about leaves in the order of its records. `shares`: its state
    is shared out by key when there are more or fewer of it; if not, each holds all.
    """

    held: ClassVar[tuple[str, ...]] = ()
    ordered: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    def __init__(self, site: Site) -> None:
        self.site = site

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """One record comes in by the input edge of this ordinal."""
        raise NotImplementedError

    def rise(self, at: Moment) -> list[Made]:
        """Event time has risen to this."""
        return []

    def fire(self, key: bytes, time_ms: int, at: Moment) -> list[Made]:
        """A processing-time timer of this packed key fires. Raises ValueError if it must not."""
        raise ValueError("it has no timers")

    def state(self) -> dict[str, Any] | None:
        """As `SnapshotTaken` describes it; None if a snapshot of it cannot be compared."""
        return {}

    def adopt(self, parts: Sequence[Self], owned: Container[bytes]) -> None:
        """Take over a share of what others held: the cells of these packed keys."""
        for part in parts:
            for name in self.held:
                for cell, value in getattr(part, name).items():
                    if pack(self.owner_of(name, cell, value)) in owned:
                        getattr(self, name)[cell] = value

    def size(self) -> int:
        """How many cells it holds."""
        return sum(len(getattr(self, name)) for name in self.held)

    def owner_of(self, name: str, cell: Any, value: Any) -> Any:
        """The key that a cell belongs to."""
        return cell

    def copy(self) -> Self:
        """Independent of what comes later."""
        other = copy(self)
        for name in self.held:
            setattr(other, name, getattr(self, name).copy())
        return other


def timed(item: Item, site: Site) -> int:
    """Event time of a record. Raises ValueError if it has none."""
    if item.time_ms is None:
        raise ValueError(f"what enters {site.vertex.vertex} has no event time")
    return item.time_ms
