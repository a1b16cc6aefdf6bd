"""Keyed process function: user logic with state and timers."""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import WATERMARK_MIN, RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.operators.tell import tell_applied, tell_dropped
from bandviz.engine.state.descriptors import ValueStateDescriptor
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.engine.time.timers import TimerService
from bandviz.events.keyed import TimerDeleted, TimerFired, TimerRegistered
from bandviz.events.records import DIGEST_MASK, provenance
from bandviz.events.values import pack
from bandviz.functions.process import StateDescriptor, TimeDomain
from bandviz.functions.rows import Fields, FunctionError, Key, Row
from bandviz.graph.specs import ProcessSpec
from bandviz.ids import CheckpointId, Lineage, ResultId


class KeyContext:
    """What the function sees of the current key (`functions.process.ProcessContext`).

    A key's states are one entry: the tuple of their values, in the order of declaration; there is
    none if all are as at the beginning.
    """

    def __init__(
        self, context: Context, backend: KeyedStateBackend, states: tuple[StateDescriptor, ...]
    ) -> None:
        self.timers = TimerService(backend)
        self.watermark_ms = WATERMARK_MIN
        self.event_time_ms: int | None = None
        self.rows: list[Row] = []
        """Put out during this call."""
        self._context = context
        self._backend = backend
        self._entries = backend.value_state(ValueStateDescriptor(name="keyed"))
        self._places = {state.name: place for place, state in enumerate(states)}
        self._initial = tuple(state.initial for state in states)

    @property
    def key(self) -> Key:
        """The current one."""
        return self._backend.current_key

    def time(self, domain: TimeDomain) -> int:
        """In ms."""
        if domain is TimeDomain.PROCESSING:
            return self._context.now_us // 1_000
        if self.event_time_ms is None:
            raise FunctionError("process: its input has no event time")
        return self.event_time_ms

    def get(self, state: StateDescriptor) -> Any:
        """What was put, or the initial value."""
        return (self._entries.value() or self._initial)[self._places[state.name]]

    def put(self, state: StateDescriptor, value: Any) -> None:
        """Into the key's entry."""
        entry = list(self._entries.value() or self._initial)
        entry[self._places[state.name]] = value
        self._entries.update(tuple(entry) if tuple(entry) != self._initial else None)

    def clear(self, state: StateDescriptor) -> None:
        """The initial value again."""
        self.put(state, state.initial)

    def set_timer(self, domain: TimeDomain, time_ms: int) -> None:
        """And tell of it, if it is new."""
        if self.timers.set(domain, time_ms) and self._context.emitter.record:
            self._tell(TimerRegistered, domain, time_ms)

    def delete_timer(self, domain: TimeDomain, time_ms: int) -> None:
        """And tell of it, if there was one."""
        if self.timers.delete(domain, time_ms) and self._context.emitter.record:
            self._tell(TimerDeleted, domain, time_ms)

    def _tell(
        self, kind: type[TimerRegistered | TimerDeleted], domain: TimeDomain, time_ms: int
    ) -> None:
        self._context.emitter.on_record(
            kind(
                subtask=self._context.subtask,
                domain=domain.value,
                time_ms=time_ms,
                key=pack(self.key),
            )
        )

    def emit(self, row: Row) -> None:
        """Behind those of this call so far."""
        self.rows.append(row)

    def packed_entry(self) -> bytes:
        """The key's state as events carry it; empty if there is none."""
        entry = self._entries.value()
        return pack(entry) if entry is not None else b""


