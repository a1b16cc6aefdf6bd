"""Twins: two runs are locked by what happens, and the first thing that does not is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from bandviz.cli import run_cli
from bandviz.engine.faults import Fault
from bandviz.errors import BandvizError
from bandviz.lab.twin import (
    Account,
    Mark,
    Twin,
    account,
    commands_of,
    entries_of,
    of_plans,
    of_way,
    of_whatif,
    twin,
    ways_of,
)
from bandviz.lab.vary import plans_of
from bandviz.model.narrator import narrate
from bandviz.model.run import RunModel
from bandviz.scenario.build import load_plan
from bandviz.session.opening import open_recording
from bandviz.session.run import Run
from bandviz.session.whatif import played, require_repeatable

STORY = "kill-and-rewind"


@cache
def modes() -> Twin:
    a, b = plans_of(STORY, ["mode=at_least_once,exactly_once"])
    return of_plans(a, b, "mode")


@cache
def without_the_kill() -> tuple[Twin, Run]:
    plan = load_plan(STORY)
    return of_whatif(plan, commands_of(plan), 0)


@cache
def contracts() -> Twin:
    a, b = plans_of(STORY, ["board.contract=append,two_phase"])
    return of_plans(a, b, "contract")


def test_the_modes_part_where_one_of_them_blocks_a_channel() -> None:
    both = modes()
    assert both.first is not None
    row = both.rows[both.first]
    assert row.mark is Mark.ONLY_B
    assert row.b is not None
    assert row.b.name[0] == "ChannelBlocked"
    assert "AT_LEAST_ONCE" in row.b.why
    here, there = both.instead()
    assert there == row.b
    assert here is not None
    assert here.name[0] == "SubtaskAcknowledged"


def test_what_comes_of_the_modes_is_named() -> None:
    said = {str(each.what): (each.a, each.b) for each in modes().differences}
    assert said["state count[0]"] == ("cats 8 and dogs 9", "cats 7 and dogs 9")
    assert said["rows of board"] == ("only here: cats 1", "")
    assert said["verdict"][0].startswith("NOT exactly once")
    assert said["verdict"][1].startswith("EXACTLY ONCE")
    assert "restore 1" not in said, "both go back to the same offsets"


@pytest.mark.parametrize("make", [modes, contracts, lambda: without_the_kill()[0]])
def test_each_column_tells_its_whole_run_in_its_own_order(make: Callable[[], Twin]) -> None:
    both = make()
    assert [row.a for row in both.rows if row.a] == list(both.a.told)
    assert [row.b for row in both.rows if row.b] == list(both.b.told)
    assert all(row.a.name == row.b.name for row in both.rows if row.a and row.b)


def test_what_is_told_is_what_the_narrator_tells() -> None:
    plan = load_plan(STORY)
    run, model = played(plan, commands_of(plan)).run, RunModel()
    told = 0
    for entry in entries_of(run):
        model.apply(entry)
        told += narrate(model, entry) is not None
    assert len(modes().b.told) == told, "exactly_once is what the file says"


def test_a_run_and_itself_do_not_part() -> None:
    a = modes().a
    both = twin(a, a, "")
    assert both.first is None
    assert both.instead() == (None, None)
    assert both.differences == ()
    assert {row.mark for row in both.rows} == {Mark.SAME}


def test_a_later_run_is_not_another_one_but_another_order_is() -> None:
    a = modes().a
    late = tuple(one._replace(time_us=one.time_us + 7, step=one.step + 1) for one in a.told)
    assert twin(a, Account(a.label, late, a.result), "").first is None
    swapped = (*a.told[:4], a.told[5], a.told[4], *a.told[6:])
    both = twin(a, Account(a.label, swapped, a.result), "")
    assert both.first is not None
    moved = [row for row in both.rows if row.mark is not Mark.SAME]
    assert {row.mark for row in moved} == {Mark.ONLY_A, Mark.ONLY_B}
    assert len(moved) == 2
    assert all(row.elsewhere is not None for row in moved)


def test_all_commands_again_are_the_same_run() -> None:
    plan = load_plan("storage-outage")
    run = Run(plan)
    while run.ended is None:
        run.advance()
    again = played(plan, run.commands)
    assert again.missed == ()
    assert again.run.commands == run.commands
    assert list(entries_of(again.run)) == list(entries_of(run))


def test_a_command_between_two_moves_of_one_time_comes_between_them_again() -> None:
    plan = replace(load_plan(STORY), faults=())
    run = Run(plan)
    while run.steps < 5 or run.next_us() != run.job.now_us:
        run.advance()
    run.command(Fault("kill", "count[0]"))
    while run.ended is None:
        run.advance()
    again = played(plan, run.commands).run
    assert list(entries_of(again)) == list(entries_of(run))


def test_without_the_kill_the_run_is_the_same_up_to_there_and_never_restores() -> None:
    both, run = without_the_kill()
    plan = load_plan(STORY)
    step = commands_of(plan)[0].step
    assert both.first is not None
    assert both.rows[both.first].a is not None
    assert both.rows[both.first].mark is Mark.ONLY_A
    assert both.rows[both.first].a == next(one for one in both.a.told if one.step >= step)
    assert run.commands == []
    said = {str(each.what): (each.a, each.b) for each in both.differences}
    assert said["restore 1"][1] == ""
    assert "verdict" not in said


def test_what_is_no_longer_possible_is_said() -> None:
    plan = load_plan("storage-outage")
    both, run = of_whatif(plan, commands_of(plan), 0)
    assert [one.kind for one in run.commands] == ["decline_checkpoint", "kill"]
    assert both.b.notes == ("repair_storage at 6.6 s was not possible any more",)
    barriers = [
        (re.findall(r"\[\d+\]", row.a.line), re.findall(r"\[\d+\]", row.b.line))
        for row in both.rows
        if row.a is not None and row.b is not None and row.a.line.startswith("BARRIER")
    ]
    assert len(barriers) > 20
    assert all(here == there for here, there in barriers), "of one checkpoint each"


def test_every_way_to_differ_leads_to_two_runs() -> None:
    plan = load_plan(STORY)
    ways = ways_of(plan)
    assert [way.variant or way.field for way in ways] == ["append", "mode", "unaligned"]
    for way in ways:
        compare, other = of_way(plan, way)
        assert other.topics == plan.topics
        assert compare().first is not None


def test_an_account_needs_no_whole_run() -> None:
    assert account("nothing", []).told == ()


# ---------------------------------------------------------------------- the command line


def test_twin_prints_where_they_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["twin", STORY, "--vary", "mode=at_least_once,exactly_once"]) == 0
    printed = capsys.readouterr().out
    assert "they part at 2.7 s, step 22" in printed
    assert "b    2.7 s  BLOCKED: the barrier [1] from north" in printed
    assert run_cli(["twin", STORY, "--variant", "append", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["b"]["label"] == "append"
    assert found["first"]["a"]["line"].startswith("TRANSACTION 1")
    assert sum(found["rows"].values()) > 80


def test_whatif_lists_and_leaves_out_what_a_recording_holds(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(tmp_path / "run.bvt")
    assert run_cli(["run", STORY, "--record", path, "--json"]) == 0
    capsys.readouterr()
    assert run_cli(["whatif", path]) == 0
    assert "1    5.8 s  step 53    kill count[0], by the script" in capsys.readouterr().out
    opened = open_recording(Path(path))
    assert opened.timeline is not None
    require_repeatable(opened.plan, opened.timeline, opened.commands)
    with pytest.raises(BandvizError, match="does not come to the same"):
        require_repeatable(opened.plan, opened.timeline, ())
    assert run_cli(["whatif", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["commands"][0]["kind"] == "kill"
    assert run_cli(["whatif", path, "--without", "1"]) == 0
    recorded = capsys.readouterr().out
    assert "finished at 15.2 s, 1 restart\n" in recorded
    assert run_cli(["whatif", STORY, "--without", "1"]) == 0
    assert capsys.readouterr().out == recorded


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["twin", STORY], "a twin is two runs, and one field has to differ"),
        (["twin", STORY, "--vary", "mode=exactly_once"], "1 are asked for"),
        (["twin", STORY, "--variant", "nowhere"], "nowhere"),
        (["whatif", STORY, "--without", "2"], "there is no number 2: 1 thing was done"),
        (["whatif", "no.bvt", "--seed", "3"], "its own variant, seed and engine"),
        (["play", "no.bvt", "--vary", "mode=a,b"], "is a recording"),
    ],
)
def test_what_is_no_twin_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(arguments) == 2
    assert said in capsys.readouterr().err
