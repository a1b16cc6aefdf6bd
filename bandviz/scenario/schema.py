"""Schema of a scenario file. What one field can say is checked here; how fields fit, in `build`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import models_json_schema

from bandviz.scenario.base import Column, Millis, Model, Name, Short, Subtask, Text, Value
from bandviz.scenario.operators import Operator

Row = Value | tuple[Value, ...]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
BASE: Final = "base"
"""What `only` calls the scenario itself, without a variant."""


class Restart(Model):
    """Whether and when the job comes back after a failure; each strategy has its own fields."""

    strategy: Literal["none", "fixed_delay", "failure_rate", "exponential_delay"] = "fixed_delay"
    attempts: int = Field(default=3, ge=0, le=1_000, description="fixed_delay")
    delay_ms: Millis = Field(default=1_000, description="fixed_delay, failure_rate")
    failures_max: int = Field(default=1, ge=1, le=1_000, description="failure_rate")
    interval_ms: int = Field(default=60_000, ge=1, le=10_000_000_000, description="failure_rate")
    initial_ms: int = Field(default=1_000, ge=1, le=10_000_000_000, description="exponential_delay")
    multiplier_percent: int = Field(default=150, ge=101, le=10_000, description="exponential_delay")
    max_ms: int = Field(default=60_000, ge=1, le=10_000_000_000, description="exponential_delay")
    jitter_percent: int = Field(default=10, ge=0, le=100, description="exponential_delay")
    reset_ms: int = Field(
        default=3_600_000, ge=1, le=10_000_000_000, description="exponential_delay"
    )


class Run(Model):
    """How the job runs."""

    mode: Literal["exactly_once", "at_least_once"] = Field(
        default="exactly_once", description="at_least_once: barriers hold nothing back"
    )
    unaligned: bool = Field(default=False, description="barriers overtake queued records")
    aligned_timeout_ms: Millis = Field(
        default=0, description="with unaligned: so long they stand in line first"
    )
    checkpoint_interval_ms: Millis = Field(default=0, description="0: no periodic checkpoints")
    first_checkpoint_ms: Millis | None = Field(default=None, description="if not one interval")
    checkpoint_timeout_ms: int = Field(default=600_000, ge=1, le=10_000_000_000)
    min_pause_ms: Millis = Field(default=0, description="pause between two of them")
    max_concurrent_checkpoints: int = Field(default=1, ge=1, le=1_000)
    tolerable_failed_checkpoints: int = Field(
        default=0, ge=0, le=1_000_000, description="failures in a row before the job restarts"
    )
    checkpoints_after_tasks_finish: bool = Field(
        default=True, description="else there are none once a task has ended"
    )
    high_availability: Literal["store", "none"] = Field(
        default="store", description="whether the list of checkpoints survives the JobManager"
    )
    takeover_ms: Millis = Field(default=1_000, description="until a new JobManager leads")
    retained_checkpoints: int = Field(default=3, ge=1, le=100)
    state_backend: Literal["heap", "changelog"] = Field(
        default="heap", description="changelog: a checkpoint stores what changed"
    )
    materialize_every: int = Field(
        default=10, ge=1, le=1_000, description="with changelog: every so many store everything"
    )
    restart: Restart | None = Field(
        default=None, description="without it: exponential_delay with checkpoints, else none"
    )
    task_managers: int | None = Field(
        default=None, ge=1, le=64, description="processes; without them, none are declared"
    )
    slots_each: int | None = Field(default=None, ge=1, le=64, description="slots of a process")
    chaining: bool = Field(
        default=False, description="operators joined by a forward edge run in one task"
    )
    buffer_records: int = Field(default=1, ge=1, le=4_096, description="records in a buffer")
    jitter_percent: int = Field(default=0, ge=0, le=100, description="spread of costs by the seed")
    reorder_ms: Millis = Field(default=0, description="moves so near to the first are open")
    allow_non_restored: bool = Field(
        default=False, description="a restore may drop state of operators that are gone"
    )
    max_steps: int = Field(default=1_000_000, ge=1, le=100_000_000)


class Broker(Model):
    """The world's log broker."""

    transaction_max_timeout_ms: int = Field(
        default=900_000, ge=1, le=10_000_000_000, description="longest time-out a sink may ask for"
    )


