"""Interval join: rows of two streams that lie near to each other in event time."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context
from bandviz.engine.operators.join import JoinOperator, Kept, Pair, Side
from bandviz.functions.process import TimeDomain
from bandviz.functions.rows import Fields
from bandviz.graph.specs import IntervalJoinSpec


class IntervalJoinOperator(JoinOperator):
    """A row at t has partners from t + lower to t + upper, seen from the left, and is kept until
    the watermark says that none can come any more. Source: Flink IntervalJoinOperator.
    """

    def __init__(
        self,
        context: Context,
        spec: IntervalJoinSpec,
        fields: tuple[Fields, Fields],
        max_parallelism: int,
    ) -> None:
        super().__init__(context, spec, fields, max_parallelism)
        self._reach = {"left": (spec.lower_ms, spec.upper_ms)}
        self._reach["right"] = (-spec.upper_ms, -spec.lower_ms)

    def take(
        self, pairs: list[Pair], side: Side, kept: Kept, time_ms: int, watermark_ms: int
    ) -> bool:
        """Meets the rows of the other side that are there, and waits for those to come."""
        if time_ms < watermark_ms:
            return False
        self.keep(side, time_ms, kept, time_ms + self._waits_ms(side))
        is_left = side is self.left
        lower_ms, upper_ms = self._reach[side.name]
        other = self.right if is_left else self.left
        for at, _ in sorted(other.kept.items()):
            if time_ms + lower_ms <= at <= time_ms + upper_ms:
                for partner in other.at(at):
                    left, right = (kept, partner) if is_left else (partner, kept)
                    latest_ms = max(time_ms, at)
                    pairs.append(self.pair(left, right, latest_ms, latest_ms))
        return True

    def _waits_ms(self, side: Side) -> int:
        return max(self._reach[side.name][1], 0)

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Forget rows for which no partner can come any more."""
        while (time_ms := self.timers.take(TimeDomain.EVENT, watermark_ms)) is not None:
            for side in (self.left, self.right):
                self.forget(side, time_ms - self._waits_ms(side))
        return None
