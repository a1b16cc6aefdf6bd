"""Columns and order: which layer an operator stands in, and above whom.

Both steps know only numbers: items are indices, layers are lists of them. Ties keep the order of
the input, so the same graph always gives the same picture.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

SWEEPS: Final = 8

Links = Sequence[Sequence[int]]
"""Neighbours of each item in one direction."""


def ranks(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each item: longest path, with sources moved next to their first consumer.

    Raises ValueError if the pairs form a cycle.
    """
    after: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in pairs:
        after[source].append(target)
        missing[target] += 1
    rank = [0] * count
    sources = [item for item in range(count) if missing[item] == 0]
    ready = list(sources)
    for item in ready:
        for target in after[item]:
            rank[target] = max(rank[target], rank[item] + 1)
            missing[target] -= 1
            if missing[target] == 0:
                ready.append(target)
    if len(ready) < count:
        raise ValueError("the graph has a cycle")
    for item in sources:
        if after[item]:
            rank[item] = min(rank[target] for target in after[item]) - 1
    return rank


def ordered(layers: Sequence[Sequence[int]], before: Links, after: Links) -> list[list[int]]:
    """Reorder each layer so that few links cross: barycentre sweeps, then swaps of neighbours."""
    current = [list(layer) for layer in layers]
    best, least = [list(layer) for layer in current], crossings(current, after)
    for sweep in range(SWEEPS):
        if least == 0:
            break
        if sweep % 2 == 0:
            for left, layer in pairwise(current):
                _to_barycentre(layer, left, before)
        else:
            for layer, right in reversed(list(pairwise(current))):
                _to_barycentre(layer, right, after)
        _swap(current, before, after)
        now = crossings(current, after)
        if now < least:
            best, least = [list(layer) for layer in current], now
    return best


def crossings(layers: Sequence[Sequence[int]], after: Links) -> int:
    """Pairs of links that cross, over all neighbouring layers."""
    total = 0
    for left, right in pairwise(layers):
        place = {item: index for index, item in enumerate(right)}
        seen: list[int] = []
        for item in left:
            for index in sorted(place[target] for target in after[item]):
                total += len(seen) - bisect_right(seen, index)
                insort(seen, index)
    return total


def _to_barycentre(layer: list[int], fixed: Sequence[int], links: Links) -> None:
    place = {item: index for index, item in enumerate(fixed)}
    centre = {
        item: sum(place[n] for n in links[item]) / len(links[item]) if links[item] else float(index)
        for index, item in enumerate(layer)
    }
    layer.sort(key=centre.__getitem__)


def _swap(layers: list[list[int]], before: Links, after: Links) -> None:
    """One pass of swapping neighbours where that saves crossings on both sides together."""
    place = {item: index for layer in layers for index, item in enumerate(layer)}
    for layer in layers:
        for upper in range(len(layer) - 1):
            a, b = layer[upper], layer[upper + 1]
            if _gain(a, b, before, place) + _gain(a, b, after, place) > 0:
                layer[upper], layer[upper + 1] = b, a
                place[a], place[b] = upper + 1, upper


def _gain(a: int, b: int, links: Links, place: dict[int, int]) -> int:
    """Crossings saved on one side if `b` stood above `a` instead of below."""
    theirs = [place[n] for n in links[b]]
    gain = 0
    for mine in [place[n] for n in links[a]]:
        for other in theirs:
            gain += (mine > other) - (mine < other)
    return gain
