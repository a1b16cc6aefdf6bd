"""Exercises are fair: the story goes wrong, one of the rules is the broken one, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandviz.cli import run_cli
from bandviz.cli.zoo import LETTERS, options_of
from bandviz.lab.zoo import ZOO, entry, loose
from bandviz.lab.zoo.exercises import EXERCISES
from bandviz.report.headless import drive
from bandviz.scenario.build import load_plan

PAGE = Path(__file__).parent.parent.parent / "docs" / "zoo.md"
NUMBERS = range(1, len(EXERCISES) + 1)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_story_goes_wrong_by_itself(number: int) -> None:
    with loose(f"exercise-{number}"):
        outcome = drive(load_plan(EXERCISES[number - 1].scenario))
    assert outcome.result["verdict"]["holds"] is False
    assert drive(load_plan(EXERCISES[number - 1].scenario)).result["verdict"]["holds"] is True


@pytest.mark.parametrize("number", NUMBERS)
def test_one_answer_is_right(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert len({one.rule for one in options_of(number)}) >= 3
    assert run_cli(["zoo", str(number)]) == 0
    asked = capsys.readouterr().out
    assert entry(f"exercise-{number}").name not in asked
    said = []
    for letter in LETTERS[: len(options_of(number))]:
        assert run_cli(["zoo", str(number), "--answer", letter]) == 0
        said.append(capsys.readouterr().out.startswith("Right."))
    assert sum(said) == 1


def test_the_page_names_every_engine() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in ZOO if f"| `{name}` |" not in page] == []
