"""Phase two: asking the outside to commit, and telling what it said."""

from __future__ import annotations

from bandviz.engine.operators.base import Context, TaskFailed
from bandviz.engine.sinks.visible import read_on
from bandviz.events.sink import CommitFate, CommitRefused, TransactionCommitted
from bandviz.ids import TransactionId
from bandviz.ports import CommitAnswer, Transactions


class Commits:
    """The commits of one subtask to one topic. `sink`: the vertex whose output the topic is."""

    def __init__(self, context: Context, sink: str, topic: str, outside: Transactions) -> None:
        self._context = context
        self._sink = sink
        self._topic = topic
        self._outside = outside

    def commit(self, transaction_id: TransactionId) -> CommitAnswer | None:
        """None if it is committed now, else why not."""
        answer, count = self._outside.commit(transaction_id)
        if answer not in (CommitAnswer.COMMITTED, CommitAnswer.REPEATED):
            return answer
        self._context.emitter.control(
            TransactionCommitted(
                subtask=self._context.subtask,
                transaction_id=transaction_id,
                row_count=count,
                repeated=answer is CommitAnswer.REPEATED,
            )
        )
        read_on(self._context.emitter, self._sink, self._topic, self._outside)
        return None

    def refused(
        self, transaction_id: TransactionId, answer: CommitAnswer, fate: CommitFate
    ) -> TaskFailed:
        """Tell what follows from the refusal; the failure to raise if the fate is that."""
        self._context.emitter.control(
            CommitRefused(
                subtask=self._context.subtask,
                transaction_id=transaction_id,
                answer=answer.value,
                fate=fate,
            )
        )
        detail = f"transaction {transaction_id}: {answer.value}"
        return TaskFailed(self._context.subtask, "commit refused", detail)
