"""A channel from one subtask to another: the sender's output queue, the way, the receiver's queue.

It is Flink's result subpartition and input channel in one. An element is *held* at the sender's end
while an aligned barrier that went before has stopped the channel, or while the receiver gives no
credit; once sent, elements arrive in order. Unaligned barriers go ahead: at the sender of all that
is held, at the receiver of all that is unread. A channel knows neither alignment nor events.
Simplification: back-pressure is a full channel; elements that are no data need neither room nor
credit.
"""

from __future__ import annotations

import sys
from collections import deque
from itertools import takewhile
from typing import Any, Final, NamedTuple

from bandviz.engine.choices import jittered, mix
from bandviz.engine.elements import (
    BarrierAnnouncement,
    CheckpointBarrier,
    EndOfData,
    RecordBuffer,
    StreamElement,
    Watermark,
    WatermarkStatus,
)
from bandviz.engine.emitter import Identity
from bandviz.errors import require
from bandviz.events.checkpoint import BarrierKind
from bandviz.graph.execution import ChannelPlan
from bandviz.ids import CheckpointId

DATA: Final = (RecordBuffer, Watermark, WatermarkStatus)
"""What a barrier may overtake and a checkpoint then holds."""

_STOPPING: Final = (BarrierKind.ALIGNED, BarrierKind.FORCED_ALIGNED)


class Queued(NamedTuple):
    """An element on its way. `arrive_us` is -1 while held; `serial` counts in order of sending."""

    arrive_us: int
    tie: int
    position: int
    element: StreamElement
    cause: Identity | None
    serial: int = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> Queued:
        return self


class Overtaking(NamedTuple):
    """A barrier went ahead at the sender: when it arrives (-1: held), and past what."""

    position: int
    arrive_us: int
    passed: tuple[Queued, ...]


