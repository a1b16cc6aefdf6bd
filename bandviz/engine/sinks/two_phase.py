"""The two-phase-commit sink: rows become visible when their checkpoint completes.

Source: Flink's TwoPhaseCommitSinkFunction; semantics.md 4.1. Pre-commit at the snapshot, commit on
the notification, commit again on restore (so commit must be idempotent).
"""

from __future__ import annotations

from typing import NamedTuple

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.sinks.commits import Commits
from bandviz.engine.sinks.producer import NONE, Producer
from bandviz.events.sink import CommitFate
from bandviz.graph.specs import SinkSpec
from bandviz.ids import CheckpointId, TransactionId
from bandviz.ports import Transactions


class Pending(NamedTuple):
    """A pre-committed transaction: the checkpoint that closed it, and when it was begun."""

    checkpoint_id: CheckpointId
    transaction_id: TransactionId
    begun_us: int


class TwoPhaseSink(Operator):
    """State: one list element a subtask, `[current, pending]`."""

    runs_user_logic = False
    writes_outside = True

    def __init__(self, context: Context, spec: SinkSpec, outside: Transactions) -> None:
        super().__init__(context)
        self._spec = spec
        sink = context.subtask.vertex
        self._producer = Producer(context, spec, sink, outside)
        self._commits = Commits(context, sink, spec.topic, outside)
        self._pending: list[Pending] = []
        self._ended = False

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Into the current transaction."""
        self._producer.write(buffer)
        return None

    def end_of_data(self) -> None:
        """The next snapshot begins no new transaction."""
        self._ended = True

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Phase one. The state holds the *new* current transaction and all pending ones."""
        producer = self._producer
        if producer.current != NONE:
            begun_us = producer.begun_us
            closed = producer.pre_commit(checkpoint_id)
            self._pending.append(Pending(checkpoint_id, closed, begun_us))
            if not self._ended:
                self._begin(checkpoint_id)
        return {"transactions": [(producer.current, tuple(self._pending))]}

    def _begin(self, behind: CheckpointId) -> None:
        """The transaction of the next checkpoint."""
        self._producer.begin(behind + 1)

    def notify_complete(self, checkpoint_id: CheckpointId) -> None:
        """Phase two: commit what is pending up to this checkpoint, in the order of creation.

        A refused commit does not stop the others; the first one then fails the task.
        """
        due = [item for item in self._pending if item.checkpoint_id <= checkpoint_id]
        self._pending = [item for item in self._pending if item.checkpoint_id > checkpoint_id]
        refused = [
            (item.transaction_id, answer)
            for item in due
            if (answer := self._commits.commit(item.transaction_id)) is not None
        ]
        failures = [self._commits.refused(*each, CommitFate.FAILS_TASK) for each in refused]
        if failures:
            raise failures[0]

    def restore(self, state: State | None) -> None:
        """Commit the pending, abort the current ones of the state, take over, begin anew."""
        for current, pending in state["transactions"] if state else ():
            for item in pending:
                self._commit_again(Pending(*item))
            if current != NONE:
                self._producer.abort(TransactionId(current))
        self._producer.take_over()
        self._begin(self.context.restored)

    def _commit_again(self, item: Pending) -> None:
        """If the sink was told so, a transaction older than its time-out is given up when its
        commit fails: the job goes on without its rows. Else the task fails, at each attempt anew.
        """
        answer = self._commits.commit(item.transaction_id)
        if answer is None:
            return
        age_us = self.context.now_us - item.begun_us
        outlived = age_us > self._spec.transaction_timeout_us
        ignored = self._spec.ignore_failures_after_timeout and outlived
        fate = CommitFate.DROPPED if ignored else CommitFate.FAILS_TASK
        failure = self._commits.refused(item.transaction_id, answer, fate)
        if not ignored:
            raise failure
