"""The play screen under a person's keys: the session is asserted, and few words on screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bandviz.model import selectors
from bandviz.scenario.build import load_plan
from bandviz.session.opening import Opened
from bandviz.session.session import Goal, Session
from bandviz.tui.actions import ACTIONS
from bandviz.tui.app import BandvizApp
from bandviz.tui.canvas.scene import Zoom
from bandviz.tui.canvas.widget import Canvas
from bandviz.tui.screens.home import HomeScreen
from bandviz.tui.screens.ledger import LedgerScreen
from bandviz.tui.screens.play import PlayScreen
from bandviz.tui.spans import plain
from bandviz.tui.widgets.lines import Lines
from tests.pilots import in_loop, rows

SIZES = [(100, 30), (64, 20), (160, 45)]


def app_of(story: str = "kill-and-rewind", variant: str = "") -> BandvizApp:
    return BandvizApp(Opened(load_plan(story, variant=variant)), motion="none")


def screen_of(pilot: Pilot[int]) -> PlayScreen:
    screen = pilot.app.screen
    assert isinstance(screen, PlayScreen)
    return screen


def session_of(pilot: Pilot[int]) -> Session:
    return screen_of(pilot).session


def words(pilot: Pilot[int], region: str) -> str:
    return "\n".join(plain(line) for line in pilot.app.screen.query_one(f"#{region}", Lines).lines)


async def enter_until(pilot: Pilot[int], reached: Callable[[Session], bool]) -> None:
    """Press Enter until it is so; each press does its work at once (`motion none`)."""
    for _ in range(60):
        if reached(session_of(pilot)):
            return
        await pilot.press("enter")
    raise AssertionError("Enter did not lead there")


def at(beat: str) -> Callable[[Session], bool]:
    def here(session: Session) -> bool:
        moment = session.moment()
        return moment is not None and moment.beat.id == beat

    return here


def ended(session: Session) -> bool:
    return session.ended is not None


@pytest.mark.parametrize("size", SIZES)
@in_loop
async def test_enter_x_and_one_guess_lead_to_the_verdict(size: tuple[int, int]) -> None:
    async with app_of().run_test(size=size) as pilot:
        await enter_until(pilot, at("before-the-kill"))
        await pilot.press("x", "enter")
        await enter_until(pilot, at("crash"))
        assert "FAILED" in words(pilot, "job")
        assert "GUESS" in words(pilot, "caption")
        await pilot.press("c")
        guess = session_of(pilot).guess()
        assert guess is not None
        assert guess.chosen == 2
        await enter_until(pilot, at("restored"))
        assert "it is b" in words(pilot, "caption")
        await enter_until(pilot, ended)
        assert "EXACT" in words(pilot, "caption")
        assert selectors.counts(session_of(pilot).model).restarts == 1


@pytest.mark.parametrize("size", SIZES)
@in_loop
async def test_no_line_is_wider_than_its_window(size: tuple[int, int]) -> None:
    async with app_of().run_test(size=size) as pilot:
        while not ended(session_of(pilot)):
            await pilot.press("enter")
            for region in pilot.app.screen.query(Lines):
                if region.display:
                    assert max(map(len, map(plain, region.lines)), default=0) <= size[0]
                    assert len(region.lines) <= max(1, region.size.height)


@in_loop
async def test_looking_back_says_so_and_end_leads_back() -> None:
    async with app_of().run_test(size=(100, 30)) as pilot:
        await enter_until(pilot, at("complete"))
        await pilot.press("left", "left", "pageup")
        assert "LOOKING BACK" in words(pilot, "title")
        assert "End" in words(pilot, "keys")
        await pilot.press("end")
        assert "LIVE" in words(pilot, "title")
        assert session_of(pilot).live


@in_loop
async def test_a_click_on_the_time_row_looks_at_that_time() -> None:
    async with app_of().run_test(size=(100, 30)) as pilot:
        await enter_until(pilot, at("crash"))
        await pilot.click("#time", offset=(30, 0))
        session = session_of(pilot)
        assert not session.live
        assert 0 < session.model.time_us < session.timeline.entry(len(session.timeline) - 1).time_us


@in_loop
async def test_why_answers_and_goes_away_again() -> None:
    async with app_of().run_test(size=(100, 30)) as pilot:
        await enter_until(pilot, at("blocked"))
        told = words(pilot, "caption")
        await pilot.press("w")
        assert "WHY" in words(pilot, "caption")
        await pilot.press("w")
        assert words(pilot, "caption") == told


@in_loop
async def test_breaking_the_past_opens_a_timeline_that_t_lists() -> None:
    async with app_of().run_test(size=(100, 30)) as pilot:
        await enter_until(pilot, at("aligned"))
        await pilot.press("left", "left", "x", "enter")
        assert len(session_of(pilot).branches) == 2
        assert "timeline 2" in words(pilot, "title")
        await pilot.press("t", "1", "enter")
        assert session_of(pilot).active == 0


@in_loop
async def test_v_runs_the_variant_and_shows_both_verdicts() -> None:
    async with app_of().run_test(size=(100, 30)) as pilot:
        await pilot.press("v", "enter")
        assert session_of(pilot).plan.settings.variant == "append"
        await enter_until(pilot, ended)
        shown = words(pilot, "caption")
        assert "output exact" in shown
        assert "output duplicated" in shown


@in_loop
async def test_the_inspector_shows_state_and_snapshot_of_the_focus() -> None:
    async with app_of().run_test(size=(100, 30)) as pilot:
        await enter_until(pilot, at("complete"))
        await pilot.press("i")
        await pilot.pause()
        assert "STATE NOW" in words(pilot, "inspector")
        assert "count" in words(pilot, "inspector")
        await pilot.press("l")
        await pilot.pause()
        assert "board" in words(pilot, "inspector").splitlines()[0]
        await pilot.press("escape")
        assert not pilot.app.screen.query_one("#inspector").display


@in_loop
async def test_zoom_jump_and_focus() -> None:
    async with app_of("nyc-flights").run_test(size=(100, 30)) as pilot:
        canvas = pilot.app.screen.query_one(Canvas)

        def zoom() -> Zoom:
            assert canvas.picture is not None
            return canvas.picture.scene.zoom

        await pilot.press("minus")
        assert zoom() is Zoom.OVERVIEW
        await pilot.press("plus", "g", "b", "plus")
        assert zoom() is Zoom.DETAIL
        assert canvas.picture is not None
        assert canvas.picture.focus is not None
        assert "hourly" in canvas.picture.focus
        await pilot.press("escape")
        assert canvas.picture.focus is None


@in_loop
async def test_play_moves_the_clock_and_space_stops_it() -> None:
    app = BandvizApp(Opened(load_plan("one-barrier")), motion="reduced")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("space")
        session = session_of(pilot)
        while session.goal is Goal.PLAY and session.view_us == 0:
            await pilot.pause(0.02)
        await pilot.press("space")
        assert session.view_us > 0
        stood = session.view_us
        await pilot.pause(0.1)
        assert session.view_us == stood


@in_loop
async def test_save_and_picture_write_files_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with app_of("one-barrier").run_test(size=(100, 30)) as pilot:
        await pilot.press("enter", "ctrl+s", "f8")
        await pilot.pause()
        assert len(list(tmp_path.glob("*.bvt"))) == 1
        assert len(list(tmp_path.glob("*.svg"))) == 1


@in_loop
async def test_home_starts_the_first_story_and_q_leads_home_and_out() -> None:
    async with BandvizApp(None, motion="none").run_test(size=(64, 20)) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert session_of(pilot).plan.settings.name == "kill-and-rewind"
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("q")
    assert pilot.app.return_code == 0


@in_loop
async def test_a_window_that_is_too_small_says_so() -> None:
    async with app_of().run_test(size=(50, 15)) as pilot:
        await pilot.pause()
        assert "larger" in words(pilot, "title")
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert "Cats or dogs?" in words(pilot, "title")


def test_every_action_has_a_method_and_a_key_without_altgr() -> None:
    for action in ACTIONS:
        name = action.action.partition("(")[0]
        assert hasattr(PlayScreen, f"action_{name}"), name
        for key in action.keys.split(","):
            assert not {"bracket", "brace", "at", "backslash", "tilde"} & {*key.split("_")}
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len({*keys})


@in_loop
async def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with app_of("one-barrier").run_test(size=(100, 30)) as pilot:
        await pilot.press("enter", "f8")
        assert "cannot save" in words(pilot, "keys")
        await pilot.press("ctrl+s")
        assert "cannot record" in words(pilot, "keys")


@in_loop
async def test_home_leads_to_the_first_picture_also_without_beats() -> None:
    plan = replace(load_plan("one-barrier"), beats=(), questions=())
    async with BandvizApp(Opened(plan), motion="none").run_test(size=(100, 30)) as pilot:
        await pilot.press("right", "right", "right", "home", "left")
        session = session_of(pilot)
        assert session.model.run is not None
        assert "LOOKING BACK" in words(pilot, "title")


@in_loop
async def test_a_story_that_never_ends_does_not_hold_up_the_first_frame() -> None:
    plan = load_plan("one-barrier")
    never = replace(plan, settings=replace(plan.settings, checkpoint_timeout_us=1_000))
    async with BandvizApp(Opened(never), motion="none").run_test(size=(100, 30)) as pilot:
        await pilot.press("enter")
        assert "checkpoint" in words(pilot, "caption")


@in_loop
async def test_a_rescaled_operator_is_drawn_with_its_new_subtasks() -> None:
    async with app_of("rescale").run_test(size=(120, 45)) as pilot:
        await enter_until(pilot, at("complete"))
        assert "[2]" not in "\n".join(rows(pilot.app))
        await enter_until(pilot, at("restored"))
        assert "[2] cats 2   gnus 2" in "\n".join(rows(pilot.app))


@in_loop
async def test_a_process_is_lost_from_the_menu_and_takes_its_slice_of_every_operator() -> None:
    async with app_of("half-the-house", "apart").run_test(size=(100, 30)) as pilot:
        await enter_until(pilot, at("before"))
        await pilot.press("x", *"lose", "space", "t", "down", "enter")
        assert selectors.job_view(session_of(pilot).model).lost_managers == ("taskmanager-2",)
        assert "taskmanager-2 LOST, job RESTARTING" in words(pilot, "job")
        assert "taskmanager-1 runs [0], taskmanager-2 LOST with [1]" in words(pilot, "memory-rule")
        assert "\n".join(rows(pilot.app)).count("[1] FAILED") == 3


@in_loop
async def test_the_ledger_opens_at_the_moment_that_one_looks_at() -> None:
    async with app_of(variant="append").run_test(size=(64, 20)) as pilot:
        await enter_until(pilot, ended)
        await pilot.press("L")
        await pilot.press("n")
        ledger = pilot.app.screen
        assert isinstance(ledger, LedgerScreen)
        assert "read twice" in words(pilot, "story")
        assert "sees it more than once" in words(pilot, "story")
        assert "16 in all    22       16       21" in words(pilot, "totals")
        await pilot.press("end", "pageup", "down", "escape")
        await pilot.press("home", "L")
        assert "has not been read yet" in words(pilot, "story")
        assert len(words(pilot, "records").splitlines()) < 16
