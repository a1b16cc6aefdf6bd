"""Schema of the pipeline: operators, told apart by `kind`, and their inputs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bandviz.functions.aggregates import AggregateFunction
from bandviz.functions.broadcast import BroadcastFunction
from bandviz.functions.expr.functions import Compute, Expression
from bandviz.functions.process import ProcessFunction
from bandviz.functions.reduce import ReduceFunction
from bandviz.functions.rows import FilterFunction, FlatMapFunction, MapFunction
from bandviz.graph.specs import NamedAggregate
from bandviz.scenario.base import Column, Expr, FunctionField, Key, Millis, Model, Name

PARALLELISM_MAX = 16
Offset = Annotated[int, Field(ge=-10_000_000_000, le=10_000_000_000)]


class Input(Model):
    """An edge from the operator `from` to this one."""

    upstream: Name = Field(alias="from")
    side: Name | None = Field(default=None, description="a side output of it, by its tag")
    partitioner: Literal["forward", "hash", "rebalance", "broadcast"] | None = Field(
        default=None,
        description="hash before a keyed operator or behind key_by; else forward between operators "
        "of equal parallelism, and rebalance",
    )
    latency_ms: Millis = Field(default=0, description="simulated time on the way")
    capacity: int = Field(default=4, ge=1, le=10_000, description="record buffers in a channel")
    credit: int = Field(
        default=0, ge=0, le=10_000, description="how many the receiver takes; 0: all"
    )


class Link(Model):
    """An input of key_by or union, which are no tasks of their own: only where it comes from."""

    upstream: Name = Field(alias="from")
    side: Name | None = Field(default=None, description="a side output of it, by its tag")


Inputs = Annotated[tuple[Input, ...], Field(min_length=1, max_length=100)]
Links = Annotated[tuple[Link, ...], Field(min_length=1, max_length=100)]
Aggregates = Annotated[
    tuple[Annotated[NamedAggregate, FunctionField(AggregateFunction)], ...],
    Field(min_length=1, max_length=32),
]


class Task(Model):
    """What all operators have that run as tasks. `SIDES`: fields that hold tags of side outputs."""

    SIDES: ClassVar[tuple[str, ...]] = ()

    uid: Name
    parallelism: int = Field(default=1, ge=1, le=PARALLELISM_MAX)
    max_parallelism: int = Field(default=128, ge=1, le=32_768, description="number of key groups")
    cost_ms: Millis = Field(default=0, description="simulated time a record takes here")


class Align(Model):
    """Watermark alignment; nothing to do with barriers."""

    group: Name
    max_drift_ms: Millis = Field(description="so far ahead of the slowest source of the group")


class Source(Task):
    """Reads a topic; partition p belongs to subtask p modulo parallelism."""

    kind: Literal["source"]
    topic: Name
    start_ms: Millis = 0
    every_ms: Millis = Field(default=0, description="least time between two reads")
    out_of_orderness_ms: Millis | None = Field(
        default=None, description="watermarks so far behind the newest event time; without it, none"
    )
    start_from: Literal["earliest", "latest"] = Field(
        default="earliest", description="where a restart without a checkpoint begins"
    )
    idle_after_ms: Millis = Field(
        default=0, description="a partition without news for so long holds nobody back; 0: never"
    )
    align: Align | None = Field(
        default=None, description="partitions that are ahead of its group are not read meanwhile"
    )


class Fallible(Task):
    """What user logic does with a record may raise."""

    SIDES: ClassVar[tuple[str, ...]] = ("errors",)

    on_error: Literal["fail", "drop", "side"] = Field(
        default="fail", description="a record on which it raises: the task fails, or goes on"
    )
    errors: Name | None = Field(
        default=None, description="tag of the side output for such records, as they came in"
    )


class Map(Fallible):
    """One row in, one row out."""

    kind: Literal["map"]
    inputs: Inputs
    function: Annotated[MapFunction, FunctionField(MapFunction)] | None = None
    expr: Annotated[dict[Column, Expr], Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="instead of a function: columns and what they are computed by"
    )

    @property
    def logic(self) -> MapFunction | None:
        """The function, also where it is written as an expression."""
        return Compute(columns=tuple(self.expr.items())) if self.expr else self.function


class Filter(Fallible):
    """Keeps or drops rows."""

    kind: Literal["filter"]
    inputs: Inputs
    function: Annotated[FilterFunction, FunctionField(FilterFunction)] | None = None
    expr: Expr | None = Field(
        default=None, description="instead of a function: rows on which it is true are kept"
    )

    @property
    def logic(self) -> FilterFunction | None:
        """The function, also where it is written as an expression."""
        return Expression(text=self.expr) if self.expr else self.function


class FlatMap(Fallible):
    """One row in, any number out."""

    kind: Literal["flat_map"]
    inputs: Inputs
    function: Annotated[FlatMapFunction, FunctionField(FlatMapFunction)]


class Aggregate(Task):
    """Keyed running aggregates without end."""

    kind: Literal["aggregate"]
    inputs: Inputs
    key: Key | None = Field(default=None, description="may be left out behind key_by")
    aggregates: Aggregates
    emit: Literal["running", "increment"] = Field(
        default="running", description="running: results so far; increment: one line a record"
    )


Positive = Annotated[int, Field(ge=1, le=10_000_000_000)]


class Windows(Task):
    """How event time is cut into windows."""

    size_ms: Positive | None = Field(default=None, description="tumbling, or with slide_ms sliding")
    slide_ms: Positive | None = Field(default=None, description="a window begins each so often")
    offset_ms: Offset = 0


class Window(Windows):
    """Keyed event-time windows."""

    SIDES: ClassVar[tuple[str, ...]] = ("late",)
    kind: Literal["window"]
    inputs: Inputs
    key: Key | None = Field(default=None, description="may be left out behind key_by")
    aggregates: Aggregates
    gap_ms: Positive | None = Field(default=None, description="sessions end after such a pause")
    allowed_lateness_ms: Millis = Field(
        default=0, description="so long a window is kept after its end, and fires for each record"
    )
    late: Name | None = Field(
        default=None, description="a side output for records that come later; without it, dropped"
    )


class Reduce(Task):
    """Keyed rolling reduce: two rows of a key become one of the same columns."""

    kind: Literal["reduce"]
    inputs: Inputs
    key: Key | None = Field(default=None, description="may be left out behind key_by")
    function: Annotated[ReduceFunction, FunctionField(ReduceFunction)]


class Process(Task):
    """Keyed process function: logic with state and timers, by name."""

    kind: Literal["process"]
    inputs: Inputs
    key: Key | None = Field(default=None, description="may be left out behind key_by")
    function: Annotated[ProcessFunction, FunctionField(ProcessFunction)]


class Deduplicate(Task):
    """Passes the first row of each key on."""

    SIDES: ClassVar[tuple[str, ...]] = ("duplicates",)

    kind: Literal["deduplicate"]
    inputs: Inputs
    key: Key | None = Field(default=None, description="may be left out behind key_by")
    ttl_ms: Millis = Field(
        default=0, description="processing time after which a key counts as new again; 0: never"
    )
    duplicates: Name | None = Field(
        default=None, description="tag of a side output for what is dropped"
    )
    keeps: Literal["state", "field"] = Field(
        default="state", description="field: a plain variable, which no checkpoint holds"
    )


class Join(Task):
    """Pairs of rows of two inputs with equal keys."""

    SIDES: ClassVar[tuple[str, ...]] = ("late_left", "late_right")

    inputs: Inputs = Field(description="two: left, then right")
    key: Key | None = Field(default=None, description="may be left out behind key_by")
    right_key: Key | None = Field(
        default=None, description="of the right input, where its columns have other names"
    )
    late_left: Name | None = Field(
        default=None, description="tag of a side output for late rows of the left input"
    )
    late_right: Name | None = Field(default=None, description="the same of the right input")


class IntervalJoin(Join):
    """Pairs that lie near to each other in event time."""

    kind: Literal["interval_join"]
    lower_ms: Offset
    upper_ms: Offset


class WindowJoin(Join, Windows):
    """Pairs that lie in the same window."""

    kind: Literal["window_join"]
    size_ms: Positive


class Broadcast(Task):
    """Records meet rules that every subtask keeps."""

    kind: Literal["broadcast"]
    inputs: Inputs = Field(description="two: records, then rules")
    function: Annotated[BroadcastFunction, FunctionField(BroadcastFunction)]


class Sink(Task):
    """Writes rows to a topic that the public reads."""

    kind: Literal["sink"]
    inputs: Inputs
    topic: Name
    contract: Literal["append", "upsert", "file", "two_phase", "transactional"]
    key: Key | None = Field(default=None, description="upsert: columns that tell rows apart")
    transaction_timeout_ms: int = Field(
        default=900_000,
        ge=1,
        le=10_000_000_000,
        description="the broker aborts a transaction that is older",
    )
    ignore_failures_after_timeout: bool = Field(
        default=False,
        description="two_phase: a restore goes on without the rows of a transaction that is older "
        "than its time-out and cannot be committed",
    )
    fencing: bool = Field(
        default=True,
        description="a new attempt takes over the producers of the old one, and the broker aborts "
        "what those left open; without, it lingers",
    )


class KeyBy(Model):
    """Not a task: the edges behind it go by this key."""

    uid: Name
    kind: Literal["key_by"]
    inputs: Links
    key: Key


class Union(Model):
    """Not a task: the edges behind it come from all of its inputs."""

    uid: Name
    kind: Literal["union"]
    inputs: Links


Keyed = Aggregate | Window | Reduce | Process | Deduplicate | IntervalJoin | WindowJoin
TwoInputs = IntervalJoin | WindowJoin | Broadcast
Physical = Source | Map | Filter | FlatMap | Keyed | Broadcast | Sink
Virtual = KeyBy | Union
Operator = Annotated[Physical | Virtual, Field(discriminator="kind")]


def side_outputs(operator: Physical | Virtual) -> dict[str, int]:
    """Tags of an operator's side outputs, and the input whose rows each carries as they came.

    One that is not switched on has the name of its field, and stays empty.
    """
    fields = operator.SIDES if isinstance(operator, Task) else ()
    return {getattr(operator, name) or name: index for index, name in enumerate(fields)}


def key_columns(key: str | tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a `key`, which is written as one name or as a list."""
    return (key,) if isinstance(key, str) else key
