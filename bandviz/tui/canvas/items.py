"""What is laid out: boxes and the bends of long edges, and the nets that join them.

A *net* is a wire with all channels bundled in it. At zoom 0 that is an edge; at zoom 1 a connected
group of lanes of an edge (all of it for a shuffle, one lane for a forward edge); at zoom 2 whatever
one upstream subtask sends along the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bandviz.tui.canvas.scene import ChannelKey, EdgeIn, NodeIn, Zoom

FOLD_ABOVE: Final = 8
"""More lanes than this are folded at zoom 1: the first ones, one area for the rest, the last."""
FOLD_HEAD: Final = 4


@dataclass(slots=True)
class Item:
    """A box, or (without a node) the rows that a long edge takes where it passes a layer."""

    layer: int
    slots: int
    rows: int
    """Rows of each slot; what a slot shows is a lane, or several folded ones."""
    node: NodeIn | None = None
    y: int = 0
    least_height: int = 0

    @property
    def border(self) -> int:
        """Rows above the first slot."""
        return 1 if self.node else 0

    @property
    def height(self) -> int:
        """Rows from top to bottom, borders included."""
        return max(self.slots * self.rows + 2 * self.border, self.least_height)

    def slot(self, index: int) -> tuple[int, int]:
        """(first row, rows) of a slot; a stretched box gives its spare rows to its only slot."""
        if self.slots == 1:
            return self.y + self.border, self.height - 2 * self.border
        return self.y + self.border + index * self.rows, self.rows


@dataclass(slots=True)
class Net:
    """A wire. `stops` are the items it visits, left to right; `index` counts within its edge."""

    edge: int
    index: int
    channels: tuple[tuple[ChannelKey, int, int], ...]
    """(key, source slot, target slot)."""
    stops: tuple[int, ...] = ()
    out_rows: dict[int, int] = field(default_factory=dict)
    """Row of the out-port by source slot."""
    in_rows: dict[int, int] = field(default_factory=dict)

    def sources(self) -> list[int]:
        """Its source slots, top to bottom."""
        return sorted({source for _, source, _ in self.channels})

    def targets(self) -> list[int]:
        """Its target slots, top to bottom."""
        return sorted({target for _, _, target in self.channels})


def slots_of(node: NodeIn, zoom: Zoom) -> tuple[tuple[int, int], ...]:
    """(first lane, lanes) of each slot that is drawn for the node."""
    if zoom is Zoom.OVERVIEW:
        return ((0, node.lanes),)
    if zoom is Zoom.SUBTASKS and node.lanes > FOLD_ABOVE:
        head = tuple((lane, 1) for lane in range(FOLD_HEAD))
        return (*head, (FOLD_HEAD, node.lanes - FOLD_HEAD - 1), (node.lanes - 1, 1))
    return tuple((lane, 1) for lane in range(node.lanes))


def nets_of(
    edge: EdgeIn,
    number: int,
    sources: Sequence[tuple[int, int]],
    targets: Sequence[tuple[int, int]],
    zoom: Zoom,
) -> list[Net]:
    """The wires that an edge is drawn with, in the order of their first source slot."""
    from_slot, to_slot = _slot_by_lane(sources), _slot_by_lane(targets)
    channels = [(key, from_slot[a], to_slot[b]) for key, a, b in edge.channels]
    if zoom is Zoom.DETAIL:
        group = {source: source for _, source, _ in channels}
    else:
        group = _connected(channels)
    bundles: dict[int, list[tuple[ChannelKey, int, int]]] = {}
    for channel in sorted(channels, key=lambda c: (c[1], c[2], c[0])):
        bundles.setdefault(group[channel[1]], []).append(channel)
    return [Net(number, index, tuple(bundle)) for index, bundle in enumerate(bundles.values())]


def _slot_by_lane(slots: Sequence[tuple[int, int]]) -> dict[int, int]:
    return {
        first + extra: slot for slot, (first, count) in enumerate(slots) for extra in range(count)
    }


def _connected(channels: Sequence[tuple[ChannelKey, int, int]]) -> dict[int, int]:
    """For each source slot the lowest source slot that shares a target with it, however far."""
    group = {source: source for _, source, _ in channels}
    by_target: dict[int, list[int]] = {}
    for _, source, target in channels:
        by_target.setdefault(target, []).append(source)
    changed = True
    while changed:
        changed = False
        for sources in by_target.values():
            least = min(group[source] for source in sources)
            for source in sources:
                if group[source] != least:
                    group[source], changed = least, True
    return group
