"""Order and cycles of a directed graph of names, the same in every process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush


class GraphCycle(Exception):  # noqa: N818 - names the fact
    """The graph has a cycle: `nodes` in the direction of the edges, the first one not repeated."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        super().__init__(" -> ".join((*nodes, nodes[0])))
        self.nodes = nodes


def topological_order(upstream: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Nodes so that each stands behind its upstream nodes; among free ones the declared order.

    `upstream` holds every node, in declared order. Raises GraphCycle.
    """
    sorter = TopologicalSorter(upstream)
    try:
        sorter.prepare()
    except CycleError as error:
        nodes: list[str] = error.args[1]
        raise GraphCycle(tuple(nodes[:-1])) from None
    names = list(upstream)
    rank = {name: index for index, name in enumerate(names)}
    free: list[int] = []
    order: list[str] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(free, rank[name])
        name = names[heappop(free)]
        order.append(name)
        sorter.done(name)
    return tuple(order)
