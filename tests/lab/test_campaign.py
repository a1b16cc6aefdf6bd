"""Campaigns: claims hold in every mode, a broken one is seen, and nothing done is done again."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bandviz.check.sometimes import SITUATIONS
from bandviz.cli import run_cli
from bandviz.errors import BandvizError
from bandviz.lab.campaign import (
    MUST_MEET,
    Batch,
    Log,
    Tally,
    Violation,
    batches_of,
    campaign,
    hold,
    plan_of,
    tally_of,
)
from bandviz.lab.claims import broken_claim
from bandviz.lab.modes import AT_LEAST_ONCE, EARLIEST, EXACTLY_ONCE, LATEST, MODES
from bandviz.lab.swarm import draw, read_case
from bandviz.lab.sweep import crash_runs, stretches, undisturbed
from bandviz.lab.trial import Trial
from bandviz.lab.zoo import ZOO
from bandviz.lab.zoo.hunt import SOUND, Caught, Quarry

FAST = "no-net"


@pytest.mark.parametrize("mode", MODES)
def test_every_claim_holds(mode: str, tmp_path: Path) -> None:
    total, log = Tally(), Log(tmp_path / "log", "x", tally_of)
    for tally in campaign(batches_of("kill-and-rewind", [mode], 1)[::4], hold, log, 1):
        total.add(tally)
    assert total.runs > 30
    assert total.violations == []


@pytest.mark.parametrize(
    ("ran", "promised"),
    [(AT_LEAST_ONCE, EXACTLY_ONCE[0]), (LATEST, EARLIEST)],
)
def test_a_promise_that_the_mode_does_not_keep_is_broken_somewhere(ran: str, promised: str) -> None:
    found = [
        broken_claim(promised, crashed.trial.judged(), crashed.trial.job)
        for batch in batches_of("kill-and-rewind", [ran], 1)[4:6]
        for crashed in crash_runs(batch.stretch)
    ]
    assert any(found)


def test_a_record_that_nobody_foretold_is_named() -> None:
    """A judge that hears of a restore from nowhere has no cut to foretell anything by."""
    plan = plan_of("kill-and-rewind", AT_LEAST_ONCE, 0)
    part = stretches(plan, undisturbed(plan).step)[4]
    named = []
    for crashed in crash_runs(part):
        judge = crashed.trial.judged()
        if judge.found().duplicated:
            assert judge.found() == judge.foretold()
            judge._foresight.cut = None
            named.append(broken_claim(AT_LEAST_ONCE, judge, crashed.trial.job))
    assert named
    assert all("was not foretold" in why for why in named)


def test_a_run_that_goes_on_for_ever_is_stuck() -> None:
    plan = plan_of(FAST, EARLIEST, 0)
    short = replace(plan, settings=replace(plan.settings, max_steps=10))
    trial = Trial(short)
    trial.finish()
    assert "did not finish" in broken_claim(EARLIEST, trial.judged(), trial.job)


def test_every_situation_that_is_asked_for_can_be_named() -> None:
    assert {one for wanted in MUST_MEET.values() for one in wanted} <= set(SITUATIONS)
    assert Tally().missed(MODES)


def test_a_campaign_goes_on_where_it_was(tmp_path: Path) -> None:
    batches, path = batches_of(FAST, [LATEST], 1), tmp_path / "log.jsonl"
    whole = list(campaign(batches, hold, Log(path, "x", tally_of), 1))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:10])
    log = Log(path, "x", tally_of)
    assert len(log.done) == 2
    assert list(campaign(batches, hold, log, 1)) == whole
    assert list(Log(path, "x", tally_of).done.values()) == whole


def test_a_violation_survives_the_log(tmp_path: Path) -> None:
    found = Violation(FAST, LATEST, 1, ((3, "gate[0]"), (9, "gate[0]")), "why")
    Log(tmp_path / "log", "x", tally_of).write("a", Tally(4, [found]))
    assert Log(tmp_path / "log", "x", tally_of).done == {"a": Tally(4, [found])}


def test_a_log_cut_off_in_its_first_line_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"campaign": "x"}')
    Log(path, "x", tally_of).write("one", Tally(runs=3))
    assert Log(path, "x", tally_of).done == {"one": Tally(runs=3)}


@pytest.mark.parametrize(
    "text", ["{}", "[]\n", "[" * 200_000, '{"campaign": "y"}\n', '{"campaign": "x"}\n{}\n']
)
def test_a_log_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text)
    with pytest.raises(BandvizError, match="log"):
        Log(tmp_path / "log", "x", tally_of)


def test_the_same_batch_comes_to_the_same_tally() -> None:
    batch = batches_of(FAST, [EARLIEST], 2)[-1]
    assert isinstance(batch, Batch)
    assert hold(batch) == hold(batch)


def test_verify_prints_its_figures(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["verify", "--exhaustive", "--scenario", FAST, "--mode", LATEST, "--schedules", "1",
               "--workers", "1", "--json", "--log", str(tmp_path / "log")]  # fmt: skip
    assert run_cli(command) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) >= {
        "runs", "violations", "modes", "scenarios", "runs_per_second", "sometimes",
    }  # fmt: skip
    assert printed["violations"] == 0
    assert run_cli(command) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == printed["runs"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which campaign"),
        (["--exhaustive", "--pairs"], "which campaign"),
        (["--exhaustive", "--mode", "twice"], "there is no mode twice"),
        (["--exhaustive", "--scenario", "nowhere"], "nowhere"),
        (["--zoo", "--scenario", FAST], "--scenario has no meaning for --zoo"),
        (["--swarm", "2", "--out", "there"], "--out has no meaning for --swarm"),
    ],
)
def test_a_campaign_that_is_none_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["verify", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_interrupted_campaign_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def twice(*_: object) -> Iterator[Tally]:
        yield Tally(7)
        raise KeyboardInterrupt

    monkeypatch.setattr("bandviz.lab.campaign.each", twice)
    command = ["verify", "--exhaustive", "--scenario", FAST, "--mode", LATEST, "--schedules", "1"]
    assert run_cli(command) == 130
    said = capsys.readouterr().err
    assert "interrupted after 7 runs" in said
    again = shlex.split(said.split("the rest: bandviz ")[1])
    assert again[: len(command)] == command
    log = Path(again[-1])
    assert len(log.read_text().splitlines()) == 2
    monkeypatch.undo()
    assert run_cli([*again, "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] > 7
    shutil.rmtree(log.parent)


def test_an_interrupted_hunt_goes_on_behind_what_it_has_caught(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[str] = []

    def look(_: object, left: list[Quarry], __: int) -> Iterator[Caught]:
        for one in left:
            asked.append(one.name)
            if len(asked) == len(SOUND) + 3:
                raise KeyboardInterrupt
            yield Caught(one.name, 5, 0, {"cut_ledger"} if one.breakage else set(), 2, ["a.bvt"])

    monkeypatch.setattr("bandviz.lab.campaign.each", look)
    out, log = tmp_path / "out of order", tmp_path / "log"
    assert run_cli(["verify", "--zoo", "--out", str(out), "--log", str(log)]) == 130
    said = capsys.readouterr().err
    assert f"interrupted after {5 * len(asked) - 5} runs" in said
    again = shlex.split(said.split("the rest: bandviz ")[1])
    assert again == ["verify", "--zoo", "--out", str(out), "--log", str(log)]
    assert run_cli([*again, "--json"]) == 1
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert (told["entries"], told["false_alarms"]) == (len(ZOO), 0)
    assert list(told["per_entry"]) == list(ZOO)
    assert 0 < told["killed"] < len(ZOO)
    assert printed.err.count("2 events, in a.bvt") == len(ZOO)
    assert len(asked) == 1 + len(SOUND) + len(ZOO)  # the interrupted one came twice
    assert run_cli(["verify", "--zoo", "--log", str(log)]) == 2  # it leaves no files behind


def test_the_swarm_is_judged_and_can_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["verify", "--swarm", "60", "--workers", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["runs"], printed["violations"]) == (60, 0)
    case = json.dumps(asdict(draw(7)))
    assert read_case(case) == draw(7)
    assert run_cli(["verify", "--case", case]) == 0
    assert run_cli(["verify", "--case", "{}"]) == 2
