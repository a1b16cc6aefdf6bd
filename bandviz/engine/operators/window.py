"""Keyed tumbling event-time windows."""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.operators.keyed import by_key_group
from bandviz.events.flow import LateRecordDropped, RecordApplied, WindowFired
from bandviz.events.records import DIGEST_MASK, provenance
from bandviz.events.values import pack
from bandviz.functions.rows import Fields, FunctionError, Key
from bandviz.graph.specs import TumblingWindows, WindowSpec
from bandviz.ids import CheckpointId, Lineage, ResultId

Contents = tuple[tuple[Any, ...], int, int]
"""(accumulators, number of records, digest of their ids)."""


class TumblingWindowOperator(Operator):
    """State: window start -> key -> contents. A window fires once and is dropped."""

    def __init__(
        self,
        context: Context,
        spec: WindowSpec,
        assigner: TumblingWindows,
        fields: Fields,
        max_parallelism: int,
    ) -> None:
        super().__init__(context)
        self._key_of = spec.key.bind(fields)
        self._wide_key = len(spec.key.fields) > 1
        self._assigner = assigner
        self._folds = [item.function.bind(fields) for item in spec.aggregates]
        self._results = [item.function.result for item in spec.aggregates]
        self._empty: Contents = (tuple(item.function.initial for item in spec.aggregates), 0, 0)
        self._max_parallelism = max_parallelism
        self._windows: dict[int, dict[Key, Contents]] = {}

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Nothing comes out before a watermark. Late records are dropped, visibly."""
        if buffer.times_ms is None:
            raise FunctionError("window: its input has no event time")
        size, offset = self._assigner.size_ms, self._assigner.offset_ms
        windows, emitter = self._windows, self.context.emitter
        for place, row in enumerate(buffer.values):
            time_ms = buffer.times_ms[place]
            start = time_ms - (time_ms - offset) % size
            lineage = buffer.lineage[place] if buffer.lineage is not None else None
            if start + size - 1 <= watermark_ms:
                self._drop(time_ms, watermark_ms, lineage)
                continue
            key = self._key_of(row)
            window = windows.setdefault(start, {})
            old, count, digest = window.get(key, self._empty)
            new = tuple([fold(part, row) for fold, part in zip(self._folds, old, strict=True)])
            if lineage is not None:
                more, part_digest = provenance(lineage)
                count, digest = count + more, (digest + part_digest) & DIGEST_MASK
            window[key] = (new, count, digest)
            if emitter.record:
                emitter.on_record(
                    RecordApplied(
                        subtask=self.context.subtask,
                        key=pack(key),
                        window_start_ms=start,
                        value=pack(new),
                        lineage=pack(lineage) if lineage is not None else b"",
                    )
                )
        return None

    def _drop(self, time_ms: int, watermark_ms: int, lineage: Lineage | None) -> None:
        self.context.emitter.control(
            LateRecordDropped(
                subtask=self.context.subtask,
                event_time_ms=time_ms,
                watermark_ms=watermark_ms,
                lineage=pack(lineage) if lineage is not None else b"",
            )
        )

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Fire what has passed, by window start, then by order of arrival of the keys."""
        size = self._assigner.size_ms
        passed = sorted(start for start in self._windows if start + size - 1 <= watermark_ms)
        values: list[tuple[Any, ...]] = []
        times: list[int] = []
        ids: list[Lineage] = []
        for start in passed:
            for key, (accumulators, count, digest) in self._windows.pop(start).items():
                results = [
                    call(part) for call, part in zip(self._results, accumulators, strict=True)
                ]
                head = key if self._wide_key else (key,)
                values.append((*head, start, *results))
                times.append(start + size - 1)
                ids.append(ResultId(self.context.subtask.vertex, key, start, count, digest))
                self._tell(key, start, values[-1], count)
        if not values:
            return None
        return RecordBuffer(values, times, ids if ids[0].count else None)

    def _tell(self, key: Key, start: int, row: tuple[Any, ...], count: int) -> None:
        if self.context.emitter.record:
            self.context.emitter.on_record(
                WindowFired(
                    subtask=self.context.subtask,
                    key=pack(key),
                    window_start_ms=start,
                    window_end_ms=start + self._assigner.size_ms,
                    value=pack(row),
                    record_count=count,
                )
            )

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Open windows, by start, then in key-group order."""
        return {
            "windows": [
                (key, start, *contents)
                for start in sorted(self._windows)
                for key, contents in by_key_group(self._windows[start], self._max_parallelism)
            ]
        }

    def restore(self, state: State | None) -> None:
        """Open windows of the snapshot; the watermark begins at the minimum."""
        self._windows = {}
        for key, start, accumulators, count, digest in state["windows"] if state else ():
            self._windows.setdefault(start, {})[key] = (accumulators, count, digest)
