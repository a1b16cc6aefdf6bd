"""Every file of tests/data/bad-scenarios says in its last comments what has to be found in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandviz.errors import ScenarioError
from bandviz.scenario.build import build
from bandviz.scenario.findings import Finding
from bandviz.scenario.lint import lint
from bandviz.scenario.load import load

FOLDER = Path(__file__).parent.parent / "data" / "bad-scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))
MARK = "# expect: "


def told(path: Path, finding: Finding) -> str:
    where = finding.where.removeprefix(f"{path}:").removeprefix(f"{FOLDER}/")
    return f"{where}: {finding.sentence}" + (f" ({finding.hint})" if finding.hint else "")


def test_the_folder_is_not_empty() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_exactly_the_expected_findings_in_the_order_of_the_file(path: Path) -> None:
    lines = path.read_text().splitlines()
    expected = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    assert expected, "the file says nothing of what is wrong with it"
    assert [told(path, finding) for finding in lint(path)] == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_loading_or_building_refuses_it(path: Path) -> None:
    with pytest.raises(ScenarioError):  # noqa: PT012 - a variant may be what is wrong
        scenario = load(path)
        for variant in ("", *scenario.variants):
            build(scenario, variant)


def test_a_finding_shows_line_caret_and_help() -> None:
    path = FOLDER / "misspelt-field.yaml"
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert caught.value.message == "\n".join(
        (
            f"{path}:10:44: unknown field 'paralelism'",
            "    10 |   - {uid: votes, kind: source, topic: box, paralelism: 2}",
            "       |                                            ^",
            "       = help: did you mean 'parallelism'?",
            f"{path}:14:5: unknown field 'max_paralelism'",
            "    14 |     max_paralelism: 4",
            "       |     ^",
            "       = help: did you mean 'max_parallelism'?",
        )
    )
