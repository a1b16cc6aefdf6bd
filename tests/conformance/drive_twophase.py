"""Two-phase commit: a case of Flink's through our sink function and our broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bandviz.engine.elements import WATERMARK_MIN, RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.engine.operators.base import Context, State, TaskFailed
from bandviz.engine.sinks.two_phase import TwoPhaseSink
from bandviz.errors import InvariantViolation
from bandviz.events import Level
from bandviz.graph.specs import SinkContract, SinkSpec
from bandviz.ids import CheckpointId, SubtaskId, TransactionId
from bandviz.ports import CommitAnswer, CommitResult
from bandviz.world.broker import MemoryBroker, TransactionState
from tests.conformance.case_format import Case, answers, lookup

MS: Final = 1_000


class LoggedBroker(MemoryBroker):
    """Our broker, with a list of what it was asked and in which order it decided."""

    def __init__(self) -> None:
        super().__init__(())
        self.calls: list[str] = []
        self.committed: list[TransactionId] = []
        self.aborted: list[TransactionId] = []

    def begin(
        self, producer: str, epoch: int, now_us: int = 0, timeout_us: int = 0, number: int = 0
    ) -> TransactionId:
        begun = super().begin(producer, epoch, now_us, timeout_us, number)
        self.calls.append(f"begin t{begun}")
        return begun

    def pre_commit(self, transaction_id: TransactionId) -> int:
        self.calls.append(f"precommit t{transaction_id}")
        return super().pre_commit(transaction_id)

    def commit(self, transaction_id: TransactionId) -> CommitResult:
        self.calls.append(f"commit t{transaction_id}")
        result = super().commit(transaction_id)
        if result.answer is CommitAnswer.COMMITTED:
            self.committed.append(transaction_id)
        return result

    def abort(self, transaction_id: TransactionId) -> int | None:
        self.calls.append(f"abort t{transaction_id}")
        count = super().abort(transaction_id)
        if count is not None:
            self.aborted.append(transaction_id)
        return count

    def time_out(self, transaction_id: TransactionId) -> None:
        """The external system aborts it by itself, unless it is decided."""
        self.calls.append(f"expired t{transaction_id}")
        if self.state_of(transaction_id) in (TransactionState.OPEN, TransactionState.PRE_COMMITTED):
            self.lose(transaction_id)
            self.aborted.append(transaction_id)

    def values_in(self, *transactions: TransactionId) -> list[str]:
        """What was written into them."""
        return [row[0] for each in transactions for row in self.written_in(each).rows]

    def in_state(self, *states: TransactionState) -> list[TransactionId]:
        """Transactions by state, in the order of their begin."""
        return [each for each in self._transactions if self.state_of(each) in states]


class Driver:
    """The sink's subtasks and what a harness around them keeps."""

    def __init__(self, config: Case) -> None:
        self.broker = LoggedBroker()
        self.now_us = 0
        self.sinks: dict[int, TwoPhaseSink] = {}
        self.snapshots: dict[str, State] = {}
        self.spec = SinkSpec(
            topic="out",
            contract=SinkContract.TWO_PHASE,
            transaction_timeout_us=config.get("transaction_timeout_ms", 0) * MS,
            ignore_failures_after_timeout=config.get("ignore_failures_after_timeout", False),
            fencing=False,
        )

    def handle(self, event: Case) -> None:
        """One event of the case; raises what the sink raises."""
        for sink in self.sinks.values():
            sink.context.now_us = self.now_us
        lookup(_OPS, event["op"], "the operation")(self, event)

    def start(self, event: Case) -> None:
        self._begin(event, None)

    def restore(self, event: Case) -> None:
        """`from` names a snapshot, of which the subtask gets its own part, or parts `1/0`."""
        given, own = event["from"], event.get("subtask", 0)
        parts = given if isinstance(given, list) else [given]
        names = [str(part) if "/" in str(part) else f"{part}/{own}" for part in parts]
        elements = [part for name in names for part in self._part(name)["transactions"]]
        self._begin(event, {"transactions": elements})

    def _part(self, name: str) -> State:
        return lookup(self.snapshots, name, "the snapshot")

    def _begin(self, event: Case, state: State | None) -> None:
        index = event.get("subtask", 0)
        context = Context(SubtaskId("out", index), Emitter(Level.CONTROL))
        context.now_us = self.now_us
        self.sinks[index] = TwoPhaseSink(context, self.spec, self.broker)
        self.sinks[index].restore(state)

    def _sink(self, event: Case) -> TwoPhaseSink:
        return self.sinks[event.get("subtask", 0)]

    def write(self, event: Case) -> None:
        self._sink(event).process(RecordBuffer([(event["v"],)]), WATERMARK_MIN, 0)

    def snapshot(self, event: Case) -> None:
        name = f"{event['id']}/{event.get('subtask', 0)}"
        self.snapshots[name] = self._sink(event).snapshot(CheckpointId(event["id"]))

    def notify(self, event: Case) -> None:
        self._sink(event).notify_complete(CheckpointId(event["id"]))

    def nothing(self, event: Case) -> None:
        """An aborted checkpoint is not told to sinks: its transaction stays pre-committed."""

    def finish(self, event: Case) -> None:
        self._sink(event).end_of_data()

    def crash(self, event: Case) -> None:
        self.sinks = {}

    def external_expire(self, event: Case) -> None:
        self.broker.time_out(_number(event["txn"]))

    def fail_next_commit(self, event: Case) -> None:
        self.broker.refuse_next_commit(_number(event["txn"]), CommitAnswer.FAILED)

    def advance_ms(self, event: Case) -> None:
        self.now_us += event["ms"] * MS


_OPS: Final[dict[str, Callable[[Driver, Case], None]]] = {
    "start": Driver.start,
    "write": Driver.write,
    "snapshot": Driver.snapshot,
    "notify": Driver.notify,
    "notify_aborted": Driver.nothing,
    "crash": Driver.crash,
    "restore": Driver.restore,
    "external_expire": Driver.external_expire,
    "fail_next_commit": Driver.fail_next_commit,
    "advance_ms": Driver.advance_ms,
    "finish": Driver.finish,
}


def _number(name: str) -> TransactionId:
    return TransactionId(int(name.removeprefix("t")))


def _names(transactions: list[TransactionId]) -> list[str]:
    return [f"t{each}" for each in transactions]


def run(case: Case) -> Case:
    """What the sink answers, in the keys of `case["expect"]`."""
    driver = Driver(case.get("config", {}))
    errors = []
    for index, event in enumerate(case["events"]):
        try:
            driver.handle(event)
        except (TaskFailed, InvariantViolation):
            errors.append(index)
    broker = driver.broker
    open_ = broker.in_state(TransactionState.OPEN, TransactionState.PRE_COMMITTED)
    found = {
        "committed_values": broker.values_in(*broker.committed),
        "committed_txns": _names(broker.committed),
        "aborted_txns": _names(broker.aborted),
        "open_txns": {f"t{each}": broker.values_in(each) for each in open_},
        "precommitted_txns": _names(broker.in_state(TransactionState.PRE_COMMITTED)),
        "errors_at": errors,
        "calls": broker.calls,
    }
    return answers(found, case)