class Channel:
    """One channel of one attempt."""

    __slots__ = (
        "_arrived_us", "_barrier", "_captured_to", "_jitter", "_seed", "_sent", "_unread",
        "blocked", "buffers", "capacity", "credit", "held", "id", "latency_us", "name", "plan",
        "position", "queue", "stopped", "urgent",
    )  # fmt: skip

    def __init__(self, plan: ChannelPlan, seed: int, jitter_permille: int) -> None:
        self.plan = plan
        self.id = plan.channel
        self.name = f"{plan.upstream}->{plan.downstream}/{plan.edge}"
        self.latency_us = plan.latency_us
        self.capacity = plan.capacity
        self.credit = plan.credit or sys.maxsize
        """Record buffers that the receiver has room for; all others are held."""
        self.queue: deque[Queued] = deque()
        self.urgent: deque[Queued] = deque()
        """Barriers and announcements that go ahead of `queue`."""
        self.held: deque[Queued] = deque()
        self.buffers = 0
        self.position = 0
        self.blocked = False
        """Receiver's side: alignment holds the channel back. What is unread stood before the
        barrier and can be read; what comes behind it waits at the sender's end.
        """
        self.stopped = False
        """Sender's side: a barrier was sent and the receiver has not resumed the channel."""
        self._unread = 0
        self._sent = 0
        self._captured_to = -1
        self._barrier = (CheckpointId(-1), -1)
        """The latest one taken: its checkpoint and its serial."""
        self._seed = seed
        self._jitter = jitter_permille
        self._arrived_us = 0

    # ------------------------------------------------------------------ the sender's side

    def put(self, element: StreamElement, sent_us: int, cause: Identity | None) -> tuple[int, int]:
        """Append at the sender's end; returns (position, arrival time or -1 if held)."""
        queued = self._number(element, cause)
        if self.stopped or self.held or not self._has_credit(queued):
            self.held.append(queued)
            return queued.position, -1
        way_us = jittered(self.latency_us, self._jitter, queued.tie)
        return queued.position, self._send(queued, sent_us + way_us)

    def overtake(
        self, barrier: CheckpointBarrier, sent_us: int, cause: Identity | None
    ) -> Overtaking:
        """Put an unaligned barrier ahead of all that is held."""
        return self._go_ahead(self._number(barrier, cause), tuple(self.held), sent_us)

    def time_out(self, checkpoint_id: CheckpointId, now_us: int) -> Overtaking | None:
        """The barrier of this checkpoint, if still held, goes ahead; None if it was sent before."""
        for place, queued in enumerate(self.held):
            barrier = queued.element
            if not isinstance(barrier, CheckpointBarrier) or barrier.due_us is None:
                continue
            if barrier.checkpoint_id == checkpoint_id:
                passed = tuple(self.held)[:place]
                del self.held[place]
                return self._go_ahead(
                    queued._replace(element=barrier.as_unaligned()), passed, now_us
                )
        return None

    def may_time_out(self, checkpoint_id: CheckpointId) -> bool:
        """Its barrier is held, and its time-out has not passed."""
        return any(
            isinstance(one.element, CheckpointBarrier)
            and one.element.checkpoint_id == checkpoint_id
            and one.element.due_us is not None
            for one in self.held
        )

    def restore(self, element: StreamElement, now_us: int) -> tuple[int, int]:
        """Put data of a checkpoint back at the receiver's end, before anything is sent."""
        require(not self.held, "input data in flight comes before output data", self.name)
        queued = self._number(element, None)
        return queued.position, self._send(queued, now_us)

    def release(self, now_us: int) -> tuple[int, int]:
        """Held elements set off, as far as credit goes, up to and with a barrier that stops.

        Returns how many did, and when they arrive.
        """
        arrive = max(now_us + self.latency_us, self._arrived_us)
        released = 0
        while self.held and not self.stopped and self._has_credit(self.held[0]):
            self._send(self.held.popleft(), arrive)
            released += 1
        return released, arrive

    def send_next(self, now_us: int) -> Queued | None:
        """The first held element sets off without credit; None while stopped or with nothing."""
        if self.stopped or not self.held:
            return None
        queued = self.held.popleft()
        self._send(queued, now_us + self.latency_us)
        return queued

    def _number(self, element: StreamElement, cause: Identity | None) -> Queued:
        position = self.position
        self.position = position + 1
        if type(element) is RecordBuffer:
            self.buffers += 1
        return Queued(-1, mix(self._seed, self.id, position), position, element, cause)

    def _has_credit(self, queued: Queued) -> bool:
        """Room for a buffer; without any credit only what overtakes goes through."""
        if _overtakes(queued):
            return True
        needed = self._unread + 1 if type(queued.element) is RecordBuffer else 1
        return needed <= self.credit

    def _go_ahead(self, queued: Queued, passed: tuple[Queued, ...], now_us: int) -> Overtaking:
        data = tuple(one for one in passed if isinstance(one.element, DATA))
        if self.stopped:
            self.held.insert(self._urgent_held(), queued)
            return Overtaking(queued.position, -1, data)
        return Overtaking(queued.position, self._send(queued, now_us + self.latency_us), data)

    def _urgent_held(self) -> int:
        """So many barriers that overtake stand first already: they do not overtake each other."""
        return sum(1 for _ in takewhile(_overtakes, self.held))

    def _send(self, queued: Queued, arrive_us: int) -> int:
        arrive_us = max(arrive_us, self._arrived_us)
        self._arrived_us = arrive_us
        _, tie, position, element, cause, _ = queued
        serial = self._sent
        self._sent = serial + 1
        sent = Queued(arrive_us, tie, position, element, cause, serial)
        if type(element) is RecordBuffer:
            self._unread += 1
        elif type(element) is CheckpointBarrier:
            self.stopped = element.kind in _STOPPING
            if element.kind is BarrierKind.UNALIGNED:
                self.urgent.append(sent)
                return arrive_us
            if element.due_us is not None:
                self.urgent.append(sent._replace(element=BarrierAnnouncement(element)))
        self.queue.append(sent)
        return arrive_us

    # ------------------------------------------------------------------ the receiver's side

    def take(self, *, urgent: bool = False) -> Queued:
        """Remove the head, or the first urgent element. The caller has seen that it may be read."""
        queued = self.urgent.popleft() if urgent else self.queue.popleft()
        if type(queued.element) is RecordBuffer:
            self.buffers -= 1
            self._unread -= 1
        elif type(queued.element) is CheckpointBarrier:
            self._barrier = (queued.element.checkpoint_id, queued.serial)
        return queued

    def prioritise(self, checkpoint_id: CheckpointId) -> Queued | None:
        """An announced barrier goes ahead of unread data; None if it has come to the front."""
        for place, queued in enumerate(self.queue):
            barrier = queued.element
            if isinstance(barrier, CheckpointBarrier) and barrier.checkpoint_id == checkpoint_id:
                del self.queue[place]
                self.urgent.appendleft(queued)
                return queued
        return None

    def resume(self, now_us: int) -> tuple[int, int]:
        """The receiver reads on: see `release`."""
        self.blocked = self.stopped = False
        return self.release(now_us)

    def start_capture(self) -> None:
        """A checkpoint overtakes: unread data belongs to it, from the first element on."""
        self._captured_to = -1

    def capture(self, checkpoint_id: CheckpointId, now_us: int) -> list[Queued]:
        """Unread data that has arrived ahead of the checkpoint's barrier, each element once."""
        limit = self._serial_of(checkpoint_id)
        found = [
            queued
            for queued in self.queue
            if self._captured_to < queued.serial < limit
            and queued.arrive_us <= now_us
            and isinstance(queued.element, DATA)
        ]
        if found:
            self._captured_to = found[-1].serial
        return found

    def _serial_of(self, checkpoint_id: CheckpointId) -> int:
        """Where its barrier stands or stood; behind everything if it is still to come."""
        if self._barrier[0] == checkpoint_id:
            return self._barrier[1]
        for queued in (*self.urgent, *self.queue):
            barrier = queued.element
            if isinstance(barrier, CheckpointBarrier) and barrier.checkpoint_id == checkpoint_id:
                return queued.serial
        return self._sent

    def awaits_end_of_data(self) -> bool:
        """EndOfData was put in, and the receiver has not come to it."""
        return any(type(one.element) is EndOfData for one in (*self.queue, *self.held))

    def records_on_the_way(self) -> int:
        """Records that a crash would lose here."""
        return sum(
            len(queued.element)
            for queued in (*self.queue, *self.held)
            if type(queued.element) is RecordBuffer
        )


def _overtakes(queued: Queued) -> bool:
    element = queued.element
    return isinstance(element, CheckpointBarrier) and element.kind is BarrierKind.UNALIGNED
