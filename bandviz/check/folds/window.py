"""Keyed event-time windows: tumbling, sliding, session; allowed lateness, late side output.

Cells: (key, start, end) -> contents, `end` exclusive. A window fires when the watermark comes to
its last millisecond, fires again for each record that comes after that, and goes when the watermark
comes to its last millisecond + lateness. Source: Flink's WindowOperator and EventTimeTrigger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

from bandviz.check.folds.base import (
    DROPPED,
    Aggregates,
    Behind,
    Fold,
    Item,
    Key,
    Made,
    Moment,
    Site,
    timed,
)

Assigner = Mapping[str, Any]
"""As it was declared."""

Span = tuple[int, int]
"""(start, end), end exclusive."""


class Contents(NamedTuple):
    """Of one window of one key. `armed`: a timer stands at its last millisecond."""

    value: tuple[Any, ...]
    behind: Behind
    armed: bool = False


class WindowFold(Fold):
    """Any assigner."""

    held: ClassVar[tuple[str, ...]] = ("cells",)
    ordered: ClassVar[bool] = False

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.cells: dict[tuple[Any, int, int], Contents] = {}
        self._key = Key(site, site.spec["key"])
        self._aggregates = Aggregates(site)
        self._assigner: Assigner = site.spec["assigner"]
        self._merges = self._assigner["kind"] == "session"
        self._lateness_ms: int = site.spec["allowed_lateness_ms"]
        self._late: str = site.spec["late"] or DROPPED

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Into each of its windows that is still kept; one that has fired fires again."""
        time_ms, key = timed(item, self.site), self._key.of(item.row)
        made: list[Made] = []
        late = time_ms + self._lateness_ms <= at.watermark_ms
        for assigned in spans(self._assigner, time_ms):
            span, inside = self._around(key, assigned)
            if self._is_over(span, at):
                continue
            late = False
            old = self._merged([self.cells[cell] for cell in inside])
            for swallowed in [cell for cell in inside if cell[1:] != span]:
                del self.cells[swallowed]
            value, armed = self._aggregates.add(old.value, item.row), span[1] - 1 > at.watermark_ms
            self.cells[key, *span] = Contents(value, old.behind.plus(item), armed)
            if not armed:
                made.append(self._result((key, *span)))
        return [Made(item, self._late)] if late else made

    def rise(self, at: Moment) -> list[Made]:
        """Fire what has come to its end, forget what is over."""
        made: list[Made] = []
        for cell in [cell for cell in self.cells if cell[2] - 1 <= at.watermark_ms]:
            if self.cells[cell].armed:
                made.append(self._result(cell))
                self.cells[cell] = self.cells[cell]._replace(armed=False)
            if self._is_over(cell[1:], at):
                del self.cells[cell]
        return made

    def state(self) -> dict[str, Any]:
        """Open windows, by key and start."""
        panes: dict[Any, list[tuple[Any, ...]]] = {}
        for key, start, end in sorted(self.cells, key=lambda cell: cell[1:]):
            value, behind, armed = self.cells[key, start, end]
            origin = (behind.count, behind.digest)
            panes.setdefault(key, []).append(((start, end), value, origin, not armed))
        return {"panes": list(panes.items())}

    def owner_of(self, name: str, cell: Any, value: Any) -> Any:
        """The first part of a cell."""
        return cell[0]

    def _is_over(self, span: Span, at: Moment) -> bool:
        return span[1] - 1 + self._lateness_ms <= at.watermark_ms

    def _around(self, key: Any, span: Span) -> tuple[Span, list[tuple[Any, int, int]]]:
        """The window itself; for sessions, it and all that overlap it or touch it, as one."""
        if not self._merges:
            return span, [(key, *span)] if (key, *span) in self.cells else []
        inside = [
            cell
            for cell in self.cells
            if cell[0] == key and cell[1] <= span[1] and span[0] <= cell[2]
        ]
        spans = [span, *(cell[1:] for cell in inside)]
        return (min(start for start, _ in spans), max(end for _, end in spans)), inside

    def _merged(self, parts: list[Contents]) -> Contents:
        if not parts:
            return Contents(self._aggregates.initial, Behind())
        value, behind, _ = parts[0]
        for part in parts[1:]:
            for item in part.behind.items():
                value, behind = self._aggregates.add(value, item.row), behind.plus(item)
        return Contents(value, behind)

    def _result(self, cell: tuple[Any, int, int]) -> Made:
        key, start, end = cell
        value, behind, _ = self.cells[cell]
        bounds = (start, end) if self._merges else (start,)
        row = (*self._key.columns(key), *bounds, *self._aggregates.results(value))
        return Made(Item(row, end - 1, self.site.result(key, start, behind)))


def spans(assigner: Assigner, time_ms: int) -> list[Span]:
    """The windows that a record of this time belongs to."""
    return _ASSIGNERS[assigner["kind"]](assigner, time_ms)


def _tumbling(assigner: Assigner, time_ms: int) -> list[Span]:
    start = time_ms - (time_ms - assigner["offset_ms"]) % assigner["size_ms"]
    return [(start, start + assigner["size_ms"])]


def _sliding(assigner: Assigner, time_ms: int) -> list[Span]:
    last = time_ms - (time_ms - assigner["offset_ms"]) % assigner["slide_ms"]
    starts = range(last, time_ms - assigner["size_ms"], -assigner["slide_ms"])
    return [(start, start + assigner["size_ms"]) for start in starts]


def _session(assigner: Assigner, time_ms: int) -> list[Span]:
    return [(time_ms, time_ms + assigner["gap_ms"])]


_ASSIGNERS: Final = {"tumbling": _tumbling, "sliding": _sliding, "session": _session}
