"""What window operators share: how a window's result, and a late record, are put out and told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.engine.time.windows import Window
from bandviz.events.flow import WindowFired
from bandviz.events.records import DIGEST_MASK, provenance
from bandviz.events.time import LateRecordAdmitted
from bandviz.events.values import pack
from bandviz.functions.aggregates import fold_all
from bandviz.functions.rows import Fields, FunctionError, Key
from bandviz.graph.specs import SessionWindows, WindowSpec
from bandviz.ids import CheckpointId, Lineage, ResultId

Accumulators = tuple[Any, ...]
Origin = tuple[int, int]
"""(number of source records, digest of their ids): (0, 0) where records carry no ids."""

NO_ORIGIN: Origin = (0, 0)


class Contents(NamedTuple):
    """One key in one window, in the form of snapshots. `settled`: it fired, and had no record
    since, so no timer waits for its last millisecond.
    """

    window: Window
    accumulators: Accumulators
    origin: Origin
    settled: bool


def restored(windows: Iterable[Any]) -> tuple[Contents, ...]:
    """The windows of a key in a snapshot, by start."""
    return tuple([Contents(Window(*bounds), *rest) for bounds, *rest in windows])


def with_origin(origin: Origin, lineage: Lineage) -> Origin:
    """One more record."""
    return joined_origin(origin, provenance(lineage))


def joined_origin(one: Origin, other: Origin) -> Origin:
    """Of both."""
    return one[0] + other[0], (one[1] + other[1]) & DIGEST_MASK


class Results:
    """Rows that windows put out in one call, as they fire."""

    def __init__(self) -> None:
        self._values: list[tuple[Any, ...]] = []
        self._times: list[int] = []
        self._ids: list[Lineage] = []

    def add(self, row: tuple[Any, ...], time_ms: int, result: ResultId) -> None:
        """One result."""
        self._values.append(row)
        self._times.append(time_ms)
        self._ids.append(result)

    def buffer(self) -> RecordBuffer | None:
        """All of them; without ids if nothing that went in had one."""
        if not self._values:
            return None
        return RecordBuffer(self._values, self._times, self._ids if self._ids[0].count else None)


def times_of(buffer: RecordBuffer) -> Any:
    """Event times. Raises FunctionError if there are none."""
    if buffer.times_ms is None:
        raise FunctionError("window: its input has no event time")
    return buffer.times_ms


class WindowedOperator(Operator):
    """Base of keyed windows that aggregate; subclasses declare how the windows are kept."""

    def __init__(
        self, context: Context, spec: WindowSpec, fields: Fields, max_parallelism: int
    ) -> None:
        super().__init__(context)
        functions = [item.function for item in spec.aggregates]
        self._functions = functions
        self._key_of = spec.key.bind(fields)
        self._wide_key = len(spec.key.fields) > 1
        self._shows_end = isinstance(spec.assigner, SessionWindows)
        self._fold = fold_all(functions, fields)
        self._initial: Accumulators = tuple(function.initial for function in functions)
        self._lateness_ms = spec.allowed_lateness_ms
        self._side = spec.late
        self.backend = KeyedStateBackend(context, max_parallelism)

    def _is_over(self, end_ms: int, watermark_ms: int) -> bool:
        """The window's cleanup time has come: nothing enters it any more."""
        return end_ms - 1 + self._lateness_ms <= watermark_ms

    def _fire(
        self,
        out: Results,
        key: Key,
        window: Window,
        accumulators: Accumulators,
        origin: Origin,
        *,
        kept: bool,
    ) -> None:
        """Put out the result of one key in one window; `kept`: more may follow."""
        start_ms, end_ms = window
        head = key if self._wide_key else (key,)
        bounds = window if self._shows_end else (start_ms,)
        pairs = zip(self._functions, accumulators, strict=True)
        row = (*head, *bounds, *[function.result(part) for function, part in pairs])
        out.add(row, end_ms - 1, ResultId(self.context.subtask.vertex, key, start_ms, *origin))
        if self.context.emitter.record:
            self.context.emitter.on_record(
                WindowFired(
                    subtask=self.context.subtask,
                    key=pack(key),
                    window_start_ms=start_ms,
                    window_end_ms=end_ms,
                    value=pack(row),
                    record_count=origin[0],
                    kept=kept,
                )
            )

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """All open windows."""
        return dict(self.backend.snapshot())

    def restore(self, state: State | None) -> None:
        """The same; the watermark begins at the minimum."""
        self.backend.restore(state or {})

    def _tell_admitted(self, time_ms: int, watermark_ms: int, lineage: Lineage | None) -> None:
        self.context.emitter.control(
            LateRecordAdmitted(
                subtask=self.context.subtask,
                event_time_ms=time_ms,
                watermark_ms=watermark_ms,
                lineage=_packed(lineage),
            )
        )


def _packed(lineage: Lineage | None) -> bytes:
    return pack(lineage) if lineage is not None else b""
