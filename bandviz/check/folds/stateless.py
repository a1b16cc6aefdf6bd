"""map, filter, flat_map: what comes out of a record depends on nothing else."""

from __future__ import annotations

from bandviz.check.folds.base import Fold, Item, Made, Moment, Site, child


class MapFold(Fold):
    """One row for one; a row that user logic fails on is left out or put aside, if declared so."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._call = site.bind(site.spec["function"])
        self._on_error = site.spec.get("on_error", "fail")

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Raises what user logic raises, if the job fails with it."""
        try:
            return self._made(item)
        except Exception:  # user functions may raise anything
            if self._on_error == "fail":
                raise
            return [Made(item, self.site.spec["errors"])] if self._on_error == "side" else []

    def _made(self, item: Item) -> list[Made]:
        """Time and id stay."""
        return [Made(item.with_row(self._call(item.row)))]


class FilterFold(MapFold):
    """A row or none."""

    def _made(self, item: Item) -> list[Made]:
        """As it came."""
        return [Made(item)] if self._call(item.row) else []


class FlatMapFold(MapFold):
    """Any number of rows for one."""

    def _made(self, item: Item) -> list[Made]:
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
