"""Sinks that show what nobody promised, or do not show what they promised."""

from __future__ import annotations

from typing import Any, Final

from bandviz.engine.faults import DECLINE_CHECKPOINT, LOSE_NOTIFICATION
from bandviz.engine.job import Job
from bandviz.engine.messages import NotifyAborted
from bandviz.engine.operators.base import Operator
from bandviz.engine.sinks.committer import Committer
from bandviz.engine.sinks.producer import NONE
from bandviz.engine.sinks.two_phase import Pending, TwoPhaseSink
from bandviz.engine.subtask import Subtask
from bandviz.ids import CheckpointId, TransactionId
from bandviz.lab.zoo.breakage import Breakage, Ground, replacing, without
from bandviz.lab.zoo.grounds import PAIRS
from bandviz.ports import CommitAnswer, CommitResult
from bandviz.world.broker import MemoryBroker, TransactionState

_DECLINED: Final = (Ground("storage-outage", fault=DECLINE_CHECKPOINT),)


@replacing(TwoPhaseSink, "snapshot")
def _commit_in_snapshot(original: Any) -> Any:
    def snapshot(sink: TwoPhaseSink, checkpoint_id: CheckpointId) -> Any:
        state = original(sink, checkpoint_id)
        sink.notify_complete(checkpoint_id)
        return state

    return snapshot


@replacing(Job, "_store")
def _commit_when_stored(original: Any) -> Any:
    def store(job: Job, choice: Any, upload: Any, cause: Any) -> None:
        original(job, choice, upload, cause)
        for operator in job.subtasks[next(iter(upload.parts))].operator.members:
            operator.notify_complete(CheckpointId(choice.ordinal))

    return store


@replacing(TwoPhaseSink, "notify_complete")
def _only_this_one(original: Any) -> Any:
    def notify_complete(sink: TwoPhaseSink, checkpoint_id: CheckpointId) -> None:
        older = [item for item in sink._pending if item.checkpoint_id < checkpoint_id]
        sink._pending = [item for item in sink._pending if item.checkpoint_id >= checkpoint_id]
        original(sink, checkpoint_id)
        sink._pending = [*older, *sink._pending]

    return notify_complete


@replacing(Subtask, "_notify_aborted")
def _aborted_is_completed(original: Any) -> Any:
    def notify_aborted(task: Subtask, message: NotifyAborted) -> None:
        number = message.checkpoint_id
        original(task, NotifyAborted(number, number))

    return notify_aborted


@replacing(Operator, "notify_aborted")
def _abort_clears_pending(original: Any) -> Any:
    def notify_aborted(operator: Operator, checkpoint_id: CheckpointId) -> None:
        original(operator, checkpoint_id)
        if isinstance(operator, TwoPhaseSink):
            operator._pending = []

    return notify_aborted


@replacing(MemoryBroker, "commit")
def _publish_again(original: Any) -> Any:
    def commit(broker: MemoryBroker, transaction_id: TransactionId) -> CommitResult:
        answer: CommitResult = original(broker, transaction_id)
        if answer.answer is not CommitAnswer.REPEATED:
            return answer
        txn = broker._transactions[transaction_id]
        for topic in txn.row_counts:
            known = broker._output(topic)
            again = [part for part in known.segments if part[0] == transaction_id]
            known.segments += again
            known.held_count += sum(len(written.rows) for _, written in again)
        return CommitResult(CommitAnswer.COMMITTED, txn.row_count())

    return commit


def _open_at_snapshot(sink: TwoPhaseSink, state: Any) -> TransactionId:
    """What was open at the restored snapshot, if it still is."""
    broker: Any = sink._producer._outside
    for current, _ in state["transactions"] if state else ():
        if current != NONE and broker.state_of(current) is TransactionState.OPEN:
            return TransactionId(current)
    return NONE


@replacing(TwoPhaseSink, "restore")
def _commit_the_open_one(original: Any) -> Any:
    def restore(sink: TwoPhaseSink, state: Any) -> None:
        left = _open_at_snapshot(sink, state)
        if left != NONE:
            sink._commits.commit(left)
        original(sink, state)

    return restore


