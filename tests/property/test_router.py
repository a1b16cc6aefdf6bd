"""Random graphs: wires keep to their own cells, and every path leads from port to port."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.tui.canvas.layout import layout
from bandviz.tui.canvas.paint import Picture, paint
from bandviz.tui.canvas.router import Run, route, walk
from bandviz.tui.canvas.scene import EdgeIn, NodeHit, NodeIn, Scene, Zoom
from bandviz.tui.canvas.tokens import Token
from bandviz.tui.spans import width

Graph = tuple[list[NodeIn], list[EdgeIn]]


@st.composite
def graphs(draw: st.DrawFn, most: int = 40) -> Graph:
    """Up to 40 operators of up to 3 lanes; edges go from lower to higher numbers."""
    count = draw(st.integers(1, most))
    lanes = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    nodes = [NodeIn(f"n{i}", f"n{i}", p, 8, 1 + i % 3) for i, p in enumerate(lanes)]
    number = st.integers(0, count - 1)
    pairs = draw(st.sets(st.tuples(number, number), max_size=2 * count))
    edges, key = [], 0
    for a, b in sorted({(min(p), max(p)) for p in pairs if p[0] != p[1]}):
        channels = []
        forward = lanes[a] == lanes[b] and draw(st.booleans())
        for i in range(lanes[a]):
            for j in [i] if forward else range(lanes[b]):
                channels.append((key, i, j))
                key += 1
        edges.append(EdgeIn(f"n{a}", f"n{b}", tuple(channels), "hash" if not forward else ""))
    return nodes, edges


def check_scene(scene: Scene, edges: list[EdgeIn]) -> None:
    inside = {
        (x, y)
        for box in scene.boxes.values()
        for x in range(box.rect.x, box.rect.x + box.rect.width)
        for y in range(box.rect.y, box.rect.y + box.rect.height)
    }
    assert sum(box.rect.width * box.rect.height for box in scene.boxes.values()) == len(inside)
    assert scene.overlaps == 0
    by_cell: dict[tuple[int, int], set[int]] = {}
    for edge in edges:
        for key, source, target in edge.channels:
            path = scene.paths[key]
            assert len(set(path)) == len(path)
            assert inside.isdisjoint(path)
            assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in pairwise(path))
            ends = (
                (edge.source, source, scene.out_port(key)),
                (edge.target, target, scene.in_port(key)),
            )
            for uid, lane, (x, y) in ends:
                box = scene.boxes[uid]
                assert x in (box.rect.x, box.rect.x + box.rect.width - 1)
                rows = [a.text for a in box.lanes if scene.zoom is Zoom.OVERVIEW or a.lane == lane]
                assert any(text.y <= y < text.y + text.height for text in rows)
                assert scene.at(x, y) == NodeHit(uid, None)
            for cell in path:
                by_cell.setdefault(cell, set()).add(key)
    assert set(by_cell) == set(scene.wires)
    for cell, wire in scene.wires.items():
        assert {key for net in wire.nets for key in scene.nets[net]} >= by_cell[cell]


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from((Zoom.OVERVIEW, Zoom.SUBTASKS)), st.none() | st.integers(20, 200))
def test_paths_lead_from_port_to_port_and_never_share_cells(
    graph: Graph, zoom: Zoom, max_width: int | None
) -> None:
    nodes, edges = graph
    scene = layout(nodes, edges, zoom=zoom, max_width=max_width)
    check_scene(scene, edges)
    assert scene == layout(nodes, edges, zoom=zoom, max_width=max_width)


@settings(max_examples=30, deadline=None)
@given(graphs(most=8), st.integers(0, 7))
def test_in_detail_every_channel_has_its_own_in_port(graph: Graph, focus: int) -> None:
    nodes, edges = graph
    uid = f"n{focus % len(nodes)}"
    scene = layout(nodes, edges, zoom=Zoom.DETAIL, focus=uid)
    near = [edge for edge in edges if uid in (edge.source, edge.target)]
    check_scene(scene, near)
    ports = [scene.in_port(channel) for channel in scene.paths]
    assert len(set(ports)) == len(ports)


@settings(max_examples=100, deadline=None)
@given(
    st.permutations(range(12)), st.permutations(range(12)), st.lists(st.integers(1, 3), max_size=6)
)
def test_rings_of_demands_are_broken_by_dog_legs(
    left: list[int], right: list[int], sizes: list[int]
) -> None:
    runs, at = [], 0
    for size in sizes:
        take = slice(at, at + size)
        runs.append(Run(tuple(sorted(left[take])), tuple(sorted(right[take]))))
        at = min(at + size, 9)
    runs = runs[: 4 if len(sizes) > 4 else len(sizes)]
    gap = route(runs)
    taken: dict[tuple[int, int, bool], int] = {}
    for number, (run, legs) in enumerate(zip(runs, gap.legs, strict=True)):
        for start in run.left:
            for goal in run.right:
                cells = walk((0, start), (gap.columns + 3, goal), legs, range(2, 2 + gap.columns))
                for (x, y), (u, v) in pairwise(cells):
                    for cell in ((x, y), (u, v)):
                        assert taken.setdefault((*cell, x == u), number) == number


def test_two_wires_that_change_places_need_a_dog_leg() -> None:
    gap = route([Run((1,), (5,)), Run((5,), (1,))])
    assert sorted(len(legs) for legs in gap.legs) == [1, 2]


@settings(max_examples=40, deadline=None)
@given(
    graphs(most=6),
    st.lists(
        st.tuples(
            st.integers(0, 50),
            st.floats(0, 1),
            st.sampled_from(("c", "d'", "[1]", "[12]", "votes lost")),
        )
    ),
    st.booleans(),
)
def test_every_row_is_as_wide_as_the_scene_whatever_moves(
    graph: Graph, moving: list[tuple[int, float, str]], ascii_only: bool
) -> None:
    nodes, edges = graph
    scene = layout(nodes, edges, max_width=80)
    keys = sorted(scene.paths)
    tokens = tuple(Token(keys[k % len(keys)], at, text) for k, at, text in moving if keys)
    rows = paint(Picture(scene, tokens=tokens, ascii_only=ascii_only))
    assert len(rows) == scene.height
    assert {width(row) for row in rows} <= {scene.width}
    text = "".join(span.text for row in rows for span in row)
    assert not ascii_only or text.isascii()
    still = paint(Picture(scene, ascii_only=ascii_only))
    for box in scene.boxes.values():  # tokens never cover a box
        x, y, wide, high = box.rect
        for row in range(y, y + high):
            assert _cut(rows[row], x, wide) == _cut(still[row], x, wide)


def _cut(row: tuple[tuple[str, str], ...], x: int, cells: int) -> str:
    return "".join(text for text, _ in row)[x : x + cells]
