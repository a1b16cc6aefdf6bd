"""Kill anywhere: what each cell says is what a run with that one kill comes to."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from bandviz.cli import run_cli
from bandviz.engine.faults import KILL, Fault
from bandviz.events.job import JobStatus
from bandviz.lab.campaign import policy_of
from bandviz.lab.opened import opened
from bandviz.lab.pool import each
from bandviz.lab.strips import (
    LETTERS,
    Strip,
    affordable,
    block,
    command_of,
    growing,
    swept,
    title_of,
)
from bandviz.lab.sweep import Cell, Outcome, crash_runs, explore, stretches, undisturbed
from bandviz.lab.trial import Trial
from bandviz.lab.vary import by_mode, plans_of
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run
from bandviz.text import SafeText


@cache
def strips() -> tuple[Strip, ...]:
    """The two of the lesson; a third of a second."""
    return tuple(swept(plans_of("kill-and-rewind", ["mode=at_least_once,exactly_once"]), 1))


def test_at_least_once_repeats_and_exactly_once_does_not() -> None:
    lax, strict = strips()
    assert set(strict.count()) == {Outcome.EXACT}
    assert set(lax.count()) == {Outcome.DUPLICATE, Outcome.EXACT}
    assert all(cell.lost == 0 for cell in lax.cells)


def test_duplicates_begin_with_the_first_checkpoint_to_fall_back_on() -> None:
    lax, _ = strips()
    completed = next(mark.time_us for mark in lax.marks if mark.text == "C1")
    bad = [cell.time_us for cell in lax.cells if cell.outcome is Outcome.DUPLICATE]
    assert min(bad) >= completed
    before = [cell for cell in lax.cells if cell.time_us < completed]
    assert before
    assert all(cell.outcome is Outcome.EXACT for cell in before)


def test_a_cell_is_the_run_that_the_screen_would_open() -> None:
    """The session, which has a script, a timeline and a recording, comes to the same verdict."""
    lax, _ = strips()
    cell = next(cell for cell in lax.cells if cell.outcome is Outcome.DUPLICATE)
    varied, _ = plans_of("kill-and-rewind", ["mode=at_least_once,exactly_once"])
    session = opened(varied.plan, cell)
    assert session.live
    assert session.model.job.status is not JobStatus.RUNNING
    run = session.run
    assert run is not None
    while run.ended is None:
        run.advance()
    entries = list(run.timeline.entries(0, len(run.timeline)))
    trial = Trial(varied.plan)
    while trial.step < cell.step:
        trial.advance()
    trial.inject(Fault(KILL, cell.target))
    trial.finish()
    assert entries == trial.heard
    assert (trial.verdict().duplicated, trial.verdict().lost) == (cell.duplicated, cell.lost)


def test_a_trial_runs_what_a_session_runs() -> None:
    """Chained operators included."""
    plan = load_plan("one-barrier", variant="chained")
    run, trial = Run(replace(plan, faults=())), Trial(plan)
    while run.ended is None:
        run.advance()
    trial.finish()
    assert trial.heard == list(run.timeline.entries(0, len(run.timeline)))


@pytest.mark.parametrize("schedule", [0, 1, 2])
def test_a_shared_beginning_is_the_same_beginning(schedule: int) -> None:
    """Each run of a stretch is what the same moves come to without any copy."""
    plan, policy = load_plan("no-net"), policy_of(schedule)
    part = stretches(plan, undisturbed(plan, policy).step, policy)[1]
    for crashed in list(crash_runs(part))[::5]:
        (kill,) = crashed.kills
        alone = Trial(part.plan, policy_of(schedule))
        while alone.step < kill.step:
            alone.advance()
        alone.inject(Fault(KILL, kill.target))
        alone.finish()
        assert alone.heard == crashed.trial.heard


def test_two_kills_follow_each_other() -> None:
    plan = load_plan("no-net")
    part = stretches(plan, undisturbed(plan).step, chunk=1)[3]
    found = [crashed.kills for crashed in crash_runs(part, 2)]
    assert found
    assert all(first.step < second.step for first, second in found)
    assert len({(first.target, second.step, second.target) for first, second in found}) == len(
        found
    )


def _hears_ctrl_c(_: int) -> bool:
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_only_the_parent_hears_ctrl_c() -> None:
    assert list(each(_hears_ctrl_c, [1, 2], 2)) == [False, False]
    assert _hears_ctrl_c(0)


def test_a_stretch_is_the_same_in_another_process() -> None:
    plan = load_plan("no-net")
    steps = undisturbed(plan).step
    here = [explore(part) for part in stretches(plan, steps)]
    (there,) = swept(plans_of("no-net", []), 2)
    assert there.cells == tuple(cell for cells in here for cell in cells)


def _cell(time_us: int, outcome: Outcome) -> Cell:
    return Cell(1, time_us, "a[0]", outcome, 0, 0, "", "exact", 1)


def test_a_column_shows_the_worst_and_goes_on_until_the_next() -> None:
    cells = (_cell(0, Outcome.EXACT), _cell(50, Outcome.EXACT), _cell(50, Outcome.LOST))
    strip = Strip(SafeText("x"), 90, (), cells)
    shown = "".join(LETTERS[one] if one else " " for one in strip.columns(10))
    assert shown == ".....LLLLL"
    assert strip.columns(10, 180)[-3:] == [None, None, None]
    shown = "".join(LETTERS[one] if one else " " for one in replace(strip, every=2).columns(10))
    assert shown == ".    L    "


def test_where_steps_are_left_out_tasks_take_turns() -> None:
    plan = load_plan("no-net")
    (whole,), (thin,) = (swept(plans_of("no-net", []), 1, every) for every in (1, 7))
    assert set(thin.cells) < set(whole.cells)
    assert 0.5 < len(thin.cells) * 7 / len(whole.cells) < 2
    assert {cell.target for cell in thin.cells} == {cell.target for cell in whole.cells}
    assert len({cell.step for cell in thin.cells}) == len(thin.cells)
    assert affordable(plans_of("no-net", []), [undisturbed(plan)]) == 1


def test_strips_grow_from_left_to_right_all_at_once() -> None:
    plans = plans_of("no-net", ["seed=9,10"])
    seen = [[len(strip.cells) for strip in strips] for strips in growing(plans, 1)]
    assert seen[0] == [0, 0]
    assert seen[1][0] > 0 == seen[1][1]
    assert all(a > 0 < b for a, b in seen[2:])


def test_a_plan_is_shown_in_both_modes_where_it_has_both() -> None:
    vary, plans = by_mode(load_plan("kill-and-rewind", variant="append"))
    assert vary == ["mode=at_least_once,exactly_once"]
    assert [one.plan.settings.mode.value for one in plans] == [one.label for one in plans]
    assert [one.label for one in by_mode(load_plan("no-net"))[1]] == ["no-net"]
    assert [one.label for one in by_mode(load_plan("overtake"))[1]] == ["overtake"]


def test_the_block_is_made_for_pasting() -> None:
    lines = block("title", strips(), "bandviz sweep x")
    assert lines[0] == "title"
    assert lines[-1] == "bandviz sweep x"
    assert max(map(len, lines)) <= 72
    assert any(line.startswith("exactly_once") and "D" not in line for line in lines)


def test_the_readme_shows_the_two_strips() -> None:
    command = "bandviz sweep kill-and-rewind --vary mode=at_least_once,exactly_once"
    lines = block(title_of(load_plan("kill-and-rewind"), 1), strips(), command)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert "\n".join(lines) in readme


def test_the_command_of_a_thinned_sweep_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    command = command_of("no-net", ["mode=at_least_once"], variant="", seed=3, every=9)
    assert run_cli([*command.split()[1:], "--workers", "1"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "no-net, seed 3: each task killed at one step in 9, one run each"
    assert printed[-1] == command


def test_sweep_prints_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["sweep", "no-net", "--workers", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["runs_per_second"] > 0
    assert {"step", "target", "outcome", "lost", "duplicated"} <= set(printed["cells"][0])
    assert {cell["outcome"] for cell in printed["cells"]} == {"lost"}
