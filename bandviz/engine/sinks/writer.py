"""The first half of a transactional sink: writes rows, and hands on what there is to commit.

Source: Flink's SinkWriterOperator and KafkaWriter; semantics.md 4.2. Before the barrier goes out,
the current transaction is pre-committed and named to the committer, so that its snapshot of the
same checkpoint holds it. Simplification: an empty transaction is not recycled but committed.
"""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.sinks.committer import committables
from bandviz.engine.sinks.producer import NONE, Producer
from bandviz.graph.specs import WriterSpec
from bandviz.ids import CheckpointId, TransactionId
from bandviz.ports import Transactions


class TransactionalWriter(Operator):
    """State: one list element a subtask, `[producer, since]`: the first transaction of the producer
    that the snapshot does not know.
    """

    runs_user_logic = False

    def __init__(self, context: Context, spec: WriterSpec, outside: Transactions) -> None:
        super().__init__(context)
        self._producer = Producer(context, spec.sink, spec.uid, outside)
        self._since = NONE
        self._ended = False

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Into the current transaction."""
        self._producer.write(buffer)
        return None

    def end_of_data(self) -> None:
        """The next snapshot begins no new transaction."""
        self._ended = True

    def prepare_barrier(self, checkpoint_id: CheckpointId) -> RecordBuffer | None:
        """Phase one, and the news of it to the committer."""
        closed = []
        if self._producer.current != NONE:
            closed.append(self._producer.pre_commit(checkpoint_id))
            self._since = TransactionId(closed[0] + 1)
        return committables(checkpoint_id, self.context.subtask.index, closed)

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """A new transaction begins."""
        if not self._ended:
            self._producer.begin()
        return {"writers": [(self._producer.name, self._since)]}

    def restore(self, state: State | None) -> None:
        """Take over from the writers of the state, and begin anew. What they had closed until the
        snapshot is for the committer, which has it in its own state.
        """
        elements = state["writers"] if state else ()
        self._producer.take_over([(name, TransactionId(since)) for name, since in elements])
        self._producer.begin()
