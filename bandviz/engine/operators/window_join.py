"""Window join: rows of two streams with equal keys in the same window."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context
from bandviz.engine.operators.join import JoinOperator, Kept, Pair, Side, pairs_buffer
from bandviz.engine.time.windows import span_of
from bandviz.functions.process import TimeDomain
from bandviz.functions.rows import Fields
from bandviz.graph.specs import WindowJoinSpec


class WindowJoinOperator(JoinOperator):
    """Rows wait under the start of their windows, and meet when these end.

    Source: Flink JoinedStreams, an inner join without allowed lateness.
    """

    def __init__(
        self,
        context: Context,
        spec: WindowJoinSpec,
        fields: tuple[Fields, Fields],
        max_parallelism: int,
    ) -> None:
        super().__init__(context, spec, fields, max_parallelism)
        self._assigner = spec.assigner

    def take(
        self, pairs: list[Pair], side: Side, kept: Kept, time_ms: int, watermark_ms: int
    ) -> bool:
        """Into each of its windows that has not ended."""
        late = time_ms <= watermark_ms
        for start_ms in span_of(self._assigner, time_ms).starts:
            last_ms = start_ms + self._assigner.size_ms - 1
            if last_ms > watermark_ms:
                late = False
                self.keep(side, start_ms, kept, last_ms)
        return not late

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Pair the rows of the windows that have ended, by time, then by key; then forget them."""
        pairs: list[Pair] = []
        while (last_ms := self.timers.take(TimeDomain.EVENT, watermark_ms)) is not None:
            start_ms = last_ms + 1 - self._assigner.size_ms
            pairs += [
                self.pair(left, right, last_ms, start_ms)
                for left in self.left.at(start_ms)
                for right in self.right.at(start_ms)
            ]
            for side in (self.left, self.right):
                self.forget(side, start_ms)
        return pairs_buffer(pairs)
