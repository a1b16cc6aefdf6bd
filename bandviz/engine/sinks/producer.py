"""A transactional producer: opens, fills and closes transactions, and takes over from old ones.

What both kinds of transactional sink have in common. It knows checkpoints as numbers only; when a
transaction is committed is up to its owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, TaskFailed
from bandviz.engine.sinks.visible import read_on
from bandviz.errors import require
from bandviz.events.records import pieces
from bandviz.events.sink import (
    AbortCause,
    ProducerFenced,
    RowsWritten,
    TransactionAborted,
    TransactionOpened,
    TransactionPreCommitted,
    WriteRefused,
)
from bandviz.graph.specs import SinkSpec
from bandviz.ids import CheckpointId, TransactionId
from bandviz.ports import FencedError, Transactions, WrittenRows

NONE: Final = TransactionId(0)
_NONE_OF_THEM: Final = TransactionId(2**62)


class Producer:
    """The producer of one attempt. `current` is 0 while none is open.

    `sink`: the vertex whose output the topic is.
    """

    def __init__(self, context: Context, spec: SinkSpec, sink: str, outside: Transactions) -> None:
        self.name = str(context.subtask)
        self.current = NONE
        self.begun_us = 0
        self._context = context
        self._spec = spec
        self._sink = sink
        self._outside = outside
        self._epoch = 0

    def take_over(self, former: Sequence[tuple[str, TransactionId]]) -> None:
        """`former`: producers of the restored state, each with the first of its transactions that
        the state does not know. Those are aborted, if the sink fences; all of the own ones if there
        is no former producer at all, for then no state of this checkpoint knows the own name: it is
        a start without state, or a subtask that came by rescaling.
        Source: Flink's Kafka sink, which initialises a transactional id anew.
        """
        if not self._spec.fencing:
            self._epoch = self._outside.join(self.name)
            return
        others = dict(former)
        own = others.pop(self.name, _NONE_OF_THEM if former else NONE)
        for name, since in others.items():
            self._fence(name, since)
        self._epoch = self._fence(self.name, own)

    def _fence(self, name: str, since: TransactionId) -> int:
        epoch, aborted = self._outside.fence(name, since)
        if epoch > 1:
            self._context.emitter.control(
                ProducerFenced(subtask=self._context.subtask, epoch=epoch)
            )
        for transaction_id, count in aborted:
            self._aborted(transaction_id, count, AbortCause.FENCED)
        return epoch

    def begin(self) -> None:
        """Open the next transaction."""
        now_us = self._context.now_us
        timeout_us = self._spec.transaction_timeout_us
        self.current = self._outside.begin(self.name, self._epoch, now_us, timeout_us)
        self.begun_us = now_us
        self._context.emitter.control(
            TransactionOpened(
                subtask=self._context.subtask, transaction_id=self.current, epoch=self._epoch
            )
        )

    def write(self, buffer: RecordBuffer) -> None:
        """Into the current transaction; there is none after end of data: that would be our bug.

        Raises TaskFailed if the outside takes nothing more.
        """
        require(self.current != NONE, "nothing is written after end of data")
        try:
            written = WrittenRows(buffer.values, buffer.lineage)
            self._outside.write(self.current, self._spec.topic, written)
        except FencedError as error:
            raise self._refused(error) from None
        emitter = self._context.emitter
        for piece in pieces(buffer.values, buffer.lineage) if emitter.record else ():
            emitter.on_record(
                RowsWritten(
                    subtask=self._context.subtask,
                    transaction_id=self.current,
                    row_count=piece.row_count,
                    rows=piece.rows,
                    lineage=piece.lineage,
                )
            )

    def pre_commit(self, checkpoint_id: CheckpointId) -> TransactionId:
        """Phase one: flush and close the current transaction, which is returned.

        Raises TaskFailed as `write` does.
        """
        closed = self.current
        try:
            count = self._outside.pre_commit(closed)
        except FencedError as error:
            raise self._refused(error) from None
        self._context.emitter.control(
            TransactionPreCommitted(
                subtask=self._context.subtask,
                transaction_id=closed,
                checkpoint_id=checkpoint_id,
                row_count=count,
            )
        )
        self.current = NONE
        return closed

    def _refused(self, error: FencedError) -> TaskFailed:
        self._context.emitter.control(
            WriteRefused(
                subtask=self._context.subtask, transaction_id=self.current, reason=str(error)
            )
        )
        return TaskFailed(self._context.subtask, "write refused", str(error))

    def abort(self, transaction_id: TransactionId) -> None:
        """It was open at the restored snapshot.

        Too late if the state is not the newest: what a later checkpoint committed stays public, and
        its records come a second time (semantics.md 4.1 rule 10).
        """
        try:
            count = self._outside.abort(transaction_id)
        except ValueError:
            return
        if count is not None:
            self._aborted(transaction_id, count, AbortCause.RESTORED)

    def _aborted(self, transaction_id: TransactionId, count: int, cause: AbortCause) -> None:
        emitter, subtask = self._context.emitter, self._context.subtask
        emitter.control(
            TransactionAborted(
                subtask=subtask, transaction_id=transaction_id, row_count=count, cause=cause
            )
        )
        read_on(emitter, self._sink, self._spec.topic, self._outside)
