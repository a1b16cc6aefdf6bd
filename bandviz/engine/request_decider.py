"""Which request for a checkpoint is next, and when. It starts nothing itself.

Source: Flink CheckpointRequestDecider; semantics.md 1.2 and 3.11.
"""

from __future__ import annotations

from typing import NamedTuple

from bandviz.events.coordinator import SnapshotKind


class CheckpointRequest(NamedTuple):
    """`number` counts all requests. A `forced` one ignores the limits."""

    number: int
    kind: SnapshotKind
    periodic: bool
    forced: bool

    def rank(self) -> tuple[bool, bool, bool, int]:
        """Place in the queue: savepoints, then what a person asked for, then the periodic ones."""
        return not self.kind.is_savepoint, not self.forced, self.periodic, self.number


class Decision(NamedTuple):
    """At most one of both is set: what starts now, or what came too early for the pause.

    A request that came too early is dropped; the periodic trigger comes again at `again_us`.
    """

    start: CheckpointRequest | None = None
    too_early: CheckpointRequest | None = None
    again_us: int = 0


class RequestDecider:
    """The queue of requests, best first."""

    def __init__(self, max_concurrent: int, min_pause_us: int, max_queued: int) -> None:
        self.queue: list[CheckpointRequest] = []
        self._max_concurrent = max_concurrent
        self._min_pause_us = min_pause_us
        self._max_queued = max_queued

    def submit(self, request: CheckpointRequest) -> CheckpointRequest | None:
        """Put it into the queue; returns who has to leave a full one.

        A periodic request makes room for any other; people's requests stay, and the newcomer goes.
        """
        if len(self.queue) >= self._max_queued and not self.queue[-1].periodic:
            return request
        self.queue.append(request)
        self.queue.sort(key=CheckpointRequest.rank)
        return self.queue.pop() if len(self.queue) > self._max_queued else None

    def choose(self, now_us: int, pending_count: int, completed_us: int | None) -> Decision:
        """Take a request that can start now. `completed_us`: when the last checkpoint completed."""
        if not self.queue:
            return Decision()
        first = self.queue[0]
        if pending_count >= self._max_concurrent and not first.forced:
            return Decision()
        if first.periodic and completed_us is not None:
            again_us = completed_us + self._min_pause_us
            if again_us > now_us:
                return Decision(too_early=self.queue.pop(0), again_us=again_us)
        return Decision(start=self.queue.pop(0))

    def clear(self) -> None:
        """The job does not run: nobody waits any more."""
        self.queue.clear()
