"""Shipped scenarios end as they say, live and from their recordings; a broken engine does not."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import pytest

from bandviz.cli import run_cli
from bandviz.engine import alignment
from bandviz.engine.alignment import Alignment, AlignmentPhase, Effect, EffectKind, Signal
from bandviz.events.job import CheckpointRefused, FaultInjected, RestoreStarted
from bandviz.ids import CheckpointId
from bandviz.report.headless import Outcome, drive, judge_recording
from bandviz.scenario import catalog
from bandviz.scenario.build import load_plan, variants_of
from bandviz.session.opening import open_recording
from bandviz.session.run import Run
from bandviz.session.session import Session

ROOT: Final = Path(__file__).parent.parent.parent
DAMAGED: Final = ROOT / "tests" / "data" / "damaged-checkpoint.yaml"
RUNS: Final = [(name, variant) for name in catalog.names() for variant in ("", *variants_of(name))]


@pytest.mark.parametrize("name", catalog.names())
def test_a_scenario_and_its_variants_pass_their_checks(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["check", name]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [line[:4] for line in said.out.splitlines()] == ["pass"] * (1 + len(variants_of(name)))


@pytest.mark.parametrize(("name", "variant"), RUNS)
def test_a_recording_is_judged_as_its_run_was(
    name: str, variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.bvt"
    live = drive(load_plan(name, variant=variant), record=path)
    opened = open_recording(path)
    assert opened.note == ""
    assert opened.timeline is not None
    assert judge_recording(opened).result == live.result
    assert run_cli(["check", str(path)]) == 0
    assert capsys.readouterr().out.startswith("pass")


@pytest.mark.parametrize(("name", "variant"), RUNS)
def test_a_script_does_all_that_it_says_and_its_questions_have_one_right_answer(
    name: str, variant: str
) -> None:
    session = Session(load_plan(name, variant=variant))
    session.begin()
    revealed: dict[str, int | None] = {}
    while session.ended is None:
        session.next_beat()
        session.finish_motion()
        guess = session.guess()
        if guess is not None:
            assert len(set(guess.options)) == len(guess.options)
            revealed[guess.question.id] = guess.right
    assert session.run is not None
    assert session.run.unmatched() == ()
    assert revealed.keys() == {question.id for question in session.plan.questions}
    assert None not in revealed.values()


# ---------------------------------------------------------------- engines that are wrong on purpose


def read_on(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """Reads the channel on as if nothing had come."""
    return [Effect(EffectKind.RESUME, checkpoint_id, channel)]


def without_blocking(monkeypatch: pytest.MonkeyPatch) -> None:
    collecting = AlignmentPhase.COLLECTING
    cell = (collecting, (alignment._count, read_on))
    monkeypatch.setitem(alignment.ALIGNMENT[collecting], Signal.BARRIER, cell)


@pytest.mark.parametrize("seed", [1, 2, 7, 20])
def test_alignment_that_never_blocks_is_found_out(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = drive(load_plan("kill-and-rewind", seed=seed)).folded.verdict()
    assert sound.holds is True
    without_blocking(monkeypatch)
    broken = drive(load_plan("kill-and-rewind", seed=seed)).folded.verdict()
    assert broken.holds is False
    assert broken.state == "duplicated"
    gaps = [item.sentence for item in broken.violations if item.rule == "cut_ledger"]
    assert any("would be applied twice" in gap for gap in gaps)
    assert any("north" in gap for gap in gaps), "the ledger names the channel"


def test_check_fails_where_the_engine_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_blocking(monkeypatch)
    assert run_cli(["check", "kill-and-rewind"]) == 1
    assert "FAIL  verdict: holds false, state duplicated" in capsys.readouterr().out


# ---------------------------------------------------------------------------- a damaged checkpoint


def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_taken() -> None:
    run = Run(load_plan(str(DAMAGED)))
    while run.ended is None:
        run.advance()
    events = [entry.event for entry in run.timeline.entries(0, len(run.timeline))]
    told: list[Any] = [
        event
        for event in events
        if isinstance(event, FaultInjected | CheckpointRefused | RestoreStarted)
    ]
    assert [type(event).__name__ for event in told] == [
        "FaultInjected", "FaultInjected", "CheckpointRefused", "RestoreStarted",
    ]  # fmt: skip
    assert [event.fault for event in told[:2]] == ["corrupt_checkpoint", "kill"]
    assert (told[2].checkpoint_id, told[2].file) == (2, "count-0")
    assert "checksum" in told[2].detail
    assert told[3].checkpoint_id == 1


def test_rows_of_the_damaged_checkpoint_stay_visible_and_come_twice() -> None:
    outcome: Outcome = drive(load_plan(str(DAMAGED)))
    verdict = outcome.result["verdict"]
    assert (verdict["holds"], verdict["state"], verdict["output"]) == (False, "exact", "duplicated")
    assert outcome.result["checkpoints"][1]["status"] == "damaged"
    assert all(check["ok"] for check in outcome.result["checks"])
    assert outcome.unmatched == ()


# ------------------------------------------------------------------------------------- packaging


def shipped_files() -> set[str]:
    files = (path for path in (ROOT / "scenarios").rglob("*") if path.is_file())
    return {path.relative_to(ROOT / "scenarios").as_posix() for path in files}


def test_a_wheel_takes_along_every_scenario_with_its_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    taken = settings["targets"]["wheel"]["force-include"]
    assert taken == {"scenarios": "bandviz/_scenarios"}
    assert {f"{name}.yaml" for name in catalog.names()} <= shipped_files()
    for name in catalog.names():
        load_plan(str(ROOT / "scenarios" / f"{name}.yaml"))


def test_the_note_on_the_data_knows_every_file_by_its_sum_and_rows() -> None:
    folder = ROOT / "scenarios" / "data"
    note = (folder / "README.md").read_text()
    for path in sorted(folder.glob("*.csv")):
        data = path.read_bytes()
        rows, summed = data.count(b"\n") - 1, sha256(data).hexdigest()
        assert f"| `{path.name}` | {rows:,} | `{summed}` |" in note


def test_the_wheel_itself_holds_them(tmp_path: Path) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")
    built = next(wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path)))
    with ZipFile(built) as archive:
        names = archive.namelist()
    inside = {name.removeprefix("bandviz/_scenarios/") for name in names if "/_scenarios/" in name}
    assert inside == shipped_files()


def test_an_installed_package_looks_inside_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bandviz" / "_scenarios").mkdir(parents=True)
    text = (ROOT / "scenarios" / "one-barrier.yaml").read_text()
    (tmp_path / "bandviz" / "_scenarios" / "one-barrier.yaml").write_text(text)
    monkeypatch.setattr(catalog, "_PACKAGE", tmp_path / "bandviz")
    assert catalog.names() == ["one-barrier"]
    assert run_cli(["check", "one-barrier"]) == 0
