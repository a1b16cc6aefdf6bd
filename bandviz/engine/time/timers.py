"""Timers of a keyed operator: event time and processing time, per key.

A timer is (time domain, time in ms) of a key; setting it twice makes one timer. Timers are keyed
state: the map state holds them, so that they are in every snapshot by key group; the queues are an
index over it, made anew on restore. Timers fire by time, then by packed key. Source: Flink
InternalTimerServiceImpl.
"""

from __future__ import annotations

import heapq

from bandviz.engine.state.descriptors import MapStateDescriptor
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.events.values import pack
from bandviz.functions.process import TimeDomain
from bandviz.functions.rows import Key

_MS = 1_000


class TimerService:
    """Timers of the backend's keys. `take` makes the timer's key the current one."""

    def __init__(self, backend: KeyedStateBackend, name: str = "timers") -> None:
        self._backend = backend
        self._timers = backend.map_state(MapStateDescriptor(name=name))
        self._queues: dict[TimeDomain, list[tuple[int, bytes, Key]]] = {
            domain: [] for domain in TimeDomain
        }

    def set(self, domain: TimeDomain, time_ms: int) -> bool:
        """For the current key; False if there is this timer already."""
        if self._timers.contains((domain.value, time_ms)):
            return False
        self._timers.put((domain.value, time_ms), True)
        self._enqueue(domain, time_ms, self._backend.current_key)
        return True

    def delete(self, domain: TimeDomain, time_ms: int) -> bool:
        """For the current key; False if there is no such timer."""
        if not self._timers.contains((domain.value, time_ms)):
            return False
        self._timers.remove((domain.value, time_ms))
        return True

    def next_ms(self, domain: TimeDomain) -> int | None:
        """The earliest time that a timer is set to."""
        queue, table = self._queues[domain], self._timers.table
        while queue:
            time_ms, _, key = queue[0]
            if (domain.value, time_ms) in table.get(key, ()):
                return time_ms
            heapq.heappop(queue)  # deleted since
        return None

    def due_us(self) -> int | None:
        """When the earliest processing-time timer fires: once its millisecond is over, as a
        watermark too speaks of the end of an instant.
        """
        time_ms = self.next_ms(TimeDomain.PROCESSING)
        return None if time_ms is None else (time_ms + 1) * _MS

    def take(self, domain: TimeDomain, until_ms: int) -> int | None:
        """Remove the first timer set to `until_ms` or earlier; one set meanwhile may be next."""
        time_ms = self.next_ms(domain)
        if time_ms is None or time_ms > until_ms:
            return None
        self._backend.current_key = heapq.heappop(self._queues[domain])[2]
        self._timers.remove((domain.value, time_ms))
        return time_ms

    def drop(self, domain: TimeDomain) -> None:
        """None of this domain fires any more; they stay in the state."""
        self._queues[domain] = []

    def rebuild(self) -> None:
        """The state was restored: index it."""
        self._queues = {domain: [] for domain in TimeDomain}
        for key, timers in self._timers.table.items():
            for domain, time_ms in timers:
                self._enqueue(TimeDomain(domain), time_ms, key)

    def _enqueue(self, domain: TimeDomain, time_ms: int, key: Key) -> None:
        heapq.heappush(self._queues[domain], (time_ms, pack(key), key))
