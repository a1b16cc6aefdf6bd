"""Operator chaining: which edges are calls within one task instead of channels between two.

Source: Flink StreamingJobGraphGenerator.isChainable. All of our operators share their slots and may
stand anywhere in a chain. Simplification: a chain is a line, so an operator with several outputs,
side outputs included, is the last of its chain (Flink's chains are trees).
"""

from __future__ import annotations

from collections import Counter

from bandviz.graph.specs import JobGraph, Partitioner


def chained_edges(job: JobGraph) -> tuple[int, ...]:
    """Numbers of the forward edges whose ends have equal parallelism, of which the lower has no
    other input and the upper no other output.
    """
    parallelism = {vertex.uid: vertex.parallelism for vertex in job.vertices}
    outputs = Counter(edge.upstream for edge in job.edges)
    inputs = Counter(edge.downstream for edge in job.edges)
    return tuple(
        number
        for number, edge in enumerate(job.edges)
        if edge.partitioner is Partitioner.FORWARD
        and parallelism[edge.upstream] == parallelism[edge.downstream]
        and outputs[edge.upstream] == inputs[edge.downstream] == 1
        and not edge.side
    )
