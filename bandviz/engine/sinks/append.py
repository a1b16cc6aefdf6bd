"""The sink that shows each row at once: at-least-once after a failure."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator
from bandviz.engine.sinks.visible import read_on
from bandviz.ports import LogBroker, WrittenRows


class AppendSink(Operator):
    """Writes outside any transaction; keeps no state."""

    runs_user_logic = False
    writes_outside = True

    def __init__(self, context: Context, topic: str, broker: LogBroker) -> None:
        super().__init__(context)
        self._topic = topic
        self._broker = broker

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Visible at once."""
        self._broker.append(self._topic, WrittenRows(buffer.values, buffer.lineage))
        read_on(self.context.emitter, self.context.subtask.vertex, self._topic, self._broker)
        return None
