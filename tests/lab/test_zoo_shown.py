"""A broken engine says so wherever its run is shown: first line, result, recording, screen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bandviz.cli import run_cli
from bandviz.engine.choices import Choice
from bandviz.engine.job import Job
from bandviz.errors import InvariantViolation
from bandviz.events.job import RunStatus
from bandviz.lab.strips import command_of
from bandviz.lab.sweep import Outcome, explore, stretches, undisturbed
from bandviz.lab.vary import by_mode
from bandviz.lab.zoo import loose
from bandviz.lab.zoo.breakage import Breakage, Patch, running
from bandviz.scenario.build import load_plan
from bandviz.session.opening import Opened, open_recording, other_variant
from bandviz.session.run import Run
from bandviz.session.words import zoo_line
from bandviz.trace.reader import read_recording
from bandviz.tui.app import BandvizApp
from bandviz.tui.screens.home import HomeScreen
from bandviz.tui.screens.play import PlayScreen
from bandviz.tui.spans import plain
from bandviz.tui.widgets.lines import Lines
from tests.pilots import in_loop

NAME = "skip-alignment"
BANNER = f"ZOO: {NAME} — this engine is broken on purpose"


@pytest.fixture
def recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "broken.bvt"
    assert run_cli(["run", "kill-and-rewind", "--zoo", NAME, "--record", str(path)]) == 0
    assert capsys.readouterr().out.startswith(BANNER + "\n")
    return path


def test_recording_and_result_name_it(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_recording(recorded).header.zoo == NAME
    assert open_recording(recorded).plan.zoo == NAME
    assert run_cli(["check", str(recorded)]) == 1
    assert BANNER in capsys.readouterr().out
    assert run_cli(["run", "one-barrier", "--zoo", NAME, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["zoo"] == NAME


@in_loop
async def test_the_banner_stays_on_the_screen(recorded: Path) -> None:
    live = Opened(replace(load_plan("kill-and-rewind"), zoo=NAME))
    for opened in (live, open_recording(recorded)):
        app = BandvizApp(opened, motion="none")
        async with app.run_test(size=(64, 20)) as pilot:
            for key in ("enter", "pageup", "i"):
                await pilot.press(key)
                await pilot.pause()
                panel = app.screen.query_one("#zoo", Lines)
                assert plain(panel.lines[0]).rstrip() == BANNER
                assert panel.region.y == 0
                assert panel.size.height == 1


@in_loop
async def test_other_stories_of_a_broken_process_are_marked_as_well() -> None:
    plan = replace(load_plan("kill-and-rewind"), zoo=NAME)
    assert other_variant(plan, "append").zoo == NAME
    app = BandvizApp(Opened(plan), motion="none")
    async with app.run_test(size=(64, 20)) as pilot:
        app.go_home()
        await pilot.pause()
        app.screen.post_message(HomeScreen.Chosen("one-barrier"))
        await pilot.pause()
        await pilot.pause()
        assert isinstance(app.screen, PlayScreen)
        assert app.screen.session.plan.zoo == NAME


def test_a_sweep_of_a_broken_engine_runs_it_in_every_worker() -> None:
    plan = replace(load_plan("kill-and-rewind"), zoo=NAME)
    steps = undisturbed(plan).step
    part = stretches(plan, steps)[steps // 24]
    assert {cell.outcome for cell in explore(part)} != {Outcome.EXACT}
    with loose(NAME):  # already broken: not broken twice
        assert explore(part) == explore(part)
    sound = replace(part, plan=replace(part.plan, zoo=""))
    assert {cell.outcome for cell in explore(sound)} == {Outcome.EXACT}


def test_a_broken_engine_that_stops_itself_ends_its_run() -> None:
    """It is no bug of ours: the run tells it like any other end."""

    def notice(_: Job) -> Choice | None:
        raise InvariantViolation("it noticed")

    plan = load_plan("kill-and-rewind")
    alert = Breakage(
        name=NAME, family="", rule="", instead="", oracle="",
        patches=(Patch(Job, "earliest", lambda _: notice),),
    )  # fmt: skip
    with running(alert):
        run = Run(replace(plan, zoo=NAME))
        while run.ended is None:
            run.advance()
        assert run.ended is RunStatus.STUCK
        sound = Run(plan)
        sound.advance()
        with pytest.raises(InvariantViolation):
            sound.advance()


def test_the_banner_of_an_exercise_does_not_tell() -> None:
    assert zoo_line("exercise-3").endswith("broken somewhere: which rule?")


def test_no_story_is_told_of_a_broken_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["run", "kill-and-rewind", "--zoo", NAME]) == 0
    said = capsys.readouterr().out
    assert "No vote slips in between" not in said
    assert "By the rules: " in said
    assert "no channel" not in said, "a caption that found nothing to speak of"


def test_the_strips_of_the_app_are_of_the_same_engine() -> None:
    plan = replace(load_plan("kill-and-rewind"), zoo=NAME)
    vary, plans = by_mode(plan)
    assert [one.plan.zoo for one in plans] == [NAME, NAME]
    command = command_of("kill-and-rewind", vary, variant="", seed=None, every=1, zoo=NAME)
    assert command.endswith(f" --zoo {NAME}")


def test_a_network_has_no_broken_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["run", "money-ring", "--zoo", NAME]) == 2
    assert "money-ring is a network" in capsys.readouterr().err
