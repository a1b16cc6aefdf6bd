"""The canvas under a mouse and keys: pan, zoom, click; and that it paints only what changed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest
from rich.style import Style
from textual import events
from textual.app import App, ComposeResult
from textual.filter import ANSIToTruecolor, Monochrome
from textual.geometry import Offset, Region
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from bandviz.tui.canvas.layout import layout
from bandviz.tui.canvas.paint import Picture, paint
from bandviz.tui.canvas.scene import EdgeIn, NodeIn, Scene, Zoom
from bandviz.tui.canvas.tokens import Token
from bandviz.tui.canvas.widget import Canvas
from bandviz.tui.spans import Span

NODES = [NodeIn("a", "a", 1, 8, 1), NodeIn("b", "b", 2, 8, 1), NodeIn("c", "[red]c", 1, 8, 1)]
EDGES = [EdgeIn("a", "b", ((0, 0, 0), (1, 0, 1))), EdgeIn("b", "c", ((2, 0, 0), (3, 1, 0)))]


def scene(max_width: int = 60, zoom: Zoom = Zoom.SUBTASKS) -> Scene:
    return layout(NODES, EDGES, max_width=max_width, zoom=zoom)


class Desk(App[None]):
    """Holds one canvas and notes what it tells."""

    def __init__(self, *, centred: bool) -> None:
        super().__init__()
        self.told: list[tuple[object, ...]] = []
        self.asked: list[str] = []
        self.ink = "#ffffff"
        self.canvas = Canvas(self.style_of, centred=centred)

    def style_of(self, name: str) -> Style:
        self.asked.append(name)
        return Style(color=self.ink, bgcolor="#101010", bold=name == "title")

    def compose(self) -> ComposeResult:
        yield self.canvas

    def on_canvas_node_clicked(self, message: Canvas.NodeClicked) -> None:
        self.told.append(("node", message.uid, message.lane))

    def on_canvas_channel_clicked(self, message: Canvas.ChannelClicked) -> None:
        self.told.append(("channel", message.key))

    def on_canvas_zoom_changed(self, message: Canvas.ZoomChanged) -> None:
        self.told.append(("zoom", message.zoom))

    def rows(self) -> list[str]:
        return [self.canvas.render_line(y).text.rstrip() for y in range(self.canvas.size.height)]


Script = Callable[[Desk, Pilot[None]], Awaitable[None]]


def play(script: Script, *, size: tuple[int, int] = (70, 10), centred: bool = False) -> None:
    async def run() -> None:
        desk = Desk(centred=centred)
        async with desk.run_test(size=size) as pilot:
            desk.canvas.show(Picture(scene()))
            await pilot.pause()
            await script(desk, pilot)

    asyncio.run(run())


def post(kind: type[events.MouseEvent], canvas: Widget, x: int, y: int) -> Message:
    held = int(kind is not events.MouseScrollUp and kind is not events.MouseScrollDown)
    return kind(canvas, x, y, 0, 0, held, False, False, False, x, y)


def test_a_small_scene_is_drawn_and_markup_in_it_is_text() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        rows = desk.rows()
        assert rows[0].startswith("╭ a ─")
        assert "[red]c" in "".join(rows)
        assert rows[-1] == ""

    play(script)


def test_a_small_scene_is_centred_if_asked() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        assert desk.canvas.origin == (-5, -3)
        assert desk.rows()[3].startswith("     ╭ a ─")
        await pilot.click(Canvas, offset=(5, 3))
        assert desk.told == [("node", "a", None)]

    play(script, centred=True)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ((3, 1), ("node", "a", 0)),
        ((0, 0), ("node", "a", None)),
        ((14, 1), ("channel", 0)),
    ],
)
def test_a_click_tells_what_was_hit(at: tuple[int, int], told: tuple[object, ...]) -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        await pilot.click(Canvas, offset=at)
        assert desk.told == [told]

    play(script)


def test_a_click_on_nothing_tells_nothing() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        await pilot.click(Canvas, offset=(3, 8))
        assert desk.told == []

    play(script)


def test_the_wheel_asks_for_the_next_level_and_stops_at_the_ends() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        up, down = events.MouseScrollUp, events.MouseScrollDown
        for kind, zoom in ((up, Zoom.SUBTASKS), (up, Zoom.DETAIL), (down, Zoom.SUBTASKS)):
            desk.canvas.show(Picture(scene(zoom=zoom)))
            desk.canvas.post_message(post(kind, desk.canvas, 3, 3))
            await pilot.pause()
        assert desk.told == [("zoom", Zoom.DETAIL), ("zoom", Zoom.OVERVIEW)]

    play(script)


def test_dragging_pans_within_the_scene_and_is_no_click() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Canvas, offset=(20, 1))
        desk._mouse_down_widget = desk.canvas  # what the app notes for a real mouse
        desk.canvas.post_message(post(events.MouseMove, desk.canvas, 15, 1))
        await pilot.pause()
        assert desk.canvas.origin == (5, 0)
        assert desk.rows() == [row[5:30].rstrip() for row in whole]
        assert desk._mouse_down_widget is None  # Textual makes no click of this press any more
        desk.canvas.post_message(post(events.MouseMove, desk.canvas, -200, -50))
        await pilot.pause()
        desk.canvas.post_message(post(events.MouseUp, desk.canvas, -200, -50))
        await pilot.pause()
        far = Offset(scene().width - 25, 0)
        assert desk.canvas.origin == far
        desk.canvas.post_message(post(events.MouseMove, desk.canvas, 9, 9))
        await pilot.pause()
        assert desk.canvas.origin == far
        assert desk.told == []

    whole = ["".join(span.text for span in row) for row in paint(Picture(scene()))]
    play(script, size=(25, len(whole)))


def test_keys_pan_and_a_larger_view_pulls_the_scene_back() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        desk.canvas.focus()
        await pilot.press("shift+right", "shift+right", "shift+down", "shift+left")
        assert desk.canvas.origin == (8, 0)
        await pilot.resize_terminal(58, 10)
        assert desk.canvas.origin == (2, 0)

    play(script, size=(25, 6))


def test_only_changed_rows_are_painted_again() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        drawn = scene()
        moves = [(Token(0, at, "[1]", "ckpt1"),) for at in (0.1, 0.9, 0.9)]
        desk.canvas.show(Picture(drawn, tokens=moves[0]))
        await pilot.pause()
        refreshed: list[tuple[Region, ...]] = []
        monkey = pytest.MonkeyPatch()
        monkey.setattr(desk.canvas, "refresh", lambda *regions: refreshed.append(regions))
        for tokens in moves[1:]:
            desk.canvas.show(Picture(drawn, tokens=tokens))
        monkey.undo()
        assert refreshed == [(Region(0, 1, 70, 1),)]

    play(script)


def test_a_row_whose_text_changed_is_painted_again() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        drawn = scene()
        for number in (1, 2):
            desk.canvas.show(Picture(drawn, {("a", 0): ((Span(f"offset {number}"),),)}))
            await pilot.pause()
            shown = [strip.text for strip in desk.screen._compositor.render_strips()]
            assert f"offset {number}" in "".join(shown)

    play(script)


@pytest.mark.parametrize("size", [(60, 10), (70, 10), (40, 10)])
def test_painting_a_row_leaves_nothing_to_the_garbage_collector(size: tuple[int, int]) -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        gc.collect()
        gc.disable()
        desk.rows()
        left = gc.collect()
        gc.enable()
        assert left == 0

    play(script, size=size, centred=True)


def test_styles_are_asked_for_again_after_a_change_of_theme() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        assert desk.asked.count("title") == 1
        desk.ink = "#00ff00"
        desk.theme = "textual-light"
        await pilot.pause()
        rows = [desk.canvas.render_line(y) for y in range(scene().height)]
        assert desk.asked.count("title") == 2
        looks = [run.style for row in rows for run in row]
        assert {look.color.name for look in looks if look and look.color} == {desk.ink}

    play(script)


def test_the_filter_that_rebuilds_every_segment_is_gone_and_no_colour_stays() -> None:
    async def script(desk: Desk, pilot: Pilot[None]) -> None:
        kinds = [type(each) for each in desk.canvas.get_line_filters()]
        assert ANSIToTruecolor not in kinds
        assert Monochrome in kinds

    with pytest.MonkeyPatch.context() as env:
        env.setenv("NO_COLOR", "1")
        play(script)