@replacing(TwoPhaseSink, "restore")
def _write_on_in_the_open_one(original: Any) -> Any:
    def restore(sink: TwoPhaseSink, state: Any) -> None:
        left, producer = _open_at_snapshot(sink, state), sink._producer
        if left == NONE:
            original(sink, state)
            return
        for item in (item for _, pending in state["transactions"] for item in pending):
            sink._commit_again(Pending(*item))
        producer._epoch = producer._outside.join(producer.name)
        producer.current, producer.begun_us = left, producer._context.now_us

    return restore


@replacing(Committer, "notify_complete")
def _commit_the_newest(_: Any) -> Any:
    def notify_complete(committer: Committer, checkpoint_id: CheckpointId) -> None:
        committer._commit([key for key in committer._batches if key[0] == checkpoint_id])

    return notify_complete


@replacing(Committer, "process")
def _commit_on_arrival(original: Any) -> Any:
    def process(committer: Committer, buffer: Any, watermark_ms: int, port: int) -> Any:
        original(committer, buffer, watermark_ms, port)
        whole = [key for key, one in committer._batches.items() if one.received == one.announced]
        committer._commit(whole)

    return process


ENTRIES: Final = (
    Breakage(
        name="commit-before-complete",
        family="commits",
        rule="a transaction is committed when its checkpoint is complete",
        instead="the sink commits it right behind its own snapshot",
        oracle="committed_when_complete",
        patches=(_commit_in_snapshot,),
    ),
    Breakage(
        name="commit-on-ack",
        family="commits",
        rule="a transaction is committed when all have acknowledged its checkpoint",
        instead="the sink commits it with its own acknowledgement",
        oracle="committed_when_complete",
        patches=(_commit_when_stored,),
    ),
    Breakage(
        name="commit-only-when-told",
        family="commits",
        rule="a restore commits what its checkpoint has promised, for the notification may be lost",
        instead="pending transactions of the restored state are left as they are",
        oracle="promises_are_kept",
        patches=(without(TwoPhaseSink, "_commit_again"),),
    ),
    Breakage(
        name="commit-twice",
        family="commits",
        rule="to commit a transaction again changes nothing",
        instead="its rows are published a second time",
        oracle="committed_once",
        patches=(_publish_again,),
    ),
    Breakage(
        name="commit-the-exact-id",
        family="commits",
        rule="a notification stands for all checkpoints up to its own",
        instead="only the transaction of exactly that checkpoint is committed",
        oracle="promises_are_kept",
        patches=(_only_this_one,),
        grounds=_DECLINED,
        history="FLINK-10377, FLINK-14979",
    ),
    Breakage(
        name="commit-aborted",
        family="commits",
        rule="an aborted checkpoint commits nothing",
        instead="the sink takes the news of an abort for that of a completion",
        oracle="committed_when_complete",
        patches=(_aborted_is_completed,),
        grounds=_DECLINED,
    ),
    Breakage(
        name="abort-clears-pending",
        family="commits",
        rule="what was pre-committed for an aborted checkpoint is committed with the next one",
        instead="the sink forgets it together with the checkpoint",
        oracle="promises_are_stored",
        patches=(_abort_clears_pending,),
        grounds=_DECLINED,
        history="Iceberg #15846",
    ),
    Breakage(
        name="commit-open",
        family="commits",
        rule="a restore aborts the transaction that was open at its snapshot",
        instead="it commits it, and its records come again with the replay",
        oracle="committed_after_pre_commit",
        patches=(_commit_the_open_one,),
    ),
    Breakage(
        name="reuse-transaction",
        family="commits",
        rule="a new attempt writes into a new transaction",
        instead="it writes on in the one that was open at its snapshot",
        oracle="pre_committed_once",
        patches=(_write_on_in_the_open_one,),
    ),
    Breakage(
        name="committer-does-not-wait",
        family="commits",
        rule="a committer keeps what its writers have closed until the checkpoint is complete",
        instead="it commits what has come as soon as it is whole",
        oracle="committed_when_complete",
        patches=(_commit_on_arrival,),
        grounds=(Ground(PAIRS),),
    ),
    Breakage(
        name="committer-takes-the-newest",
        family="commits",
        rule="a committer commits all up to the completed checkpoint",
        instead="it commits the batch of exactly that checkpoint",
        oracle="promises_are_kept",
        patches=(_commit_the_newest,),
        grounds=(Ground(PAIRS, fault=LOSE_NOTIFICATION),),
    ),
)
