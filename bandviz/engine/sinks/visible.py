"""What the public sees: told whenever its reader has come further."""

from __future__ import annotations

from bandviz.engine.emitter import Emitter
from bandviz.events.records import pieces
from bandviz.events.sink import ReadersHeld, RowsVisible
from bandviz.ports import Transactions


def read_on(emitter: Emitter, sink: str, topic: str, outside: Transactions) -> None:
    """Let the `read_committed` reader go on: after rows were appended, or a transaction decided."""
    reading = outside.poll(topic)
    for transaction_id, written in reading.revealed:
        for piece in pieces(written.rows, written.lineage):
            emitter.control(
                RowsVisible(
                    sink=sink,
                    topic=topic,
                    transaction_id=transaction_id,
                    row_count=piece.row_count,
                    rows=piece.rows,
                    lineage=piece.lineage,
                )
            )
    if reading.held_changed:
        emitter.control(
            ReadersHeld(
                sink=sink,
                topic=topic,
                last_stable_offset=reading.last_stable_offset,
                held_row_count=reading.held_row_count,
                waits_for=reading.waits_for,
            )
        )
