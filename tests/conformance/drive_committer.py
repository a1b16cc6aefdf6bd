"""The committer of a transactional sink: a case of Flink's through ours and our broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bandviz.engine.elements import WATERMARK_MIN, RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.engine.operators.base import Context, State, TaskFailed
from bandviz.engine.sinks.committer import Committer
from bandviz.events import Level
from bandviz.ids import CheckpointId, SubtaskId, TransactionId
from bandviz.ports import CommitAnswer, WrittenRows
from bandviz.world.broker import TransactionState
from tests.conformance.case_format import Case, answers, lookup
from tests.conformance.drive_twophase import LoggedBroker

TOPIC: Final = "out"
ANSWERS: Final = {
    "retry": CommitAnswer.RETRY,
    "already_committed": CommitAnswer.REPEATED,
    "known_failure": CommitAnswer.GONE,
    "unknown_failure": CommitAnswer.FAILED,
}


class Driver:
    """One committer; each item of a case is a transaction that holds it."""

    def __init__(self, config: Case) -> None:
        self.broker = LoggedBroker()
        self.epoch, _ = self.broker.fence("writer")
        self.checkpointing = config.get("checkpointing", True)
        self.snapshots: dict[int, State] = {}
        self.holders: dict[str, TransactionId] = {}
        self.committer = self.fresh()
        self.committer.restore(None)

    def fresh(self) -> Committer:
        """A committer without anything to commit."""
        context = Context(SubtaskId("out", 0), Emitter(Level.CONTROL))
        return Committer(context, TOPIC, self.broker, waits_for_checkpoint=self.checkpointing)

    def handle(self, event: Case) -> None:
        """One event of the case; raises what the committer raises."""
        lookup(OPERATIONS, event["op"], "the operation")(self, event)

    def notify(self, event: Case) -> None:
        """The checkpoint is complete."""
        self.committer.notify_complete(CheckpointId(event["id"]))

    def end_input(self, _: Case) -> None:
        """No more committables come."""
        self.committer.end_of_data()

    def snapshot(self, event: Case) -> None:
        """Keep its state under the id."""
        self.snapshots[event["id"]] = self.committer.snapshot(CheckpointId(event["id"]))

    def crash(self, _: Case) -> None:
        """All that is not in a snapshot is lost."""
        self.committer = self.fresh()

    def restore(self, event: Case) -> None:
        """A new committer goes on from a snapshot."""
        self.committer = self.fresh()
        self.committer.restore(self.snapshots[event["from"]])

    def refuse(self, event: Case) -> None:
        """The next commit of an item is answered so."""
        answer = lookup(ANSWERS, event.get("answer", "unknown_failure"), "the answer to a commit")
        self.broker.refuse_next_commit(self.holders[event["item"]], answer)

    def collect(self, event: Case) -> None:
        """`expected` is announced by the first part of a batch only."""
        where = (event["checkpoint"], event.get("subtask", 0))
        rows = [(*where, event.get("expected", 0), 0)]
        rows += [(*where, 0, self.transaction(item)) for item in event["items"]]
        self.committer.process(RecordBuffer(rows), WATERMARK_MIN, 0)

    def transaction(self, item: str) -> TransactionId:
        """A pre-committed transaction with this item."""
        transaction_id = self.broker.begin("writer", self.epoch)
        self.broker.write(transaction_id, TOPIC, WrittenRows([(item,)], None))
        self.broker.pre_commit(transaction_id)
        self.holders[item] = transaction_id
        return transaction_id


OPERATIONS: Final[dict[str, Callable[[Driver, Case], None]]] = {
    "committables": Driver.collect,
    "notify": Driver.notify,
    "end_input": Driver.end_input,
    "snapshot": Driver.snapshot,
    "crash": Driver.crash,
    "restore": Driver.restore,
    "fail_next_commit": Driver.refuse,
}


def run(case: Case) -> Case:
    """What the committer answers, in the keys of `case["expect"]`."""
    driver = Driver(case.get("config", {}))
    errors, committed_after = [], {}
    for index, event in enumerate(case["events"]):
        try:
            driver.handle(event)
        except TaskFailed:
            errors.append(index)
        committed_after[str(index)] = driver.broker.values_in(*driver.broker.committed)
    pending = driver.broker.in_state(TransactionState.PRE_COMMITTED)
    found = {
        "committed": driver.broker.values_in(*driver.broker.committed),
        "pending": driver.broker.values_in(*pending),
        "errors_at": errors,
        "committed_after_event": {
            index: committed_after[index]
            for index in case["expect"].get("committed_after_event", ())
        },
    }
    return answers(found, case)
