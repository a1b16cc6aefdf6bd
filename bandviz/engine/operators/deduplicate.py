"""Deduplicate: the first row of each key wins."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.operators.tell import tell_applied
from bandviz.engine.state.descriptors import StateTtl, ValueStateDescriptor
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.events.keyed import DuplicateDropped
from bandviz.events.values import pack
from bandviz.functions.rows import Fields
from bandviz.graph.specs import DeduplicateSpec
from bandviz.ids import CheckpointId


class DeduplicateOperator(Operator):
    """State `keyed`: the keys that were seen, each with its time if it has one to live."""

    def __init__(
        self, context: Context, spec: DeduplicateSpec, fields: Fields, max_parallelism: int
    ) -> None:
        super().__init__(context)
        self._key_of = spec.key.bind(fields)
        self._side = spec.duplicates
        self._in_state = spec.in_state
        self._backend = KeyedStateBackend(context, max_parallelism)
        ttl = StateTtl(ttl_ms=spec.ttl_ms) if spec.ttl_ms else None
        self._seen = self._backend.value_state(ValueStateDescriptor(name="keyed", ttl=ttl))

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """What comes out has time and id of its own."""
        first, again = [], []
        for place, row in enumerate(buffer.values):
            self._backend.current_key = self._key_of(row)
            if self._seen.value() is None:
                self._seen.update(value=True)
                first.append(place)
            else:
                again.append(place)
            if self.context.emitter.record:
                self._tell(buffer, place, dropped=bool(again) and again[-1] == place)
        if again and self._side:
            self.context.side(self._side, buffer.pick(again))
        if not again:
            return buffer
        return buffer.pick(first) if first else None

    def _tell(self, buffer: RecordBuffer, place: int, *, dropped: bool) -> None:
        key = self._backend.current_key
        lineage = buffer.lineage[place] if buffer.lineage is not None else None
        if not dropped:
            tell_applied(self.context, key, pack(self._seen.table[key]), lineage)
            return
        self.context.emitter.on_record(
            DuplicateDropped(
                subtask=self.context.subtask,
                key=pack(key),
                lineage=pack(lineage) if lineage is not None else b"",
                side=self._side,
            )
        )

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Keys seen, those whose time is over among them; nothing if they are in no state."""
        return dict(self._backend.snapshot()) if self._in_state else {}

    def restore(self, state: State | None) -> None:
        """The same; time went on meanwhile."""
        self._backend.restore(state or {})
