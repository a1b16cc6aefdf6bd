"""Two runs side by side, under a person's keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bandviz.cli.twin import pair_of
from bandviz.lab.twin import Mark
from bandviz.scenario.build import load_plan
from bandviz.session.opening import Opened, open_recording
from bandviz.session.session import Session
from bandviz.tui.app import BandvizApp
from bandviz.tui.screens.play import PlayScreen
from bandviz.tui.screens.twin import TwinScreen
from tests.pilots import in_loop, rows

STORY = "kill-and-rewind"


async def compared(pilot: Pilot[int]) -> TwinScreen:
    """Wait until both runs were run."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, TwinScreen)
    assert screen.both is not None
    return screen


@pytest.mark.parametrize("size", [(100, 30), (64, 20)])
@in_loop
async def test_a_twin_opens_where_they_part_and_n_leads_on(size: tuple[int, int]) -> None:
    pair = pair_of(STORY, ("mode=at_least_once,exactly_once",), "", None)
    async with BandvizApp(twin=pair, motion="none").run_test(size=size) as pilot:
        screen = await compared(pilot)
        shown = rows(pilot.app)
        part = next(at for at, row in enumerate(shown) if "here they part" in row)
        assert shown[part + 1].startswith("@")
        assert "BLOCKED" in shown[part + 1]
        both = screen.both
        assert both is not None
        differ = [at for at, row in enumerate(both.rows) if row.mark is not Mark.SAME]
        assert differ[0] == both.first
        await pilot.press("n", "n")
        here = next(row for row in rows(pilot.app) if row.startswith("@"))
        told = both.rows[differ[2]].b
        assert told is not None
        assert told.line[:20] in here
        await pilot.press("d")
        assert any("rows of board" in row for row in rows(pilot.app))
        await pilot.press("d", "end")
        assert "END: the job has finished" in "\n".join(rows(pilot.app))
        await pilot.press("q")
        assert isinstance(pilot.app.screen, PlayScreen)


@in_loop
async def test_w_asks_what_differs_and_enter_plays_the_other_run() -> None:
    async with BandvizApp(Opened(load_plan(STORY)), motion="none").run_test() as pilot:
        await pilot.press("W", "enter")
        await compared(pilot)
        await pilot.press("enter")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, PlayScreen)
        assert screen.session.plan.settings.variant == "append"


@in_loop
async def test_o_leaves_the_kill_out_and_enter_opens_that_timeline() -> None:
    async with BandvizApp(Opened(load_plan(STORY)), motion="none").run_test() as pilot:
        await pilot.press("o", "enter")
        await compared(pilot)
        await pilot.press("enter")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, PlayScreen)
        session = screen.session
        assert session.active == 1
        assert "without" in session.origin(session.branches[1])
        assert session.model.job.attempt == 1
        await pilot.press("end")
        assert session.ended is not None
        assert session.model.job.attempt == 1
        assert session.verdict() is not None
        await pilot.press("o")
        assert "nothing was done to this run" in rows(pilot.app)[-1]


def recorded(path: Path, change: Callable[[Opened], Opened] = lambda opened: opened) -> Opened:
    """A whole run of the story, from a file."""
    session = Session(load_plan(STORY))
    assert session.run is not None
    while session.run.ended is None:
        session.run.advance()
    session.save(path)
    return change(open_recording(path))


@in_loop
async def test_a_recording_has_a_twin(tmp_path: Path) -> None:
    opened = recorded(tmp_path / "run.bvt")
    async with BandvizApp(opened, motion="none").run_test() as pilot:
        await pilot.press("W", "enter")
        assert (await compared(pilot)).both is not None


@in_loop
async def test_o_leaves_out_what_a_recording_holds_and_t_leads_back_to_it(tmp_path: Path) -> None:
    opened = recorded(tmp_path / "run.bvt")
    async with BandvizApp(opened, motion="none").run_test() as pilot:
        await pilot.press("o", "enter")
        await compared(pilot)
        await pilot.press("enter", "end")
        screen = pilot.app.screen
        assert isinstance(screen, PlayScreen)
        session = screen.session
        assert session.ended is not None
        assert session.model.job.attempt == 1
        await pilot.press("t", "1", "enter")
        assert session.run is None
        assert session.model.job.attempt == 2


@in_loop
async def test_a_recording_that_does_not_repeat_itself_says_so(tmp_path: Path) -> None:
    opened = recorded(
        tmp_path / "run.bvt",
        lambda one: one._replace(commands=(one.commands[0]._replace(target="north[0]"),)),
    )
    async with BandvizApp(opened, motion="none").run_test() as pilot:
        await pilot.press("o", "enter")
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert "run again, it does not come to the same" in "\n".join(rows(pilot.app))
        await pilot.press("enter", "q")
        assert isinstance(pilot.app.screen, PlayScreen)
