"""The structural preamble of a run: graph, channels, logs with their contents."""

from __future__ import annotations

from bandviz.engine.deploy import partitions_of
from bandviz.engine.emitter import Emitter
from bandviz.events import structure
from bandviz.events.records import pieces
from bandviz.events.values import pack
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.graph.slots import task_managers
from bandviz.graph.specs import PartitionData, SourceSpec, TopicData, describe
from bandviz.ids import SubtaskId


def declare(
    emitter: Emitter, graph: ExecutionGraph, settings: RunSettings, topics: tuple[TopicData, ...]
) -> None:
    """Emit everything that later events refer to by id."""
    emitter.control(
        structure.RunDeclared(
            scenario=settings.name,
            variant=settings.variant,
            seed=settings.seed,
            confluent=settings.confluent,
            checkpoint_interval_us=settings.checkpoint_interval_us,
            buffer_records=settings.buffer_records,
            mode=settings.mode.value,
            unaligned=settings.unaligned,
            aligned_timeout_us=settings.aligned_timeout_us,
            tolerable_count=settings.tolerable_failed_checkpoints,
        )
    )
    declare_graph(emitter, graph, settings, topics)
    for topic in topics:
        for partition, data in enumerate(topic.partitions):
            _declare_rows(emitter, topic.name, partition, data)


def declare_graph(
    emitter: Emitter, graph: ExecutionGraph, settings: RunSettings, topics: tuple[TopicData, ...]
) -> None:
    """Operators, subtasks, channels, and who reads which partition; again after rescaling."""
    for vertex in graph.job.vertices:
        emitter.control(
            structure.VertexDeclared(
                vertex=vertex.uid,
                kind=vertex.kind,
                parallelism=vertex.parallelism,
                max_parallelism=vertex.max_parallelism,
                fields=vertex.fields,
                spec=pack(describe(vertex.spec)),
            )
        )
    for number, edge in enumerate(graph.job.edges):
        emitter.control(
            structure.EdgeDeclared(
                edge=number,
                upstream=edge.upstream,
                downstream=edge.downstream,
                partitioner=edge.partitioner.value,
                key=pack(edge.key.spec()) if edge.key is not None else b"",
                side=edge.side,
                fields=edge.fields,
            )
        )
    for subtask in graph.subtasks:
        first, last = graph.key_groups(subtask)
        emitter.control(
            structure.SubtaskDeclared(subtask=subtask, first_key_group=first, last_key_group=last)
        )
    for name, subtasks in task_managers(graph, settings).items():
        emitter.control(
            structure.TaskManagerDeclared(
                task_manager=name, slot_count=settings.slots_each, subtasks=subtasks
            )
        )
    for plan in graph.channels:
        emitter.control(
            structure.ChannelDeclared(
                channel=plan.channel,
                edge=plan.edge,
                upstream=plan.upstream,
                downstream=plan.downstream,
                index=plan.index,
                capacity_count=plan.capacity,
                chained=plan.chained,
                fifo=plan.fifo,
            )
        )

    by_name = {topic.name: topic for topic in topics}
    for vertex in graph.job.vertices:
        if isinstance(vertex.spec, SourceSpec):
            _declare_log(emitter, vertex.uid, vertex.parallelism, by_name[vertex.spec.topic])


def _declare_log(emitter: Emitter, vertex: str, parallelism: int, topic: TopicData) -> None:
    for partition, data in enumerate(topic.partitions):
        owner = next(
            SubtaskId(vertex, index)
            for index in range(parallelism)
            if partition in partitions_of(SubtaskId(vertex, index), parallelism, partition + 1)
        )
        emitter.control(
            structure.PartitionDeclared(
                vertex=vertex,
                subtask=owner,
                topic=topic.name,
                partition=partition,
                label=data.label,
                record_count=len(data.rows),
            )
        )


def _declare_rows(emitter: Emitter, topic: str, partition: int, data: PartitionData) -> None:
    at, times = 0, data.times_ms
    for piece in pieces(data.rows):
        count = piece.row_count
        emitter.control(
            structure.PartitionRowsDeclared(
                topic=topic,
                partition=partition,
                first_offset=at,
                rows=piece.rows,
                times_ms=pack(list(times[at : at + count]) if times is not None else None),
            )
        )
        at += count
