"""`check` of a recording in which a person gave commands: the script's own checks do not apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandviz.cli import run_cli
from bandviz.engine.faults import Fault
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run


def played(path: Path, scenario: str, variant: str, faults: dict[int, Fault]) -> str:
    """What a person saves who breaks these at these steps."""
    run = Run(load_plan(scenario, variant=variant))
    run.record(path)
    while run.ended is None:
        fault = faults.get(run.steps)
        if fault is not None:
            run.command(fault)
        else:
            run.advance()
    return str(path)


KILL = Fault("kill", "count[0]")


@pytest.mark.parametrize(
    ("scenario", "variant", "faults", "word", "status"),
    [
        ("kill-and-rewind", "", {20: KILL}, "pass", 0),
        ("kill-and-rewind", "append", {70: KILL}, "pass", 0),
        ("kill-and-rewind", "", {60: Fault("corrupt_checkpoint", "1"), 61: KILL}, "FAIL", 1),
    ],
)
def test_it_is_held_against_what_its_settings_promise(
    scenario: str,
    variant: str,
    faults: dict[int, Fault],
    word: str,
    status: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = played(tmp_path / "mine.bvt", scenario, variant, faults)
    found = run_cli(["check", path])
    out = capsys.readouterr().out
    assert (found, out[:4]) == (status, word), out
    assert "its script's checks do not apply: commands were given by hand" in out
    assert "VERDICT" in out
