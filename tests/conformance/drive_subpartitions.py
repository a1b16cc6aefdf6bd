"""Output-queue cases: a real channel whose receiver takes one element at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bandviz.engine.channel import Channel, Overtaking
from bandviz.engine.elements import CheckpointBarrier, RecordBuffer, StreamElement
from bandviz.events.checkpoint import BarrierKind
from bandviz.ids import CheckpointId, SubtaskId
from tests.conformance.case_format import Case, answers, lookup
from tests.conformance.task_harness import channel_plan

NO_TIME_YET = 1_000_000
KINDS: Final = {
    "aligned": (BarrierKind.ALIGNED, None),
    "timeoutable": (BarrierKind.ALIGNED, NO_TIME_YET),
    "unaligned": (BarrierKind.UNALIGNED, None),
}
"""With the time-out that it has."""


class Queue:
    """The sender's end of one channel; nothing is sent before it is polled."""

    def __init__(self) -> None:
        self.channel = Channel(channel_plan(0, SubtaskId("task", 0), SubtaskId("down", 0)), 0, 0)
        self.channel.credit = 0
        self.polled: list[Case] = []
        self.persisted: dict[str, list[str]] = {}

    def add(self, event: Case) -> None:
        self._hold(RecordBuffer([(event["rec"],)]))

    def barrier(self, event: Case) -> None:
        number = CheckpointId(event["id"])
        kind, timeout = lookup(KINDS, event["kind"], "the kind of barrier")
        barrier = CheckpointBarrier(number, kind, 0, timeout)
        if kind is BarrierKind.UNALIGNED:
            overtaking = self.channel.overtake(barrier, 0, None)
            if overtaking.passed:
                self._keep(number, overtaking)
            return
        if timeout is not None:
            self.persisted[str(number)] = []
        self._hold(barrier)

    def _hold(self, element: StreamElement) -> None:
        self.channel.put(element, 0, None)

    def timeout(self, event: Case) -> None:
        ahead = self.channel.time_out(CheckpointId(event["id"]), NO_TIME_YET)
        if ahead is not None:
            self._keep(event["id"], ahead)

    def _keep(self, number: int, ahead: Overtaking) -> None:
        elements = [one.element for one in ahead.passed]
        self.persisted[str(number)] = [
            row[0] for one in elements if isinstance(one, RecordBuffer) for row in one.values
        ]

    def poll(self, _event: Case) -> None:
        self._poll()

    def poll_all(self, _event: Case) -> None:
        while self._poll():
            pass

    def _poll(self) -> bool:
        """The receiver takes what comes first; what goes ahead was sent at once."""
        channel = self.channel
        if channel.urgent:
            queued = channel.take(urgent=True)
        elif channel.send_next(0) is None:
            return False
        elif channel.queue:
            channel.urgent.clear()  # the announcement, which is not part of the cases
            queued = channel.take()
        else:
            queued = channel.take(urgent=True)
        self.polled.append(_shown(queued.element))
        return True

    def resume(self, _event: Case) -> None:
        self.channel.resume(0)


def _shown(element: StreamElement) -> Case:
    if isinstance(element, CheckpointBarrier):
        return {"barrier": element.checkpoint_id, "kind": element.kind.value}
    assert isinstance(element, RecordBuffer)
    return {"rec": element.values[0][0]}


OPERATIONS: Final[dict[str, Callable[[Queue, Case], None]]] = {
    "add": Queue.add,
    "barrier": Queue.barrier,
    "timeout": Queue.timeout,
    "poll": Queue.poll,
    "poll_all": Queue.poll_all,
    "resume": Queue.resume,
}


def run(case: Case) -> Case:
    """See `drivers.run_case`."""
    queue = Queue()
    for event in case["events"]:
        lookup(OPERATIONS, event["op"], "the operation")(queue, event)
    found = {"polled": queue.polled, "persisted": queue.persisted}
    return answers(found, case)
