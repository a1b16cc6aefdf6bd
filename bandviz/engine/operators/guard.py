"""An operator that goes on when user logic raises: `on_error` drop or side."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator
from bandviz.events.flow import RecordRefused
from bandviz.events.values import pack
from bandviz.text import LABEL, door


class GuardedOperator(Operator):
    """Around a stateless operator: a buffer that fails is worked off without the rows at fault.

    `side`: tag of the output they go to; none: they are dropped.
    """

    def __init__(self, context: Context, inner: Operator, side: str) -> None:
        super().__init__(context)
        self._inner = inner
        self._side = side

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """The inner operator's result for all rows that it can bear."""
        try:
            return self._inner.process(buffer, watermark_ms, port)
        except Exception:  # user logic may raise anything; now find out on which row
            rows = [buffer.pick([place]) for place in range(len(buffer))]
            good = [at for at, row in enumerate(rows) if self._bears(row, watermark_ms, port)]
            return self._inner.process(buffer.pick(good), watermark_ms, port) if good else None

    def _bears(self, row: RecordBuffer, watermark_ms: int, port: int) -> bool:
        try:
            self._inner.process(row, watermark_ms, port)
        except Exception as error:  # as above
            self._refuse(row, error)
            return False
        return True

    def _refuse(self, row: RecordBuffer, error: Exception) -> None:
        self.context.emitter.control(
            RecordRefused(
                subtask=self.context.subtask,
                error=door(f"{type(error).__name__}: {error}", LABEL),
                side=self._side,
                lineage=pack(row.lineage[0]) if row.lineage is not None else b"",
            )
        )
        if self._side:
            self.context.side(self._side, row)
