"""Task cases: what one subtask does on triggers and notifications of the coordinator."""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import CancelCheckpointMarker, CheckpointBarrier
from bandviz.engine.messages import Decline, NotifyAborted, NotifyComplete, TriggerCheckpoint
from bandviz.engine.subtask_checkpoints import SubtaskCheckpoints
from bandviz.graph.settings import RunSettings
from bandviz.ids import CheckpointId
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

    def checkpoint(self, event: dict[str, Any]) -> None:
        barrier = CheckpointBarrier(CheckpointId(event["id"]))
        self.harness.send(TriggerCheckpoint(barrier))
        self._look()

    def notify_complete(self, event: dict[str, Any]) -> None:
        self.harness.send(NotifyComplete(CheckpointId(event["id"])))

    def notify_aborted(self, event: dict[str, Any]) -> None:
        latest = CheckpointId(event.get("latest_completed", 0))
        self.harness.send(NotifyAborted(CheckpointId(event["id"]), latest))
        self._look()

    def abort_on_barrier(self, event: dict[str, Any]) -> None:
        """A cancel marker comes where the barrier should have come."""
        self.harness.put(0, CancelCheckpointMarker(CheckpointId(event["id"])))
        channel = self.harness.inputs[0]
        self.harness.arrived[channel.id, channel.queue[0].position] = 0
        move = self.harness.due()
        assert move is not None
        self.harness.make(move)
        self._look()

    def async_running(self, event: dict[str, Any]) -> None:
        self._awaited.add(event["id"])

    def async_finished(self, event: dict[str, Any]) -> None:
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

    def end(self) -> None:
        """What nobody said anything about finishes by itself."""
        for number in [one for one in self.running if one not in self._awaited]:
            self._finish(number)


def run(case: dict[str, Any]) -> dict[str, Any]:
    """See `drivers.run_case`."""
    drive = Drive()
    for event in case["events"]:
        getattr(drive, event["op"])(event)
    drive.end()
    emitted: list[dict[str, int]] = []
    for queued in drive.harness.output.queue:
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
    return {key: found[key] for key in case["expect"]}
