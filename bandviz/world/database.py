"""Topics and tables as a SQLite database: what readers see, for a person with any SQLite tool.

A table of the job is a table with its key. An output topic is its log, `NAME_log`, and a view of
what a `read_committed` reader sees, `NAME`; the transactions have a table of their own. It is
written and never read back; WAL mode, so that a reader and the run do not wait for each other, and
a kill leaves all of a change or nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from bandviz.errors import BandvizError
from bandviz.events.values import json_value
from bandviz.functions.rows import Fields
from bandviz.graph.specs import JobGraph, SinkContract, SinkSpec
from bandviz.ids import TransactionId
from bandviz.text import door
from bandviz.world.broker import MemoryBroker, TransactionState
from bandviz.world.tables import MemoryTables

_INT64: Final = range(-(2**63), 2**63)
_OWN: Final = "sqlite_"
"""Names of SQLite's own tables begin so."""


class Write(NamedTuple):
    """A statement, and the rows that it is executed for."""

    statement: str
    rows: Iterable[Sequence[Any]] = ((),)


class Shown(Protocol):
    """One thing of the world that the database shows."""

    def create(self) -> Iterator[Write]:
        """Make its tables, empty."""
        ...

    def news(self) -> Iterator[Write]:
        """What was not yet told by an earlier call; at first everything."""
        ...


class Database:
    """A file that `show` makes look like the world."""

    def __init__(self, path: Path, shown: Sequence[Shown]) -> None:
        self._path = path
        self._shown = shown
        self._connection: sqlite3.Connection | None = None

    def show(self) -> None:
        """Write what is new since the last call; the first call writes all of it anew.

        Raises BandvizError; after that it must not be called again.
        """
        with self._explained():
            news = chain.from_iterable([one.news() for one in self._shown])
            if self._connection is None:
                self._connection = _opened(self._path)
                made = chain.from_iterable([one.create() for one in self._shown])
                news = chain(_drops(self._connection), made, news)
            _execute(self._connection, list(news))

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with self._explained():
                connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            raise BandvizError(
                f"cannot write {door(str(self._path))}: {error}", _HINTS.get(code, "")
            ) from None


