"""The sink that keeps one row a key: a repeated row changes nothing in the end.

Idempotent, so exactly-once in its final contents. On the way readers see a table go back after a
restore and come forward again with the replay.
"""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator
from bandviz.events.records import pieces
from bandviz.events.sink import RowsUpserted
from bandviz.functions.rows import Fields
from bandviz.graph.specs import SinkSpec
from bandviz.ports import Tables


class UpsertSink(Operator):
    """Keeps no state: what it knows is in the table, and that lies outside."""

    runs_user_logic = False
    writes_outside = True

    def __init__(self, context: Context, spec: SinkSpec, fields: Fields, tables: Tables) -> None:
        super().__init__(context)
        self._table = spec.topic
        self._places = [fields.index(name) for name in spec.upsert_key]
        self._tables = tables

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Visible at once, in place of the rows with the same keys."""
        at = 0
        for piece in pieces(buffer.values, buffer.lineage):
            rows = buffer.values[at : at + piece.row_count]
            keys = [tuple([row[place] for place in self._places]) for row in rows]
            self.context.emitter.control(
                RowsUpserted(
                    sink=self.context.subtask.vertex,
                    topic=self._table,
                    row_count=piece.row_count,
                    replaced_count=self._tables.upsert(self._table, keys, rows),
                    rows=piece.rows,
                    lineage=piece.lineage,
                )
            )
            at += piece.row_count
        return None
