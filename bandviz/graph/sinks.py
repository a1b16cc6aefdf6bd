"""A transactional sink is two vertices: the writer takes its inputs, the committer keeps its name.

Source: Flink's SinkTransformationTranslator. The edge between them is forward, so never unaligned:
what is to be committed with a checkpoint has to be in the committer's snapshot of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bandviz.functions.rows import Fields
from bandviz.graph.specs import (
    JobEdge,
    JobGraph,
    JobVertex,
    Partitioner,
    SinkContract,
    SinkSpec,
    WriterSpec,
)

COMMITTABLE_FIELDS: Final[Fields] = ("checkpoint", "writer", "announced", "transaction")


def writer_of(uid: str) -> str:
    """The writer's uid, by that of the sink."""
    return f"{uid}-writer"


def with_writers(job: JobGraph) -> JobGraph:
    """The same job, each transactional sink split in two."""
    vertices: list[JobVertex] = []
    edges = list(job.edges)
    for vertex in job.vertices:
        spec = vertex.spec
        if isinstance(spec, SinkSpec) and spec.contract is SinkContract.TRANSACTIONAL:
            writer = writer_of(vertex.uid)
            edges = [
                replace(edge, downstream=writer) if edge.downstream == vertex.uid else edge
                for edge in edges
            ]
            edges.append(
                JobEdge(
                    upstream=writer,
                    downstream=vertex.uid,
                    partitioner=Partitioner.FORWARD,
                )
            )
            writes = WriterSpec(uid=vertex.uid, sink=spec)
            vertices.append(replace(vertex, uid=writer, spec=writes, fields=COMMITTABLE_FIELDS))
            vertex = replace(vertex, cost_us=0)
        vertices.append(vertex)
    return JobGraph(vertices=tuple(vertices), edges=tuple(edges))
