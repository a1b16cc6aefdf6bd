"""A channel: FIFO queue from one subtask to another, bounded in buffers, with sender-side blocking.

It is Flink's result subpartition and input channel in one. After an aligned barrier was sent the
sender stops: what is put in behind it is *held* at the sender's end until the receiver resumes the
channel. A channel knows neither alignment nor events. Simplification: no network credits,
back-pressure is a full channel; control elements need no room.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from bandviz.engine.choices import jittered, mix
from bandviz.engine.elements import CheckpointBarrier, RecordBuffer, StreamElement
from bandviz.engine.emitter import Identity
from bandviz.graph.execution import ChannelPlan


class Queued(NamedTuple):
    """An element on its way. `arrive_us` is -1 while held."""

    arrive_us: int
    tie: int
    position: int
    element: StreamElement
    cause: Identity | None


class Channel:
    """One channel of one attempt."""

    __slots__ = (
        "_arrived_us", "_jitter", "_seed", "blocked", "buffers", "capacity", "held", "id",
        "latency_us", "name", "plan", "position", "queue", "stopped",
    )  # fmt: skip

    def __init__(self, plan: ChannelPlan, seed: int, jitter_permille: int) -> None:
        self.plan = plan
        self.id = plan.channel
        self.name = f"{plan.upstream}->{plan.downstream}/{plan.edge}"
        self.latency_us = plan.latency_us
        self.capacity = plan.capacity
        self.queue: deque[Queued] = deque()
        self.held: deque[Queued] = deque()
        self.buffers = 0
        self.position = 0
        self.blocked = False
        """Receiver's side: alignment holds the channel back."""
        self.stopped = False
        """Sender's side: a barrier was sent and the receiver has not resumed the channel."""
        self._seed = seed
        self._jitter = jitter_permille
        self._arrived_us = 0

    def put(self, element: StreamElement, sent_us: int, cause: Identity | None) -> tuple[int, int]:
        """Append at the sender's end; returns (position, arrival time or -1 if held)."""
        position = self.position
        self.position = position + 1
        if type(element) is RecordBuffer:
            self.buffers += 1
        draw = mix(self._seed, self.id, position)
        if self.stopped:
            self.held.append(Queued(-1, draw, position, element, cause))
            return position, -1
        arrive = sent_us + jittered(self.latency_us, self._jitter, draw)
        arrive = max(arrive, self._arrived_us)
        self._arrived_us = arrive
        self.queue.append(Queued(arrive, draw, position, element, cause))
        if type(element) is CheckpointBarrier:
            self.stopped = True
        return position, arrive

    def take(self) -> Queued:
        """Remove the head. The caller has seen that there is one and that it may be read."""
        queued = self.queue.popleft()
        if type(queued.element) is RecordBuffer:
            self.buffers -= 1
        return queued

    def resume(self, now_us: int) -> tuple[int, int]:
        """The receiver reads on: held elements set off, up to and with the next barrier.

        Returns how many did, and when they arrive.
        """
        self.blocked = self.stopped = False
        arrive = max(now_us + self.latency_us, self._arrived_us)
        released = 0
        while self.held and not self.stopped:
            queued = self.held.popleft()
            self.queue.append(queued._replace(arrive_us=arrive))
            released += 1
            self.stopped = type(queued.element) is CheckpointBarrier
        if released:
            self._arrived_us = arrive
        return released, arrive

    def records_on_the_way(self) -> int:
        """Records that a crash would lose here."""
        return sum(
            len(queued.element)
            for queued in (*self.queue, *self.held)
            if type(queued.element) is RecordBuffer
        )
