"""Two streams: interval join, and records that meet broadcast rules."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, ClassVar, Self

from bandviz.check.folds.base import (
    DROPPED,
    Behind,
    Fold,
    Item,
    Key,
    Made,
    Moment,
    Site,
    timed,
)
from bandviz.functions.registry import from_spec


class IntervalJoinFold(Fold):
    """Cells: (key, time, side) -> the rows that wait there, in order of arrival.

    A left row at t has partners from t + lower to t + upper, and a right one from t - upper to
    t - lower; it goes when the watermark comes to the end of that, or to t if that lies behind.
    Source: Flink's IntervalJoinOperator.
    """

    held: ClassVar[tuple[str, ...]] = ("cells",)

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        spec = site.spec
        self.cells: dict[tuple[Any, int, bool], tuple[Item, ...]] = {}
        self._left_ports: int = spec["left_ports"]
        self._keys = {
            True: Key(site, spec["left_key"], 0),
            False: Key(site, spec["right_key"], self._left_ports),
        }
        self._reach = {
            True: (spec["lower_ms"], spec["upper_ms"]),
            False: (-spec["upper_ms"], -spec["lower_ms"]),
        }
        self._late = {True: spec["late_left"] or DROPPED, False: spec["late_right"] or DROPPED}

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """One pair for each row of the other side in reach, the oldest first."""
        left, time_ms = port < self._left_ports, timed(item, self.site)
        if time_ms < at.watermark_ms:
            return [Made(item, self._late[left])]
        key = self._keys[left].of(item.row)
        place = (key, time_ms, left)
        self.cells[place] = (*self.cells.get(place, ()), item)
        lower_ms, upper_ms = self._reach[left]
        near = sorted(
            other_ms
            for one, other_ms, is_left in self.cells
            if one == key and is_left is not left
            and time_ms + lower_ms <= other_ms <= time_ms + upper_ms
        )  # fmt: skip
        return [
            self._pair(key, *((item, other) if left else (other, item)))
            for other_ms in near
            for other in self.cells[key, other_ms, not left]
        ]

    def _pair(self, key: Any, left: Item, right: Item) -> Made:
        time_ms = max(timed(left, self.site), timed(right, self.site))
        behind = Behind().plus(left).plus(right)
        lineage = self.site.result((key, left.id, right.id), time_ms, behind)
        return Made(Item((*left.row, *right.row), time_ms, lineage))

    def rise(self, at: Moment) -> list[Made]:
        """Forget what can have no partner any more."""
        for place in list(self.cells):
            _, time_ms, left = place
            if time_ms + max(self._reach[left][1], 0) <= at.watermark_ms:
                del self.cells[place]
        return []

    def owner_of(self, name: str, cell: Any, value: Any) -> Any:
        """The first part of a cell."""
        return cell[0]

    def state(self) -> dict[str, Any]:
        """Rows by key and time, side by side."""
        sides: dict[str, dict[Any, list[Any]]] = {"left": {}, "right": {}}
        for (key, time_ms, left), items in self.cells.items():
            rows = [(item.row, item.id) for item in items]
            sides["left" if left else "right"].setdefault(key, []).append((time_ms, rows))
        return {name: list(side.items()) for name, side in sides.items()}


class BroadcastFold(Fold):
    """Cells: name -> contents of a rule. A record sees the rules that came before it."""

    held: ClassVar[tuple[str, ...]] = ("cells",)
    shares: ClassVar[bool] = False

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.cells: dict[Any, Any] = {}
        self._left_ports: int = site.spec["left_ports"]
        function: Any = from_spec(dict(site.spec["function"]))
        self._logic = function.bind(site.fields(0), site.fields(self._left_ports))

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Rows for a record; nothing for a rule."""
        if port < self._left_ports:
            return [Made(item._replace(row=row)) for row in self._logic.apply(self.cells, item.row)]
        name, contents = self._logic.rule(item.row)
        self.cells[name] = contents
        return []

    def adopt(self, parts: Sequence[Self], owned: Container[bytes]) -> None:
        """All hold the same."""
        self.cells = dict(parts[0].cells)

    def state(self) -> dict[str, Any]:
        """A list of pairs."""
        return {"rules": list(self.cells.items())}
