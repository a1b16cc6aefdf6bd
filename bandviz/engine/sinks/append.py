"""The sink that shows each row at once: at-least-once after a failure."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator
from bandviz.events.records import pieces
from bandviz.events.sink import RowsVisible
from bandviz.ids import TransactionId
from bandviz.ports import LogBroker, WrittenRows


def rows_visible(
    context: Context, topic: str, transaction_id: TransactionId, written: WrittenRows
) -> None:
    """Tell what the public sees from now on, in pieces."""
    for piece in pieces(written.rows, written.lineage):
        context.emitter.control(
            RowsVisible(
                sink=context.subtask.vertex,
                topic=topic,
                transaction_id=transaction_id,
                row_count=piece.row_count,
                rows=piece.rows,
                lineage=piece.lineage,
            )
        )


class AppendSink(Operator):
    """Writes outside any transaction; keeps no state."""

    runs_user_logic = False

    def __init__(self, context: Context, topic: str, broker: LogBroker) -> None:
        super().__init__(context)
        self._topic = topic
        self._broker = broker

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Visible at once."""
        written = WrittenRows(buffer.values, buffer.lineage)
        self._broker.append(self._topic, written)
        rows_visible(self.context, self._topic, TransactionId(0), written)
        return None
