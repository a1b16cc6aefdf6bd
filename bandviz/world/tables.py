"""Tables of the world: rows by key, where a repeated write changes nothing.

The truth is kept in memory, so that a branch can copy it; `write_sqlite` puts it into a file that
any tool can query.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from bandviz.errors import BandvizError
from bandviz.functions.rows import Fields, Row
from bandviz.world.operations import Part, operation

_TYPES: Final = {int: "INTEGER", bool: "INTEGER", float: "REAL", str: "TEXT", bytes: "BLOB"}


class MemoryTables(Part):
    """`ports.Tables` in memory. A table is made by its first row."""

    part = "tables"

    def __init__(self) -> None:
        self._tables: dict[str, dict[Row, Row]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryTables:
        twin = MemoryTables()
        twin._tables = {name: rows.copy() for name, rows in self._tables.items()}
        return twin

    @operation(public=True)
    def upsert(self, table: str, keys: Sequence[Row], rows: Sequence[Row]) -> int:
        """Insert or replace, in order; returns how many rows replaced one."""
        target = self._tables.setdefault(table, {})
        before = len(target)
        for key, row in zip(keys, rows, strict=True):
            target[key] = row
        return len(rows) - (len(target) - before)

    def rows(self, table: str) -> tuple[Row, ...]:
        """All rows, in the order in which their keys came first; none if nobody wrote."""
        return tuple(self._tables.get(table, {}).values())


def write_sqlite(
    path: Path, tables: MemoryTables, columns: Mapping[str, tuple[Fields, Fields]]
) -> None:
    """Replace the tables in a database file, in one transaction; other tables in it stay.

    `columns`: by table, its columns and those of its key. Raises BandvizError if SQLite cannot.
    """
    try:
        with closing(sqlite3.connect(path)) as database, database:
            for table, (fields, key) in columns.items():
                _write_table(database, table, fields, key, tables.rows(table))
    except sqlite3.Error as error:
        raise BandvizError(f"cannot write {path}: {error}", "is it a SQLite database?") from None


def _write_table(
    database: sqlite3.Connection, table: str, fields: Fields, key: Fields, rows: Sequence[Row]
) -> None:
    typed = [f"{_quoted(name)} {_type(rows, place)}" for place, name in enumerate(fields)]
    primary = ", ".join(map(_quoted, key))
    database.execute(f"DROP TABLE IF EXISTS {_quoted(table)}")
    database.execute(f"CREATE TABLE {_quoted(table)} ({', '.join(typed)}, PRIMARY KEY ({primary}))")
    marks = ", ".join("?" * len(fields))
    database.executemany(f"INSERT INTO {_quoted(table)} VALUES ({marks})", rows)


def _type(rows: Sequence[Row], place: int) -> str:
    """By the first value that is not None."""
    value = next((row[place] for row in rows if row[place] is not None), "")
    return _TYPES[type(value)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
