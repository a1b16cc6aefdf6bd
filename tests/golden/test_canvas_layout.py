"""The canvas as text: the story's pictures, a shuffle at each zoom level, and how it is painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import dedent

import pytest

from bandviz.tui.canvas.layout import layout
from bandviz.tui.canvas.paint import Gate, Painter, Picture, paint
from bandviz.tui.canvas.scene import ChannelHit, EdgeIn, NodeHit, NodeIn, Scene, Zoom
from bandviz.tui.canvas.tokens import Token, line_up
from bandviz.tui.spans import Line, Span, plain, width

NORTH, SOUTH, VOTES = 0, 1, 2
EDGES = (
    EdgeIn("north", "count", ((NORTH, 0, 0),)),
    EdgeIn("south", "count", ((SOUTH, 0, 0),)),
    EdgeIn("count", "board", ((VOTES, 0, 0),)),
)


def story(widths: Sequence[int], heights: Sequence[int], max_width: int) -> Scene:
    names = ("north", "south", "count", "board")
    nodes = [NodeIn(n, n, 1, w, h) for n, w, h in zip(names, widths, heights, strict=True)]
    return layout(nodes, EDGES, max_width=max_width)


def wide() -> Scene:
    return story((14, 14, 17, 14), (2, 2, 4, 3), 99)


def narrow() -> Scene:
    return story((8, 8, 13, 6), (1, 1, 4, 3), 62)


def lines(*texts: str) -> tuple[Line, ...]:
    return tuple((Span(text),) for text in texts)


def text_of(scene: Scene, content: Mapping[str, str]) -> dict[tuple[str, int], tuple[Line, ...]]:
    """Text by uid, its lines parted by `/`."""
    return {(uid, 0): lines(*text.split("/")) for uid, text in content.items()}


WIDE_TEXT = {
    "north": "next offset  5/ckpt 1:      3",
    "south": "next offset  3/ckpt 1:      3",
    "count": "cats 3   dogs 2//ckpt 1: waits for/south's barrier",
    "board": "transaction 1/open, 5 lines/ckpt 1: -",
}
NARROW_TEXT = {
    "north": "offset 5",
    "south": "offset 3",
    "count": "cats 3 dogs 2//ckpt 1: waits/for south",
    "board": "txn 1/open/5 rows",
}
TOKENS = (
    Token(NORTH, 0.0, "c"),
    Token(NORTH, 0.0, "c"),
    Token(SOUTH, 0.8, "d"),
    Token(SOUTH, 0.44, "[1]", "ckpt1"),
)
BLOCKED = {NORTH: Gate("[1]", "ckpt1")}


def drawn(picture: Picture) -> str:
    rows = paint(picture)
    assert all(width(row) == picture.scene.width for row in rows)
    return "\n".join(map(plain, rows))


def as_picture(text: str) -> str:
    return text.strip("\n")


def test_a_barrier_crosses_and_one_channel_is_blocked() -> None:
    scene = wide()
    picture = Picture(scene, text_of(scene, WIDE_TEXT), tokens=TOKENS, closed=BLOCKED)
    assert drawn(picture) == as_picture("""
╭ north ─────────╮                                   ╭ count ────────────╮       ╭ board ─────────╮
│ next offset  5 ├─c─c─────────────────────[1]BLOCKED# cats 3   dogs 2   │       │ transaction 1  │
│ ckpt 1:      3 │                                   │                   ├──────>┤ open, 5 lines  │
╰────────────────╯                                   │ ckpt 1: waits for │       │ ckpt 1: -      │
╭ south ─────────╮                                   │ south's barrier   │       ╰────────────────╯
│ next offset  3 ├──────────────[1]──────────d──────>┤                   │
│ ckpt 1:      3 │                                   │                   │
╰────────────────╯                                   ╰───────────────────╯
""")


def test_the_same_moment_in_62_columns() -> None:
    scene = narrow()
    picture = Picture(scene, text_of(scene, NARROW_TEXT), tokens=TOKENS, closed=BLOCKED)
    assert drawn(picture) == as_picture("""
