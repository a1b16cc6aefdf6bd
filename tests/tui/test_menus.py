"""Home, menus and help, driven by keys and mouse."""

from __future__ import annotations

from typing import Any

import pytest
from rich.color import Color
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import OptionList

from bandviz.events.flow import StallReason
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model.views import (
    CheckpointStatus,
    CheckpointView,
    SubtaskStatus,
    SubtaskView,
    TaskManagerView,
)
from bandviz.text import door
from bandviz.tui import themes
from bandviz.tui.actions import ACTIONS
from bandviz.tui.panels.keys import KEYS as KEY_ROWS
from bandviz.tui.panels.keys import KeyContext
from bandviz.tui.screens.help import SIGNS, HelpScreen, help_lines, key_rows
from bandviz.tui.screens.home import HomeEntry, HomeScreen
from bandviz.tui.screens.menus import BreakMenu, Choice, ChoiceMenu, Fault, break_targets
from bandviz.tui.spans import STYLES, plain, width
from tests.pilots import in_loop, rows

ENTRIES = [
    HomeEntry(1, "kill-and-rewind", "Cats or dogs?", "Two ballot boxes, one count, one board.", 5),
    HomeEntry(2, "one-barrier", "One barrier", "A marker in the stream, not a pause.", 3),
    HomeEntry(3, "nyc-flights", "[bold]Storm[/bold]", "Three airports [/] and a blizzard.", 8),
]


class Host(App[None]):
    """Keeps what the screens tell it."""

    def __init__(self, *, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self.started: list[str] = []
        self.answers: list[str | None] = []

    def on_mount(self) -> None:
        themes.register(self)
        self.theme = themes.DARK

    def on_home_screen_chosen(self, message: HomeScreen.Chosen) -> None:
        self.started.append(message.name)


@pytest.mark.parametrize(
    ("pressed", "started"),
    [
        (["enter"], "kill-and-rewind"),
        (["down", "enter"], "one-barrier"),
        (["3", "enter"], "nyc-flights"),
        (["9", "enter"], "kill-and-rewind"),
        (["question_mark", "escape", "2", "enter"], "one-barrier"),
    ],
)
@in_loop
async def test_enter_starts_the_highlighted_story(pressed: list[str], started: str) -> None:
    app = Host()
    async with app.run_test(size=(64, 20)) as pilot:
        await app.push_screen(HomeScreen(ENTRIES))
        await pilot.press(*pressed)
        await pilot.pause()
        assert app.started == [started]


@in_loop
async def test_digit_alone_starts_nothing() -> None:
    app = Host()
    async with app.run_test(size=(64, 20)) as pilot:
        await app.push_screen(HomeScreen(ENTRIES))
        await pilot.press("2")
        assert app.screen.query_one(OptionList).highlighted == 1
        assert app.started == []


@in_loop
async def test_q_leaves() -> None:
    app = Host()
    async with app.run_test(size=(64, 20)) as pilot:
        await app.push_screen(HomeScreen(ENTRIES))
        await pilot.press("q")
        assert app._exit


@pytest.mark.parametrize("size", [(64, 20), (100, 30), (160, 45)])
@pytest.mark.parametrize("count", [1, 9])
@in_loop
async def test_home_shows_its_keys_at_every_size(size: tuple[int, int], count: int) -> None:
    app = Host()
    entries = [ENTRIES[0]._replace(number=n + 1, name=f"story-{n}") for n in range(count)]
    async with app.run_test(size=size) as pilot:
        await app.push_screen(HomeScreen(entries))
        await pilot.pause()
        page = "\n".join(rows(app))
        assert "bandviz" in page
        assert "(start here)" in page
        assert "5 min" in page
        assert "Enter start   up/down or 1-9 choose   ? help   q leave" in page


@in_loop
async def test_markup_in_titles_stays_text() -> None:
    app = Host()
    async with app.run_test(size=(100, 30)) as pilot:
        await app.push_screen(HomeScreen(ENTRIES))
        await pilot.pause()
        page = "\n".join(rows(app))
        assert "[bold]Storm[/bold]" in page
        assert "Three airports [/] and a blizzard." in page


@in_loop
async def test_resizing_keeps_the_highlight() -> None:
    app = Host()
    async with app.run_test(size=(100, 30)) as pilot:
        await app.push_screen(HomeScreen(ENTRIES))
        await pilot.press("3")
        await pilot.resize_terminal(64, 20)
        await pilot.press("enter")
        await pilot.pause()
        assert app.started == ["nyc-flights"]


OPTIONS = [Choice("a", "first"), Choice("b", "[bold]second"), Choice("c", "third", "note [/x]")]


async def asked(pilot: Pilot[None], menu: ChoiceMenu, *pressed: str) -> list[str | None]:
    app = pilot.app
    assert isinstance(app, Host)
    app.push_screen(menu, app.answers.append)
    await pilot.pause()
    await pilot.press(*pressed)
    await pilot.pause()
    return app.answers


@pytest.mark.parametrize(
    ("pressed", "answer"),
    [
        (["enter"], "b"),
        (["down", "enter"], "c"),
        (["1", "enter"], "a"),
        (["7", "enter"], "b"),
        (["escape"], None),
    ],
)
@in_loop
async def test_menu_gives_back_one_key(pressed: list[str], answer: str | None) -> None:
    async with Host().run_test(size=(64, 20)) as pilot:
        assert await asked(pilot, ChoiceMenu("Pick", OPTIONS, "b"), *pressed) == [answer]


@in_loop
async def test_click_takes_an_option() -> None:
    app = Host()
    async with app.run_test(size=(64, 20)) as pilot:
        app.push_screen(ChoiceMenu("Pick", OPTIONS), app.answers.append)
        await pilot.pause()
        page = "\n".join(rows(app))
        assert "[bold]second" in page
        assert "note [/x]" in page
        await pilot.click(OptionList, offset=(3, 2))
        await pilot.pause()
        assert app.answers == ["c"]


@in_loop
async def test_empty_menu_can_be_left() -> None:
    async with Host().run_test(size=(64, 20)) as pilot:
        assert await asked(pilot, ChoiceMenu("Nothing", []), "enter", "escape") == [None]


def subtask(name: str, status: SubtaskStatus, **state: int) -> SubtaskView:
    pairs = tuple((door(key), door(str(value))) for key, value in state.items())
    return SubtaskView(
        SubtaskId(name, 0), "aggregate", True, status, 1, StallReason.NONE, (), pairs, len(pairs),
        (), (), None, None, None, None, None,
    )  # fmt: skip


def page(number: int, status: CheckpointStatus) -> CheckpointView:
    return CheckpointView(
        CheckpointId(number), status, door(""), 0, None, 0, 0, 0, (), (), ()
    )  # fmt: skip


SUBTASKS = [
    subtask("north", SubtaskStatus.RUNNING),
    subtask("count", SubtaskStatus.RUNNING, cats=3),
    subtask("dead", SubtaskStatus.FAILED),
]
PAGES = [page(1, CheckpointStatus.COMPLETE), page(2, CheckpointStatus.IN_PROGRESS)]
TARGETS = break_targets(SUBTASKS, PAGES, lambda subtask: subtask.vertex)


def test_only_what_runs_or_is_complete_can_be_broken() -> None:
    expected = [
        Choice("kill north[0]", "kill north", "holds nothing"),
        Choice("kill count[0]", "kill count", "holds cats 3"),
        Choice("corrupt_checkpoint 1", "damage checkpoint 1", "on disk, complete"),
    ]
    assert expected == TARGETS


def test_a_process_can_be_lost_while_anything_runs_in_it() -> None:
    name, here = door("taskmanager-1"), (SubtaskId("count", 0),)
    up, down = TaskManagerView(name, here, here), TaskManagerView(name, here, ())
    targets = break_targets([], [], str, [up, down])
    assert targets == [Choice("lose taskmanager-1", "lose taskmanager-1", "runs count[0]")]


@pytest.mark.parametrize(
    ("pressed", "fault"),
    [
        (["enter"], Fault("kill", "count[0]")),
        (["up", "enter"], Fault("kill", "north[0]")),
        (["3", "enter"], Fault("corrupt_checkpoint", "1")),
    ],
)
@in_loop
async def test_enter_breaks_the_preselected_target(pressed: list[str], fault: Fault) -> None:
    async with Host().run_test(size=(64, 20)) as pilot:
        menu = BreakMenu(TARGETS, Fault("kill", "count[0]"))
        (answer,) = await asked(pilot, menu, *pressed)
        assert answer is not None
        assert Fault.parse(answer) == fault


@in_loop
async def test_escape_breaks_nothing() -> None:
    async with Host().run_test(size=(64, 20)) as pilot:
        assert await asked(pilot, BreakMenu(TARGETS), "escape") == [None]


@pytest.mark.parametrize("key", ["escape", "question_mark", "q", "enter"])
@in_loop
async def test_help_opens_and_closes(key: str) -> None:
    app = Host()
    async with app.run_test(size=(100, 30)) as pilot:
        await app.push_screen(HomeScreen(ENTRIES))
        await pilot.press("question_mark")
        await pilot.pause()
        text = "\n".join(rows(app))
        assert "Break it" in text
        assert "barrier of checkpoint 1" in text
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)


