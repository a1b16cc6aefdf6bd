"""RECORD events that several keyed operators emit; callers ask `emitter.record` before."""

from __future__ import annotations

from bandviz.engine.operators.base import Context
from bandviz.events.flow import RecordApplied
from bandviz.events.keyed import StateDropped
from bandviz.events.values import pack
from bandviz.functions.rows import Key
from bandviz.ids import Lineage

NO_WINDOW = -1


def tell_applied(
    context: Context, key: Key, value: bytes, lineage: Lineage | None, time_ms: int = NO_WINDOW
) -> None:
    """A record went into the entry of a key (and of a time); `value`: the entry now, packed."""
    context.emitter.on_record(
        RecordApplied(
            subtask=context.subtask,
            key=pack(key),
            window_start_ms=time_ms,
            value=value,
            lineage=pack(lineage) if lineage is not None else b"",
        )
    )


def tell_dropped(context: Context, key: Key, time_ms: int = NO_WINDOW) -> None:
    """The entry is gone."""
    context.emitter.on_record(
        StateDropped(subtask=context.subtask, key=pack(key), window_start_ms=time_ms)
    )
