"""map, filter, flat_map: what comes out of a record depends on nothing else."""

from __future__ import annotations

from bandviz.check.folds.base import Fold, Item, Made, Moment, Site, child


class MapFold(Fold):
    """One row for one."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._call = site.bind(site.spec["function"])

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Time and id stay."""
        return [Made(item._replace(row=self._call(item.row)))]


class FilterFold(MapFold):
    """A row or none."""

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """As it came."""
        return [Made(item)] if self._call(item.row) else []


class FlatMapFold(MapFold):
    """Any number of rows for one."""

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Each with a path of its own."""
        return [
            Made(Item(row, item.time_ms, child(item.id, ordinal)))
            for ordinal, row in enumerate(self._call(item.row))
        ]


class WriterFold(Fold):
    """The first half of a sink: it decides what is to be visible, not when."""

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """As it came."""
        return [Made(item)]
