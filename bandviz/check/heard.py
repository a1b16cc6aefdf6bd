"""What came out, and how much of the run the judge could hear: what it missed proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from bandviz.check.book import Book
from bandviz.check.compare import VisibleRow, read_id
from bandviz.check.declared import Declared
from bandviz.check.network import Money
from bandviz.check.waits import who_waits
from bandviz.events import Entry, Event, Level
from bandviz.events.flow import LateRecordDropped
from bandviz.events.job import RunEnded, RunStatus
from bandviz.events.sink import RowsUpserted, RowsVisible
from bandviz.events.time import LateRecordDiverted
from bandviz.events.values import pack, unpack
from bandviz.ids import Lineage

UNFINISHED: Final = "the run did not finish"
KEPT: Final = 100
"""Most violations, and most unreadable entries, that one judge keeps."""


class Heard:
    """`visible`: rows by sink. `late`: packed ids of all that any attempt turned away."""

    def __init__(self, job: Declared, book: Book, money: Money) -> None:
        self._job, self._book, self._money = job, book, money
        self._level = Level.CONTROL
        self._ended: RunEnded | None = None
        self._unreadable: list[str] = []
        self.visible: dict[str, list[VisibleRow]] = {}
        self.late: dict[bytes, None] = {}
        self.notes: dict[type[Event], Callable[[Any], None]] = {
            RunEnded: self._run_ended,
            RowsVisible: self._rows_visible,
            RowsUpserted: self._rows_upserted,
            LateRecordDropped: self._turned_away,
            LateRecordDiverted: self._turned_away,
        }

    def kind(self, kind: type[Event]) -> None:
        """An event of this kind is in the recording."""
        self._level = max(self._level, kind.level)

    def cannot_use(self, entry: Entry, error: Exception) -> None:
        """Its contents are not what they should be."""
        if len(self._unreadable) < KEPT:
            name = type(entry.event).__name__
            self._unreadable.append(f"{name} at ({entry.step}, {entry.k}) cannot be used: {error}")

    def _run_ended(self, event: RunEnded) -> None:
        self._ended = event

    def _turned_away(self, event: LateRecordDropped | LateRecordDiverted) -> None:
        self.late[event.lineage] = None

    def _rows_upserted(self, event: RowsUpserted) -> None:
        self._book.keep(event)
        self._rows_visible(event)

    def _rows_visible(self, event: RowsVisible | RowsUpserted) -> None:
        rows = [pack(row) for row in unpack(event.rows)]
        ids: list[Lineage | None] = [read_id(item) for item in unpack(event.lineage)]
        pairs = list(zip(ids or [None] * len(rows), rows, strict=True))
        self.visible.setdefault(event.sink, []).extend(pairs)

    @property
    def all_of_it(self) -> bool:
        """Nothing more is to come and all of it was heard: what is missing now is lost."""
        finished = self._ended is not None and self._ended.status is RunStatus.FINISHED
        return finished and not self._unreadable and not self._book.stopped_by

    def tells(self, level: Level) -> bool:
        """Whether facts of this level are there."""
        return self._level >= level

    def enough(self, level: Level) -> bool:
        """The same; without any input there are none to miss."""
        nothing_moves = self._job.record_count == 0 and not self._money.is_there
        return self.tells(level) or nothing_moves

    def gaps(self) -> Iterator[str]:
        """What could not be heard, in sentences."""
        yield from self._unreadable
        if self._job.run is None:
            yield "the run was not declared"
        if self._ended is None:
            yield "the run has not ended"
        elif self._ended.status is not RunStatus.FINISHED:
            yield self._unfinished(self._ended)
        if self._book.stopped_by:
            yield (
                f"the job was stopped behind savepoint {self._book.stopped_by}: the rest of its "
                "input is for the job that goes on from there"
            )
        if not self.enough(Level.FLOW):
            yield "channels were not recorded, so no cut could be checked"
        elif self._money.is_there and not self.tells(Level.RECORD):
            yield "single transfers were not recorded, so nothing could be added up"

    def _unfinished(self, ended: RunEnded) -> str:
        """How it ended instead; of a run that is stuck, who waits for whom."""
        said = f"{UNFINISHED}: {ended.status.value}, {ended.reason}"
        waits = who_waits(self._book) if ended.status is RunStatus.STUCK else ""
        return f"{said}; who waits for whom, {waits}" if waits else said
