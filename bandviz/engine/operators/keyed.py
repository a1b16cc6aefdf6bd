"""Keyed state and the running aggregate over it.

Values are immutable, so a snapshot is a copy of the dict: nothing that happens later leaks into it.
"""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.state.frozen import FrozenTable, frozen
from bandviz.events.flow import RecordApplied
from bandviz.events.values import pack
from bandviz.functions.rows import Fields, Key
from bandviz.graph.specs import AggregateSpec, Emit
from bandviz.ids import CheckpointId


def by_key_group(state: dict[Key, Any], max_parallelism: int) -> list[tuple[Key, Any]]:
    """Entries ordered by key group, then by packed key: the order of a snapshot."""
    return FrozenTable(state, max_parallelism).rows()


class AggregateOperator(Operator):
    """Running aggregates per key, for ever. State: key -> tuple of accumulators."""

    def __init__(
        self, context: Context, spec: AggregateSpec, fields: Fields, max_parallelism: int
    ) -> None:
        super().__init__(context)
        self._key_of = spec.key.bind(fields)
        self._wide_key = len(spec.key.fields) > 1
        self._folds = [item.function.bind(fields) for item in spec.aggregates]
        self._results = [item.function.result for item in spec.aggregates]
        self._initial = tuple(item.function.initial for item in spec.aggregates)
        self._increment = spec.emit is Emit.INCREMENT
        self._max_parallelism = max_parallelism
        self._state: dict[Key, tuple[Any, ...]] = {}
        self._fresh = self._begin()

    def _begin(self) -> dict[Key, tuple[Any, ...]]:
        """Where entries go that are written from now on: a dict of their own if somebody asks what
        changed, else where all are.
        """
        return {} if self.context.tracks_changes else self._state

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """One row out for each row in."""
        state, key_of, folds, initial = self._state, self._key_of, self._folds, self._initial
        fresh = self._fresh
        record = self.context.emitter.record
        out = []
        for place, row in enumerate(buffer.values):
            key = key_of(row)
            old = fresh.get(key) or state.get(key, initial)
            new = tuple([fold(part, row) for fold, part in zip(folds, old, strict=True)])
            fresh[key] = new
            head = key if self._wide_key else (key,)
            if self._increment:
                out.append((*head, 1))
            else:
                out.append(
                    (*head, *[call(part) for call, part in zip(self._results, new, strict=True)])
                )
            if record:
                self._tell(key, new, buffer, place)
        return RecordBuffer(out, buffer.times_ms, buffer.lineage)

    def _tell(self, key: Key, value: tuple[Any, ...], buffer: RecordBuffer, place: int) -> None:
        lineage = buffer.lineage
        self.context.emitter.on_record(
            RecordApplied(
                subtask=self.context.subtask,
                key=pack(key),
                window_start_ms=-1,
                value=pack(value),
                lineage=pack(lineage[place]) if lineage is not None else b"",
            )
        )

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """A copy of the dict, or of what changed: values are immutable."""
        context, most = self.context, self._max_parallelism
        if not context.tracks_changes:
            return {"keyed": FrozenTable(self._state.copy(), most)}
        changes, self._fresh = self._fresh, self._begin()
        self._state.update(changes)
        return {"keyed": frozen(self._state, most, changes, whole=context.wants_whole)}

    def restore(self, state: State | None) -> None:
        """Exactly the entries of the snapshot."""
        self._state = dict(state["keyed"]) if state else {}
        self._fresh = self._begin()
