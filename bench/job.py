"""The measured job, twice: for the engine, and as a plain loop over the same functions and buffers.

Event i is (key, value) at event time i / 10 ms with 0..49 ms of jitter; the values are doubled,
those below 20 dropped. Then nothing more, a running sum per key, or a tumbling window of 10 s with
sum and count. Both say how many rows came out, and which was the last: they must agree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bandviz.engine.faults import Fault
from bandviz.engine.job import Job
from bandviz.events import Level
from bandviz.events.checkpoint import CheckpointCompleted, SnapshotTaken
from bandviz.functions.aggregates import Count, Sum
from bandviz.functions.rows import AtLeast, Fields, KeyBy, Multiply, Row
from bandviz.graph.execution import unroll
from bandviz.graph.settings import RunSettings, StateBackend
from bandviz.graph.specs import (
    AggregateSpec,
    FilterSpec,
    JobEdge,
    JobGraph,
    JobVertex,
    MapSpec,
    NamedAggregate,
    OperatorSpec,
    PartitionData,
    Partitioner,
    SinkContract,
    SinkSpec,
    SourceSpec,
    TopicData,
    TumblingWindows,
    WindowSpec,
)
from bandviz.ids import SubtaskId, TransactionId
from bandviz.ports import World, WrittenRows
from bandviz.world.blobs import DiskBlobs
from bandviz.world.broker import MemoryBroker
from bandviz.world.files import MemoryFiles
from bandviz.world.pointer import MemoryPointer
from bandviz.world.storage import CheckpointFiles
from bandviz.world.tables import MemoryTables

BUFFER: Final = 500
DRAWN: Final = 500_000
SIZE_MS, LAG_MS = 10_000, 100
FIELDS: Final = ("key", "value")
NEVER_US: Final = 10**13
"""Nothing is triggered by the virtual clock before the end of the data."""
EVER: Final = 600
"""A base each 10 minutes, as is the default of Flink's changelog."""

DOUBLE, SOME = Multiply(field="value", by=2), AtLeast(field="value", value=20)
TAKE: Final = Fault("take_checkpoint")
KEY, TOTAL, NUMBER = KeyBy(fields=("key",)), Sum(field="value"), Count()

SLICE: Final = 100
"""Buffers, or moves of the engine, between two looks at the clock."""

Slices = Generator[None, None, "Outcome"]
"""Work that stops now and then, and at its end says what came out."""
Plain = Callable[[PartitionData], Slices]
Buffers = Iterator[tuple[Sequence[Row], Sequence[int]]]

