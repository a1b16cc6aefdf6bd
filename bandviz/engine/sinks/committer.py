"""The second half of a transactional sink: commits what its writers have closed.

Source: Flink's CommitterOperator; semantics.md 4.2. Committables are collected by checkpoint and
committed, oldest first, when it completes. They travel as rows of `graph.sinks.COMMITTABLE_FIELDS`:
first how many a writer announces (transaction 0), then one row for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Final

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State, TaskFailed
from bandviz.engine.sinks.commits import Commits
from bandviz.events.sink import CommitFate, CommittablesCollected
from bandviz.ids import CheckpointId, TransactionId
from bandviz.ports import CommitAnswer, Transactions

RETRIES_MAX: Final = 10
"""Commits of one transaction that may be put off before the task fails."""


def committables(
    checkpoint_id: CheckpointId, writer: int, transactions: Sequence[TransactionId]
) -> RecordBuffer:
    """A writer's news before the barrier of a checkpoint, also if there is nothing to commit."""
    summary = (checkpoint_id, writer, len(transactions), 0)
    return RecordBuffer([summary, *((checkpoint_id, writer, 0, each) for each in transactions)])


@dataclass(slots=True)
class Batch:
    """What one writer has announced for one checkpoint, and what of it has come."""

    announced: int = 0
    received: int = 0
    waiting: list[TransactionId] = field(default_factory=list)


class Committer(Operator):
    """State: list elements `[checkpoint, writer, announced, received, transactions to commit]`.

    `waits_for_checkpoint` False: checkpoints are off, so the end of input commits.
    """

    runs_user_logic = False

    def __init__(
        self, context: Context, topic: str, outside: Transactions, *, waits_for_checkpoint: bool
    ) -> None:
        super().__init__(context)
        self._commits = Commits(context, context.subtask.vertex, topic, outside)
        self._waits_for_checkpoint = waits_for_checkpoint
        self._batches: dict[tuple[CheckpointId, int], Batch] = {}
        self._completed = CheckpointId(0)

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Collect; nothing is committed yet."""
        touched: dict[tuple[CheckpointId, int], None] = {}
        for checkpoint_id, writer, announced, transaction_id in buffer.values:
            batch = self._batches.setdefault((checkpoint_id, writer), Batch())
            batch.announced += announced
            if transaction_id:
                batch.received += 1
                batch.waiting.append(transaction_id)
            touched[checkpoint_id, writer] = None
        for checkpoint_id, writer in touched:
            batch = self._batches[checkpoint_id, writer]
            self.context.emitter.control(
                CommittablesCollected(
                    subtask=self.context.subtask,
                    checkpoint_id=checkpoint_id,
                    writer=writer,
                    received_count=batch.received,
                    announced_count=batch.announced,
                )
            )
        return None

    def end_of_data(self) -> None:
        """Commit now, if no checkpoint will ever say so."""
        if not self._waits_for_checkpoint:
            self._commit([*self._batches])

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Everything not committed, oldest first."""
        return {
            "committables": [
                (*key, batch.announced, batch.received, tuple(batch.waiting))
                for key, batch in sorted(self._batches.items())
            ]
        }

    def notify_complete(self, checkpoint_id: CheckpointId) -> None:
        """Commit all up to the newest completed checkpoint. Raises TaskFailed at one of which a
        batch is not complete; older ones are committed then.
        """
        self._completed = max(self._completed, checkpoint_id)
        self._commit([key for key in self._batches if key[0] <= self._completed])

    def restore(self, state: State | None) -> None:
        """What the restored checkpoint promised is committed at once."""
        for checkpoint_id, writer, announced, received, waiting in (
            state["committables"] if state else ()
        ):
            batch = self._batches.setdefault((CheckpointId(checkpoint_id), writer), Batch())
            batch.announced += announced
            batch.received += received
            batch.waiting += [TransactionId(each) for each in waiting]
        self._commit([*self._batches])

    def _commit(self, keys: Sequence[tuple[CheckpointId, int]]) -> None:
        for checkpoint_id, of_one in groupby(sorted(keys), key=itemgetter(0)):
            batches = {key: self._batches[key] for key in of_one}
            for batch in batches.values():
                if batch.received < batch.announced:
                    detail = f"checkpoint {checkpoint_id}: {batch.received} of {batch.announced}"
                    victim = self.context.subtask
                    raise TaskFailed(victim, "committables are missing", detail)
            for key, batch in batches.items():
                while batch.waiting:
                    self._commit_one(batch.waiting[0])
                    del batch.waiting[0]
                del self._batches[key]

    def _commit_one(self, transaction_id: TransactionId) -> None:
        """Raises TaskFailed if the outside fails for an unknown reason, or puts it off for ever."""
        for retries in range(RETRIES_MAX + 1):
            answer = self._commits.commit(transaction_id)
            if answer is None:
                return
            if answer is CommitAnswer.GONE:
                self._commits.refused(transaction_id, answer, CommitFate.DROPPED)
                return
            if answer is CommitAnswer.FAILED or retries == RETRIES_MAX:
                raise self._commits.refused(transaction_id, answer, CommitFate.FAILS_TASK)
            self._commits.refused(transaction_id, answer, CommitFate.RETRIED)
