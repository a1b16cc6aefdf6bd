"""A keyed table as it stood at a barrier: frozen at once, put in order when it is stored.

Freezing is a copy of a dict and stops the job; key groups, order and packing are the asynchronous
part. Nothing here changes what it was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bandviz.events.values import pack
from bandviz.functions.rows import Key
from bandviz.graph.key_groups import key_group_of
from bandviz.graph.specs import Shared


class _Gone(Shared):
    """In place of a value: the key has no entry any more."""


GONE: Final = _Gone()

SMALL_ENTRIES: Final = 4_096
"""A state of so many entries is encoded at the barrier, so that its event can show it."""

NO_KEY_GROUPS: Final = 0
"""In place of a maximal parallelism: the entries stay in the order of writing."""

Changes = dict[Key, Any]
"""Entries that were written since the barrier before, `GONE` for those that were removed."""


class FrozenTable(Shared):
    """Entries by key; a clone of the job shares it. Lists and dicts among the values count as
    frozen: whoever holds them copies before writing.

    `max_parallelism`: or `NO_KEY_GROUPS`. `changes`: None if nobody kept account. Not `whole`: a
    table of which only they were frozen.
    """

    __slots__ = ("_entries", "changes", "max_parallelism", "whole")

    def __init__(
        self, entries: dict[Key, Any] | None, max_parallelism: int, changes: Changes | None = None
    ) -> None:
        self._entries = entries or {}
        self.whole = entries is not None
        self.max_parallelism = max_parallelism
        self.changes = changes

    @property
    def entries(self) -> dict[Key, Any]:
        """What was frozen."""
        return self._entries

    def __len__(self) -> int:
        return len(self.entries)

    def rows(self) -> list[tuple[Key, Any]]:
        """(key, plain value), ordered by key group, then by packed key, as snapshots are."""
        most = self.max_parallelism
        if most == NO_KEY_GROUPS:
            return self.rows_of(self.entries)
        order = sorted(self.entries, key=lambda key: (key_group_of(key, most), pack(key)))
        return self.rows_of(order)

    def rows_of(self, keys: Iterable[Key]) -> list[tuple[Key, Any]]:
        """(key, plain value) of each."""
        return [(key, as_plain(self._entries[key])) for key in keys]


def is_few(entries: int) -> bool:
    """So few that all of them are frozen, although only changes are stored: they can be shown."""
    return entries <= SMALL_ENTRIES


def frozen(
    table: dict[Key, Any], max_parallelism: int, changes: Changes, *, whole: bool
) -> FrozenTable:
    """A copy of the table if all of it is wanted; of a small one always, for it can be shown."""
    copied = table.copy() if whole or is_few(len(table)) else None
    return FrozenTable(copied, max_parallelism, changes)


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """A snapshot with its frozen tables put in order: values that pack."""
    return {
        name: section.rows() if isinstance(section, FrozenTable) else section
        for name, section in state.items()
    }


def as_plain(value: Any) -> Any:
    """Containers as tuples; a map as pairs, for its order is part of it."""
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value
