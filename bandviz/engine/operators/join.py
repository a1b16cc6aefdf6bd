"""What joins of two inputs share: rows that wait for partners, and pairs of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.operators.tell import tell_applied, tell_dropped, tell_late
from bandviz.engine.state.descriptors import MapStateDescriptor
from bandviz.engine.state.keyed import KeyedStateBackend, MapState
from bandviz.engine.time.timers import TimerService
from bandviz.events.records import DIGEST_MASK, lineage_of, provenance
from bandviz.events.values import pack
from bandviz.functions.process import TimeDomain
from bandviz.functions.rows import Fields, FunctionError, Row
from bandviz.graph.specs import IntervalJoinSpec, WindowJoinSpec
from bandviz.ids import CheckpointId, Lineage, ResultId

Pair = tuple[Row, int, Lineage | None]
"""Columns of both, event time, id."""


class Kept(NamedTuple):
    """A row that waits for partners. `id` may come from a snapshot: a bare tuple."""

    row: Row
    id: Lineage | None


class Side:
    """One of the two inputs: its rows by key and time, and the side output of its late ones."""

    def __init__(self, name: str, late: str, kept: MapState) -> None:
        self.name = name
        self.late = late
        self.kept = kept

    def at(self, time_ms: int) -> list[Kept]:
        """Rows of the current key at a time, in order of arrival."""
        return [Kept(*one) for one in self.kept.get(time_ms) or ()]


class JoinOperator(Operator):
    """State: `left` and `right`, key -> time -> rows; `cleanup`: timers for dropping them.

    What the time of a row is, and when it meets its partners, subclasses say.
    """

    def __init__(
        self,
        context: Context,
        spec: IntervalJoinSpec | WindowJoinSpec,
        fields: tuple[Fields, Fields],
        max_parallelism: int,
    ) -> None:
        super().__init__(context)
        self.backend = KeyedStateBackend(context, max_parallelism)
        left, right = (
            self.backend.map_state(MapStateDescriptor(name=name)) for name in ("left", "right")
        )
        self.left, self.right = (
            Side("left", spec.late_left, left),
            Side("right", spec.late_right, right),
        )
        self.timers = TimerService(self.backend, "cleanup")
        self._keys = spec.left_key.bind(fields[0]), spec.right_key.bind(fields[1])
        self._left_ports = spec.left_ports

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Take rows in, one by one; those that come too late are turned away."""
        if buffer.times_ms is None:
            raise FunctionError("join: its input has no event time")
        side, key_of = self.left, self._keys[0]
        if port >= self._left_ports:
            side, key_of = self.right, self._keys[1]
        pairs: list[Pair] = []
        late = []
        for place, row in enumerate(buffer.values):
            self.backend.current_key = key_of(row)
            kept = Kept(row, buffer.lineage[place] if buffer.lineage is not None else None)
            if not self.take(pairs, side, kept, buffer.times_ms[place], watermark_ms):
                late.append(place)
                tell_late(self.context, buffer, place, watermark_ms, side.late)
        if late and side.late:
            self.context.side(side.late, buffer.pick(late))
        return pairs_buffer(pairs)

    def take(
        self, pairs: list[Pair], side: Side, kept: Kept, time_ms: int, watermark_ms: int
    ) -> bool:
        """Keep a row of the current key and meet its partners; False if it came too late."""
        raise NotImplementedError

    def keep(self, side: Side, time_ms: int, kept: Kept, until_ms: int) -> None:
        """A row waits, until the watermark comes to `until_ms`."""
        rows = (*(side.kept.get(time_ms) or ()), kept)
        side.kept.put(time_ms, rows)
        self.timers.set(TimeDomain.EVENT, until_ms)
        if self.context.emitter.record:
            key = (side.name, self.backend.current_key)
            tell_applied(self.context, key, pack(rows), kept.id, time_ms)

    def forget(self, side: Side, time_ms: int) -> None:
        """Rows of the current key at this time."""
        if side.kept.contains(time_ms):
            side.kept.remove(time_ms)
            if self.context.emitter.record:
                tell_dropped(self.context, (side.name, self.backend.current_key), time_ms)

    def pair(self, left: Kept, right: Kept, time_ms: int, of_ms: int) -> Pair:
        """Both rows as one at `time_ms`; its id is of (operator, (key, left, right), `of_ms`)."""
        row = (*left.row, *right.row)
        if left.id is None or right.id is None:
            return row, time_ms, None
        (count, digest), (more, part) = (provenance(lineage_of(one.id)) for one in (left, right))
        pair = ResultId(
            self.context.subtask.vertex,
            (self.backend.current_key, left.id, right.id),
            of_ms,
            count + more,
            (digest + part) & DIGEST_MASK,
        )
        return row, time_ms, pair

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Rows of both sides, and timers."""
        return dict(self.backend.snapshot())

    def restore(self, state: State | None) -> None:
        """The same."""
        self.backend.restore(state or {})
        self.timers.rebuild()


def pairs_buffer(pairs: list[Pair]) -> RecordBuffer | None:
    """None if there are none."""
    if not pairs:
        return None
    ids: list[Any] = [one for _, _, one in pairs]
    return RecordBuffer(
        [row for row, _, _ in pairs],
        [time_ms for _, time_ms, _ in pairs],
        None if None in ids else ids,
    )
