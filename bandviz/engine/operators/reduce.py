"""Keyed rolling reduce."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.operators.tell import tell_applied
from bandviz.engine.state.descriptors import ReducingStateDescriptor
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.events.values import pack
from bandviz.functions.rows import Fields
from bandviz.graph.specs import ReduceSpec
from bandviz.ids import CheckpointId


class ReduceOperator(Operator):
    """State `keyed`: the row reduced so far."""

    def __init__(
        self, context: Context, spec: ReduceSpec, fields: Fields, max_parallelism: int
    ) -> None:
        super().__init__(context)
        self._key_of = spec.key.bind(fields)
        self._backend = KeyedStateBackend(context, max_parallelism)
        self._reduced = self._backend.reducing_state(
            ReducingStateDescriptor(name="keyed", reduce=spec.function.bind(fields))
        )

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """One row out for each row in."""
        backend, reduced, tells = self._backend, self._reduced, self.context.emitter.record
        values = []
        for place, row in enumerate(buffer.values):
            backend.current_key = self._key_of(row)
            reduced.add(row)
            values.append(reduced.get())
            if tells:
                lineage = buffer.lineage[place] if buffer.lineage is not None else None
                tell_applied(self.context, backend.current_key, pack(values[-1]), lineage)
        return RecordBuffer(values, buffer.times_ms, buffer.lineage)

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Reduced rows of all keys."""
        return dict(self._backend.snapshot())

    def restore(self, state: State | None) -> None:
        """The same."""
        self._backend.restore(state or {})