class Costs(Model):
    """Simulated durations."""

    rpc_ms: Millis = Field(default=0, description="a message between coordinator and task")
    notification_ms: Millis = Field(
        default=0, description="so much longer until a task hears that a checkpoint is complete"
    )
    snapshot_ms: Millis = Field(default=0, description="the synchronous part of a snapshot")
    upload_ms: Millis = Field(default=0, description="the asynchronous part: a fixed amount")
    upload_us_per_kib: Count = Field(default=0, description="and so much for each KiB of state")
    rescale_ms: Millis = Field(default=1_000, description="until a rescaled job runs again")


class Available(Model):
    """A record can be read once its time in `field` (epoch ms) has come, `speedup` times faster."""

    field: Column
    speedup: int = Field(default=1, ge=1, le=1_000_000_000)


class Partition(Model):
    """Rows that stand in the scenario itself; a scalar is a row of one field."""

    label: Column
    rows: tuple[Row, ...] = Field(max_length=10_000)


class Topic(Model):
    """A source log: either `partitions` with `fields`, or a CSV `file` with a header."""

    name: Name
    fields: tuple[Column, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="columns; of a file: those to keep",
    )
    partitions: tuple[Partition, ...] | None = Field(default=None, min_length=1, max_length=64)
    file: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="path relative to the scenario's folder, and inside it"
    )
    partition_by: Column | None = Field(default=None, description="column that labels partitions")
    event_time: Column | None = Field(default=None, description="column with epoch ms")
    available: Available | None = None


class When(Model):
    """A moment: the nth CONTROL event of this name whose fields have these values."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Value]

    on: Annotated[str, Field(max_length=64)]
    nth: int = Field(default=1, ge=1, le=1_000_000)
    after_ms: Millis = Field(default=0, description="so much simulated time later")

    def equals(self) -> dict[str, Value]:
        """Fields of the event and the values they have to have, as written."""
        return dict(self.__pydantic_extra__)


class Fault(When):
    """Breaks one thing at a moment, or asks the job for one: exactly one of FAULTS."""

    kill: Subtask | None = None
    lose: Name | None = Field(default=None, description="a TaskManager, such as taskmanager-1")
    corrupt_checkpoint: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    lose_notification: Subtask | None = Field(
        default=None, description="the task is not told that a checkpoint is complete"
    )
    decline_checkpoint: Subtask | None = Field(
        default=None, description="the task gives up its part of the checkpoint in progress"
    )
    refuse_next_commit: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="a transaction; the broker fails its next commit, once"
    )
    poison: Subtask | None = Field(
        default=None, description="user logic raises on its next record, each time it comes again"
    )
    raise_once: Subtask | None = Field(
        default=None, description="user logic raises on its next record, and not again"
    )
    zombie: Subtask | None = Field(
        default=None, description="given up by the job, the writer writes once more"
    )
    crash_coordinator: Literal[True] | None = None
    fail_storage: Literal[True] | None = Field(default=None, description="until repair_storage")
    repair_storage: Literal[True] | None = None
    take_checkpoint: Literal[True] | None = None
    take_savepoint: Literal[True] | None = None
    stop_with_savepoint: Literal[True] | None = None
    drain_and_stop: Literal[True] | None = None
    rescale: dict[Name, Annotated[int, Field(ge=1, le=32_768)]] | None = Field(
        default=None, min_length=1, max_length=16, description="new parallelism by operator"
    )


FAULTS: Final = tuple(name for name in Fault.model_fields if name not in When.model_fields)


class Beat(When):
    """A caption at a moment. `victim`: what the break-it menu proposes here."""

    id: Name
    part: int = Field(default=1, ge=1, le=16)
    given: dict[str, Value] = Field(
        default={},
        max_length=8,
        description="facts that must hold, such as `completed: 1`; else the narrator speaks",
    )
    headline: Short
    text: Text = ""
    brief: Text = Field(default="", description="what a small window shows instead of the text")
    band: Short = ""
    victim: Subtask | None = None
    only: Name | tuple[Name, ...] = Field(
        default=(), description="a variant or several, or `base`; without it, all"
    )

    def told_in(self) -> tuple[str, ...]:
        """Variants that this beat belongs to; none: all of them."""
        return (self.only,) if isinstance(self.only, str) else self.only


class Words(Model):
    """The story's own words for what the screen shows: votes for records, boxes for logs."""

    record: Column = "record"
    logs: Short = "SOURCE LOGS"
    album: Short = "CHECKPOINTS (the photo album)"
    board: Short = "OUTPUT, as the public sees it"


