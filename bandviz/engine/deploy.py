"""From the ExecutionGraph to fresh subtasks and channels. No object of an old attempt is reused."""

from __future__ import annotations

from collections.abc import Collection

from bandviz.engine.channel import Channel
from bandviz.engine.emitter import Emitter
from bandviz.engine.operators.base import Context, Operator
from bandviz.engine.operators.broadcast import BroadcastOperator
from bandviz.engine.operators.chain import OperatorChain
from bandviz.engine.operators.deduplicate import DeduplicateOperator
from bandviz.engine.operators.guard import GuardedOperator
from bandviz.engine.operators.interval_join import IntervalJoinOperator
from bandviz.engine.operators.keyed import AggregateOperator
from bandviz.engine.operators.process import ProcessOperator
from bandviz.engine.operators.reduce import ReduceOperator
from bandviz.engine.operators.session import SessionWindowOperator
from bandviz.engine.operators.stateless import FilterOperator, FlatMapOperator, MapOperator
from bandviz.engine.operators.window import WindowOperator
from bandviz.engine.operators.window_join import WindowJoinOperator
from bandviz.engine.output import Output
from bandviz.engine.sinks.make import make_sink
from bandviz.engine.sinks.writer import TransactionalWriter
from bandviz.engine.source import SourceReader
from bandviz.engine.subtask import Subtask
from bandviz.engine.subtask_checkpoints import Runtime
from bandviz.functions.rows import Fields
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings, StateBackend
from bandviz.graph.specs import (
    AccountSpec,
    AggregateSpec,
    BroadcastSpec,
    DeduplicateSpec,
    FilterSpec,
    FlatMapSpec,
    IntervalJoinSpec,
    JobVertex,
    MapSpec,
    OnError,
    ProcessSpec,
    ReduceSpec,
    SessionWindows,
    SinkSpec,
    SourceSpec,
    WindowJoinSpec,
    WindowSpec,
    WriterSpec,
)
from bandviz.ids import ChannelId, SubtaskId
from bandviz.ports import LogBroker, World


def partitions_of(subtask: SubtaskId, parallelism: int, count: int) -> tuple[int, ...]:
    """Partition p belongs to subtask p mod parallelism. Simplification: no split enumerator."""
    return tuple(p for p in range(count) if p % parallelism == subtask.index)


def deploy(
    graph: ExecutionGraph,
    settings: RunSettings,
    world: World,
    emitter: Emitter,
    partition_counts: dict[str, int],
    runtime: Runtime,
    wanted: Collection[SubtaskId],
) -> tuple[dict[SubtaskId, Subtask], dict[ChannelId, Channel]]:
    """New executions of whole regions, empty; and the channels between them."""
    channels = {
        plan.channel: Channel(plan, settings.seed, settings.jitter_permille)
        for plan in graph.channels
        if plan.downstream in wanted and not plan.chained
    }
    subtasks: dict[SubtaskId, Subtask] = {}
    tracks = settings.state_backend is StateBackend.CHANGELOG
    for ordinal, task in enumerate(graph.tasks):
        if task[0] not in wanted:
            continue
        vertices = [graph.vertex_of[subtask.vertex] for subtask in task]
        contexts = [
            Context(subtask, emitter, parallelism=vertices[0].parallelism, tracks_changes=tracks)
            for subtask in task
        ]
        members = [
            make_operator(vertex, context, _input_fields(graph, vertex), world, settings)
            for vertex, context in zip(vertices, contexts, strict=True)
        ]
        calls = [plan.channel for subtask in task[1:] for plan in graph.inputs_of[subtask]]
        chain = OperatorChain(members, calls, settings.buffer_records)
        subtasks[task[0]] = Subtask(
            contexts[0],
            ordinal,
            sum(vertex.cost_us for vertex in vertices),
            chain if calls else members[0],
            [channels[plan.channel] for plan in graph.inputs_of[task[0]]],
            [
                Output(
                    edge,
                    graph.fields_on(edge),
                    [channels[plan.channel] for plan in plans],
                    graph.vertex_of[edge.downstream].max_parallelism,
                )
                for edge, plans in graph.outputs_of[task[-1]]
            ],
            _reader(vertices[0], contexts[0], world.broker, partition_counts, settings),
            runtime,
        )
    return subtasks, channels


def _input_fields(graph: ExecutionGraph, vertex: JobVertex) -> tuple[Fields, ...]:
    """Columns by port; the build has seen that those of one logical input agree."""
    edges = [edge for edge in graph.job.edges if edge.downstream == vertex.uid]
    return tuple(graph.fields_on(edge) for edge in edges)


def _reader(
    vertex: JobVertex,
    context: Context,
    broker: LogBroker,
    partition_counts: dict[str, int],
    settings: RunSettings,
) -> SourceReader | None:
    if not isinstance(vertex.spec, SourceSpec):
        return None
    count = partition_counts[vertex.spec.topic]
    owned = partitions_of(context.subtask, vertex.parallelism, count)
    return SourceReader(context, vertex.spec, broker, owned, lineage=settings.lineage)


def make_operator(
    vertex: JobVertex,
    context: Context,
    inputs: tuple[Fields, ...],
    world: World,
    settings: RunSettings,
) -> Operator:
    """The operator of a vertex; a source's own is a pass-through. `inputs`: columns by port."""
    spec, most = vertex.spec, vertex.max_parallelism
    assert not isinstance(spec, AccountSpec), "an account stands in a network"
    fields = inputs[0] if inputs else ()
    match spec:
        case MapSpec():
            return _guarded(spec, MapOperator(context, spec, fields))
        case FilterSpec():
            return _guarded(spec, FilterOperator(context, spec, fields))
        case FlatMapSpec():
            return _guarded(spec, FlatMapOperator(context, spec, fields))
        case AggregateSpec():
            return AggregateOperator(context, spec, fields, most)
        case ReduceSpec():
            return ReduceOperator(context, spec, fields, most)
        case ProcessSpec():
            return ProcessOperator(context, spec, fields, most)
        case DeduplicateSpec():
            return DeduplicateOperator(context, spec, fields, most)
        case IntervalJoinSpec():
            return IntervalJoinOperator(context, spec, (fields, inputs[spec.left_ports]), most)
        case WindowJoinSpec():
            return WindowJoinOperator(context, spec, (fields, inputs[spec.left_ports]), most)
        case BroadcastSpec():
            return BroadcastOperator(context, spec, fields, inputs[spec.left_ports])
        case WindowSpec(assigner=assigner):
            if isinstance(assigner, SessionWindows):
                return SessionWindowOperator(context, spec, assigner, fields, most)
            return WindowOperator(context, spec, assigner, fields, most)
        case WriterSpec():
            return TransactionalWriter(context, spec, world.broker)
        case SinkSpec():
            return make_sink(
                spec, context, fields, world, checkpoints=bool(settings.checkpoint_interval_us)
            )
        case SourceSpec():
            return Operator(context)


def _guarded(spec: MapSpec | FilterSpec | FlatMapSpec, inner: Operator) -> Operator:
    if spec.on_error is OnError.FAIL:
        return inner
    side = spec.errors if spec.on_error is OnError.SIDE else ""
    return GuardedOperator(inner.context, inner, side)
