"""The text region: paints what it is given, repaints only what changed, in the app's theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region

from bandviz.tui import themes
from bandviz.tui.panels.typeset import text
from bandviz.tui.spans import Line
from bandviz.tui.widgets.ascii_only import AsciiOnly
from bandviz.tui.widgets.lines import Lines
from tests.pilots import in_loop, rows


class Watched(Lines):
    """Remembers which regions were to be painted again."""

    asked: tuple[Region, ...] = ()

    def refresh(self, *regions: Region, **options: Any) -> Watched:
        self.asked = regions
        super().refresh(*regions, **options)
        return self


class Page(App[None]):
    CSS = "Watched { height: 4; }"

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.ascii_only = ascii_only

    def compose(self) -> ComposeResult:
        yield Watched([text("one"), text("two"), text("three")])

    def on_mount(self) -> None:
        themes.register(self)
        self.theme = themes.DARK

    def get_line_filters(self) -> Sequence[LineFilter]:
        extra = [AsciiOnly()] if self.ascii_only else []
        return [*super().get_line_filters(), *extra]


@in_loop
async def test_only_rows_that_differ_are_painted_again() -> None:
    app = Page()
    async with app.run_test(size=(30, 6)) as pilot:
        lines = app.query_one(Watched)
        assert rows(app)[:4] == ["one", "two", "three", ""]
        lines.show([text("one"), text("2"), text("three"), text("four")])
        assert lines.asked == (Region(0, 1, 30, 1), Region(0, 3, 30, 1))
        await pilot.pause()
        assert rows(app)[:4] == ["one", "2", "three", "four"]
        lines.asked = ()
        lines.show([text("one"), text("2"), text("three"), text("four")])
        assert lines.asked == ()


@in_loop
async def test_a_shorter_text_wipes_the_rest() -> None:
    app = Page()
    async with app.run_test(size=(30, 6)) as pilot:
        app.query_one(Watched).show([text("x" * 50)])
        await pilot.pause()
        assert rows(app)[:3] == ["x" * 30, "", ""]
        lines = app.query_one(Watched)
        assert [lines.render_line(y).cell_length for y in range(3)] == [30, 30, 30]


@in_loop
async def test_theme_change_repaints() -> None:
    app = Page()
    async with app.run_test(size=(30, 6)) as pilot:
        lines = app.query_one(Watched)
        grounds = []
        for theme in (themes.DARK, themes.LIGHT, "nord", "textual-light"):
            app.theme = theme
            await pilot.pause()
            style = lines.render_lines(Region(0, 0, 30, 1))[0]._segments[0].style
            assert style is not None
            assert style.bgcolor is not None
            grounds.append(style.bgcolor.name)
        dark, light = themes.HUES[themes.DARK]["ground"], themes.HUES[themes.LIGHT]["ground"]
        assert grounds == [dark, light, dark, light]


@in_loop
async def test_ascii_filter_reaches_everything_but_the_ansi_filter_is_left_out() -> None:
    app = Page(ascii_only=True)
    async with app.run_test(size=(30, 6)) as pilot:
        lines = app.query_one(Watched)
        lines.styles.border = ("round", "white")
        lines.show([text("a ── b …")])
        await pilot.pause()
        assert all(row.isascii() for row in rows(app))
        assert rows(app)[1].startswith("|a -- b .")
        assert not any(isinstance(each, ANSIToTruecolor) for each in lines.get_line_filters())


@pytest.mark.parametrize("lines", [[], [()], [text("")]])
@in_loop
async def test_nothing_to_show_is_no_trouble(lines: list[Line]) -> None:
    app = Page()
    async with app.run_test(size=(30, 6)) as pilot:
        app.query_one(Watched).show(lines)
        await pilot.pause()
        assert rows(app)[0] == ""