class ProcessOperator(Operator):
    """State: `keyed` (values of the function), `timers`, and `origins`: (count, digest) of the
    records since the key's last row by timer, if records have ids.
    """

    def __init__(
        self, context: Context, spec: ProcessSpec, fields: Fields, max_parallelism: int
    ) -> None:
        super().__init__(context)
        self._key_of = spec.key.bind(fields)
        self._wide_key = len(spec.key.fields) > 1
        self._logic = spec.function.bind(fields)
        self._has_timers = spec.function.domain is not None
        self._backend = KeyedStateBackend(context, max_parallelism)
        self._key = KeyContext(context, self._backend, spec.function.states)
        self._origins = self._backend.value_state(ValueStateDescriptor(name="origins"))

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Rows have time and id of the record that made them."""
        key, tells = self._key, self.context.emitter.record
        key.watermark_ms = watermark_ms
        values: list[Row] = []
        places: list[int] = []
        for place, row in enumerate(buffer.values):
            self._backend.current_key = self._key_of(row)
            key.event_time_ms = buffer.times_ms[place] if buffer.times_ms is not None else None
            lineage = buffer.lineage[place] if buffer.lineage is not None else None
            if lineage is not None and self._has_timers:
                self._remember(lineage)
            self._logic.on_element(key, row)
            made = self._rows()
            values += made
            places += [place] * len(made)
            if tells:
                entry = key.packed_entry()
                tell_applied(self.context, key.key, entry, lineage)
                if not entry:
                    tell_dropped(self.context, key.key)
        if not values:
            return None
        made_by = buffer.pick(places)
        return RecordBuffer(values, made_by.times_ms, made_by.lineage)

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Fire what event time has come to."""
        self._key.watermark_ms = watermark_ms
        return self._fire(TimeDomain.EVENT, watermark_ms)

    def next_timer_us(self) -> int | None:
        """The earliest one of any key."""
        return self._key.timers.due_us()

    def on_timer(self, now_us: int) -> RecordBuffer | None:
        """Fire what is over."""
        return self._fire(TimeDomain.PROCESSING, now_us // 1_000 - 1)

    def end_of_data(self) -> None:
        """Flink lets no processing-time timer fire any more."""
        self._key.timers.drop(TimeDomain.PROCESSING)

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """Values, timers and origins of all keys."""
        return dict(self._backend.snapshot())

    def restore(self, state: State | None) -> None:
        """The same; timers that are overdue fire with the next move or watermark."""
        self._backend.restore(state or {})
        self._key.timers.rebuild()

    def _fire(self, domain: TimeDomain, until_ms: int) -> RecordBuffer | None:
        """One after the other: a timer may set another that is due as well."""
        key = self._key
        values: list[Row] = []
        times: list[int] = []
        ids: list[ResultId] = []
        while (time_ms := key.timers.take(domain, until_ms)) is not None:
            key.event_time_ms = time_ms if domain is TimeDomain.EVENT else None
            self._logic.on_timer(key, time_ms)
            made = self._rows()
            if made:
                values += made
                times += [time_ms] * len(made)
                ids += [self._result_id(time_ms)] * len(made)
            self._tell_fired(domain, time_ms, len(made))
        if not values:
            return None
        return RecordBuffer(
            values,
            times if domain is TimeDomain.EVENT else None,
            ids if any(one.count for one in ids) else None,
        )

    def _rows(self) -> list[Row]:
        """What the call put out, behind the columns of the key."""
        made, key = self._key.rows, self._key.key
        if not made:
            return made
        self._key.rows = []
        head = key if self._wide_key else (key,)
        return [(*head, *row) for row in made]

    def _remember(self, lineage: Lineage) -> None:
        count, digest = self._origins.value() or (0, 0)
        more, part = provenance(lineage)
        self._origins.update((count + more, (digest + part) & DIGEST_MASK))

    def _result_id(self, time_ms: int) -> ResultId:
        count, digest = self._origins.value() or (0, 0)
        self._origins.clear()
        return ResultId(self.context.subtask.vertex, self._key.key, time_ms, count, digest)

    def _tell_fired(self, domain: TimeDomain, time_ms: int, row_count: int) -> None:
        if self.context.emitter.record:
            self.context.emitter.on_record(
                TimerFired(
                    subtask=self.context.subtask,
                    domain=domain.value,
                    time_ms=time_ms,
                    key=pack(self._key.key),
                    value=self._key.packed_entry(),
                    row_count=row_count,
                )
            )
