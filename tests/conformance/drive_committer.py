"""The committer of a transactional sink: a case of Flink's through ours and our broker."""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import WATERMARK_MIN, RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.engine.operators.base import Context, State, TaskFailed
from bandviz.engine.sinks.committer import Committer
from bandviz.events import Level
from bandviz.ids import CheckpointId, SubtaskId, TransactionId
from bandviz.ports import WrittenRows
from bandviz.world.broker import TransactionState
from tests.conformance.drive_twophase import LoggedBroker

Case = dict[str, Any]
TOPIC = "out"


class Driver:
    """One committer; each item of a case is a transaction that holds it."""

    def __init__(self, config: Case) -> None:
        self.broker = LoggedBroker()
        self.epoch, _ = self.broker.fence("writer")
        self.checkpointing = config.get("checkpointing", True)
        self.snapshots: dict[int, State] = {}
        self.committer = self.fresh()
        self.committer.restore(None)

    def fresh(self) -> Committer:
        """A committer without anything to commit."""
        context = Context(SubtaskId("out", 0), Emitter(Level.CONTROL))
        return Committer(context, TOPIC, self.broker, waits_for_checkpoint=self.checkpointing)

    def handle(self, event: Case) -> None:
        """One event of the case; raises what the committer raises."""
        match event["op"]:
            case "committables":
                self.collect(event)
            case "notify":
                self.committer.notify_complete(CheckpointId(event["id"]))
            case "end_input":
                self.committer.end_of_data()
            case "snapshot":
                self.snapshots[event["id"]] = self.committer.snapshot(CheckpointId(event["id"]))
            case "crash":
                self.committer = self.fresh()
            case "restore":
                self.committer = self.fresh()
                self.committer.restore(self.snapshots[event["from"]])

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
        return transaction_id


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
    answer = {
        "committed": driver.broker.values_in(*driver.broker.committed),
        "pending": driver.broker.values_in(*pending),
        "errors_at": errors,
        "committed_after_event": {
            index: committed_after[index]
            for index in case["expect"].get("committed_after_event", ())
        },
    }
    return {key: answer[key] for key in case["expect"]}