class Question(Model):
    """A guess asked at one beat and resolved at another; the key is computed from the run."""

    id: Name
    beat: Name
    ask: Short
    options: tuple[Short, ...] = Field(min_length=2, max_length=6)
    key: Short = Field(description="evaluated at `reveal`; the option with equal text is right")
    reveal: Name
    right: Text = ""
    wrong: Text = ""


class VerdictCheck(Model):
    """What the judge has to say; only the fields given are compared."""

    holds: bool | Literal["undetermined"] | None = None
    state: Literal["exact", "lost", "duplicated", "both", "wrong", "undetermined"] | None = None
    output: Literal["exact", "lost", "duplicated", "both", "wrong", "undetermined"] | None = None
    lost: Count | None = None
    duplicated: Count | None = None
    wrong_rows: Count | None = None


class RewoundCheck(Model):
    """Where the last restore put a partition of a source."""

    model_config = ConfigDict(populate_by_name=True)
    source: Name
    partition: Count
    start: Count | None = Field(default=None, alias="from")
    to: Count


class VisibleCheck(Model):
    """Rows that the public sees at the end; `tally` counts them by their first column."""

    sink: Name
    count: Count | None = None
    tally: dict[str, Count] | None = None


class StateCheck(Model):
    """A keyed state at the end of the run."""

    subtask: Subtask
    equals: dict[str, Value | tuple[Value, ...]]


class CheckpointCheck(Model):
    """One checkpoint; only the fields given are compared. `in_flight`: records that it holds;
    `new_at_most_percent`: of the bytes that it needs, so many were stored for it.
    """

    id: Annotated[int, Field(ge=1)]
    status: Literal["completed", "aborted", "in progress", "discarded", "damaged"] | None = None
    unaligned: bool | None = None
    in_flight: Count | None = None
    money: Count | None = Field(
        default=None, description="of a network: recorded in accounts and on the way"
    )
    new_at_most_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    at_least_ms: Count | None = None
    at_most_ms: Count | None = None


class CheckpointsCheck(Model):
    """How many checkpoints completed."""

    at_least: Count = 0
    at_most: Count | None = None


class Check(Model):
    """One expectation on the result; exactly one of the fields."""

    status: Literal["finished", "failed", "stuck"] | None = None
    restarts: Count | None = None
    verdict: VerdictCheck | None = None
    restored_checkpoint: Count | None = None
    rewound: RewoundCheck | None = None
    visible: VisibleCheck | None = None
    state: StateCheck | None = None
    checkpoint: CheckpointCheck | None = None
    completed_checkpoints: CheckpointsCheck | None = None

    def kinds(self) -> list[str]:
        """Names of the fields that are set: one, in a right file."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


class Variant(Model):
    """The same scenario with exactly one field different; own checks replace the scenario's."""

    name: Name
    title: Short
    changes: dict[str, Any] = Field(
        alias="set", description="`pipeline.board.contract: append`: one path and its new value"
    )
    checks: tuple[Check, ...] | None = None


