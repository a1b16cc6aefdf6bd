"""Rolling folds of a key: aggregates, reduce, first-wins deduplication."""

from __future__ import annotations

from typing import Any, ClassVar

from bandviz.check.folds.base import Aggregates, Fold, Item, Key, Made, Moment, Site
from bandviz.functions.rows import Row


class AggregateFold(Fold):
    """Cells: key -> accumulators."""

    held: ClassVar[tuple[str, ...]] = ("cells",)

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.cells: dict[Any, tuple[Any, ...]] = {}
        self._key = Key(site, site.spec["key"])
        self._aggregates = Aggregates(site)
        self._running = site.spec["emit"] == "running"

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Results so far, or a one."""
        key = self._key.of(item.row)
        value = self._aggregates.add(self.cells.get(key, self._aggregates.initial), item.row)
        self.cells[key] = value
        tail: Row = self._aggregates.results(value) if self._running else (1,)
        return [Made(item.with_row((*self._key.columns(key), *tail)))]

    def state(self) -> dict[str, Any]:
        """A list of pairs."""
        return {"keyed": list(self.cells.items())}


class ReduceFold(Fold):
    """Cells: key -> the row reduced so far."""

    held: ClassVar[tuple[str, ...]] = ("cells",)

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.cells: dict[Any, Row] = {}
        self._key = Key(site, site.spec["key"])
        self._combine = site.bind(site.spec["function"])

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """The whole row, with time and id of the newest."""
        key = self._key.of(item.row)
        row = self._combine(self.cells[key], item.row) if key in self.cells else item.row
        self.cells[key] = row
        return [Made(item.with_row(row))]

    def state(self) -> dict[str, Any]:
        """A list of pairs."""
        return {"keyed": list(self.cells.items())}


class DeduplicateFold(Fold):
    """Cells: key -> processing time, in µs, at which it was first seen."""

    held: ClassVar[tuple[str, ...]] = ("cells",)

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.cells: dict[Any, int] = {}
        self._key = Key(site, site.spec["key"])
        self._ttl_us: int = site.spec["ttl_ms"] * 1_000
        self._again: str = site.spec["duplicates"]

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """The first of its key passes; being seen again does not prolong the time to live."""
        key = self._key.of(item.row)
        seen_us = self.cells.get(key)
        if seen_us is not None and (not self._ttl_us or at.now_us < seen_us + self._ttl_us):
            return [Made(item, self._again)] if self._again else []
        self.cells[key] = at.now_us
        return [Made(item)]

    def state(self) -> dict[str, Any]:
        """The keys seen; with their times if they have one to live."""
        cells = self.cells.items()
        return {"keyed": [(key, (True, seen) if self._ttl_us else True) for key, seen in cells]}
