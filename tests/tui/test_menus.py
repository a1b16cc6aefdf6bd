"""Home, menus and help, driven by keys and mouse."""

from __future__ import annotations

from typing import Any

import pytest
from rich.color import Color
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import OptionList

from bandviz.engine.faults import NAMES, Fault
from bandviz.events import Event
from bandviz.events.checkpoint import CheckpointCompleted, CheckpointTriggered
from bandviz.events.job import SubtaskFailed
from bandviz.events.sink import TransactionPreCommitted
from bandviz.ids import SubtaskId
from bandviz.model.run import RunModel
from bandviz.scenario.build import load_plan
from bandviz.scenario.schema import FAULTS
from bandviz.session.run import Run
from bandviz.tui import themes
from bandviz.tui.actions import ACTIONS, CUTS, LEDGER, STRIPS, TWIN
from bandviz.tui.panels.keys import KEYS as KEY_ROWS
from bandviz.tui.panels.keys import KeyContext
from bandviz.tui.screens.breaking import KINDS, BreakMenu, break_choices, fault_of
from bandviz.tui.screens.help import SIGNS, HelpScreen, help_lines, key_rows
from bandviz.tui.screens.home import HomeEntry, HomeScreen
from bandviz.tui.screens.menus import Choice, ChoiceMenu
from bandviz.tui.spans import STYLES, plain, width
from tests.pilots import in_loop, rows

TABLES = {
    KeyContext.STRIPS: STRIPS,
    KeyContext.CUTS: CUTS,
    KeyContext.LEDGER: LEDGER,
    KeyContext.TWIN: TWIN,
    KeyContext.RESULTS: TWIN,
}
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


def stopped_at(event: type[Event]) -> tuple[list[Fault], RunModel]:
    """The first story, right behind its first event of this type."""
    run, model = Run(load_plan("kill-and-rewind")), RunModel()
    while True:
        entries = run.advance()
        for entry in entries:
            model.apply(entry)
        if any(isinstance(entry.event, event) for entry in entries):
            return [*run.job.faults(), *run.job.rescalings()], model


def test_every_fault_of_engine_and_scenarios_has_its_words() -> None:
    assert set(KINDS) == set(NAMES) == set(FAULTS)


@pytest.mark.parametrize(
    ("event", "offered", "why_not"),
    [
        (CheckpointTriggered, "count declines", "damage a checkpoint: none is complete"),
        (CheckpointCompleted, "damage checkpoint 1", "a task declines: none is in progress"),
        (TransactionPreCommitted, "refuse transaction 1", "damage a checkpoint: none is complete"),
        (SubtaskFailed, "damage checkpoint 1", "kill a task: none runs now"),
        (SubtaskFailed, "lock checkpoint storage", "rescale an operator: only while all run"),
        (CheckpointTriggered, "rescale count, board to 2", "damage a checkpoint: none is complete"),
    ],
)
def test_what_is_possible_is_offered_and_the_rest_says_why_not(
    event: type[Event], offered: str, why_not: str
) -> None:
    faults, model = stopped_at(event)
    choices = break_choices(faults, model)
    assert [fault_of(one.key) for one in choices if one.possible] == sorted(
        faults, key=lambda fault: list(KINDS).index(fault.name)
    )
    assert offered in [one.label for one in choices if one.possible]
    assert why_not in [f"{one.label}: {one.note}" for one in choices if not one.possible]


TARGETS = break_choices(*stopped_at(CheckpointTriggered))


@pytest.mark.parametrize(
    ("pressed", "fault"),
    [
        (["enter"], Fault("kill", "count[0]")),
        (["up", "enter"], Fault("kill", "south[0]")),
        (["1", "enter"], Fault("kill", "north[0]")),
        ([*"unt d", "enter"], Fault("decline_checkpoint", "count[0]")),
        ([*"nqq", "backspace", "escape", "enter"], Fault("kill", "count[0]")),
        ([*"rescale", "2", "enter"], Fault("rescale", "south=2")),
    ],
)
@in_loop
async def test_enter_breaks_what_is_preselected_or_found(pressed: list[str], fault: Fault) -> None:
    async with Host().run_test(size=(64, 20)) as pilot:
        menu = BreakMenu(TARGETS, SubtaskId("count", 0))
        (answer,) = await asked(pilot, menu, *pressed)
        assert answer is not None
        assert fault_of(answer) == fault


@in_loop
async def test_nothing_found_is_nothing_taken() -> None:
    async with Host().run_test(size=(64, 20)) as pilot:
        assert await asked(pilot, BreakMenu(TARGETS), *"zz", "enter") == []


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
    for context, table in KEY_ROWS.items():
        actions = TABLES.get(context, ACTIONS)
        known = {name for names, _ in key_rows(actions, brief=False) for name in names.split()}
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