@in_loop
async def test_help_scrolls_in_a_narrow_window() -> None:
    app = Host()
    async with app.run_test(size=(64, 20)) as pilot:
        app.animation_level = "none"
        await app.push_screen(HelpScreen())
        await pilot.press("end")
        await pilot.pause()
        assert "here you look" in "\n".join(rows(app))


@pytest.mark.parametrize("cells", [60, 88])
def test_help_page_has_every_key_and_sign(cells: int) -> None:
    lines = help_lines(cells)
    page = "\n".join(plain(line) for line in lines)
    words = page.split()
    for _, does in key_rows(brief=cells > 80):
        assert set(does.split()) <= set(words)
    assert all(means in page for _, means, _ in SIGNS)
    assert {style for _, _, style in SIGNS} <= set(STYLES)
    assert max(width(line) for line in lines) <= cells


def test_key_row_promises_only_keys_that_do_something() -> None:
    known = {name for names, _ in key_rows(brief=False) for name in names.split()}
    for context, table in KEY_ROWS.items():
        if context is not KeyContext.QUESTION:
            promised = {name for each in table for name in each.key.split("/")}
            assert promised <= known, context


def test_every_action_has_its_row_on_the_help_page() -> None:
    rows = key_rows(brief=False)
    assert {each.help for each in ACTIONS} == {does for _, does in rows}
    assert ("h j k l", "Move the focus") in rows


@pytest.mark.parametrize(
    "screen", [HomeScreen(ENTRIES), ChoiceMenu("Pick", OPTIONS), BreakMenu(TARGETS), HelpScreen()]
)
@in_loop
async def test_without_colour_the_highlight_is_underlined(
    screen: Screen[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Host(ansi_color=True)
    async with app.run_test(size=(64, 20)) as pilot:
        app.theme = themes.PLAIN
        app.push_screen(screen)
        await pilot.pause()
        cells = [cell for strip in app.screen._compositor.render_strips(app.size) for cell in strip]
        colours = {cell.style.color for cell in cells if cell.style}
        assert colours <= {None, Color.default()}
        marked = "".join(cell.text for cell in cells if cell.style and cell.style.underline)
        assert marked.strip().startswith("1  ") or not screen.query(OptionList)
