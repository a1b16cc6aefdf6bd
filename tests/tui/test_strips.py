"""The strips of a sweep: how one moves on them, what they say, and the way into a run and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from multiprocessing import active_children
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bandviz.lab.strips import Mark, Strip
from bandviz.lab.sweep import Cell, Outcome
from bandviz.scenario.build import load_plan
from bandviz.session.opening import Opened
from bandviz.text import door
from bandviz.tui.app import BandvizApp
from bandviz.tui.glyphs import to_ascii
from bandviz.tui.panels.strips import Place, cell_at, changed, moved, strips_panel, turned, worst
from bandviz.tui.screens.play import PlayScreen
from bandviz.tui.screens.strips import StripsScreen
from bandviz.tui.spans import plain
from bandviz.tui.spans import width as cells
from tests.pilots import in_loop, rows


def _cell(step: int, target: str, outcome: Outcome) -> Cell:
    return Cell(step, step * 10, target, outcome, 0, 2, "", "duplicated", 1)


GOOD, BAD = Outcome.EXACT, Outcome.DUPLICATE
TWO = (
    Strip(
        door("lax"), 50, (),
        tuple(_cell(n, t, BAD if n > 2 else GOOD) for n in range(1, 5) for t in ("a[0]", "b[0]")),
    ),
    Strip(door("strict"), 50, (), tuple(_cell(n, "a[0]", GOOD) for n in range(1, 4))),
)  # fmt: skip
THIN = (
    Strip(door("thin"), 50, (), (_cell(1, "a[0]", GOOD), _cell(1, "b[0]", BAD)), every=2),
    Strip(door("other"), 50, (), (_cell(2, "b[0]", GOOD),), every=2),
)


@pytest.mark.parametrize(
    ("strips", "start", "go", "by", "found"),
    [
        (TWO, Place(), moved, 1, (0, 2, "a[0]")),
        (TWO, Place(), moved, -1, (0, 1, "a[0]")),
        (TWO, Place(0, "b[0]", 2), moved, 99, (0, 4, "b[0]")),
        (TWO, Place(0, "b[0]", 2), turned, 1, (1, 2, "a[0]")),
        (TWO, Place(0, "b[0]", 4), turned, 1, (1, 3, "a[0]")),
        (TWO, Place(1, "a[0]", 2), turned, -1, (0, 2, "b[0]")),
        (TWO, Place(1, "a[0]", 2), turned, 1, (1, 2, "a[0]")),
        (TWO, Place(0, "a[0]", 1), changed, 1, (0, 3, "a[0]")),
        (TWO, Place(0, "a[0]", 4), changed, -1, (0, 2, "a[0]")),
        (TWO, Place(1, "a[0]", 1), changed, 1, (1, 1, "a[0]")),
        (THIN, Place(0, "b[0]", 1), moved, -1, (0, 1, "a[0]")),
        (THIN, Place(0, "a[0]", 1), moved, 1, (0, 1, "b[0]")),
        (THIN, Place(0, "a[0]", 1), turned, 1, (1, 2, "b[0]")),
    ],
)
def test_moving(
    strips: tuple[Strip, ...],
    start: Place,
    go: Callable[[Sequence[Strip], Place, int], Place],
    by: int,
    found: object,
) -> None:
    place = go(strips, start, by)
    cell = cell_at(strips, place)
    assert cell is not None
    assert (place.strip, cell.step, cell.target) == found


def test_nothing_is_found_where_nothing_is_yet() -> None:
    empty = (Strip(door("lax"), 50, (), (), whole=False),)
    assert cell_at(empty, Place()) is None
    for go in (moved, turned, changed):
        assert go(empty, Place(), 1) == Place()
    assert worst(empty) == Place()
    assert worst(TWO) == Place(0, "a[0]", 3)


def _strip(label: str, first_bad_us: int) -> Strip:
    """North is killed 40 times, once every 100 ms, and from `first_bad_us` on it shows."""
    marks = (Mark(1_500_000, "T1"), Mark(2_000_000, "C1"))
    found = tuple(
        Cell(n, n * 100_000, "north[0]", BAD, 0, 1, "", "duplicated", 1)
        if n * 100_000 >= first_bad_us
        else Cell(n, n * 100_000, "north[0]", GOOD, 0, 0, "", "exact", 0)
        for n in range(40)
    )
    return Strip(door(label), 4_000_000, marks, found)


LESSON = (_strip("at_least_once", 2_000_000), _strip("exactly_once", 9_000_000))


@pytest.mark.parametrize("size", [(64, 10), (100, 12), (160, 14)])
def test_the_panel_says_when_who_what_and_why(size: tuple[int, int]) -> None:
    width, height = size
    lines = strips_panel(LESSON, worst(LESSON), "vote", width, height, 3.5)
    assert len(lines) == height
    assert all(cells(line) <= width for line in lines)
    shown = " ".join(plain(line).strip("│ ") for line in lines)
    assert "D duplicate" in shown
    assert "north killed at 2.0 s (step 20)" in shown
    assert "DUPLICATE: 1 vote would count twice. Back to checkpoint 1" in shown
    assert "?" not in to_ascii(shown)


def test_the_pointer_stands_under_its_cell_and_the_axis_over_it() -> None:
    lines = [plain(line) for line in strips_panel(LESSON, worst(LESSON), "vote", 100, 12)]
    at = next(line.index("^") for line in lines if "^" in line)
    assert lines[2][at - 1 : at + 1] == ".D"
    assert lines[1][at : at + 2] == "C1"


def test_each_outcome_has_words_of_its_own() -> None:
    told = set()
    for outcome in Outcome:
        strip = Strip(door("x"), 50, (), (_cell(1, "a[0]", outcome),))
        shown = "\n".join(map(plain, strips_panel([strip], Place(), "vote", 100, 12)))
        assert f"{outcome.value.upper()}: " in shown
        told.add(shown)
    assert len(told) == len(Outcome)


async def _strips(pilot: Pilot[int], workers: int = 1) -> StripsScreen:
    """Open them and wait for the last run."""
    app = pilot.app
    assert isinstance(app.screen, PlayScreen)
    screen = StripsScreen(app.screen.session.plan, workers)
    await app.push_screen(screen)
    await app.workers.wait_for_complete()
    await pilot.pause()
    assert screen.took_s > 0
    return screen


@in_loop
async def test_a_run_is_opened_from_its_cell_and_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = BandvizApp(Opened(load_plan("no-net")), motion="none")
    async with app.run_test(size=(64, 20)) as pilot:
        await pilot.pause()
        outer = app.screen
        strips = await _strips(pilot)
        assert any("LOST: " in row for row in rows(app))
        await pilot.press("right", "down", "y")
        assert app.clipboard == "\n".join(strips.text()) + "\n"
        assert app.clipboard.splitlines()[-1] == "bandviz sweep no-net --seed 9"
        await pilot.press("s")
        assert (tmp_path / "no-net-strips.txt").read_text(encoding="utf-8") == app.clipboard
        place = strips.place
        assert place is not None
        await pilot.press("enter")
        await pilot.pause()
        inner = app.screen
        assert isinstance(inner, PlayScreen)
        run = inner.session.run
        assert run is not None
        command = run.commands[-1]
        assert (command.step, command.target) == (place.step, place.target)
        assert "q back" in rows(app)[-1]
        await pilot.press("escape")
        assert app.screen is strips
        await pilot.press("enter", "q", "escape")
        assert app.screen is outer


@in_loop
async def test_a_click_on_a_cell_goes_there_and_a_second_one_opens_it() -> None:
    app = BandvizApp(Opened(load_plan("no-net")), motion="none")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        strips = await _strips(pilot)
        row = next(at for at, line in enumerate(rows(app)) if line.startswith(" >  no-net"))
        column = rows(app)[row].index("L") + 8
        await pilot.click(offset=(column, row))
        assert app.screen is strips
        assert abs(rows(app)[row + 1].index("^") - column) <= 3
        await pilot.click(offset=(2, row))
        await pilot.click(offset=(column, row - 1))
        assert app.screen is strips
        await pilot.click(offset=(column, row))
        inner = app.screen
        assert isinstance(inner, PlayScreen)
        assert inner.session.run is not None
        assert strips.place is not None
        assert inner.session.run.commands[-1].step == strips.place.step


@in_loop
async def test_restarting_a_run_of_the_strips_keeps_its_kill() -> None:
    app = BandvizApp(Opened(load_plan("no-net")), motion="none")
    async with app.run_test(size=(64, 20)) as pilot:
        await pilot.pause()
        strips = await _strips(pilot)
        await pilot.press("right", "enter")
        await pilot.pause()
        opened = app.screen
        assert isinstance(opened, PlayScreen)
        await pilot.press("enter", "r")
        await pilot.pause()
        again = app.screen
        assert isinstance(again, PlayScreen)
        assert again is not opened
        assert opened.session.run is not None
        assert again.session.run is not None
        assert again.session.run.commands == opened.session.run.commands
        await pilot.press("q")
        assert app.screen is strips


@pytest.mark.parametrize(
    ("story", "key", "said"),
    [("money-ring", "K", "network"), ("money-ring", "L", "no source records")],
)
@in_loop
async def test_what_a_network_does_not_have_is_said(story: str, key: str, said: str) -> None:
    app = BandvizApp(Opened(load_plan(story)), motion="none")
    async with app.run_test(size=(64, 20)) as pilot:
        await pilot.press(key)
        await app.workers.wait_for_complete()
        assert said in rows(app)[-1]


@in_loop
async def test_escape_ends_a_sweep_that_is_under_way() -> None:
    app = BandvizApp(Opened(load_plan("no-net")), motion="none")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        outer = app.screen
        await pilot.press("K")
        strips = app.screen
        assert isinstance(strips, StripsScreen)
        await pilot.press("escape")
        assert app.screen is outer
        await app.workers.wait_for_complete()
        assert strips.took_s == 0
        born = active_children()
        # One that another thread has just reaped calls itself alive until that thread goes on.
        async with asyncio.timeout(60):
            while any(child.is_alive() for child in born):
                await asyncio.sleep(0)
