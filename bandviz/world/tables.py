"""Tables of the world: rows by key, where a repeated write changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bandviz.functions.rows import Row
from bandviz.world.operations import Part, operation


class MemoryTables(Part):
    """`ports.Tables` in memory. A table is made by its first row."""

    part = "tables"

    def __init__(self) -> None:
        self._tables: dict[str, dict[Row, tuple[int, Row]]] = {}
        """By key: its place, in the order in which keys came first, and its row."""
        self._changed: dict[str, dict[Row, None]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryTables:
        twin = MemoryTables()
        twin._tables = {name: rows.copy() for name, rows in self._tables.items()}
        twin._changed = {name: keys.copy() for name, keys in self._changed.items()}
        return twin

    @operation(public=True)
    def upsert(self, table: str, keys: Sequence[Row], rows: Sequence[Row]) -> int:
        """Insert or replace, in order; returns how many rows replaced one."""
        target = self._tables.setdefault(table, {})
        before = len(target)
        for key, row in zip(keys, rows, strict=True):
            found = target.get(key)
            target[key] = (len(target) if found is None else found[0], row)
        self._changed.setdefault(table, {}).update(dict.fromkeys(keys))
        return len(rows) - (len(target) - before)

    def rows(self, table: str) -> tuple[Row, ...]:
        """All rows, in the order in which their keys came first; none if nobody wrote."""
        return tuple(row for _, row in self._tables.get(table, {}).values())

    def take_changed(self, table: str) -> list[tuple[int, Row]]:
        """Places and rows that were written since the last call."""
        rows = self._tables.get(table, {})
        return [rows[key] for key in self._changed.pop(table, ())]
