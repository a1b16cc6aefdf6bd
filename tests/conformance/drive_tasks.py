"""Task cases: what one subtask does on triggers and notifications of the coordinator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bandviz.engine.elements import CancelCheckpointMarker, CheckpointBarrier
from bandviz.engine.messages import Decline, NotifyAborted, NotifyComplete, TriggerCheckpoint
from bandviz.engine.subtask_checkpoints import SubtaskCheckpoints
from bandviz.graph.settings import RunSettings
from bandviz.ids import CheckpointId
from tests.conformance.case_format import Case, answers, lookup
from tests.conformance.task_harness import Harness

STEPS = {
    "_prepare": "pre_barrier_hook",
    "_forward": "emit_barrier",
    "_keep_output": "finish_output_channel_state",
    "_take_snapshot": "sync_snapshot",
    "_hand_over": "async_snapshot",
}


class Traced(SubtaskCheckpoints):
    """The real one; it says which of its steps it takes."""

    order: list[str]

    def __getattribute__(self, name: str) -> Any:
        if name in STEPS:
            self.order.append(STEPS[name])
        return super().__getattribute__(name)


class Drive:
    """A subtask without inputs but one, which only ever brings a cancel marker."""

    def __init__(self) -> None:
        self.harness = Harness(RunSettings(name="case"), 1)
        self.checkpoints = self.harness.subtask.checkpoints
        self.checkpoints.__class__ = Traced
        self.order: list[str] = []
        vars(self.checkpoints)["order"] = self.order
        self.running: list[int] = []
        self.acks: list[int] = []
        self.async_cancelled: list[int] = []
        self._awaited: set[int] = set()

    def checkpoint(self, event: Case) -> None:
        barrier = CheckpointBarrier(CheckpointId(event["id"]))
        self.harness.send(TriggerCheckpoint(barrier))
        self._look()

    def notify_complete(self, event: Case) -> None:
        self.harness.send(NotifyComplete(CheckpointId(event["id"])))

    def notify_aborted(self, event: Case) -> None:
        latest = CheckpointId(event.get("latest_completed", 0))
        self.harness.send(NotifyAborted(CheckpointId(event["id"]), latest))
        self._look()

    def abort_on_barrier(self, event: Case) -> None:
        """A cancel marker comes where the barrier should have come."""
        self.harness.put(0, CancelCheckpointMarker(CheckpointId(event["id"])))
        channel = self.harness.inputs[0]
        self.harness.arrived[channel.id, channel.queue[0].position] = 0
        move = self.harness.due()
        assert move is not None
        self.harness.make(move)
        self._look()

    def async_running(self, event: Case) -> None:
        self._awaited.add(event["id"])

    def async_finished(self, event: Case) -> None:
        self._awaited.discard(event["id"])
        if event["id"] in self.running:
            self._finish(event["id"])

    def _look(self) -> None:
        """Uploads that were begun, and those that were given up."""
        self.running += [number for number, _ in self.harness.uploads]
        self.harness.uploads.clear()
        for number in self.harness.cancelled:
            if number in self.running:
                self.running.remove(number)
                self.async_cancelled.append(number)
        self.harness.cancelled.clear()

    def _finish(self, number: int) -> None:
        self.running.remove(number)
        self.acks.append(number)
        self.order.append("ack")

    def finish_others(self) -> None:
        """An upload of which nobody says that it runs on is done at once."""
        for number in [one for one in self.running if one not in self._awaited]:
            self._finish(number)


OPERATIONS: Final[dict[str, Callable[[Drive, Case], None]]] = {
    "checkpoint": Drive.checkpoint,
    "notify_complete": Drive.notify_complete,
    "notify_aborted": Drive.notify_aborted,
    "abort_on_barrier": Drive.abort_on_barrier,
    "async_running": Drive.async_running,
    "async_finished": Drive.async_finished,
}


def run(case: Case) -> Case:
    """See `drivers.run_case`."""
    drive = Drive()
    for event in case["events"]:
        operation = lookup(OPERATIONS, event["op"], "the operation")
        if operation is not Drive.async_running:
            drive.finish_others()
        operation(drive, event)
    drive.finish_others()
    emitted: list[dict[str, int]] = []
    output = drive.harness.output
    for queued in (*output.queue, *output.held):
        if isinstance(queued.element, CheckpointBarrier):
            emitted.append({"barrier": queued.element.checkpoint_id})
        elif isinstance(queued.element, CancelCheckpointMarker):
            emitted.append({"cancel": queued.element.checkpoint_id})
    calls = drive.harness.operator.calls
    found = {
        "emitted": emitted,
        "snapshots": [number for name, number in calls if name == "sync_snapshot"],
        "acks": drive.acks,
        "async_cancelled": drive.async_cancelled,
        "declines": [one.checkpoint_id for one in drive.harness.told if isinstance(one, Decline)],
        "order": drive.order,
        "operators_notified_complete": [n for name, n in calls if name == "notify_complete"],
        "operators_notified_aborted": [n for name, n in calls if name == "notify_aborted"],
    }
    return answers(found, case)
