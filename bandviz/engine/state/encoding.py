"""The asynchronous part of a snapshot: frozen state to canonical bytes, slice by slice.

The bytes are those of `pack(plain(state))`. A small state is encoded at one stroke; a large one in
moves between which the job goes on. A plain object, no generator: a clone of the job can go on
with it.
"""

from __future__ import annotations

from typing import Any, Final

import msgpack

from bandviz.engine.state.frozen import NO_KEY_GROUPS, SMALL_ENTRIES, FrozenTable, plain
from bandviz.events.values import pack
from bandviz.functions.rows import Key
from bandviz.graph.key_groups import key_group_of
from bandviz.ids import NO_CHECKPOINT, CheckpointId

SLICE_ENTRIES: Final = 10_000


class Encoding:
    """State on its way to bytes. `done` once `data` holds all of it. `base`: the checkpoint on
    which it builds; 0 for state that is whole.
    """

    def __init__(self, state: dict[str, Any], base: CheckpointId = NO_CHECKPOINT) -> None:
        self.base = base
        self.done = is_small(state)
        self.data = pack(plain(state)) if self.done else b""
        self._sections = sorted(state.items(), reverse=True)
        self._chunks: list[bytes] = [msgpack.Packer().pack_map_header(len(state))]
        self._table: _TableEncoding | None = None

    def advance(self) -> None:
        """Encode one more slice."""
        if self._table is not None:
            if self._table.advance(self._chunks):
                self._table = None
        elif self._sections:
            name, section = self._sections.pop()
            self._chunks.append(pack(name))
            if isinstance(section, FrozenTable):
                self._table = _TableEncoding(section)
            else:
                self._chunks.append(pack(section))
        else:
            self.data = b"".join(self._chunks)
            self._chunks = []
            self.done = True


def is_small(state: dict[str, Any]) -> bool:
    """All of it is here, and few entries."""
    tables = [section for section in state.values() if isinstance(section, FrozenTable)]
    return all(table.whole for table in tables) and sum(map(len, tables)) <= SMALL_ENTRIES


class _TableEncoding:
    """One table: first all keys by key group, then the rows group by group. What stays in the order
    of writing has no key groups: a slice of it is a group.
    """

    def __init__(self, table: FrozenTable) -> None:
        self._table = table
        self._keys = list(table.entries)
        self._at = 0
        self._by_group: dict[int, list[Key]] = {}
        self._groups: list[int] | None = None

    def advance(self, chunks: list[bytes]) -> bool:
        """True when the table is complete."""
        if self._groups is None:
            self._sort_slice(chunks)
            return False
        room = SLICE_ENTRIES
        while self._groups and room > 0:
            keys = self._by_group.pop(self._groups.pop())
            room -= len(keys)
            chunks.append(self._rows(keys))
        return not self._groups

    def _sort_slice(self, chunks: list[bytes]) -> None:
        most, by_group = self._table.max_parallelism, self._by_group
        keys = self._keys[self._at : self._at + SLICE_ENTRIES]
        if most != NO_KEY_GROUPS:
            for key in keys:
                by_group.setdefault(key_group_of(key, most), []).append(key)
        else:
            by_group[self._at] = keys
        self._at += SLICE_ENTRIES
        if self._at >= len(self._keys):
            self._groups = sorted(by_group, reverse=True)
            chunks.append(_array_header(len(self._keys)))
            self._keys = []

    def _rows(self, keys: list[Key]) -> bytes:
        """Packed, without a header of their own."""
        if self._table.max_parallelism != NO_KEY_GROUPS:
            keys = sorted(keys, key=pack)
        return pack(self._table.rows_of(keys))[len(_array_header(len(keys))) :]


def _array_header(count: int) -> bytes:
    header: bytes = msgpack.Packer().pack_array_header(count)
    return header
