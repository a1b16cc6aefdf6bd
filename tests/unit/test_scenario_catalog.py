"""Shipped scenarios, lint, and the schema for editors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bandviz.errors import ScenarioError
from bandviz.scenario.build import build, load_plan, variants_of
from bandviz.scenario.catalog import entries, folder, names, resolve
from bandviz.scenario.lint import lint
from bandviz.scenario.load import load, parse
from bandviz.scenario.schema import FORMS, json_schema
from bandviz.scenario.templates import FACTS, Argument

DOCS = Path(__file__).parent.parent.parent / "docs" / "scenario-format.md"


def test_the_home_screen_starts_with_the_crash() -> None:
    assert [entry.name for entry in entries()][:3] == [
        "kill-and-rewind", "one-barrier", "nyc-flights",
    ]  # fmt: skip
    first = entries()[0]
    assert (first.title, first.order, first.minutes) == ("Cats or dogs?", 1, 5)
    assert first.path == folder() / "kill-and-rewind.yaml"


@pytest.mark.parametrize("name", names())
def test_a_shipped_scenario_has_nothing_to_complain_about(name: str) -> None:
    assert [str(finding) for finding in lint(resolve(name))] == []


def test_names_and_paths(tmp_path: Path) -> None:
    assert resolve("one-barrier") == folder() / "one-barrier.yaml"
    for path in ("./one-barrier", "mine.yaml", str(tmp_path), "x/y", ".", "", "noise.bin"):
        assert resolve(path) == Path(path)
    with pytest.raises(ScenarioError, match="did you mean 'one-barrier'"):
        resolve("one-barier")
    with pytest.raises(ScenarioError, match="␛"):
        load(resolve("\x1b[2J"))


def test_variants_by_name() -> None:
    assert variants_of("kill-and-rewind") == ("append",)
    assert load_plan("kill-and-rewind", variant="append").settings.variant == "append"


WORTH_A_WARNING = """\
version: 1
name: other
title: A
topics: [{name: t, fields: [a], partitions: [{label: p, rows: [1]}]}]
pipeline:
  - {uid: in, kind: source, topic: t, parallelism: 2}
  - {uid: out, kind: sink, topic: o, contract: append, inputs: [{from: in}]}
parts: [one, two]
beats:
  - {id: b, on: verdict, headline: h}
questions:
  - {id: q, beat: b, reveal: b, ask: a, options: ["1", "1"], key: "1"}
"""


def test_lint_warns_of_what_an_author_forgets(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(WORTH_A_WARNING)
    findings = lint(path)
    assert not any(finding.is_error for finding in findings)
    assert [finding.sentence for finding in findings] == [
        "no summary",
        "no checks: nothing says how a run has to end",
        "the file is called 'a'",
        "more subtasks than partitions (1)",
        "no beat in part 'two'",
        "beat 'b' has no text",
        "two equal options",
        "the key is the same in every run",
    ]
    assert ": warning: no summary" in str(findings[0])


def test_the_json_schema_knows_every_field_and_is_json() -> None:
    schema = json.loads(json.dumps(json_schema()))
    for form in FORMS:
        assert set(schema["$defs"][form.__name__]["properties"]) == set(form.model_fields)
    operators = schema["$defs"]["Document"]["properties"]["pipeline"]["items"]["discriminator"][
        "mapping"
    ]
    assert list(operators) == [
        "aggregate", "broadcast", "deduplicate", "filter", "flat_map", "interval_join", "key_by",
        "map", "process", "reduce", "sink", "source", "union", "window", "window_join",
    ]  # fmt: skip
    inputs = schema["$defs"]["Input"]["properties"]
    assert "from" in inputs
    assert schema["$defs"]["Beat"]["additionalProperties"]


def test_the_example_of_the_documentation_runs() -> None:
    text = DOCS.read_text()
    example = text.split("```yaml\n")[1].split("```")[0]
    scenario = parse(example, name="docs")
    for variant in ("", *scenario.variants):
        assert build(scenario, variant).checks


def test_the_documentation_names_every_field() -> None:
    text = DOCS.read_text()
    schema = json_schema()
    models = [schema, *schema["$defs"].values()]
    missing = [
        name for model in models for name in model.get("properties", {}) if f"`{name}`" not in text
    ]
    assert missing == []


@pytest.mark.parametrize("name", list(FACTS))
def test_the_documentation_names_every_fact(name: str) -> None:
    argument = {
        Argument.UID: ".UID",
        Argument.SINK: ".SINK",
        Argument.LABEL: ".LABEL",
        Argument.TRANSACTION: ".NUMBER",
    }
    assert f"`{{{name}{argument.get(FACTS[name], '')}}}`" in DOCS.read_text()


def test_a_scenario_keeps_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WORTH_A_WARNING)
    assert load(tmp_path / "a.yaml").folder == tmp_path
