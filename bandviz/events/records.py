"""Lineage in packed form, and the hash by which provenance adds up.

A packed id is `[source, partition, offset, path]` or `[vertex, key, window_start_ms, count,
digest]`; the forms are told apart by their length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from bandviz.events.values import VALUE_BYTES_MAX, pack, unpack
from bandviz.ids import Lineage, RecordId, ResultId

ROWS_A_PIECE: Final = 256
Row = tuple[Any, ...]


class Piece(NamedTuple):
    """Some rows in packed form, with their ids."""

    row_count: int
    rows: bytes
    lineage: bytes


DIGEST_MASK: Final = (1 << 64) - 1
_RECORD_LEN: Final = 4
_RESULT_LEN: Final = 5
_NO_IDS: Final = pack(())


def pack_lineage(lineage: Sequence[Lineage]) -> bytes:
    """One id a record, in order; the form of every `lineage` field that holds several."""
    return pack(tuple(lineage))


def unpack_lineage(data: bytes) -> list[Lineage]:
    """Raises ValueError if `data` is not a packed list of ids."""
    return [lineage_of(item) for item in unpack(data)]


def lineage_of(item: Any) -> Lineage:
    """One id from its unpacked tuple. Raises ValueError on another shape."""
    if isinstance(item, tuple):
        if len(item) == _RECORD_LEN:
            return RecordId(*item)
        if len(item) == _RESULT_LEN:
            return ResultId(*item)
    raise ValueError(f"not a record id: {item!r:.60}")


def pieces(rows: Sequence[Row], lineage: Sequence[Lineage] | None = None) -> Iterator[Piece]:
    """Cut rows so that each piece fits an event. Raises ValueError for a row that never will."""
    at, count = 0, ROWS_A_PIECE
    while at < len(rows):
        part = rows[at : at + count]
        packed = pack(list(part))
        ids = pack_lineage(lineage[at : at + count]) if lineage is not None else _NO_IDS
        if max(len(packed), len(ids)) <= VALUE_BYTES_MAX:
            yield Piece(len(part), packed, ids)
            at, count = at + len(part), ROWS_A_PIECE
        elif len(part) == 1:
            raise ValueError(f"a row of {len(packed)} bytes does not fit an event")
        else:
            count = len(part) // 2


def record_hash(record: RecordId) -> int:
    """64 bits of a source record's identity (path left out), equal in every process."""
    text = f"{record.source}/{record.partition}/{record.offset}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def provenance(lineage: Lineage) -> tuple[int, int]:
    """(count, digest) of the source records behind one id."""
    if isinstance(lineage, RecordId):
        return 1, record_hash(lineage)
    return lineage.count, lineage.digest
