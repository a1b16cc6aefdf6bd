"""The two-phase-commit sink: rows become visible when their checkpoint completes.

Source: Flink's TwoPhaseCommitSinkFunction; semantics.md 4.1. Pre-commit at the snapshot, commit on
the notification, commit again on restore (so commit must be idempotent). A new attempt fences its
predecessor, which aborts whatever the restored state does not know.
"""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.sinks.append import rows_visible
from bandviz.errors import require
from bandviz.events.records import pieces
from bandviz.events.sink import (
    AbortCause,
    ProducerFenced,
    RowsWritten,
    TransactionAborted,
    TransactionCommitted,
    TransactionOpened,
    TransactionPreCommitted,
)
from bandviz.ids import CheckpointId, TransactionId
from bandviz.ports import LogBroker, WrittenRows


class TwoPhaseSink(Operator):
    """State: the current transaction and the pending ones, each with its checkpoint."""

    runs_user_logic = False

    def __init__(self, context: Context, topic: str, broker: LogBroker) -> None:
        super().__init__(context)
        self._topic = topic
        self._broker = broker
        self._producer = f"{context.subtask.vertex}-{context.subtask.index}"
        self._epoch = 0
        self._current = TransactionId(0)
        self._pending: list[tuple[CheckpointId, TransactionId]] = []
        self._ended = False

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Into the current transaction. After end of data there is none: writing is our bug."""
        require(self._current != 0, "nothing is written after end of data")
        written = WrittenRows(buffer.values, buffer.lineage)
        self._broker.write(self._current, self._topic, written)
        emitter = self.context.emitter
        for piece in pieces(buffer.values, buffer.lineage) if emitter.record else ():
            emitter.on_record(
                RowsWritten(
                    subtask=self.context.subtask,
                    transaction_id=self._current,
                    row_count=piece.row_count,
                    rows=piece.rows,
                    lineage=piece.lineage,
                )
            )
        return None

    def end_of_data(self) -> None:
        """The next snapshot begins no new transaction."""
        self._ended = True

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Phase one. The state holds the *new* current transaction and all pending ones."""
        if self._current:
            count = self._broker.pre_commit(self._current)
            self._pending.append((checkpoint_id, self._current))
            self.context.emitter.control(
                TransactionPreCommitted(
                    subtask=self.context.subtask,
                    transaction_id=self._current,
                    checkpoint_id=checkpoint_id,
                    row_count=count,
                )
            )
            self._current = TransactionId(0)
        if not self._ended:
            self._begin()
        return {"current": self._current, "pending": list(self._pending)}

    def notify_complete(self, checkpoint_id: CheckpointId) -> None:
        """Phase two: commit what is pending up to this checkpoint, in the order of creation."""
        due = [item for item in self._pending if item[0] <= checkpoint_id]
        self._pending = [item for item in self._pending if item[0] > checkpoint_id]
        for _, transaction_id in due:
            self._commit(transaction_id)

    def restore(self, state: State | None) -> None:
        """Commit the pending, abort the current one of the state, fence, begin anew."""
        if state:
            for _, transaction_id in state["pending"]:
                self._commit(TransactionId(transaction_id))
            if state["current"]:
                self._abort(TransactionId(state["current"]))
        self._epoch, fenced = self._broker.fence(self._producer)
        if self._epoch > 1:
            self.context.emitter.control(
                ProducerFenced(subtask=self.context.subtask, epoch=self._epoch)
            )
        for transaction_id, count in fenced:
            self._aborted(transaction_id, count, AbortCause.FENCED)
        self._begin()

    def _begin(self) -> None:
        self._current = self._broker.begin(self._producer, self._epoch)
        self.context.emitter.control(
            TransactionOpened(
                subtask=self.context.subtask, transaction_id=self._current, epoch=self._epoch
            )
        )

    def _commit(self, transaction_id: TransactionId) -> None:
        result = self._broker.commit(transaction_id)
        count = len(result.written.rows)
        self.context.emitter.control(
            TransactionCommitted(
                subtask=self.context.subtask,
                transaction_id=transaction_id,
                row_count=count,
                repeated=result.repeated,
            )
        )
        if not result.repeated:
            rows_visible(self.context, self._topic, transaction_id, result.written)

    def _abort(self, transaction_id: TransactionId) -> None:
        """Too late if the state is not the newest: what a later checkpoint committed stays public,
        and its records come a second time (semantics.md 4.1 rule 10).
        """
        try:
            count = self._broker.abort(transaction_id)
        except ValueError:
            return
        if count is not None:
            self._aborted(transaction_id, count, AbortCause.RESTORED)

    def _aborted(self, transaction_id: TransactionId, count: int, cause: AbortCause) -> None:
        self.context.emitter.control(
            TransactionAborted(
                subtask=self.context.subtask,
                transaction_id=transaction_id,
                row_count=count,
                cause=cause,
            )
        )
