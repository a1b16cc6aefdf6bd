"""Lineage in packed form, and the hash by which provenance adds up.

A packed id is `[source, partition, offset, path]` or `[vertex, key, window_start_ms, count,
digest]`; the forms are told apart by their length.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from bandviz.events.values import pack, unpack
from bandviz.ids import Lineage, RecordId, ResultId

DIGEST_MASK: Final = (1 << 64) - 1
_RECORD_LEN: Final = 4
_RESULT_LEN: Final = 5


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


def record_hash(record: RecordId) -> int:
    """64 bits of a source record's identity (path left out), equal in every process."""
    text = f"{record.source}/{record.partition}/{record.offset}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def provenance(lineage: Lineage) -> tuple[int, int]:
    """(count, digest) of the source records behind one id."""
    if isinstance(lineage, RecordId):
        return 1, record_hash(lineage)
    return lineage.count, lineage.digest
