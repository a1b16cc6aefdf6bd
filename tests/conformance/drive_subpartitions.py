"""Output-queue cases: a real channel whose receiver takes one element at a time."""

from __future__ import annotations

from typing import Any

from bandviz.engine.channel import Channel, Overtaking
from bandviz.engine.elements import CheckpointBarrier, RecordBuffer, StreamElement
from bandviz.events.checkpoint import BarrierKind
from bandviz.ids import CheckpointId, SubtaskId
from tests.conformance.task_harness import channel_plan

NO_TIME_YET = 1_000_000


class Queue:
    """The sender's end of one channel; nothing is sent before it is polled."""

    def __init__(self) -> None:
        self.channel = Channel(channel_plan(0, SubtaskId("task", 0), SubtaskId("down", 0)), 0, 0)
        self.channel.credit = 0
        self.polled: list[dict[str, Any]] = []
        self.persisted: dict[str, list[str]] = {}

    def add(self, event: dict[str, Any]) -> None:
        self._hold(RecordBuffer([(event["rec"],)]))

    def barrier(self, event: dict[str, Any]) -> None:
        number, kind = CheckpointId(event["id"]), event["kind"]
        if kind == "unaligned":
            barrier = CheckpointBarrier(number, BarrierKind.UNALIGNED)
            self._keep(number, self.channel.overtake(barrier, 0, None))
            return
        timeout = NO_TIME_YET if kind == "timeoutable" else None
        if timeout is not None:
            self.persisted[str(number)] = []
        self._hold(CheckpointBarrier(number, BarrierKind.ALIGNED, 0, timeout))

    def _hold(self, element: StreamElement) -> None:
        self.channel.put(element, 0, None)

    def timeout(self, event: dict[str, Any]) -> None:
        ahead = self.channel.time_out(CheckpointId(event["id"]), NO_TIME_YET)
        if ahead is not None:
            self._keep(event["id"], ahead)

    def _keep(self, number: int, ahead: Overtaking) -> None:
        elements = [one.element for one in ahead.passed]
        self.persisted[str(number)] = [
            row[0] for one in elements if isinstance(one, RecordBuffer) for row in one.values
        ]

    def poll(self, _event: dict[str, Any]) -> None:
        self._poll()

    def poll_all(self, _event: dict[str, Any]) -> None:
        while self._poll():
            pass

    def _poll(self) -> bool:
        """The receiver takes what comes first; what goes ahead was sent at once."""
        channel = self.channel
        if channel.urgent:
            queued = channel.take(urgent=True)
        elif channel.send_next(0) is not None:
            channel.urgent.clear()  # the announcement, which is not part of the cases
            queued = channel.take()
        else:
            return False
        self.polled.append(_shown(queued.element))
        return True

    def resume(self, _event: dict[str, Any]) -> None:
        self.channel.resume(0)


def _shown(element: StreamElement) -> dict[str, Any]:
    if isinstance(element, CheckpointBarrier):
        return {"barrier": element.checkpoint_id, "kind": element.kind.value}
    assert isinstance(element, RecordBuffer)
    return {"rec": element.values[0][0]}


def run(case: dict[str, Any]) -> dict[str, Any]:
    """See `drivers.run_case`."""
    queue = Queue()
    for event in case["events"]:
        getattr(queue, event["op"])(event)
    found = {"polled": queue.polled, "persisted": queue.persisted}
    return {key: found[key] for key in case["expect"]}
