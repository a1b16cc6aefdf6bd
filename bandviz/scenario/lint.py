"""All that is wrong with a scenario file, and what its author may have forgotten."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from bandviz.scenario.build import build
from bandviz.scenario.findings import Finding, Problems, RefusedScenario
from bandviz.scenario.load import Scenario, load
from bandviz.scenario.operators import Source
from bandviz.scenario.plan import Plan
from bandviz.scenario.reader import locate
from bandviz.scenario.schema import Document

HEADLINE_LONG: Final = 90
TEXT_LONG: Final = 3 * 94


def lint(path: Path) -> list[Finding]:
    """Errors of the file and of each variant; if there are none, warnings."""
    try:
        scenario = load(path)
        plan = build(scenario)
        for variant in scenario.variants:
            build(scenario, variant)
    except RefusedScenario as refused:
        return list(refused.findings)
    problems = Problems(scenario.source, partial(locate, scenario.root))
    _about_file(scenario, path, problems)
    _about_input(scenario, plan, problems)
    _about_script(scenario, problems)
    return problems.findings()


def _about_file(scenario: Scenario, path: Path, problems: Problems) -> None:
    document = scenario.document
    if document.name != path.stem:
        problems.add(("name",), f"the file is called '{path.stem}'", warning=True)
    if not document.summary:
        problems.add((), "no summary", warning=True)
    if not document.checks:
        problems.add((), "no checks: nothing says how a run has to end", warning=True)
    spoken = {beat.part for beat in document.beats}
    for index, part in enumerate(document.parts):
        if index + 1 not in spoken:
            problems.add(("parts", index), f"no beat in part '{part}'", warning=True)


def _about_input(scenario: Scenario, plan: Plan, problems: Problems) -> None:
    document = scenario.document
    if not isinstance(document, Document):
        return
    sources = {
        index: operator
        for index, operator in enumerate(document.pipeline)
        if isinstance(operator, Source)
    }
    widths = {topic.name: len(topic.partitions) for topic in plan.topics}
    for index, source in sources.items():
        if source.parallelism > widths[source.topic]:
            sentence = f"more subtasks than partitions ({widths[source.topic]})"
            problems.add(("pipeline", index, "parallelism"), sentence, warning=True)


def _about_script(scenario: Scenario, problems: Problems) -> None:
    for index, beat in enumerate(scenario.document.beats):
        at = ("beats", index)
        if not beat.text:
            problems.add(at, f"beat '{beat.id}' has no text", warning=True)
        if len(beat.headline) > HEADLINE_LONG:
            sentence = f"a headline of more than {HEADLINE_LONG} characters is cut"
            problems.add((*at, "headline"), sentence, warning=True)
        if len(" ".join(beat.text.split())) > TEXT_LONG:
            sentence = "more than three lines of text"
            problems.add((*at, "text"), sentence, warning=True)
    for index, question in enumerate(scenario.document.questions):
        if "{" not in question.key:
            sentence = "the key is the same in every run"
            hint = "compute it with a fact such as {restored.count}"
            problems.add(("questions", index, "key"), sentence, hint, warning=True)
        if len(dict.fromkeys(question.options)) < len(question.options):
            problems.add(("questions", index, "options"), "two equal options", warning=True)
