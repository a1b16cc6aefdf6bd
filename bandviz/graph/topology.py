"""Order, cycles and connected parts of a graph of names, the same in every process.

networkx lives here and is loaded on use: its import costs more than all that it computes for us.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


class GraphCycle(Exception):  # noqa: N818 - names the fact
    """The graph has a cycle: `nodes` in the direction of the edges, the first one not repeated."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        super().__init__(" -> ".join((*nodes, nodes[0])))
        self.nodes = nodes


def topological_order(upstream: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Nodes so that each stands behind its upstream nodes; among free ones the declared order.

    `upstream` holds every node, in declared order. Raises GraphCycle.
    """
    import networkx as nx

    rank = {name: place for place, name in enumerate(upstream)}
    graph = nx.DiGraph()
    graph.add_nodes_from(upstream)
    graph.add_edges_from((source, name) for name in upstream for source in upstream[name])
    try:
        return tuple(nx.lexicographical_topological_sort(graph, key=rank.__getitem__))
    except nx.NetworkXUnfeasible:
        edges = nx.find_cycle(graph)
        raise GraphCycle(tuple(source for source, _ in edges)) from None


def connected_parts(
    nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]]
) -> list[tuple[Node, ...]]:
    """Nodes that edges connect, whatever their direction; all in the given order of nodes."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    return [
        tuple(node for node in graph if node in part) for part in nx.connected_components(graph)
    ]
