"""A record on which user logic raises, whatever the logic is: put in as a fault."""

from __future__ import annotations

from typing import NoReturn

from bandviz.ids import Lineage, RecordId


def choke_on(record: Lineage) -> NoReturn:
    """Raises ValueError that names the record."""
    if isinstance(record, RecordId):
        raise ValueError(f"cannot digest record {record.offset} of {record.source}")
    raise ValueError(f"cannot digest a result of {record.vertex}")
