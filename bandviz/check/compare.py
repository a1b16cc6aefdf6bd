"""Expected against seen: records by provenance, rows by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bandviz.check.folds.base import identity
from bandviz.check.oracle import Reference
from bandviz.check.verdict import BOTH, DUPLICATED, EXACT, LOST, WRONG
from bandviz.events.records import lineage_of
from bandviz.events.values import pack, unpack
from bandviz.ids import Lineage, RecordId, ResultId

VisibleRow = tuple[Lineage | None, bytes]
"""A row as the public sees it, packed; without an id if ids were not kept."""


@dataclass(slots=True)
class Difference:
    """Source records that are missing or there too often.

    A record counts once, in how many places it is wrong and however often. Where only the count of
    a window result differs, nobody knows which records it were: those are `unnamed`. `foreign`
    counts appearances of ids that should not exist at all.
    """

    lost: dict[RecordId, None] = field(default_factory=dict)
    duplicated: dict[RecordId, None] = field(default_factory=dict)
    lost_unnamed: int = 0
    duplicated_unnamed: int = 0
    foreign: int = 0

    @property
    def lost_count(self) -> int:
        """How many source records are missing."""
        return len(self.lost) + self.lost_unnamed

    @property
    def duplicated_count(self) -> int:
        """How many source records are there more than once."""
        return len(self.duplicated) + self.duplicated_unnamed

    def add(
        self,
        reference: Reference,
        expected: Sequence[Lineage],
        seen: Sequence[Lineage],
        *,
        final: bool,
    ) -> None:
        """Compare one place. What is missing counts only if the run is `final`."""
        wanted, found = _by_identity(expected), _by_identity(seen)
        for name in wanted | found:
            want, have = wanted.get(name, []), found.get(name, [])
            if want == have:
                continue
            if not want:
                self.foreign += len(have)
            elif len(have) > len(want):
                self.duplicated.update(dict.fromkeys(reference.sources_of(want[0])))
            elif len(have) < len(want) and final:
                self.lost.update(dict.fromkeys(reference.sources_of(want[0])))
            for a, b in _unlike(want, have):
                if isinstance(a, ResultId) and isinstance(b, ResultId):
                    self._contents(a, b, final=final)

    def include(self, other: Difference) -> None:
        """What was found elsewhere as well."""
        self.lost |= other.lost
        self.duplicated |= other.duplicated
        self.lost_unnamed += other.lost_unnamed
        self.duplicated_unnamed += other.duplicated_unnamed
        self.foreign += other.foreign

    def _contents(self, want: ResultId, have: ResultId, *, final: bool) -> None:
        """An early result of fewer records is no loss as long as a later one may come."""
        if final and have.count == want.count and have.digest != want.digest:
            self.lost_unnamed += 1
            self.duplicated_unnamed += 1
        if final:
            self.lost_unnamed += max(0, want.count - have.count)
        self.duplicated_unnamed += max(0, have.count - want.count)

    def word(self, *, wrong: bool) -> str:
        """One of the words of a verdict; `wrong` if values differ as well."""
        if self.lost_count and self.duplicated_count:
            return BOTH
        if self.lost_count:
            return LOST
        if self.duplicated_count:
            return DUPLICATED
        return WRONG if wrong or self.foreign else EXACT


def _unlike(want: list[Lineage], have: list[Lineage]) -> Iterator[tuple[Lineage, Lineage]]:
    """Pairs of what is left when equals have found each other."""
    wanted, seen = Counter(map(pack, want)), Counter(map(pack, have))
    missing, extra = sorted((wanted - seen).elements()), sorted((seen - wanted).elements())
    for a, b in zip(missing, extra, strict=False):
        yield lineage_of(unpack(a)), lineage_of(unpack(b))


def read_id(item: object) -> Lineage:
    """An id from a file. Raises ValueError if it is none."""
    lineage = lineage_of(item)
    if isinstance(lineage, ResultId) and not all(isinstance(one, int) for one in lineage[3:]):
        raise ValueError("a result id counts in integers")
    return lineage


def _by_identity(ids: Sequence[Lineage]) -> dict[bytes, list[Lineage]]:
    groups: dict[bytes, list[Lineage]] = {}
    for lineage in ids:
        groups.setdefault(identity(lineage), []).append(lineage)
    return groups


def wrong_row_count(expected: Sequence[VisibleRow], seen: Sequence[VisibleRow]) -> int:
    """Rows whose value is not among the expected ones; a mere repetition is not wrong.

    Rows are packed, so that 1, 1.0 and True differ. A row beyond the expected multiset is excused
    if its id has been seen as often as it should be before, and some expected row has its value.
    """
    allowed = Counter(_name(lineage) for lineage, _ in expected)
    values = Counter(row for _, row in expected)
    surplus = Counter(row for _, row in seen) - values
    for lineage, row in seen:
        name = _name(lineage)
        if name in allowed:
            allowed[name] -= 1
            if allowed[name] < 0 and row in values:
                surplus[row] -= 1
    return sum(count for count in surplus.values() if count > 0)


def unequal_row_count(
    expected: Sequence[VisibleRow], seen: Sequence[VisibleRow], *, final: bool
) -> int:
    """Rows by which two multisets differ, ids unknown; missing ones only if the run is `final`."""
    wanted, found = Counter(row for _, row in expected), Counter(row for _, row in seen)
    missing = (wanted - found).total() if final else 0
    return max(missing, (found - wanted).total())


def canonical(state: Mapping[str, Any]) -> dict[str, object]:
    """A state whose lists are in one order: the order of keys means nothing. Raises TypeError."""
    return {
        name: sorted(map(pack, part)) if isinstance(part, (list, tuple)) else pack(part)
        for name, part in dict(state).items()
    }


def _name(lineage: Lineage | None) -> bytes:
    return identity(lineage) if lineage is not None else b""