_DAMAGED: Final = "delete it: it is made again from the journal"
_NOT_YOURS: Final = "it has to be yours to write"
_HINTS: Final = {
    sqlite3.SQLITE_CANTOPEN: _NOT_YOURS,
    sqlite3.SQLITE_READONLY: _NOT_YOURS,
    sqlite3.SQLITE_BUSY: "end the program that writes to it",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # the journal is synced; this is made again
    return connection


def _execute(connection: sqlite3.Connection, writes: Sequence[Write]) -> None:
    if not writes:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement, rows in writes:
        connection.executemany(statement, rows)
    connection.execute("COMMIT")


def _drops(connection: sqlite3.Connection) -> list[Write]:
    """What another process had shown."""
    found = connection.execute("SELECT type, name FROM sqlite_master WHERE type IN (?, ?)",
                               ("table", "view"))  # fmt: skip
    return [
        Write(f"DROP {kind} {_quoted(name)}") for kind, name in found if not name.startswith(_OWN)
    ]


def shown_of(graph: JobGraph, broker: MemoryBroker, tables: MemoryTables) -> list[Shown]:
    """All that a run shows, but files. A topic or table belongs to one sink."""
    taken: set[str] = set()
    sinks = [
        (spec, vertex.fields, _distinct(spec.topic, taken))
        for vertex in graph.vertices
        if isinstance(spec := vertex.spec, SinkSpec) and spec.contract is not SinkContract.FILE
    ]
    transactions = Transactions(_distinct("transactions", taken), broker)
    shown: list[Shown] = [transactions]
    for spec, fields, name in sinks:
        if spec.contract is SinkContract.UPSERT:
            shown.append(Table(name, spec, fields, tables))
        else:
            log = _distinct(f"{name}_log", taken)
            shown.append(OutputLog(name, log, transactions.name, spec.topic, fields, broker))
    return shown


class Table:
    """A table of an upsert sink. `rowid` is the place of its key, by which rows are replaced: a key
    may have parts that SQLite takes for no value.
    """

    def __init__(self, name: str, spec: SinkSpec, fields: Fields, tables: MemoryTables) -> None:
        self._name = name
        self._columns = _columns(fields)
        self._key = [self._columns[fields.index(one)] for one in spec.upsert_key]
        self._topic = spec.topic
        self._tables = tables

    def create(self) -> Iterator[Write]:
        """With its primary key."""
        yield _create(self._name, self._columns, self._key)

    def news(self) -> Iterator[Write]:
        """Rows that were written."""
        rows = [(place, *_cells(row)) for place, row in self._tables.take_changed(self._topic)]
        if rows:
            yield _insert(self._name, ["rowid", *self._columns], rows)


class Transactions:
    """Of all producers."""

    def __init__(self, name: str, broker: MemoryBroker) -> None:
        self.name = name
        self._columns = ["transaction_id", "producer", "epoch", "state"]
        self._broker = broker
        self._undecided: list[TransactionId] = []
        self._count = 0

    def create(self) -> Iterator[Write]:
        """By number."""
        yield _create(self.name, self._columns, self._columns[:1])

    def news(self) -> Iterator[Write]:
        """Those that began, or may have been decided."""
        first, self._count = self._count + 1, self._broker.transaction_count
        begun = map(TransactionId, range(first, self._count + 1))
        found = [(key, *self._broker.look(key)) for key in (*self._undecided, *begun)]
        self._undecided = [key for key, *_, state in found if state.is_undecided]
        rows = [(key, producer, epoch, state.value) for key, producer, epoch, state in found]
        if rows:
            yield _insert(self.name, self._columns, rows)


class OutputLog:
    """An output topic. The view's WHERE is the rule of a `read_committed` reader."""

    def __init__(
        self, name: str, log: str, transactions: str, topic: str, fields: Fields,
        broker: MemoryBroker,
    ) -> None:  # fmt: skip
        self._name, self._log, self._transactions = name, log, transactions
        self._columns = _columns(("offset", "transaction_id"), fields)
        self._topic = topic
        self._broker = broker
        self._segments = self._rows = 0

    def create(self) -> Iterator[Write]:
        """The log, and what can be read of it."""
        offset, transaction, *fields = self._columns
        yield _create(self._log, self._columns, [offset])
        log, decided = _quoted(self._log), _quoted(self._transactions)
        joined = (
            f"{log} LEFT JOIN {decided} AS t ON t.transaction_id = {log}.{_quoted(transaction)}"
        )
        undecided = ", ".join(f"'{one.value}'" for one in TransactionState if one.is_undecided)
        yield Write(
            f"CREATE VIEW {_quoted(self._name)} AS"
            f" SELECT {', '.join(f'{log}.{_quoted(one)}' for one in fields)} FROM {joined}"
            f" WHERE ifnull(t.state, 'committed') = 'committed' AND {log}.{_quoted(offset)} <"
            f" ifnull((SELECT min({log}.{_quoted(offset)}) FROM {joined}"
            f" WHERE t.state IN ({undecided})), {_INT64[-1]}) ORDER BY {log}.{_quoted(offset)}"
        )

    def news(self) -> Iterator[Write]:
        """What was written to it."""
        rows = []
        for owner, written in self._broker.segments(self._topic, self._segments):
            self._segments += 1
            for row in written.rows:
                rows.append((self._rows, owner or None, *_cells(row)))
                self._rows += 1
        if rows:
            yield _insert(self._log, self._columns, rows)


def _create(name: str, columns: Sequence[str], key: Sequence[str]) -> Write:
    """Without types: values are kept, and compared, as they are."""
    named = ", ".join(map(_quoted, columns))
    primary = ", ".join(map(_quoted, key))
    return Write(f"CREATE TABLE {_quoted(name)} ({named}, PRIMARY KEY ({primary}))")


def _insert(name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Write:
    named, marks = ", ".join(map(_quoted, columns)), ", ".join("?" * len(columns))
    return Write(f"INSERT OR REPLACE INTO {_quoted(name)} ({named}) VALUES ({marks})", rows)


def _columns(*names: Sequence[str]) -> list[str]:
    """Distinct names for SQLite, to which `a` and `A` are one."""
    taken: set[str] = set()
    return [_distinct(name, taken) for name in chain.from_iterable(names)]


def _distinct(name: str, taken: set[str]) -> str:
    while name.lower() in taken or name.lower().startswith(_OWN):
        name = f"_{name}"
    taken.add(name.lower())
    return name


def _cells(row: Sequence[Any]) -> list[Any]:
    return [one if _is_cell(one) else json.dumps(json_value(one)) for one in row]


def _is_cell(value: object) -> bool:
    """Whether SQLite can keep it as it is; what it cannot is shown as JSON."""
    if isinstance(value, int):
        return value in _INT64
    return isfinite(value) if isinstance(value, float) else not isinstance(value, (tuple, list))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
