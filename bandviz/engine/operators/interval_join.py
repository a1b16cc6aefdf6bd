"""Interval join: rows of two streams that lie near to each other in event time."""

from __future__ import annotations

from typing import Any, NamedTuple

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.operators.tell import tell_applied, tell_dropped, turn_away
from bandviz.engine.state.descriptors import MapStateDescriptor
from bandviz.engine.state.keyed import KeyedStateBackend, MapState
from bandviz.engine.time.timers import TimerService
from bandviz.events.records import DIGEST_MASK, lineage_of, provenance
from bandviz.events.values import pack
from bandviz.functions.process import TimeDomain
from bandviz.functions.rows import Fields, FunctionError, KeyBy, Row
from bandviz.graph.specs import IntervalJoinSpec
from bandviz.ids import CheckpointId, Lineage, ResultId


class _Kept(NamedTuple):
    """A row that waits for partners. `id` may come from a snapshot: a bare tuple."""

    row: Row
    id: Lineage | None


class _Side:
    """One of the two inputs: its rows by key and time, and where their partners lie.

    A row at t has partners from t + `lower_ms` to t + `upper_ms` and is kept until the watermark
    says that none can come any more.
    """

    def __init__(
        self,
        name: str,
        key: KeyBy,
        fields: Fields,
        bounds: tuple[int, int],
        late: str,
        kept: MapState,
    ) -> None:
        self.name = name
        self.key_of = key.bind(fields)
        self.lower_ms, self.upper_ms = bounds
        self.kept_ms = max(self.upper_ms, 0)
        self.late = late
        self.kept = kept

    def near(self, time_ms: int, lower_ms: int, upper_ms: int) -> list[tuple[int, _Kept]]:
        """Rows of the current key so near to a time, oldest first."""
        return [
            (at, _Kept(*one))
            for at, rows in sorted(self.kept.items())
            if time_ms + lower_ms <= at <= time_ms + upper_ms
            for one in rows
        ]


class IntervalJoinOperator(Operator):
    """State: `left` and `right`, key -> time -> rows; `timers` for dropping them.

    Source: Flink IntervalJoinOperator.
    """

    def __init__(
        self,
        context: Context,
        spec: IntervalJoinSpec,
        fields: tuple[Fields, Fields],
        max_parallelism: int,
    ) -> None:
        super().__init__(context)
        self._backend = KeyedStateBackend(context, max_parallelism)
        left, right = (
            self._backend.map_state(MapStateDescriptor(name=name)) for name in ("left", "right")
        )
        ahead, behind = (spec.lower_ms, spec.upper_ms), (-spec.upper_ms, -spec.lower_ms)
        self._left = _Side("left", spec.left_key, fields[0], ahead, spec.late_left, left)
        self._right = _Side("right", spec.right_key, fields[1], behind, spec.late_right, right)
        self._left_ports = spec.left_ports
        self._timers = TimerService(self._backend)

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Each row meets the rows of the other side that are there, and waits for those to come."""
        if buffer.times_ms is None:
            raise FunctionError("interval_join: its input has no event time")
        is_left = port < self._left_ports
        own, other = (self._left, self._right) if is_left else (self._right, self._left)
        pairs: list[tuple[Row, int, Lineage | None]] = []
        late = []
        for place, row in enumerate(buffer.values):
            time_ms = buffer.times_ms[place]
            if time_ms < watermark_ms:
                late.append(place)
                continue
            kept = _Kept(row, buffer.lineage[place] if buffer.lineage is not None else None)
            self._backend.current_key = own.key_of(row)
            self._keep(own, time_ms, kept)
            for at, partner in other.near(time_ms, own.lower_ms, own.upper_ms):
                left, right = (kept, partner) if is_left else (partner, kept)
                pairs.append(self._pair(left, right, max(time_ms, at)))
        if late:
            turn_away(self.context, buffer.pick(late), watermark_ms, own.late)
        return _buffer(pairs)

    def _keep(self, side: _Side, time_ms: int, kept: _Kept) -> None:
        rows = (*(side.kept.get(time_ms) or ()), kept)
        side.kept.put(time_ms, rows)
        self._timers.set(TimeDomain.EVENT, time_ms + side.kept_ms)
        if self.context.emitter.record:
            key = (side.name, self._backend.current_key)
            tell_applied(self.context, key, pack(rows), kept.id, time_ms)

    def _pair(self, left: _Kept, right: _Kept, time_ms: int) -> tuple[Row, int, Lineage | None]:
        row = (*left.row, *right.row)
        if left.id is None or right.id is None:
            return row, time_ms, None
        (count, digest), (more, part) = (provenance(lineage_of(one.id)) for one in (left, right))
        pair = ResultId(
            self.context.subtask.vertex,
            (self._backend.current_key, left.id, right.id),
            time_ms,
            count + more,
            (digest + part) & DIGEST_MASK,
        )
        return row, time_ms, pair

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Forget rows for which no partner can come any more."""
        while (time_ms := self._timers.take(TimeDomain.EVENT, watermark_ms)) is not None:
            for side in (self._left, self._right):
                self._forget(side, time_ms - side.kept_ms)
        return None

    def _forget(self, side: _Side, time_ms: int) -> None:
        if side.kept.contains(time_ms):
            side.kept.remove(time_ms)
            if self.context.emitter.record:
                tell_dropped(self.context, (side.name, self._backend.current_key), time_ms)

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Rows of both sides, and timers."""
        return dict(self._backend.snapshot())

    def restore(self, state: State | None) -> None:
        """The same."""
        self._backend.restore(state or {})
        self._timers.rebuild()


def _buffer(pairs: list[tuple[Row, int, Lineage | None]]) -> RecordBuffer | None:
    if not pairs:
        return None
    ids: list[Any] = [one for _, _, one in pairs]
    return RecordBuffer(
        [row for row, _, _ in pairs],
        [time_ms for _, time_ms, _ in pairs],
        None if None in ids else ids,
    )
