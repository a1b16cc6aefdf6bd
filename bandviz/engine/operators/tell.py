"""What several keyed operators tell. Before a RECORD event callers ask `emitter.record`."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context
from bandviz.events.flow import OUTSIDE_WINDOWS, LateRecordDropped, RecordApplied
from bandviz.events.keyed import StateDropped
from bandviz.events.time import LateRecordDiverted
from bandviz.events.values import pack
from bandviz.functions.rows import Key
from bandviz.ids import Lineage


def tell_applied(
    context: Context,
    key: Key,
    value: bytes,
    lineage: Lineage | None,
    time_ms: int = OUTSIDE_WINDOWS,
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


def tell_dropped(context: Context, key: Key, time_ms: int = OUTSIDE_WINDOWS) -> None:
    """The entry is gone."""
    context.emitter.on_record(
        StateDropped(subtask=context.subtask, key=pack(key), window_start_ms=time_ms)
    )


def tell_late(
    context: Context, buffer: RecordBuffer, place: int, watermark_ms: int, side: str
) -> None:
    """A record came too late to be taken in: it will go to `side`, or is dropped if that is empty.
    Told as it comes, while the side output gets all of a buffer at once.
    """
    assert buffer.times_ms is not None
    time_ms = buffer.times_ms[place]
    lineage = pack(buffer.lineage[place]) if buffer.lineage is not None else b""
    context.emitter.control(
        LateRecordDiverted(
            subtask=context.subtask,
            event_time_ms=time_ms,
            watermark_ms=watermark_ms,
            side=side,
            lineage=lineage,
        )
        if side
        else LateRecordDropped(
            subtask=context.subtask,
            event_time_ms=time_ms,
            watermark_ms=watermark_ms,
            lineage=lineage,
        )
    )
