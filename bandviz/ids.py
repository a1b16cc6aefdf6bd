"""Names of things that events, engine, model and judge all speak of.

Everything here is a plain value: hashable, ordered, and the same in every process.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, NewType

CheckpointId = NewType("CheckpointId", int)
"""Counts from 1 in the order of triggering; 0 stands for "no checkpoint" (an empty start)."""

NO_CHECKPOINT: Final = CheckpointId(0)

ChannelId = NewType("ChannelId", int)
"""Ordinal of a `ChannelDeclared`; stable over restarts, for the edge stays when attempts go."""

TransactionId = NewType("TransactionId", int)
"""Counts from 1 in the order of opening, over one broker; 0 stands for "outside a transaction"."""

_SUBTASK = re.compile(r"(?P<vertex>[A-Za-z0-9][A-Za-z0-9_.-]{0,63})\[(?P<index>\d{1,4})\]\Z")


class SubtaskId(NamedTuple):
    """One parallel instance of a vertex; `index` counts from 0 and is written `count[0]`."""

    vertex: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here

    def __str__(self) -> str:
        return f"{self.vertex}[{self.index}]"

    def __deepcopy__(self, memo: dict[int, Any]) -> SubtaskId:
        return self

    @classmethod
    def parse(cls, text: str) -> SubtaskId:
        """Read `count[0]`. Raises ValueError on any other form."""
        match = _SUBTASK.match(text)
        if match is None:
            raise ValueError(f"{text!r} is not a subtask; write it like count[0]")
        return cls(match["vertex"], int(match["index"]))


class RecordId(NamedTuple):
    """Where a record came from; survives restarts, so a second reading is recognised.

    `path` tells derived records apart: a flat_map appends the ordinal of each output.
    A per-record result (map, running count) keeps the id of the record that caused it.
    """

    source: str
    partition: int
    offset: int
    path: tuple[int, ...] = ()


class ResultId(NamedTuple):
    """A result made of many records: (operator, key, window) with its provenance.

    `count` source records went in; `digest` is the sum modulo 2**64 of `record_hash` over them, so
    that a swap of two records shows even when the count agrees.
    """

    vertex: str
    key: str | int | float | bool | tuple[object, ...] | None
    window_start_ms: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    digest: int


Lineage = RecordId | ResultId
