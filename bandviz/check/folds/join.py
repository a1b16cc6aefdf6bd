"""Two streams: joins, and records that meet broadcast rules."""

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
from bandviz.check.folds.window import Assigner, spans
from bandviz.functions.registry import from_spec


class JoinFold(Fold):
    """Cells: (key, time, side) -> the rows that wait there, in order of arrival."""

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
        self._late = {True: spec["late_left"] or DROPPED, False: spec["late_right"] or DROPPED}

    def _keep(self, key: Any, time_ms: int, left: bool, item: Item) -> None:
        place = (key, time_ms, left)
        self.cells[place] = (*self.cells.get(place, ()), item)

    def _pair(self, key: Any, left: Item, right: Item, time_ms: int, of_ms: int) -> Made:
        behind = Behind().plus(left).plus(right)
        lineage = self.site.result((key, left.id, right.id), of_ms, behind)
        return Made(Item((*left.row, *right.row), time_ms, lineage))

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


class IntervalJoinFold(JoinFold):
    """A left row at t has partners from t + lower to t + upper, and a right one from t - upper to
    t - lower; it goes when the watermark comes to the end of that, or to t if that lies behind.
    Source: Flink's IntervalJoinOperator.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        lower_ms, upper_ms = site.spec["lower_ms"], site.spec["upper_ms"]
        self._reach = {True: (lower_ms, upper_ms), False: (-upper_ms, -lower_ms)}

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """One pair for each row of the other side in reach, the oldest first."""
        left, time_ms = port < self._left_ports, timed(item, self.site)
        if time_ms < at.watermark_ms:
            return [Made(item, self._late[left])]
        key = self._keys[left].of(item.row)
        self._keep(key, time_ms, left, item)
        lower_ms, upper_ms = self._reach[left]
        near = sorted(
            other_ms
            for one, other_ms, is_left in self.cells
            if one == key and is_left is not left
            and time_ms + lower_ms <= other_ms <= time_ms + upper_ms
        )  # fmt: skip
        pairs = []
        for other_ms in near:
            later_ms = max(time_ms, other_ms)
            for other in self.cells[key, other_ms, not left]:
                both = (item, other) if left else (other, item)
                pairs.append(self._pair(key, *both, later_ms, later_ms))
        return pairs

    def rise(self, at: Moment) -> list[Made]:
        """Forget what can have no partner any more."""
        for place in list(self.cells):
            _, time_ms, left = place
            if time_ms + max(self._reach[left][1], 0) <= at.watermark_ms:
                del self.cells[place]
        return []


class WindowJoinFold(JoinFold):
    """Rows wait under the start of their windows; one meets the others when its last millisecond
    comes. Source: Flink's JoinedStreams.
    """

    ordered: ClassVar[bool] = False

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._assigner: Assigner = site.spec["assigner"]

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Late if its windows are over, or if it has none and its own time is."""
        left, time_ms = port < self._left_ports, timed(item, self.site)
        key, late = self._keys[left].of(item.row), time_ms <= at.watermark_ms
        for start_ms, end_ms in spans(self._assigner, time_ms):
            if end_ms - 1 > at.watermark_ms:
                late = False
                self._keep(key, start_ms, left, item)
        return [Made(item, self._late[left])] if late else []

    def rise(self, at: Moment) -> list[Made]:
        """All pairs of the windows that have ended, which are forgotten."""
        over = {
            (key, start_ms): None
            for key, start_ms, _ in self.cells
            if start_ms + self._assigner["size_ms"] - 1 <= at.watermark_ms
        }
        made = []
        for key, start_ms in over:
            lefts, rights = (self.cells.pop((key, start_ms, left), ()) for left in (True, False))
            last_ms = start_ms + self._assigner["size_ms"] - 1
            made += [
                self._pair(key, left, right, last_ms, start_ms)
                for left in lefts
                for right in rights
            ]
        return made


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
            return [Made(item.with_row(row)) for row in self._logic.apply(self.cells, item.row)]
        name, contents = self._logic.rule(item.row)
        self.cells[name] = contents
        return []

    def adopt(self, parts: Sequence[Self], owned: Container[bytes]) -> None:
        """All hold the same."""
        self.cells = dict(parts[0].cells)

    def state(self) -> dict[str, Any]:
        """A list of pairs."""
        return {"rules": list(self.cells.items())}
