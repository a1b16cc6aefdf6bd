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
from bandviz.ids import CheckpointId
from bandviz.ports import Transactions


class TransactionalWriter(Operator):
    """It keeps no state: the numbers of its transactions say which ones a checkpoint knows."""

    runs_user_logic = False
    writes_outside = True

    def __init__(self, context: Context, spec: WriterSpec, outside: Transactions) -> None:
        super().__init__(context)
        self._producer = Producer(context, spec.sink, spec.uid, outside)
        self._ended = False

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Into the current transaction."""
        self._producer.write(buffer)
        return None

    def end_of_data(self) -> None:
        """The next snapshot begins no new transaction."""
        self._ended = True

    def prepare_barrier(self, checkpoint_id: CheckpointId) -> RecordBuffer | None:
        """Phase one, and the news of it to the committer; none once the last transaction is closed,
        for the committer may be asked to snapshot by itself as soon as its writers have finished.
        """
        closed = []
        if self._producer.current != NONE:
            closed.append(self._producer.pre_commit(checkpoint_id))
        elif self._ended:
            return None
        return committables(checkpoint_id, self.context.subtask.index, closed)

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """A new transaction begins."""
        if not self._ended:
            self._producer.begin(checkpoint_id + 1)
        return {}

    def restore(self, state: State | None) -> None:
        """Take over and begin anew. What was closed until the restored checkpoint is for the
        committer, which has it in its own state.
        """
        self._producer.take_over()
        self._producer.begin(self.context.restored + 1)
