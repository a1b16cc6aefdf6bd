"""Session windows: each key has its own, and they merge.

After Flink's WindowOperator with a merging assigner. A merged window is a new one: whether it fires
at once, at a later watermark or not at all follows from its own end.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, State
from bandviz.engine.operators.tell import tell_applied, tell_dropped, tell_late
from bandviz.engine.operators.windowed import (
    NO_ORIGIN,
    Contents,
    Results,
    WindowedOperator,
    joined_origin,
    restored,
    times_of,
    with_origin,
)
from bandviz.engine.state.descriptors import ValueStateDescriptor
from bandviz.engine.state.keyed import ValueState
from bandviz.engine.time.windows import Window, merged_with
from bandviz.events.time import WindowsMerged
from bandviz.events.values import pack
from bandviz.functions.rows import Fields, Key
from bandviz.graph.specs import SessionWindows, WindowSpec


def _start(session: Contents) -> int:
    return session.window.start_ms


class SessionState(ValueState):
    """The sessions of a key, by start; they lie apart from each other."""

    def _thaw(self, value: Any) -> tuple[Contents, ...]:
        return restored(value)


class SessionWindowOperator(WindowedOperator):
    """State: sessions by key.

    `_timers` is a heap of (event time, packed key, key); an entry counts only if `_armed` has its
    time for the key, which is never later than what the key has to do next.
    """

    def __init__(
        self,
        context: Context,
        spec: WindowSpec,
        assigner: SessionWindows,
        fields: Fields,
        max_parallelism: int,
    ) -> None:
        super().__init__(context, spec, fields, max_parallelism)
        self._gap_ms = assigner.gap_ms
        descriptor = ValueStateDescriptor(name="panes")
        self._state = self.backend.declare(SessionState(descriptor, self.backend))
        self._timers: list[tuple[int, bytes, Key]] = []
        self._armed: dict[Key, int] = {}

    @property
    def _sessions(self) -> dict[Key, tuple[Contents, ...]]:
        return self._state.table

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Only records behind the watermark make a window fire here."""
        out, late = Results(), []
        for place, time_ms in enumerate(times_of(buffer)):
            key = self._key_of(buffer.values[place])
            new = Window(time_ms, time_ms + self._gap_ms)
            old = self._sessions.get(key, ())
            window, absorbed = merged_with(new, [one.window for one in old])
            if self._is_over(window.end_ms, watermark_ms):
                late.append(place)
                tell_late(self.context, buffer, place, watermark_ms, self._side)
                continue
            inside = [one for one in old if one.window in absorbed]
            apart = [one for one in old if one.window not in absorbed]
            session = self._grown(window, inside, buffer, place, watermark_ms)
            self._sessions[key] = tuple(sorted([*apart, session], key=_start))
            self._state.written[key] = None
            self._tell(key, session, absorbed, buffer, place, watermark_ms)
            if session.settled:
                self._fire(out, key, window, session.accumulators, session.origin, kept=True)
            self._arm(key)
        if late and self._side:
            self.context.side(self._side, buffer.pick(late))
        return out.buffer()

    def _grown(
        self,
        window: Window,
        inside: list[Contents],
        buffer: RecordBuffer,
        place: int,
        watermark_ms: int,
    ) -> Contents:
        """What the sessions inside become together with one more record."""
        accumulators, origin = self._initial, NO_ORIGIN
        if inside:
            accumulators, origin = inside[0].accumulators, inside[0].origin
        for one in inside[1:]:
            pairs = zip(self._functions, accumulators, one.accumulators, strict=True)
            accumulators = tuple([function.merge(a, b) for function, a, b in pairs])
            origin = joined_origin(origin, one.origin)
        accumulators = self._fold(accumulators, buffer.values[place])
        if buffer.lineage is not None:
            origin = with_origin(origin, buffer.lineage[place])
        return Contents(window, accumulators, origin, window.end_ms - 1 <= watermark_ms)

    def _tell(
        self,
        key: Key,
        session: Contents,
        absorbed: list[Window],
        buffer: RecordBuffer,
        place: int,
        watermark_ms: int,
    ) -> None:
        lineage = buffer.lineage[place] if buffer.lineage is not None else None
        start_ms = session.window.start_ms
        if session.settled:
            self._tell_admitted(times_of(buffer)[place], watermark_ms, lineage)
        if self.context.emitter.record and any(one.start_ms != start_ms for one in absorbed):
            self.context.emitter.on_record(
                WindowsMerged(
                    subtask=self.context.subtask,
                    key=pack(key),
                    window_start_ms=start_ms,
                    window_end_ms=session.window.end_ms,
                    absorbed_start_ms=tuple(one.start_ms for one in absorbed),
                )
            )
        if self.context.emitter.record:
            tell_applied(self.context, key, pack(session.accumulators), lineage, start_ms)

    def _next_ms(self, session: Contents) -> int:
        """The watermark at which it fires, or is forgotten if it has."""
        last_ms = session.window.end_ms - 1
        return last_ms + self._lateness_ms if session.settled else last_ms

    def _arm(self, key: Key) -> None:
        """See to it that the heap has an entry early enough."""
        time_ms = min(map(self._next_ms, self._sessions[key]))
        if time_ms < self._armed.get(key, time_ms + 1):
            self._armed[key] = time_ms
            heappush(self._timers, (time_ms, pack(key), key))

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Fire and forget what has passed, by event time, then by packed key."""
        out, timers = Results(), self._timers
        while timers and timers[0][0] <= watermark_ms:
            time_ms, _, key = heappop(timers)
            if self._armed.get(key) != time_ms:
                continue
            del self._armed[key]
            self._elapse(out, key, time_ms)
            if key in self._sessions:
                self._arm(key)
        return out.buffer()

    def _elapse(self, out: Results, key: Key, time_ms: int) -> None:
        left = []
        for session in self._sessions.pop(key):
            over = self._is_over(session.window.end_ms, time_ms)
            if session.window.end_ms - 1 <= time_ms and not session.settled:
                window, accumulators, origin, _ = session
                self._fire(out, key, window, accumulators, origin, kept=not over)
                session = session._replace(settled=True)
            elif over and self.context.emitter.record:
                tell_dropped(self.context, key, session.window.start_ms)
            if not over:
                left.append(session)
        if left:
            self._sessions[key] = tuple(left)
        self._state.written[key] = None

    def restore(self, state: State | None) -> None:
        """Open sessions of the snapshot, and when they end."""
        super().restore(state)
        self._timers, self._armed = [], {}
        for key in self._sessions:
            self._arm(key)