_NOTHING: Final[list[Row]] = []


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run put out."""

    row_count: int
    last: Row | None


def events(record_count: int, keys: int, *, timed: bool = False, hot: int = 0) -> PartitionData:
    """Rows, drawn once and repeated. `hot`: every key comes once, from then on only so many do."""
    rng = random.Random(2)
    drawn = [(rng.randrange(hot or keys), rng.randrange(100)) for _ in range(DRAWN)]
    head = [(key, 10 + key % 90) for key in range(keys)] if hot else []
    rows = (tuple(head) + tuple(drawn) * (record_count // DRAWN + 1))[:record_count]
    times = tuple([i // 10 + rng.randrange(50) for i in range(record_count)]) if timed else None
    return PartitionData(label="in", rows=rows, times_ms=times)


class CountingBroker(MemoryBroker):
    """Transactions as ever, but rows are counted, not kept."""

    def __init__(self, topics: tuple[TopicData, ...]) -> None:
        super().__init__(topics)
        self.row_count = 0
        self.last: Row | None = None

    def write(self, transaction_id: TransactionId, topic: str, written: WrittenRows) -> None:
        """Count the rows, and remember the last."""
        self.row_count += len(written.rows)
        self.last = written.rows[-1]
        super().write(transaction_id, topic, WrittenRows((), None))


def plain_stateless(data: PartitionData) -> Slices:
    """map, filter."""
    double, some = DOUBLE.bind(FIELDS), SOME.bind(FIELDS)
    row_count, out = 0, _NOTHING
    for place, (rows, _) in enumerate(_buffers(data)):
        if place % SLICE == 0:
            yield
        mapped = [double(row) for row in rows]
        out = [row for row in mapped if some(row)]
        row_count += len(out)
    return Outcome(row_count, out[-1])


def plain_sum(data: PartitionData) -> Slices:
    """map, filter, running sum per key."""
    double, some, key_of = DOUBLE.bind(FIELDS), SOME.bind(FIELDS), KEY.bind(FIELDS)
    add, result, initial = TOTAL.bind(FIELDS), TOTAL.result, TOTAL.initial
    state: dict[Any, Any] = {}
    row_count, out = 0, _NOTHING
    for place, (rows, _) in enumerate(_buffers(data)):
        if place % SLICE == 0:
            yield
        mapped = [double(row) for row in rows]
        kept = [row for row in mapped if some(row)]
        out = []
        for row in kept:
            key = key_of(row)
            total = state[key] = add(state.get(key, initial), row)
            out.append((key, result(total)))
        row_count += len(out)
    return Outcome(row_count, out[-1])


def plain_window(data: PartitionData) -> Slices:
    """map, filter, tumbling window with sum and count; it fires as far as the watermark came."""
    double, some, key_of = DOUBLE.bind(FIELDS), SOME.bind(FIELDS), KEY.bind(FIELDS)
    add, more, result = TOTAL.bind(FIELDS), NUMBER.bind(FIELDS), TOTAL.result
    initial = (TOTAL.initial, NUMBER.initial)
    panes: dict[int, dict[Any, tuple[Any, Any]]] = {}
    row_count, highest, out = 0, 0, _NOTHING
    for place, (rows, times) in enumerate(_buffers(data)):
        if place % SLICE == 0:
            yield
        mapped = [double(row) for row in rows]
        kept = [(row, time) for row, time in zip(mapped, times, strict=True) if some(row)]
        for row, time in kept:
            start = time - time % SIZE_MS
            pane = panes.get(start)
            if pane is None:
                pane = panes[start] = {}
            key = key_of(row)
            total, number = pane.get(key, initial)
            pane[key] = (add(total, row), more(number, row))
        highest = max(highest, max(times))
        for start in [start for start in sorted(panes) if start + SIZE_MS + LAG_MS <= highest]:
            out = _fired(panes.pop(start), start, result)
            row_count += len(out)
    for start in sorted(panes):
        out = _fired(panes[start], start, result)
        row_count += len(out)
    return Outcome(row_count, out[-1])


def _fired(pane: dict[Any, tuple[Any, Any]], start: int, result: Callable[[Any], Any]) -> list[Row]:
    rows = [(key, start, result(total), number) for key, (total, number) in pane.items()]
    return sorted(rows)


def _buffers(data: PartitionData) -> Buffers:
    times = data.times_ms or ()
    for at in range(0, len(data.rows), BUFFER):
        yield data.rows[at : at + BUFFER], times[at : at + BUFFER]


@dataclass(frozen=True, slots=True)
class Measured:
    """One of the three jobs. `keyed`: what follows the filter, and the columns of its output."""

    name: str
    plain: Plain
    keyed: OperatorSpec | None = None
    fields: Fields = FIELDS


_SUMS: Final = NamedAggregate(function=TOTAL, name="sum")
STATELESS: Final = Measured("map, filter", plain_stateless)
RUNNING_SUM: Final = Measured(
    "map, filter, keyed running sum",
    plain_sum,
    AggregateSpec(key=KEY, aggregates=(_SUMS,)),
    ("key", "sum"),
)
WINDOW: Final = Measured(
    "map, filter, tumbling window of 10 s",
    plain_window,
    WindowSpec(
        key=KEY,
        assigner=TumblingWindows(size_ms=SIZE_MS),
        aggregates=(_SUMS, NamedAggregate(function=NUMBER, name="count")),
    ),
    ("key", "window_start_ms", "sum", "count"),
)
JOBS: Final = (STATELESS, RUNNING_SUM, WINDOW)


def graph_of(measured: Measured) -> JobGraph:
    """One subtask a vertex: a chain without chaining."""
    lag_ms = LAG_MS if isinstance(measured.keyed, WindowSpec) else -1
    source = SourceSpec(topic="in", interval_us=BUFFER * 100, watermark_lag_ms=lag_ms)
    sink = SinkSpec(topic="out", contract=SinkContract.TWO_PHASE)
    vertices = [
        JobVertex(uid="in", spec=source, fields=FIELDS),
        JobVertex(uid="double", spec=MapSpec(function=DOUBLE), fields=FIELDS),
        JobVertex(uid="some", spec=FilterSpec(function=SOME), fields=FIELDS),
        *(
            [JobVertex(uid="keyed", spec=measured.keyed, fields=measured.fields)]
            if measured.keyed is not None
            else []
        ),
        JobVertex(uid="out", spec=sink, fields=measured.fields),
    ]
    edges = [
        JobEdge(
            upstream=one.uid,
            downstream=other.uid,
            partitioner=Partitioner.HASH if other.uid == "keyed" else Partitioner.FORWARD,
            key=KEY if other.uid == "keyed" else None,
        )
        for one, other in pairwise(vertices)
    ]
    return JobGraph(vertices=tuple(vertices), edges=tuple(edges))


class Flow:
    """A throughput run: no ids, level CONTROL; it goes on until its data ends."""

    def __init__(
        self,
        measured: Measured,
        data: PartitionData,
        folder: Path,
        backend: StateBackend = StateBackend.HEAP,
    ) -> None:
        topics = (TopicData(name="in", fields=FIELDS, partitions=(data,)),)
        settings = RunSettings(
            name="bench",
            buffer_records=BUFFER,
            lineage=False,
            checkpoint_interval_us=NEVER_US,
            state_backend=backend,
            materialize_every=EVER,
        )
        self.broker = CountingBroker(topics)
        world = World(
            broker=self.broker,
            storage=CheckpointFiles(DiskBlobs(folder)),
            pointer=MemoryPointer(),
            tables=MemoryTables(),
            files=MemoryFiles(),
        )
        self.job = Job(unroll(graph_of(measured)), settings, topics, world, Level.CONTROL)
        self.job.start()
        self.sync_s = 0.0
        """The longest move that took a snapshot."""
        self._completed = 0

    def run(self, every_s: float = 0.0) -> Slices:
        """To the end; a checkpoint so long after the last one, 0: none but the final one."""
        spent_s, due_s = 0.0, every_s
        for place in count():
            begun = perf_counter()
            if not self._step():
                break
            spent_s += perf_counter() - begun
            if place % SLICE:
                continue
            if every_s and spent_s >= due_s and self.job.allows(TAKE):
                due_s = spent_s + every_s
                self.job.step(TAKE.choice)
            yield
        return Outcome(self.broker.row_count, self.broker.last)

    def _step(self) -> bool:
        choice = self.job.earliest()
        if choice is None:
            return False
        begun = perf_counter()
        for entry in self.job.step(choice):
            if type(entry.event) is SnapshotTaken:
                self.sync_s = max(self.sync_s, perf_counter() - begun)
            self._completed += type(entry.event) is CheckpointCompleted
        return True

    def read_to(self, offset: int) -> None:
        """Until so many records were read."""
        reader = self.job.subtasks[SubtaskId("in", 0)].reader
        assert reader is not None
        while reader.offsets[0] < offset and self._step():
            pass

    def checkpoint_at(self, offset: int) -> None:
        """Read so far, then have a checkpoint taken and completed."""
        self.read_to(offset)
        self.job.step(TAKE.choice)
        while not self._completed and self._step():
            pass
