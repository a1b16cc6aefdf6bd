"""A transactional producer: opens, fills and closes transactions, and takes over from old ones.

What both kinds of transactional sink have in common. A transaction is numbered by the first
checkpoint that may commit it, so a restored job knows by the number alone which ones its checkpoint
has not heard of. When a transaction is committed is up to the owner of the producer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
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
from bandviz.ids import CheckpointId, SubtaskId, TransactionId
from bandviz.ports import FencedError, Transactions, WrittenRows

NONE: Final = TransactionId(0)


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

    def take_over(self) -> None:
        """Fence the own name and those of subtasks that the job has no more, and abort what they
        began behind the restored checkpoint, if the sink fences.

        Source: Flink's Kafka sink, TransactionAborter.
        """
        if not self._spec.fencing:
            self._epoch = self._outside.join(self.name)
            return
        self._epoch = self._fence(self._context.subtask)
        for removed in self._removed():
            self._fence(removed)

    def _removed(self) -> Iterator[SubtaskId]:
        """Subtask i looks after those beyond the parallelism in steps of it. There have been no
        more where a name was never used.
        """
        vertex, index = self._context.subtask
        for beyond in count(index + self._context.parallelism, self._context.parallelism):
            subtask = SubtaskId(vertex, beyond)
            if not self._outside.epoch(str(subtask)):
                return
            yield subtask

    def _fence(self, owner: SubtaskId) -> int:
        epoch, aborted = self._outside.fence(str(owner), self._context.restored + 1)
        if epoch > 1:
            self._context.emitter.control(
                ProducerFenced(subtask=self._context.subtask, epoch=epoch, producer=str(owner))
            )
        for transaction_id, row_count in aborted:
            self._aborted(transaction_id, row_count, AbortCause.FENCED)
        return epoch

    def begin(self, number: int) -> None:
        """Open the next transaction."""
        now_us = self._context.now_us
        timeout_us = self._spec.transaction_timeout_us
        self.current = self._outside.begin(self.name, self._epoch, now_us, timeout_us, number)
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