╭ north ───╮                ╭ count ────────╮       ╭ board ─╮
│ offset 5 ├─c─c──[1]BLOCKED# cats 3 dogs 2 │       │ txn 1  │
╰──────────╯                │               ├──────>┤ open   │
╭ south ───╮                │ ckpt 1: waits │       │ 5 rows │
│ offset 3 ├──────[1]───d──>┤ for south     │       ╰────────╯
╰──────────╯                ╰───────────────╯
""")


def test_the_same_moment_in_ascii() -> None:
    scene = wide()
    content = text_of(scene, WIDE_TEXT)
    picture = Picture(scene, content, tokens=TOKENS, closed=BLOCKED, ascii_only=True)
    assert drawn(picture) == as_picture("""
+- north --------+                                   +- count -----------+       +- board --------+
| next offset  5 +-c-c---------------------[1]BLOCKED# cats 3   dogs 2   |       | transaction 1  |
| ckpt 1:      3 |                                   |                   +------>+ open, 5 lines  |
+----------------+                                   | ckpt 1: waits for |       | ckpt 1: -      |
+- south --------+                                   | south's barrier   |       +----------------+
| next offset  3 +--------------[1]----------d------>+                   |
| ckpt 1:      3 |                                   |                   |
+----------------+                                   +-------------------+
""")
    assert drawn(picture).isascii()


LOST_TEXT = {
    "north": "CANCELED",
    "south": "CANCELED",
    "count": "FAILED/had cats 7 dogs 4/has nothing",
    "board": "CANCELED",
}


def lost_picture(*, ascii_only: bool) -> Picture:
    scene = wide()
    return Picture(
        scene,
        text_of(scene, LOST_TEXT),
        states=dict.fromkeys(scene.boxes, "box_lost"),
        tokens=(Token(NORTH, 0.66, "d lost", "lost"),),
        lost=frozenset((NORTH, SOUTH, VOTES)),
        ascii_only=ascii_only,
    )


def test_a_crash_leaves_dashes() -> None:
    assert drawn(lost_picture(ascii_only=False)) == as_picture("""
╭ north ╌╌╌╌╌╌╌╌╌╮                                   ╭ count ╌╌╌╌╌╌╌╌╌╌╌╌╮       ╭ board ╌╌╌╌╌╌╌╌╌╮
┆ CANCELED       ┆ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌d lost ╌ ╌ ╌ ╌ ┆ FAILED            ┆       ┆ CANCELED       ┆
┆                ┆                                   ┆ had cats 7 dogs 4 ┆ ╌ ╌ ╌ ┆                ┆
╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯                                   ┆ has nothing       ┆       ┆                ┆
╭ south ╌╌╌╌╌╌╌╌╌╮                                   ┆                   ┆       ╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯
┆ CANCELED       ┆ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ╌ ┆                   ┆
┆                ┆                                   ┆                   ┆
╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯                                   ╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯
""")


def test_a_crash_leaves_dots_in_ascii() -> None:
    assert drawn(lost_picture(ascii_only=True)) == as_picture("""
+. north ........+                                   +. count ...........+       +. board ........+
: CANCELED       : . . . . . . . . . .d lost . . . . : FAILED            :       : CANCELED       :
:                :                                   : had cats 7 dogs 4 : . . . :                :
+................+                                   : has nothing       :       :                :
+. south ........+                                   :                   :       +................+
: CANCELED       : . . . . . . . . . . . . . . . . . :                   :
:                :                                   :                   :
+................+                                   +...................+
""")


def shuffle(**how: object) -> Scene:
    """Two chains of two subtasks, joined, with a dead-letter branch: hash edges are all-to-all."""
    ops = (("orders", 2), ("clicks", 2), ("parse", 2), ("join", 2), ("sink", 1), ("late", 1))
    nodes = [NodeIn(uid, uid, lanes, 8, 1) for uid, lanes in ops]
    pairs = (
        ("orders", "parse", "", ((0, 0), (1, 1))),
        ("parse", "join", "hash", ((0, 0), (0, 1), (1, 0), (1, 1))),
        ("clicks", "join", "hash", ((0, 0), (0, 1), (1, 0), (1, 1))),
        ("join", "sink", "rebalance", ((0, 0), (1, 0))),
        ("parse", "late", "", ((0, 0), (1, 0))),
    )
    edges = [
        EdgeIn(a, b, tuple((10 * n + i, *lanes) for i, lanes in enumerate(channels)), label)
        for n, (a, b, label, channels) in enumerate(pairs)
    ]
    return layout(nodes, edges, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param(
            {"zoom": Zoom.OVERVIEW, "max_width": 90},
            """
                   ╭ clicks ──╮ hash             ╭ join ────╮ rebalance       ╭ sink ────╮
                   │ ×2       ├─────────────────>┤ ×2       ├────────────────>┤ ×1       │
                   ╰──────────╯     ┌───────────>┤          │                 ╰──────────╯
