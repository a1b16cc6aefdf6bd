"""The sink that shows each row at once: at-least-once after a failure."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator
from bandviz.events.records import pack_lineage
from bandviz.events.sink import RowsVisible
from bandviz.events.values import pack
from bandviz.ids import TransactionId
from bandviz.ports import LogBroker, WrittenRows

ROWS_AN_EVENT = 256
"""Keeps `RowsVisible` below 64 KiB for rows of up to some 200 bytes."""


def rows_visible(
    context: Context, topic: str, transaction_id: TransactionId, written: WrittenRows
) -> None:
    """Tell what the public sees from now on, in pieces."""
    for at in range(0, len(written.rows), ROWS_AN_EVENT):
        rows = written.rows[at : at + ROWS_AN_EVENT]
        ids = written.lineage[at : at + ROWS_AN_EVENT] if written.lineage is not None else ()
        context.emitter.control(
            RowsVisible(
                sink=context.subtask.vertex,
                topic=topic,
                transaction_id=transaction_id,
                row_count=len(rows),
                rows=pack(list(rows)),
                lineage=pack_lineage(ids),
            )
        )


class AppendSink(Operator):
    """Writes outside any transaction; keeps no state."""

    def __init__(self, context: Context, topic: str, broker: LogBroker) -> None:
        super().__init__(context)
        self._topic = topic
        self._broker = broker

    def process(self, buffer: RecordBuffer, watermark_ms: int) -> RecordBuffer | None:
        """Visible at once."""
        written = WrittenRows(buffer.values, buffer.lineage)
        self._broker.append(self._topic, written)
        rows_visible(self.context, self._topic, TransactionId(0), written)
        return None
