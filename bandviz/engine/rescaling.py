"""Rescaling a running job: the same JobGraph with other parallelism, and what forbids it.

Source: Flink's adaptive scheduler, which stops all tasks and restarts from the latest completed
checkpoint. Simplification: a person says the parallelism, no slots are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bandviz.engine.state.assignment import check_parallelism
from bandviz.errors import BandvizError, CommandRejected
from bandviz.graph.execution import ExecutionGraph, unroll
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import JobGraph, Partitioner


def rescaled(
    graph: ExecutionGraph, wanted: Mapping[str, int], settings: RunSettings
) -> ExecutionGraph:
    """The graph with these parallelisms. Raises CommandRejected with the fix."""
    slots = settings.task_managers * settings.slots_each
    for uid, parallelism in wanted.items():
        if uid not in graph.vertex_of:
            raise CommandRejected(f"no operator '{uid}' to rescale")
        vertex = graph.vertex_of[uid]
        if parallelism == vertex.parallelism:
            raise CommandRejected(f"'{uid}' runs with parallelism {parallelism} already")
        if settings.task_managers and parallelism > slots:
            raise CommandRejected(f"'{uid}' needs {parallelism} slots, there are {slots}")
        try:
            check_parallelism(uid, parallelism, vertex.max_parallelism)
        except BandvizError as error:
            raise CommandRejected(error.message, error.hint) from None
    vertices = tuple(
        replace(vertex, parallelism=wanted.get(vertex.uid, vertex.parallelism))
        for vertex in graph.job.vertices
    )
    job = JobGraph(vertices=vertices, edges=graph.job.edges)
    _check_forward(job)
    return unroll(job, chaining=settings.chaining)


def forward_groups(job: JobGraph) -> list[tuple[tuple[str, ...], int]]:
    """Operators that can only be rescaled together, and their parallelism; in the order of the
    graph.
    """
    group: dict[str, tuple[str, ...]] = {vertex.uid: (vertex.uid,) for vertex in job.vertices}
    for edge in job.edges:
        if edge.partitioner is Partitioner.FORWARD:
            joined = tuple(dict.fromkeys(group[edge.upstream] + group[edge.downstream]))
            group.update(dict.fromkeys(joined, joined))
    parallelism = {vertex.uid: vertex.parallelism for vertex in job.vertices}
    return [(uids, parallelism[uids[0]]) for uids in dict.fromkeys(group.values())]


def _check_forward(job: JobGraph) -> None:
    parallelism = {vertex.uid: vertex.parallelism for vertex in job.vertices}
    for edge in job.edges:
        upstream, downstream = parallelism[edge.upstream], parallelism[edge.downstream]
        if edge.partitioner is Partitioner.FORWARD and upstream != downstream:
            raise CommandRejected(
                f"'{edge.upstream}' and '{edge.downstream}' are joined by a forward edge and need "
                f"the same parallelism, not {upstream} and {downstream}",
                "rescale both, or make the edge hash or rebalance",
            )
