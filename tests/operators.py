"""One operator alone, fed by a script: records by port, watermarks, processing time, barriers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bandviz.engine.deploy import make_operator
from bandviz.engine.elements import WATERMARK_MIN, RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.engine.operators.base import Context, Operator
from bandviz.engine.state.frozen import plain
from bandviz.events import Event, Level
from bandviz.events.values import pack, unpack
from bandviz.functions.rows import Fields, Row
from bandviz.graph.specs import JobVertex, OperatorSpec
from bandviz.ids import CheckpointId, Lineage, RecordId, SubtaskId
from bandviz.world import memory_world
from tests.engines import settings


class Record(NamedTuple):
    """A record on its way to a port."""

    row: Row
    time_ms: int | None = None
    port: int = 0


class Mark(NamedTuple):
    """The watermark rises."""

    time_ms: int


class Clock(NamedTuple):
    """Processing time goes on; timers that are due fire one by one, as moves of their own."""

    now_ms: int


class Barrier(NamedTuple):
    """A snapshot, and a new operator that is restored from it."""


class EndOfData(NamedTuple):
    """No record will come any more."""


Item = Record | Mark | Clock | Barrier | EndOfData


class Out(NamedTuple):
    """A row that came out; `side` is empty for the main output."""

    row: Row
    time_ms: int | None
    id: Lineage | None
    side: str = ""


class Bench:
    """An operator of a vertex `op`, with what it put out and told."""

    def __init__(self, spec: OperatorSpec, *inputs: Fields, lineage: bool = True) -> None:
        self.out: list[Out] = []
        self.told: list[Event] = []
        self._spec, self._inputs, self._lineage = spec, inputs, lineage
        self._watermark_ms = WATERMARK_MIN
        self._now_us = 0
        self._offset = 0
        self.operator = self._made()

    def _made(self) -> Operator:
        context = Context(SubtaskId("op", 0), Emitter(Level.RECORD))
        context.now_us = self._now_us
        vertex = JobVertex(uid="op", spec=self._spec)
        return make_operator(vertex, context, self._inputs, memory_world(()), settings())

    def play(self, items: Iterable[Item], sizes: Sequence[int] = (1,)) -> Bench:
        """All of it; records next to each other on one port share buffers of these sizes."""
        waiting: list[Record] = []
        for item in items:
            if waiting and not (isinstance(item, Record) and item.port == waiting[0].port):
                self._flush(waiting, sizes)
                waiting = []
            if isinstance(item, Record):
                waiting.append(item)
            else:
                self._other(item)
        self._flush(waiting, sizes)
        return self

    def _flush(self, records: list[Record], sizes: Sequence[int]) -> None:
        at = turn = 0
        while at < len(records):
            part = records[at : at + sizes[turn % len(sizes)]]
            ids = [RecordId("in", 0, self._offset + place) for place in range(len(part))]
            times: list[Any] = [record.time_ms for record in part]
            buffer = RecordBuffer(
                [record.row for record in part],
                None if None in times else times,
                ids if self._lineage else None,
            )
            self._take(self.operator.process(buffer, self._watermark_ms, part[0].port))
            self._offset += len(part)
            at, turn = at + len(part), turn + 1

    def _other(self, item: Item) -> None:
        match item:
            case Mark(time_ms):
                self._watermark_ms = time_ms
                self._take(self.operator.on_watermark(time_ms))
            case Clock(now_ms):
                while (due := self.operator.next_timer_us()) is not None and due <= now_ms * 1000:
                    self._come_to(max(due, self._now_us))
                    self._take(self.operator.on_timer(self._now_us))
                self._come_to(now_ms * 1000)
            case Barrier():
                state = unpack(pack(plain(self.operator.snapshot(CheckpointId(1)))))
                self.operator = self._made()
                self.operator.restore(state)
            case EndOfData():
                self.operator.end_of_data()

    def _come_to(self, now_us: int) -> None:
        self._now_us = self.operator.context.now_us = now_us

    def _take(self, main: RecordBuffer | None) -> None:
        context = self.operator.context
        sides, context.sides = context.sides, []
        for side, buffer in [*sides, *([("", main)] if main is not None else [])]:
            times: Sequence[Any] = buffer.times_ms or [None] * len(buffer)
            ids: Sequence[Any] = buffer.lineage or [None] * len(buffer)
            self.out += map(Out, buffer.values, times, ids, [side] * len(buffer))
        self.told += [entry.event for entry in context.emitter.flush(0)]

    @property
    def rows(self) -> list[Row]:
        """Of the main output."""
        return [one.row for one in self.out if not one.side]

    def state(self) -> dict[str, Any]:
        """A snapshot of now, in plain form; sections that hold nothing are left out."""
        sections = plain(self.operator.snapshot(CheckpointId(1)))
        return {name: rows for name, rows in sections.items() if rows}
