"""Cats or dogs, for tests of the model: north and south -> count -> board.

`preamble` declares it by hand, `Teller` puts events into entries, `job` runs it on the real engine,
and `anything` makes arbitrary events about it, sensible or not.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable
from dataclasses import fields as dataclass_fields
from enum import Enum
from typing import Any, Final

from hypothesis import strategies as st

from bandviz.engine.job import Job
from bandviz.events import TAGS, Entry, Event, structure
from bandviz.events.records import pack_lineage
from bandviz.events.rescaling import VertexRescaled
from bandviz.events.values import pack
from bandviz.functions.aggregates import Count
from bandviz.functions.rows import KeyBy
from bandviz.graph.execution import unroll
from bandviz.graph.settings import FixedDelay, RunSettings
from bandviz.graph.specs import (
    AggregateSpec,
    Emit,
    JobEdge,
    JobGraph,
    JobVertex,
    NamedAggregate,
    PartitionData,
    Partitioner,
    SinkContract,
    SinkSpec,
    SourceSpec,
    TopicData,
    describe,
)
from bandviz.ids import ChannelId, CheckpointId, RecordId, SubtaskId, TransactionId
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.world import memory_world

NORTH: Final = SubtaskId("north", 0)
SOUTH: Final = SubtaskId("south", 0)
COUNT: Final = SubtaskId("count", 0)
BOARD: Final = SubtaskId("board", 0)
ALL: Final = (NORTH, SOUTH, COUNT, BOARD)
NORTH_COUNT, SOUTH_COUNT, COUNT_BOARD = ChannelId(0), ChannelId(1), ChannelId(2)
ONE, TWO = CheckpointId(1), CheckpointId(2)
TXN_1, TXN_2 = TransactionId(1), TransactionId(2)

BALLOTS: Final = {"north": "cdccccdd", "south": "dcddcddd"}
ANIMALS: Final = {"c": "cats", "d": "dogs"}
COUNT_SPEC: Final = AggregateSpec(
    key=KeyBy(fields=("animal",)),
    aggregates=(NamedAggregate(function=Count(), name="votes"),),
    emit=Emit.INCREMENT,
)


def box(name: str) -> list[tuple[str]]:
    """Rows of a ballot box."""
    return [(ANIMALS[letter],) for letter in BALLOTS[name]]


def graph(contract: SinkContract = SinkContract.TWO_PHASE) -> JobGraph:
    """The story as a job."""
    key = COUNT_SPEC.key
    return JobGraph(
        vertices=(
            *(
                JobVertex(
                    uid=name,
                    spec=SourceSpec(topic=name, start_us=200_000, interval_us=600_000),
                    fields=("animal",),
                )
                for name in BALLOTS
            ),
            JobVertex(
                uid="count", spec=COUNT_SPEC, cost_us=100_000, fields=("animal", "increment")
            ),
            JobVertex(
                uid="board",
                spec=SinkSpec(topic="board", contract=contract),
                fields=("animal", "increment"),
            ),
        ),
        edges=(
            _edge("north", "count", Partitioner.HASH, key, 600_000),
            _edge("south", "count", Partitioner.HASH, key, 1_400_000),
            _edge("count", "board", Partitioner.FORWARD, None, 200_000),
        ),
    )


def _edge(
    upstream: str, downstream: str, partitioner: Partitioner, key: KeyBy | None, latency_us: int
) -> JobEdge:
    return JobEdge(
        upstream=upstream,
        downstream=downstream,
        partitioner=partitioner,
        key=key,
        latency_us=latency_us,
    )


def job(contract: SinkContract = SinkContract.TWO_PHASE, *, attempts: int = 3) -> Job:
    """The story on the real engine; checkpoints at 2 s and then each 5 s."""
    topics = tuple(
        TopicData(
            name=name,
            fields=("animal",),
            partitions=(PartitionData(label=name, rows=tuple(box(name))),),
        )
        for name in BALLOTS
    )
    settings = RunSettings(
        name="story",
        seed=7,
        checkpoint_interval_us=5_000_000,
        first_checkpoint_us=2_000_000,
        retained=2,
        restart=FixedDelay(attempts=attempts),
        jitter_permille=50,
        rpc_us=40_000,
        sync_us=20_000,
        upload_us=300_000,
    )
    return Job(unroll(graph(contract)), settings, topics, memory_world(topics))


def preamble() -> list[Event]:
    """The same, declared by hand."""
    declared: list[Event] = [
        structure.RunDeclared(
            scenario="story",
            variant="",
            seed=7,
            confluent=True,
            checkpoint_interval_us=5_000_000,
            buffer_records=1,
        )
    ]
    plan = graph()
    declared += [
        structure.VertexDeclared(
            vertex=vertex.uid,
            kind=vertex.kind,
            parallelism=1,
            max_parallelism=128,
            fields=vertex.fields,
            spec=pack(describe(vertex.spec)),
        )
        for vertex in plan.vertices
    ]
    declared += [
        structure.EdgeDeclared(
            edge=number,
            upstream=edge.upstream,
            downstream=edge.downstream,
            partitioner=edge.partitioner.value,
            key=b"",
        )
        for number, edge in enumerate(plan.edges)
    ]
    declared += [
        structure.SubtaskDeclared(subtask=name, first_key_group=0, last_key_group=127)
        for name in ALL
    ]
    declared += [
        structure.ChannelDeclared(
            channel=ChannelId(number),
            edge=number,
            upstream=SubtaskId(edge.upstream, 0),
            downstream=SubtaskId(edge.downstream, 0),
            index=number % 2,
            capacity_count=4,
        )
        for number, edge in enumerate(plan.edges)
    ]
    for name in BALLOTS:
        declared += [
            structure.PartitionDeclared(
                vertex=name,
                subtask=SubtaskId(name, 0),
                topic=name,
                partition=0,
                label=name,
                record_count=8,
            ),
            structure.PartitionRowsDeclared(
                topic=name, partition=0, first_offset=0, rows=pack(box(name)), times_ms=pack(None)
            ),
        ]
    return declared


class Teller:
    """A model that is told events, one step each, 100 ms apart; keeps the entries."""

    def __init__(self) -> None:
        self.model = RunModel()
        self.entries: list[Entry] = []
        for k, event in enumerate(preamble()):
            self._tell(0, k, event)

    def step(self, *events: Event) -> Entry:
        """One step of these events in this order; returns its first entry."""
        step = self.entries[-1].step + 1
        for k, event in enumerate(events):
            self._tell(step, k, event)
        return self.entries[-len(events)]

    def each(self, events: Iterable[Event]) -> Entry:
        """One step for each; returns the last entry."""
        for event in events:
            self.step(event)
        return self.entries[-1]

    def _tell(self, step: int, k: int, event: Event) -> None:
        entry = Entry(step, k, step * 100_000, None, event)
        self.entries.append(entry)
        self.model.apply(entry)


def everything(model: RunModel) -> tuple[Any, ...]:
    """All that a screen could ask of the model."""
    return (
        selectors.subtask_views(model),
        selectors.channel_views(model),
        selectors.tape_views(model),
        selectors.checkpoint_views(model),
        selectors.board_views(model),
        selectors.job_view(model),
        selectors.marks(model),
        selectors.counts(model),
        tuple(selectors.inspect(model, name) for name in model.subtasks),
    )


# -- arbitrary events ----------------------------------------------------------------------------

_NUMBERS: Final = st.integers(0, 9)
_PACKED: Final = st.sampled_from(
    [
        b"",
        b"\xc1 garbage",
        pack(7),
        pack("cats"),
        pack((3,)),
        pack([("cats", 1), ("dogs", 1)]),
        pack([("cats",), 5, None, (1.5, True)]),
        pack([["cats", 1], "cats"]),
        pack({}),
        pack({"offsets": {0: 3}}),
        pack({"offsets": "none"}),
        pack({"keyed": [["cats", [3]], ["dogs", [2]]]}),
        pack({"keyed": [["cats", [3], 1]]}),
        pack({"windows": [[("UA", 1), 1_360_332_000_000, [3], 3, 9]]}),
        pack({"transactions": [["board[0]", 2, 2, [[1, 1, 0]]]]}),
        pack({"transactions": [["board[0]", 2, 2, [1]]]}),
        pack_lineage([RecordId("north", 0, 2), RecordId("nowhere", 4, 0)]),
    ]
)
_TEXTS: Final = st.sampled_from(["count[0]", "kill", "corrupt_checkpoint", "north", "\x1b[31m", ""])
_OF_FIELD: Final[dict[str, st.SearchStrategy[Any]]] = {
    "subtask": st.sampled_from(ALL),
    "channel": st.sampled_from([NORTH_COUNT, SOUTH_COUNT, COUNT_BOARD]),
    "checkpoint_id": st.sampled_from([ONE, TWO]),
    "transaction_id": st.sampled_from([TXN_1, TXN_2]),
    "sink": st.just("board"),
    "partition": st.just(0),
    "attempt": st.integers(1, 3),
    "expected": st.just(ALL),
    "triggered": st.just((NORTH, SOUTH)),
    "finished": st.sampled_from([(), (NORTH,)]),
    "subtasks": st.sampled_from([(), (NORTH,), ALL]),
    "pending": st.sampled_from([(), (TWO,)]),
    "completed": st.sampled_from([(), (ONE,), (ONE, TWO)]),
    "arrive_us": st.sampled_from([-1, 100_000, 5_000_000]),
    "window_start_ms": st.sampled_from([-1, 0, 1_360_332_000_000, 2**60]),
    "watermark_ms": st.sampled_from([-(2**63), 0, 1_360_332_000_000, 2**63 - 1]),
    "absorbed_start_ms": st.lists(_NUMBERS, max_size=3).map(tuple),
}
LIVE_KINDS: Final = [
    kind for kind in TAGS if kind.__module__ != structure.__name__ and kind is not VertexRescaled
]
"""Without declarations, and without that behind which the graph is declared anew."""


def _events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any instance of this class whose ids were declared."""
    hints = typing.get_type_hints(kind)
    fields = {}
    for name in [one.name for one in dataclass_fields(kind)]:
        hint = hints[name]
        if name in _OF_FIELD:
            fields[name] = _OF_FIELD[name]
        elif hint is bytes:
            fields[name] = _PACKED
        elif hint is str:
            fields[name] = _TEXTS
        elif hint == tuple[int, ...]:
            fields[name] = st.lists(_NUMBERS, max_size=3).map(tuple)
        elif hint is bool:
            fields[name] = st.booleans()
        elif isinstance(hint, type) and issubclass(hint, Enum):
            fields[name] = st.sampled_from(list(hint))
        else:
            fields[name] = _NUMBERS
    return st.builds(kind, **fields)


def anything() -> st.SearchStrategy[Event]:
    """Any event of a run that goes on, in or out of place."""
    return st.one_of([_events_of(kind) for kind in LIVE_KINDS])
