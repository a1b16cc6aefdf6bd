"""The JobGraph: operators and edges as a person declared them, checked but not yet parallel.

Everything is frozen and shared by all clones of an engine.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, ClassVar, Self

from bandviz.functions.aggregates import AggregateFunction
from bandviz.functions.broadcast import BroadcastFunction
from bandviz.functions.process import ProcessFunction
from bandviz.functions.reduce import ReduceFunction
from bandviz.functions.rows import (
    Fields,
    FilterFunction,
    FlatMapFunction,
    Function,
    KeyBy,
    MapFunction,
    Row,
)


class Shared:
    """Frozen through and through: a deep copy of a job shares it."""

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Partitioner(Enum):
    """How records find their subtask at the other end of an edge (Flink's ship strategies)."""

    FORWARD = "forward"
    HASH = "hash"
    REBALANCE = "rebalance"
    BROADCAST = "broadcast"


class SinkContract(Enum):
    """What a sink promises about repeated rows."""

    APPEND = "append"
    """Shows each row at once: at-least-once."""
    TWO_PHASE = "two_phase"
    """Shows rows when their checkpoint completes: exactly-once (Flink's sink function v1)."""
    UPSERT = "upsert"
    """Keeps one row a key in a table: exactly-once in the end, for repeating changes nothing."""
    FILE = "file"
    """Writes files that get their final name when their checkpoint completes: exactly-once."""
    TRANSACTIONAL = "transactional"
    """The same as writer and committer, two vertices (Flink's sink v2)."""


class Emit(Enum):
    """What a keyed aggregate puts out for each record."""

    RUNNING = "running"
    """(key fields, results so far): depends on the interleaving of inputs."""
    INCREMENT = "increment"
    """(key fields, 1): one line a record, which does not."""


class OnError(Enum):
    """What becomes of a record on which user logic raises."""

    FAIL = "fail"
    """The subtask fails; after the restart it meets the same record again."""
    DROP = "drop"
    SIDE = "side"
    """It goes to a side output, as it came in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAggregate(Shared):
    """An aggregate function and the column its result goes to."""

    function: AggregateFunction
    name: str


class StartFrom(Enum):
    """Where a source begins that a restart gives no offsets, for there is no checkpoint."""

    EARLIEST = "earliest"
    """At offset 0: all is read again."""
    LATEST = "latest"
    """Behind what can be read by then: that is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkAlignment(Shared):
    """Sources of a group: a partition whose watermark is more than the drift ahead of the group's
    slowest source is not read until that has come nearer. Source: Flink WatermarkAlignmentParams.
    """

    group: str
    max_drift_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec(Shared):
    """Reads the partitions of a topic; partition p belongs to subtask p mod parallelism.

    `interval_us`: least time between two polls (0: as fast as `cost_us` allows). A record can be
    read only when its `available_us` in the log has come.
    `watermark_lag_ms`: bounded out-of-orderness; -1: no watermarks before the end of input.
    `start_from`: where a restart without a checkpoint begins.
    `idle_after_ms`: a partition with nothing to read for so long holds no watermark back until its
    next record; 0: never. `alignment`: it waits for slower sources.
    """

    topic: str
    start_us: int = 0
    interval_us: int = 0
    watermark_lag_ms: int = -1
    start_from: StartFrom = StartFrom.EARLIEST
    idle_after_ms: int = 0
    alignment: WatermarkAlignment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpec(Shared):
    """One row in, one row out. `errors`: side output for rows that user logic fails on."""

    function: MapFunction
    on_error: OnError = OnError.FAIL
    errors: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSpec(Shared):
    """Keeps or drops rows; errors as in MapSpec."""

    function: FilterFunction
    on_error: OnError = OnError.FAIL
    errors: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatMapSpec(Shared):
    """One row in, any number out; errors as in MapSpec."""

    function: FlatMapFunction
    on_error: OnError = OnError.FAIL
    errors: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateSpec(Shared):
    """Keyed running aggregates without end. Output: key fields, then one column an aggregate
    (or, for `increment`, key fields and the single column `increment`).
    """

    key: KeyBy
    aggregates: tuple[NamedAggregate, ...]
    emit: Emit = Emit.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class TumblingWindows(Shared):
    """[offset + k * size, offset + (k + 1) * size) for whole k; |offset| < size."""

    kind: ClassVar[str] = "tumbling"
    size_ms: int
    offset_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlidingWindows(Shared):
    """[offset + k * slide, offset + k * slide + size) for whole k: overlapping where slide < size,
    with gaps that no record belongs to where slide > size; |offset| < slide.
    """

    kind: ClassVar[str] = "sliding"
    size_ms: int
    slide_ms: int
    offset_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionWindows(Shared):
    """A record at t opens [t, t + gap) for its key; windows that overlap *or touch* become one."""

    kind: ClassVar[str] = "session"
    gap_ms: int


WindowAssigner = TumblingWindows | SlidingWindows | SessionWindows


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec(Shared):
    """Keyed event-time windows with Flink's default trigger; results accumulate.

    A window fires once the watermark reaches its last millisecond, and again for each record that
    comes later, until the watermark reaches last millisecond + `allowed_lateness_ms`: then its
    state is dropped. A record is late if all of its windows are past that; it goes to the side
    output `late` as it came, or is dropped if that is empty.
    Output: key fields, `window_start_ms`, for sessions `window_end_ms` (exclusive), then one column
    an aggregate; event time is the window's last millisecond.
    """

    key: KeyBy
    assigner: WindowAssigner
    aggregates: tuple[NamedAggregate, ...]
    allowed_lateness_ms: int = 0
    late: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceSpec(Shared):
    """Keyed rolling reduce without end: for each record the row reduced so far, whole. The columns
    are those of the input.
    """

    key: KeyBy
    function: ReduceFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec(Shared):
    """Keyed process function with state and timers. Output: key fields, then its results.

    A row put out for a record has its time and id. One put out by a timer has the timer's time if
    that is event time, else none; its id is a `ResultId` of (operator, key, time set), with the
    provenance of the key's records since its last such row.
    """

    key: KeyBy
    function: ProcessFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class DeduplicateSpec(Shared):
    """Passes the first row of each key on and drops the others.

    A key seen at processing time t is forgotten from t + `ttl_ms` on; being seen again does not
    prolong it. `ttl_ms` 0: never. What is dropped goes to the side output `duplicates` as it came,
    unless that is empty. Source: Flink state TTL (set on create, never return expired).
    `in_state` False: the keys are kept in a plain field, which no checkpoint holds, so that a
    restore begins with none: a common mistake, here to be seen.
    """

    key: KeyBy
    ttl_ms: int = 0
    duplicates: str = ""
    in_state: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalJoinSpec(Shared):
    """Pairs of a left and a right row of equal keys with
    left time + `lower_ms` <= right time <= left time + `upper_ms` (event time).

    Inputs with a port below `left_ports` are left. A left row at t is kept until the watermark
    reaches t + max(upper_ms, 0), a right one until t + max(-lower_ms, 0). A row whose time is below
    the watermark is late: it pairs with nothing, and goes to the side output `late_left` or
    `late_right` as it came, unless that is empty. Output: left columns, then right columns; event
    time is the larger one. Id of a pair: `ResultId` of (operator, (key, left id, right id), event
    time), with the provenance of both. Source: Flink IntervalJoinOperator.
    """

    left_key: KeyBy
    right_key: KeyBy
    lower_ms: int
    upper_ms: int
    late_left: str = ""
    late_right: str = ""
    left_ports: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowJoinSpec(Shared):
    """Pairs of a left and a right row of equal keys that belong to the same window; put out once
    the watermark reaches the window's last millisecond, which is the pair's event time.

    Inputs with a port below `left_ports` are left. A row all of whose windows have passed is late,
    as is one in a gap at or behind the watermark: it pairs with nothing, and goes to the side
    output `late_left` or `late_right` as it came, unless that is empty. Output: left columns, then
    right columns. Id of a pair: `ResultId` of (operator, (key, left id, right id), window start),
    with the provenance of both. Source: Flink JoinedStreams, without allowed lateness.
    """

    left_key: KeyBy
    right_key: KeyBy
    assigner: TumblingWindows | SlidingWindows
    late_left: str = ""
    late_right: str = ""
    left_ports: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastSpec(Shared):
    """Records (ports below `left_ports`) meet rules (the other ports, broadcast edges) by a named
    function. Rules are kept as broadcast state; a record sees those that came before it.
    """

    function: BroadcastFunction
    left_ports: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSpec(Shared):
    """Writes rows to a topic of the world, or with `upsert` to a table, by the columns
    `upsert_key`.

    For sinks with transactions: `transaction_timeout_us`: the broker aborts what is older (0:
    never). `ignore_failures_after_timeout`: a restore goes on if a commit fails and the transaction
    is older than that: its rows are lost. `fencing`: a new attempt takes over the producers of the
    restored one, which aborts what the checkpoint does not know; without, it lingers.
    """

    topic: str
    contract: SinkContract
    transaction_timeout_us: int = 0
    ignore_failures_after_timeout: bool = False
    fencing: bool = True
    upsert_key: Fields = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSpec(Shared):
    """The writing half of the transactional sink `uid`, which is left with the committing."""

    uid: str
    sink: SinkSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSpec(Shared):
    """A process of the second machine room (`graph.network`): holds money, sends and receives it.

    Not one of Flink's: it stands in a network, where cycles are allowed, and in no job.
    """

    balance: int


OperatorSpec = (
    SourceSpec
    | MapSpec
    | FilterSpec
    | FlatMapSpec
    | AggregateSpec
    | WindowSpec
    | ReduceSpec
    | ProcessSpec
    | DeduplicateSpec
    | IntervalJoinSpec
    | WindowJoinSpec
    | BroadcastSpec
    | WriterSpec
    | SinkSpec
    | AccountSpec
)

KEYED = (
    AggregateSpec, WindowSpec, ReduceSpec, ProcessSpec, DeduplicateSpec, IntervalJoinSpec,
    WindowJoinSpec,
)  # fmt: skip
"""Operators with keyed state: the edges before them go by key."""

KINDS: dict[type, str] = {
    SourceSpec: "source",
    MapSpec: "map",
    FilterSpec: "filter",
    FlatMapSpec: "flat_map",
    AggregateSpec: "aggregate",
    WindowSpec: "window",
    ReduceSpec: "reduce",
    ProcessSpec: "process",
    DeduplicateSpec: "deduplicate",
    IntervalJoinSpec: "interval_join",
    WindowJoinSpec: "window_join",
    BroadcastSpec: "broadcast",
    WriterSpec: "writer",
    SinkSpec: "sink",
    AccountSpec: "account",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobVertex(Shared):
    """An operator. `cost_us`: simulated time a record takes here; `fields`: its output columns."""

    uid: str
    spec: OperatorSpec
    parallelism: int = 1
    max_parallelism: int = 128
    cost_us: int = 0
    fields: Fields = ()

    @property
    def kind(self) -> str:
        """The word that events and scenario files use."""
        return KINDS[type(self.spec)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEdge(Shared):
    """A connection of two vertices. `key` is set for hash edges only.

    `side`: tag of the side output that it carries; empty for the main output. `fields`: columns on
    it where they are not those of the upstream vertex. `latency_us`: simulated time on the way;
    `capacity`: record buffers that fit in one channel; `credit`: how many of them the receiver
    takes (0: all), the others wait in the sender's output queue. `fifo`: channels keep the order,
    as all of Flink's do.
    """

    upstream: str
    downstream: str
    partitioner: Partitioner
    key: KeyBy | None = None
    latency_us: int = 0
    capacity: int = 4
    credit: int = 0
    side: str = ""
    fields: Fields = ()
    fifo: bool = True

    @property
    def overtakes(self) -> bool:
        """Whether unaligned barriers may overtake: on no pointwise and no broadcast edge."""
        return self.partitioner not in (Partitioner.FORWARD, Partitioner.BROADCAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobGraph(Shared):
    """Vertices in topological order, edges in the order of declaration (the gates' order)."""

    vertices: tuple[JobVertex, ...]
    edges: tuple[JobEdge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionData(Shared):
    """Contents of one partition of a source log. The three lists run in parallel.

    `times_ms`: event times or None; `available_us`: virtual time from which a record can be read,
    or None when all stands there from the beginning.
    """

    label: str
    rows: tuple[Row, ...]
    times_ms: tuple[int, ...] | None = None
    available_us: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicData(Shared):
    """A source log of the world."""

    name: str
    fields: Fields
    partitions: tuple[PartitionData, ...]


def describe(value: Any) -> Any:
    """Plain form of a spec: dataclasses as dicts by field name, functions by `Function.spec`.

    A window assigner says which one it is by `kind`.
    """
    if isinstance(value, Function):
        return value.spec()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, WindowAssigner):
        return {"kind": value.kind} | {
            item.name: getattr(value, item.name) for item in fields(value)
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: describe(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [describe(part) for part in value]
    return value