╭ orders ──╮       ╭ parse ───╮     │            ╰──────────╯
│ ×2       ├──────>┤ ×2       ├─────┘            ╭ late ────╮
╰──────────╯       │          ├─────────────────>┤ ×1       │
                   ╰──────────╯                  ╰──────────╯
""",
            id="overview",
        ),
        pytest.param(
            {"zoom": Zoom.SUBTASKS, "max_width": 90},
            """
                   ╭ clicks ──╮ hash             ╭ join ────╮ rebalance       ╭ sink ────╮
                   │          ├────┬────────────>┤          ├────┬───────────>┤          │
                   │          ├────┤ ┌──────────>┤          │    │            ╰──────────╯
                   ╰──────────╯    └─│──────────>┤          ├────┘
╭ orders ──╮       ╭ parse ───╮ hash ├──────────>┤          │
│          ├──────>┤          ├──────┤           ╰──────────╯
│          │       │          ├──────│─┐         ╭ late ────╮
│          ├──────>┤          ├──────┘ ├────────>┤          │
│          │       │          ├────────┘         ╰──────────╯
╰──────────╯       ╰──────────╯
""",
            id="subtasks",
        ),
        pytest.param(
            {"zoom": Zoom.DETAIL, "focus": "join", "max_width": 80},
            """
╭ clicks ──╮ hash
│          ├──────────┐
│          ├────────┐ │           ╭ join ────╮ rebalance            ╭ sink ────╮
╰──────────╯        │ ├──────────>┤          ├─────────────────────>┤          │
╭ parse ───╮ hash   ├─│──────────>┤          │      ┌──────────────>┤          │
│          ├──────┬─│─│──────────>┤          │      │               ╰──────────╯
│          ├────┬─│─│─│──────────>┤          │      │
╰──────────╯    │ │ │ └──────────>┤          ├──────┘
                │ │ └────────────>┤          │
                │ └──────────────>┤          │
                └────────────────>┤          │
                                  ╰──────────╯
