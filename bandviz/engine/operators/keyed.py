"""Keyed state and the running aggregate over it.

Values are immutable, so a snapshot is a copy of the dict: nothing that happens later leaks into it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.state.frozen import FrozenTable, frozen
from bandviz.events.flow import OUTSIDE_WINDOWS, RecordApplied
from bandviz.events.values import pack
from bandviz.functions.aggregates import fold_all
from bandviz.functions.rows import Fields, Key, Row
from bandviz.graph.specs import AggregateSpec, Emit
from bandviz.ids import CheckpointId


def by_key_group(state: dict[Key, Any], max_parallelism: int) -> list[tuple[Key, Any]]:
    """Entries ordered by key group, then by packed key: the order of a snapshot."""
    return FrozenTable(state, max_parallelism).rows()


def _row_of(spec: AggregateSpec) -> Callable[[Key, tuple[Any, ...]], Row]:
    """How an output row is made of a key and its accumulators. One field and one aggregate are
    written out: this is called for each record.
    """
    results: list[Callable[[Any], Any]] = [item.function.result for item in spec.aggregates]
    match len(spec.key.fields), spec.emit, results:
        case 1, Emit.INCREMENT, _:
            return lambda key, _parts: (key, 1)
        case _, Emit.INCREMENT, _:
            return lambda key, _parts: (*key, 1)
        case 1, _, [only]:
            return lambda key, parts: (key, only(parts[0]))
        case 1, _, _:
            return lambda key, parts: (key, *_all(results, parts))
        case _:
            return lambda key, parts: (*key, *_all(results, parts))


def _all(calls: list[Callable[[Any], Any]], parts: tuple[Any, ...]) -> list[Any]:
    return [call(part) for call, part in zip(calls, parts, strict=True)]


class AggregateOperator(Operator):
    """Running aggregates per key, for ever. State: key -> tuple of accumulators."""

    def __init__(
        self, context: Context, spec: AggregateSpec, fields: Fields, max_parallelism: int
    ) -> None:
        super().__init__(context)
        functions = [item.function for item in spec.aggregates]
        self._key_of = spec.key.bind(fields)
        self._fold = fold_all(functions, fields)
        self._initial = tuple(function.initial for function in functions)
        self._row_of = _row_of(spec)
        self._max_parallelism = max_parallelism
        self._state: dict[Key, tuple[Any, ...]] = {}
        self._fresh = self._state
        """Where entries go that are written now: a dict of their own once somebody may ask what
        changed since a snapshot, till then where all are.
        """

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """One row out for each row in."""
        state, fresh, initial = self._state, self._fresh, self._initial
        key_of, fold, row_of = self._key_of, self._fold, self._row_of
        record = self.context.emitter.record
        out: list[Row] = []
        for row in buffer.values:
            key = key_of(row)
            fresh[key] = new = fold(fresh.get(key) or state.get(key, initial), row)
            if record:
                self._tell(key, new, buffer, len(out))
            out.append(row_of(key, new))
        return RecordBuffer(out, buffer.times_ms, buffer.lineage)

    def _tell(self, key: Key, value: tuple[Any, ...], buffer: RecordBuffer, place: int) -> None:
        lineage = buffer.lineage
        self.context.emitter.on_record(
            RecordApplied(
                subtask=self.context.subtask,
                key=pack(key),
                window_start_ms=OUTSIDE_WINDOWS,
                value=pack(value),
                lineage=pack(lineage[place]) if lineage is not None else b"",
            )
        )

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """A copy of the dict, or of what changed: values are immutable."""
        context, most, state, fresh = self.context, self._max_parallelism, self._state, self._fresh
        if not context.tracks_changes:
            return {"keyed": FrozenTable(state.copy(), most)}
        changes = fresh if fresh is not state else {}
        self._fresh = {}
        state.update(changes)
        return {"keyed": frozen(state, most, changes, whole=context.wants_whole)}

    def restore(self, state: State | None) -> None:
        """Exactly the entries of the snapshot."""
        self._state = self._fresh = dict(state["keyed"]) if state else {}
