"""What the run is made of: declared before step 1; later events carry ids only.

A rescaled job declares its graph anew, behind `VertexRescaled`; the logs only change readers.
"""

from __future__ import annotations

from dataclasses import dataclass

from bandviz.events.base import Event
from bandviz.ids import ChannelId, SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDeclared(Event):
    """Which scenario runs, with which settings; the first entry of every run.

    `confluent`: the author says that the final rows do not depend on the interleaving of inputs, so
    that they may be compared as multisets. `variant` is empty for the scenario itself. `mode`:
    exactly_once or at_least_once, of checkpoints. `unaligned`: barriers may overtake, after
    `aligned_timeout_us`. `tolerable_count`: so many checkpoints in a row may fail.
    """

    scenario: str
    variant: str
    seed: int
    confluent: bool
    checkpoint_interval_us: int
    buffer_records: int
    mode: str = "exactly_once"
    unaligned: bool = False
    aligned_timeout_us: int = 0
    tolerable_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexDeclared(Event):
    """A JobVertex: one operator with its parallelism.

    `kind` is one of source, map, filter, flat_map, aggregate, window, sink; or account, in a
    network, which is no job. `fields` are the names of the columns it puts out. `spec`: canonical
    map of its parameters, exactly `bandviz.graph.specs.describe`; user functions stand in it as
    `{"fn": name, ...}`.
    """

    vertex: str
    kind: str
    parallelism: int
    max_parallelism: int
    fields: tuple[str, ...]
    spec: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeDeclared(Event):
    """A JobEdge; in a network there may be cycles. `partitioner`: forward, hash, rebalance or
    broadcast.

    `key`: for hash, the canonical spec of the key function; empty otherwise. `side`: tag of the
    side output that it carries; empty for the main output. `fields`: columns on it where they are
    not those of the upstream vertex.
    """

    edge: int
    upstream: str
    downstream: str
    partitioner: str
    key: bytes
    side: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskDeclared(Event):
    """A subtask and the inclusive range of key groups that it owns."""

    subtask: SubtaskId
    first_key_group: int
    last_key_group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskManagerDeclared(Event):
    """A process and the subtasks in its slots: slot i holds subtask i of every operator.

    If it is lost, all of them fail in one step. A run may declare none.
    """

    task_manager: str
    slot_count: int
    subtasks: tuple[SubtaskId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDeclared(Event):
    """A channel from one subtask to another; `index` is its place in the receiver's gate.

    Our channel is Flink's result subpartition and input channel in one.
    `capacity_count`: record buffers that fit before the sender is held back.
    `chained`: both ends run in one task, so what is put in is taken by the same call: it is told as
    put in, once, and nothing else ever is in there. `fifo`: it keeps the order of what is put in;
    only a network of accounts has channels that do not.
    """

    channel: ChannelId
    edge: int
    upstream: SubtaskId
    downstream: SubtaskId
    index: int
    capacity_count: int
    chained: bool = False
    fifo: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionDeclared(Event):
    """One partition of a source log, and the subtask that reads it. `label` is what people see."""

    vertex: str
    subtask: SubtaskId
    topic: str
    partition: int
    label: str
    record_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionRowsDeclared(Event):
    """Contents of a source log from `first_offset` on: `rows` is a packed list of value tuples.

    The input stands in the recording, so that a recording can be viewed and judged alone.
    `times_ms`: packed list of event times, or packed None when the data has none.
    """

    topic: str
    partition: int
    first_offset: int
    rows: bytes
    times_ms: bytes