class Story(Model):
    """What every scenario has: its head, what is said about it, and what must come out."""

    version: Literal[1]
    name: Name
    title: Annotated[str, Field(min_length=1, max_length=64)]
    summary: Annotated[str, Field(max_length=300)] = ""
    teaches: tuple[Short, ...] = Field(default=(), max_length=12)
    order: Count = Field(default=1_000, description="place in lists")
    minutes: int = Field(default=5, ge=1, le=600, description="time that a reader needs")
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    variants: tuple[Variant, ...] = Field(default=(), max_length=32)
    words: Words = Words()
    parts: tuple[Short, ...] = Field(default=(), max_length=16)
    beats: tuple[Beat, ...] = Field(default=(), max_length=200)
    questions: tuple[Question, ...] = Field(default=(), max_length=50)
    checks: tuple[Check, ...] = Field(default=(), max_length=100)


class Document(Story):
    """A scenario: a job, its input, what breaks, what is said, and what must come out."""

    confluent: bool = Field(default=False, description="final rows do not depend on interleaving")
    run: Run = Run()
    costs: Costs = Costs()
    broker: Broker = Broker()
    topics: tuple[Topic, ...] = Field(min_length=1, max_length=64)
    pipeline: tuple[Operator, ...] = Field(min_length=1, max_length=200)
    faults: tuple[Fault, ...] = Field(default=(), max_length=64)


class NetworkRun(Model):
    """How a network runs."""

    jitter_percent: int = Field(default=0, ge=0, le=100, description="spread of latencies")
    reorder_ms: Millis = Field(default=0, description="moves so near to the first are open")
    max_steps: int = Field(default=1_000_000, ge=1, le=100_000_000)


class Account(Model):
    """A process that holds money."""

    uid: Name
    balance: Count


class Way(Model):
    """A channel of a network: one way; `fifo: false`: what is sent later may come earlier."""

    model_config = ConfigDict(populate_by_name=True)
    name: Name
    source: Name = Field(alias="from")
    to: Name
    latency_ms: Millis = 0
    fifo: bool = True


class Transfer(Model):
    """Money that sets off at a moment. It may be quicker or slower than the channel."""

    at_ms: Millis
    channel: Name
    amount: Annotated[int, Field(ge=1, le=10_000_000)]
    latency_ms: Millis | None = None


class Draw(Model):
    """Transfers that the seed draws: channel and amount."""

    count: Annotated[int, Field(ge=0, le=10_000)]
    every_ms: int = Field(ge=1, le=10_000_000_000)
    most: Annotated[int, Field(ge=1, le=10_000_000)]


class Snapshot(Model):
    """When a snapshot begins, and who records first."""

    at_ms: Millis
    by: Name | tuple[Name, ...]

    def initiators(self) -> tuple[str, ...]:
        """One or several."""
        return (self.by,) if isinstance(self.by, str) else self.by


class NetworkDocument(Story):
    """A scenario of the second machine room: accounts, channels, transfers, snapshots."""

    run: NetworkRun = NetworkRun()
    processes: tuple[Account, ...] = Field(min_length=2, max_length=16)
    channels: tuple[Way, ...] = Field(min_length=1, max_length=64)
    transfers: tuple[Transfer, ...] = Field(default=(), max_length=1_000)
    draw: Draw | None = None
    snapshots: tuple[Snapshot, ...] = Field(min_length=1, max_length=64)
    aligned: bool = Field(
        default=False, description="channels wait for the last marker, as Flink's do"
    )


FORMS: Final[tuple[type[Story], ...]] = (Document, NetworkDocument)


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file of either form, for editors."""
    _, schema = models_json_schema([(form, "validation") for form in FORMS])
    either = [{"$ref": f"#/$defs/{form.__name__}"} for form in FORMS]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "anyOf": either, **schema}


def form_of(fields: Iterable[str]) -> type[Story]:
    """What kind of scenario a file with these fields is."""
    return NetworkDocument if "processes" in fields else Document
