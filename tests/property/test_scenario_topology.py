"""Topological order over random graphs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.graph.topology import GraphCycle, topological_order

NAMES = "abcdefgh"


@given(st.permutations(NAMES), st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7))))
def test_every_node_stands_behind_its_upstream_nodes(
    declared: list[str], pairs: set[tuple[int, int]]
) -> None:
    upstream: dict[str, list[str]] = {name: [] for name in declared}
    for first, second in sorted(pairs):
        if first != second:
            upstream[NAMES[max(first, second)]].append(NAMES[min(first, second)])
    order = topological_order(upstream)
    assert sorted(order) == list(NAMES)
    for name, before in upstream.items():
        assert all(order.index(other) < order.index(name) for other in before)


def test_free_nodes_keep_their_declared_order() -> None:
    assert topological_order({"b": [], "a": [], "c": []}) == ("b", "a", "c")
    assert topological_order({"a": [], "b": ["a"], "c": []}) == ("a", "b", "c")
    assert topological_order({"c": ["b"], "b": ["a"], "a": []}) == ("a", "b", "c")


@given(st.integers(1, 6), st.permutations(NAMES))
def test_a_cycle_is_named_in_the_direction_of_its_edges(length: int, declared: list[str]) -> None:
    ring = NAMES[:length]
    upstream = {
        name: [ring[(ring.index(name) - 1) % length]] if name in ring else [] for name in declared
    }
    with pytest.raises(GraphCycle) as caught:
        topological_order(upstream)
    nodes = caught.value.nodes
    assert sorted(nodes) == list(ring)
    for index, node in enumerate(nodes):
        assert nodes[index - 1] in upstream[node]