""",
            id="detail",
        ),
    ],
)
def test_zoom_levels(how: dict[str, object], expected: str) -> None:
    assert drawn(Picture(shuffle(**how))) == as_picture(expected)


def test_what_a_person_points_at() -> None:
    scene = wide()
    assert scene.at(3, 1) == NodeHit("north", 0)
    assert scene.at(3, 0) == NodeHit("north", None)
    assert scene.at(30, 5) == ChannelHit(SOUTH)
    assert scene.at(30, 3) is None
    assert scene.boxes["count"].lanes[0].text == (55, 1, 17, 6)


def test_many_lanes_are_folded_and_their_channels_lead_to_the_fold() -> None:
    nodes = [NodeIn("a", "a", 1, 8, 1), NodeIn("b", "b", 12, 8, 1)]
    scene = layout(nodes, [EdgeIn("a", "b", tuple((i, 0, i) for i in range(12)))], max_width=40)
    shown = drawn(Picture(scene))
    assert [(area.lane, area.folded) for area in scene.boxes["b"].lanes] == [
        (0, 0), (1, 0), (2, 0), (3, 0), (4, 7), (11, 0),
    ]  # fmt: skip
    assert "+7 more" in shown
    assert len({scene.in_port(channel) for channel in range(4, 11)}) == 1


def test_lanes_give_up_rows_when_the_view_is_low() -> None:
    nodes = [NodeIn("a", "a", 3, 8, 4), NodeIn("b", "b", 3, 8, 4)]
    edges = [EdgeIn("a", "b", tuple((i, i, i) for i in range(3)))]
    assert layout(nodes, edges).height == 14
    assert layout(nodes, edges, max_height=11).height == 11
    assert layout(nodes, edges, max_height=3).height == 5


def test_a_title_too_long_for_its_box_is_cut() -> None:
    scene = layout([NodeIn("a", "a-rather-long-title", 1, 30, 1)], (), max_width=12)
    assert scene.width == 12
    assert drawn(Picture(scene)).startswith("╭ a-rath… ─")


def test_spare_cells_go_where_the_owner_wants_them() -> None:
    nodes = [NodeIn(uid, uid, 1, 8, 1) for uid in "abc"]
    edges = [EdgeIn("a", "b", ((0, 0, 0),)), EdgeIn("b", "c", ((1, 0, 0),))]
    scene = layout(nodes, edges, max_width=70, edge_room={("b", "c"): 40})
    assert (len(scene.paths[0]), len(scene.paths[1])) == (7, 27)
    assert scene.width == 70


def test_an_edge_to_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="'x'"):
        layout([NodeIn("a", "a", 1, 8, 1)], [EdgeIn("a", "x", ((0, 0, 0),))])


def test_on_a_cycle_what_leads_back_runs_from_right_to_left() -> None:
    nodes = [NodeIn("a", "a", 1, 8, 2), NodeIn("b", "b", 1, 8, 2)]
    edges = [EdgeIn("a", "b", ((0, 0, 0),)), EdgeIn("b", "a", ((1, 0, 0),))]
    scene = layout(nodes, edges, max_width=32)
    assert (scene.turned, scene.ends[1]) == (frozenset({1}), ("b", "a"))
    tokens = (Token(0, 0.0, "20"), Token(1, 0.0, "[1]"))
    assert drawn(Picture(scene, tokens=tokens)) == dedent(
        """\
        ╭ a ───────╮        ╭ b ───────╮
        │          ├─20────>┤          │
        │          ┤<───[1]─├          │
        ╰──────────╯        ╰──────────╯"""
    )


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("1.0 a, 1.0 b, 1.0 c", "-------c-b-a"),
        ("0.0 a, 0.0 b", "b-a---------"),
        ("0.5 a, 0.5 b, 0.5 c", "--c-b-a-----"),
        ("1.0 a, 0.0 b", "b----------a"),
        ("0.5 [1], 0.5 d", "---d-[1]----"),
        ("1.0 [1], 1.0 [2], 1.0 [3]", "-[3]-[2]-[1]"),
        ("1.0 a, 1.0 b, 1.0 c, 1.0 d, 1.0 e, 1.0 f, 1.0 g", "-----gfedcba"[5:]),
        ("1 a, 1 b, 1 [1], 1 c, 1 d, 1 e, 1 f", "+4[1]ba"),
        ("1 a, 1 b, 1 c, 1 d, 1 e, 1 f, 1 g, 1 h, 1 [1]", "[1]+6ba"),
    ],
)  # fmt: skip
def test_tokens_line_up_without_covering_each_other(tokens: str, expected: str) -> None:
    given = [Token(0, float(at), text) for at, text in map(str.split, tokens.split(", "))]
    cells = ["-"] * len(expected)
    for start, text, _, _ in line_up(given, len(cells), 0, len(cells) - 1):
        assert cells[start : start + len(text)] == ["-"] * len(text)
        cells[start : start + len(text)] = text
    assert "".join(cells) == expected


def test_a_gate_shared_by_channels_tells_how_many_are_closed() -> None:
    scene = shuffle(zoom=Zoom.SUBTASKS, max_width=120)
    shared = [c for c in (10, 12) if scene.in_port(c) == scene.in_port(10)]
    assert shared == [10, 12]
    one = drawn(Picture(scene, closed={10: Gate("[4]", "ckpt4")}))
    both = drawn(Picture(scene, closed=dict.fromkeys(shared, Gate("[4]", "ckpt4"))))
    assert "[4]1/2#" in one
    assert "[4]BLOCKED#" in both


def test_a_gate_where_nothing_comes_any_more_is_told_from_a_blocked_one() -> None:
    scene = shuffle(zoom=Zoom.SUBTASKS, max_width=120)
    over = Gate.at_the_end("over")
    assert "1/2 over┤" in drawn(Picture(scene, closed={10: over}))
    assert "─over┤" in drawn(Picture(scene, closed={10: over, 12: over}))
    assert "[4]1/2#" in drawn(Picture(scene, closed={10: over, 12: Gate("[4]", "ckpt4")}))


def test_a_short_edge_leaves_the_word_out_but_closes_the_gate() -> None:
    nodes = [NodeIn(uid, uid, 1, 8, 1) for uid in "ab"]
    scene = layout(nodes, [EdgeIn("a", "b", ((0, 0, 0),))], max_width=32)
    shown = drawn(Picture(scene, closed={0: Gate("[1]", "ckpt1")}))
    assert "├─────[1]#" in shown


def test_outside_the_spotlight_colour_goes_and_text_stays() -> None:
    scene = wide()
    bright = Picture(scene, text_of(scene, WIDE_TEXT), tokens=TOKENS, closed=BLOCKED)
    dim = Picture(
        scene, bright.text, tokens=TOKENS, closed=BLOCKED, focus=frozenset(("south", "count"))
    )
    assert drawn(dim) == drawn(bright)
    first = paint(dim)[1]
    assert {s.style for s in first if s.text.strip()} == {
        "muted", "edge_far", "box", "text",
    }  # fmt: skip
    assert "ckpt1" in {span.style for span in paint(dim)[5]}


def test_a_moving_token_changes_only_its_row() -> None:
    scene, painter = wide(), Painter()
    text = text_of(scene, WIDE_TEXT)
    rows = [
        painter.paint(Picture(scene, text, tokens=(Token(SOUTH, at, "[1]", "ckpt1"),)))
        for at in (0.2, 0.6)
    ]
    changed = [y for y, (a, b) in enumerate(zip(*rows, strict=True)) if a is not b]
    assert changed == [5]


def test_the_word_at_a_gate_never_runs_over_a_bend() -> None:
    nodes = [NodeIn("a", "a", 1, 8, 1), NodeIn("b", "b", 8, 8, 2)]
    scene = layout(nodes, [EdgeIn("a", "b", tuple((i, 0, i) for i in range(8)))], max_width=30)
    assert len(scene.paths[7]) > len("[1]BLOCKED") + 4
    shown = drawn(Picture(scene, closed={7: Gate("[1]", "ckpt1")}))
    assert "└[1]#" in shown
    assert "BLOCKED" not in shown


def test_a_barrier_lies_on_top_of_the_records_of_a_shared_wire() -> None:
    scene = shuffle(zoom=Zoom.SUBTASKS, max_width=90)
    together = (Token(10, 0.5, "[1]", "ckpt1"), Token(11, 0.5, "c"), Token(12, 0.5, "d"))
    for tokens in (together, together[::-1]):
        assert "[1]" in drawn(Picture(scene, tokens=tokens))


def test_a_painter_sees_every_change_of_the_still_picture() -> None:
    scene, painter = wide(), Painter()
    open_gate = Picture(scene, text_of(scene, WIDE_TEXT))
    assert painter.paint(open_gate) == paint(open_gate)
    for changed in (
        Picture(scene, open_gate.text, closed=BLOCKED),
        Picture(scene, text_of(scene, LOST_TEXT)),
        Picture(scene, open_gate.text, states={"count": "box_focus"}),
        Picture(scene, open_gate.text, focus=frozenset(("north",))),
        Picture(scene, open_gate.text, lost=frozenset((NORTH,))),
        Picture(scene, open_gate.text, ascii_only=True),
        Picture(narrow(), text_of(narrow(), NARROW_TEXT)),
    ):
        assert painter.paint(changed) == paint(changed) != paint(open_gate)


def test_producers_are_ordered_so_that_wires_do_not_cross() -> None:
    nodes = [NodeIn(uid, uid, 1, 8, 1) for uid in ("a", "b", "c", "z", "y", "x")]
    pairs = (("a", "x"), ("b", "y"), ("c", "z"))
    scene = layout(nodes, [EdgeIn(a, b, ((n, 0, 0),)) for n, (a, b) in enumerate(pairs)])
    assert scene.crossings == 0
    assert all(len({y for _, y in path}) == 1 for path in scene.paths.values())


def test_what_is_left_over_is_shared_by_all_edges_and_what_is_missing_the_widest_box_gives() -> (
    None
):
    edges = (EdgeIn("a", "b", ((0, 0, 0),)), EdgeIn("b", "c", ((1, 0, 0),)))
    nodes = [NodeIn("a", "a", 1, 30, 1), NodeIn("b", "b", 1, 10, 1), NodeIn("c", "c", 1, 10, 1)]
    roomy = layout(nodes, edges, max_width=122)
    assert [len(roomy.paths[key]) for key in (0, 1)] == [30, 30]
    tight = layout(nodes, edges, max_width=60)
    assert [box.rect.width for box in tight.boxes.values()] == [20, 14, 14]
    assert tight.width == 60
    least = layout(nodes, edges, max_width=10)
    assert [box.rect.width for box in least.boxes.values()] == [12, 12, 12]
    assert [len(least.paths[key]) for key in (0, 1)] == [6, 6]
