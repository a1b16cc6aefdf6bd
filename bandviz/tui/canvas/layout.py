"""From a graph to a `Scene`: layers, order, rows, ports, columns, and the cells of every path.

Pure: equal input gives an equal scene. The steps stand in `layers`, `rows`, `router`, `columns` and
`raster`; here they only follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from bandviz.tui.canvas import items, layers, router, rows
from bandviz.tui.canvas.columns import Columns, EdgeRoom, edge_wishes, share_out
from bandviz.tui.canvas.items import Item, Net
from bandviz.tui.canvas.raster import place_labels, raster
from bandviz.tui.canvas.scene import (
    BORDER,
    Box,
    Cell,
    ChannelKey,
    EdgeIn,
    LaneArea,
    NodeIn,
    Rect,
    Scene,
    Zoom,
)


def layout(
    nodes: Sequence[NodeIn],
    edges: Sequence[EdgeIn],
    *,
    zoom: Zoom = Zoom.SUBTASKS,
    max_width: int | None = None,
    max_height: int | None = None,
    edge_room: EdgeRoom | None = None,
    focus: str | None = None,
) -> Scene:
    """Lay the graph out, left to right. Equal input gives an equal scene.

    If there is a cycle, edges that lead back in the order of the nodes run from right to left.

    `edge_room` says how many cells an edge would like. At zoom 2 `focus` names the operator whose
    neighbourhood is drawn. Lanes give up rows they do not need for ports if the scene would be
    higher than `max_height`; a scene may still be larger than the view. Raises ValueError on an
    edge to a node that is not there.
    """
    if zoom is Zoom.DETAIL and focus is not None:
        nodes, edges = neighbourhood(nodes, edges, focus)
    if not nodes:
        return Scene(0, 0, zoom, {}, {}, {}, (), {}, (), 0, 0)
    if back := _leading_back(nodes, edges):
        edges = [_turned(edge) if edge in back else edge for edge in edges]
    tallest = max(node.lane_height for node in nodes)
    drawing = _Drawing(nodes, edges, zoom, tallest)
    while max_height is not None and tallest > 1 and drawing.height > max_height:
        tallest -= 1
        drawing = _Drawing(nodes, edges, zoom, tallest)
    scene = drawing.scene(max_width, edge_room or {})
    keys = frozenset(key for edge in back for key, _, _ in edge.channels)
    return replace(
        scene,
        paths={key: path[::-1] if key in keys else path for key, path in scene.paths.items()},
        ends={key: end[::-1] if key in keys else end for key, end in scene.ends.items()},
        turned=keys,
    )


def _leading_back(nodes: Sequence[NodeIn], edges: Sequence[EdgeIn]) -> list[EdgeIn]:
    """None where there is no cycle, in whatever order the nodes are."""
    number = {node.uid: index for index, node in enumerate(nodes)}
    pairs = [(number.get(edge.source, 0), number.get(edge.target, 0)) for edge in edges]
    try:
        layers.ranks(len(nodes), pairs)
    except ValueError:
        return [edge for edge, (a, b) in zip(edges, pairs, strict=True) if a > b]
    return []


def _turned(edge: EdgeIn) -> EdgeIn:
    channels = tuple((key, b, a) for key, a, b in edge.channels)
    return EdgeIn(edge.target, edge.source, channels, edge.label)


def neighbourhood(
    nodes: Sequence[NodeIn], edges: Sequence[EdgeIn], focus: str
) -> tuple[list[NodeIn], list[EdgeIn]]:
    """The operator, those next to it, and the edges that touch it."""
    touching = [edge for edge in edges if focus in (edge.source, edge.target)]
    near = {focus, *(e.source for e in touching), *(e.target for e in touching)}
    return [node for node in nodes if node.uid in near], touching


class _Drawing:
    """One attempt: everything but the widths is settled when it is built."""

    def __init__(
        self, nodes: Sequence[NodeIn], edges: Sequence[EdgeIn], zoom: Zoom, lane_height: int
    ) -> None:
        self.nodes, self.edges, self.zoom = nodes, edges, zoom
        self.slots = [items.slots_of(node, zoom) for node in nodes]
        self.number = {node.uid: index for index, node in enumerate(nodes)}
        for edge in edges:
            for uid in (edge.source, edge.target):
                if uid not in self.number:
                    raise ValueError(f"an edge names {uid!r}, which is not a node")
        self.items, self.nets, self.layers = self._items_and_nets(lane_height)
        before, after = self._links()
        self.layers = layers.ordered(self.layers, before, after)
        rows.grow(self.items, self.nets)
        stretched = rows.stretch(self.items, self.layers, before, after)
        rows.stand(self.items, self.layers, before, after, stretched)
        rows.set_ports(self.items, self.nets)
        self.height = max(item.y + item.height for item in self.items)

    def _items_and_nets(self, lane_height: int) -> tuple[list[Item], list[Net], list[list[int]]]:
        pairs = [(self.number[e.source], self.number[e.target]) for e in self.edges]
        rank = layers.ranks(len(self.nodes), pairs)
        overview = self.zoom is Zoom.OVERVIEW
        out = [
            Item(layer, len(slots), 1 if overview else min(node.lane_height, lane_height), node)
            for node, layer, slots in zip(self.nodes, rank, self.slots, strict=True)
        ]
        nets: list[Net] = []
        for number, (edge, (a, b)) in enumerate(zip(self.edges, pairs, strict=True)):
            bundles = items.nets_of(edge, number, self.slots[a], self.slots[b], self.zoom)
            bends = tuple(range(len(out), len(out) + rank[b] - rank[a] - 1))
            out += [Item(layer, 1, len(bundles)) for layer in range(rank[a] + 1, rank[b])]
            for net in bundles:
                net.stops = (a, *bends, b)
            nets += bundles
        columns: list[list[int]] = [[] for _ in range(max(rank) + 1)]
        for index, item in enumerate(out):
            columns[item.layer].append(index)
        return out, nets, columns

    def _links(self) -> tuple[list[list[int]], list[list[int]]]:
        before: list[list[int]] = [[] for _ in self.items]
        after: list[list[int]] = [[] for _ in self.items]
        for net in self.nets:
            if net.index == 0:
                for left, right in pairwise(net.stops):
                    after[left].append(right)
                    before[right].append(left)
        return before, after

    def scene(self, max_width: int | None, edge_room: EdgeRoom) -> Scene:
        """Route, widen, and raster."""
        gaps, runs = self._route()
        layer_of = {node.uid: item.layer for node, item in self._boxed()}
        columns = share_out(
            [
                [node for node, item in self._boxed() if item.layer == layer]
                for layer in range(len(gaps) + 1)
            ],
            [gap.columns for gap in gaps],
            edge_wishes(self.edges, layer_of, edge_room),
            max_width,
        )
        paths: dict[ChannelKey, tuple[Cell, ...]] = {}
        ends: dict[ChannelKey, tuple[str, str]] = {}
        for number, net in enumerate(self.nets):
            edge = self.edges[net.edge]
            for key, source, target in net.channels:
                legs = [gaps[gap].legs[run] for gap, run in runs[number]]
                paths[key] = self._path(net, source, target, legs, columns)
                ends[key] = (edge.source, edge.target)
        names = tuple(tuple(key for key, _, _ in net.channels) for net in self.nets)
        wires, crossings, overlaps = raster(paths, names)
        height = max(self.height, *(y + 1 for _, y in wires)) if wires else self.height
        boxes = {box.uid: box for box in self._boxes(columns)}
        wanted = [
            (self.edges[net.edge].label, paths[net.channels[0][0]])
            for net in self.nets
            if net.index == 0 and self.edges[net.edge].label
        ]
        labels = place_labels(wanted, wires, [box.rect for box in boxes.values()])
        return Scene(
            width=columns.width,
            height=height,
            zoom=self.zoom,
            boxes=boxes,
            paths=paths,
            ends=ends,
            nets=names,
            wires=wires,
            labels=labels,
            crossings=crossings,
            overlaps=overlaps,
        )

    def _boxed(self) -> Iterator[tuple[NodeIn, Item]]:
        """The boxes, in the order of the nodes; bends of long edges come after them."""
        return zip(self.nodes, self.items, strict=False)

    def _route(self) -> tuple[list[router.Gap], list[list[tuple[int, int]]]]:
        """Each gap routed, and for each net the (gap, run) pairs it goes through."""
        gaps: list[list[router.Run]] = [[] for _ in self.layers[1:]]
        runs: list[list[tuple[int, int]]] = []
        for net in self.nets:
            boundary = [tuple(sorted(net.out_rows.values()))]
            boundary += [(self.items[stop].y + net.index,) for stop in net.stops[1:-1]]
            boundary += [tuple(sorted(net.in_rows.values()))]
            first = self.items[net.stops[0]].layer
            through = []
            for gap, (left, right) in enumerate(pairwise(boundary), first):
                through.append((gap, len(gaps[gap])))
                gaps[gap].append(router.Run(left, right))
            runs.append(through)
        return [router.route(each) for each in gaps], runs

    def _path(
        self,
        net: Net,
        source: int,
        target: int,
        legs: Sequence[Sequence[router.Leg]],
        columns: Columns,
    ) -> tuple[Cell, ...]:
        layer = self.items[net.stops[0]].layer
        cells: list[Cell] = []
        row = net.out_rows[source]
        for gap, (stop, each) in enumerate(zip(net.stops[1:], legs, strict=True), layer):
            bend = self.items[stop]
            goal = net.in_rows[target] if bend.node else bend.y + net.index
            begin, end = columns.x[gap] + columns.widths[gap], columns.x[gap + 1] - 1
            cells += router.walk((begin, row), (end, goal), each, columns.trunks[gap])
            row = goal
            if bend.node is None:
                after = columns.x[gap + 1]
                cells += [(x, row) for x in range(after, after + columns.widths[gap + 1])]
        return tuple(cells)

    def _boxes(self, columns: Columns) -> list[Box]:
        out = []
        for node, slots, item in zip(self.nodes, self.slots, self.items, strict=False):
            x, width = columns.x[item.layer], columns.widths[item.layer]
            lanes = []
            for index, (lane, count) in enumerate(slots):
                first, height = item.slot(index)
                text = Rect(x + BORDER, first, width - 2 * BORDER, height)
                folded = count if count > 1 and self.zoom is not Zoom.OVERVIEW else 0
                lanes.append(LaneArea(lane, folded, text))
            room = width - 2 * BORDER - 1
            title = node.title if len(node.title) <= room else node.title[: room - 1] + "…"
            rect = Rect(x, item.y, width, item.height)
            out.append(Box(node.uid, title, node.lanes, rect, tuple(lanes)))
        return out
