"""Operators of one task, each called with what the one before it puts out.

Flink calls this OperatorChain. Elements go down the chain by call: no channel, no buffer, no time.
A call is told as a buffer that was put into the chained channel, which is empty again at once.
Snapshots, restores and notifications are the business of each member; its task asks them one by
one, the last one first. Source: Flink RegularOperatorChain, ChainingOutput.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bandviz.engine.elements import WATERMARK_MIN, RecordBuffer
from bandviz.engine.operators.base import Operator
from bandviz.engine.outbox import show
from bandviz.engine.user_logic import user_logic, worked_off
from bandviz.ids import ChannelId, CheckpointId

Call = Callable[[Operator], RecordBuffer | None]


class OperatorChain(Operator):
    """`members` in the order of their calls; `calls`: the chained channel to each but the first."""

    runs_user_logic = False

    def __init__(
        self, members: Sequence[Operator], calls: Sequence[ChannelId], buffer_records: int
    ) -> None:
        super().__init__(members[0].context)
        self._members = tuple(members)
        self._calls = tuple(calls)
        self._buffer_records = buffer_records
        self._positions = [0] * len(calls)
        self._marks = [WATERMARK_MIN] * len(members)

    @property
    def members(self) -> tuple[Operator, ...]:
        """All operators, the first one first."""
        return self._members

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Down the chain."""
        return self._hand_on(worked_off(self._members[0], buffer, watermark_ms, port), 1)

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """To each in turn, behind what those before it put out because of it."""
        places = iter(range(len(self._members)))

        def rise(member: Operator) -> RecordBuffer | None:
            self._marks[next(places)] = watermark_ms
            return member.on_watermark(watermark_ms)

        return self._each(rise)

    def next_timer_us(self) -> int | None:
        """The earliest of all."""
        due = [each.next_timer_us() for each in self._members]
        return min((one for one in due if one is not None), default=None)

    def on_timer(self, now_us: int) -> RecordBuffer | None:
        """Fire what is due, in each."""
        return self._each(lambda member: member.on_timer(now_us))

    def end_of_data(self) -> None:
        """Each in turn."""
        for member in self._members:
            with user_logic(member):
                member.end_of_data()

    def prepare_barrier(self, checkpoint_id: CheckpointId) -> RecordBuffer | None:
        """Each in turn: what one says ahead of the barrier is worked off by those behind it."""
        return self._each(lambda member: member.prepare_barrier(checkpoint_id))

    def _each(self, call: Call) -> RecordBuffer | None:
        made = []
        for place, member in enumerate(self._members):
            with user_logic(member):
                out = call(member)
            made.append(self._hand_on(out, place + 1))
        return _joined([one for one in made if one is not None])

    def _hand_on(self, out: RecordBuffer | None, place: int) -> RecordBuffer | None:
        """Through all members from this place on. Side outputs leave a chain only at its end."""
        for at in range(place, len(self._members)):
            self._members[at - 1].context.sides = []
            if out is None or not len(out):
                return None
            self._tell(at, out)
            out = worked_off(self._members[at], out, self._marks[at], 0)
        return out

    def _tell(self, at: int, buffer: RecordBuffer) -> None:
        emitter, now_us = self.context.emitter, self.context.now_us
        for part in buffer.chunks(self._buffer_records) if emitter.flow else ():
            show(emitter, self._calls[at - 1], self._positions[at - 1], part, now_us)
            self._positions[at - 1] += 1


def _joined(buffers: Sequence[RecordBuffer]) -> RecordBuffer | None:
    """One after the other; all come out of the same operator, so they have the same lists."""
    if len(buffers) < 2:
        return buffers[0] if buffers else None
    times = [one.times_ms for one in buffers if one.times_ms is not None]
    ids = [one.lineage for one in buffers if one.lineage is not None]
    return RecordBuffer(
        [row for one in buffers for row in one.values],
        [time_ms for one in times for time_ms in one] if times else None,
        [lineage for one in ids for lineage in one] if ids else None,
    )
