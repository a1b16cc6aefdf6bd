"""The inspector's view of expressions: the tree, and what the next record makes of it."""

from __future__ import annotations

import pytest

from bandviz.events import Level
from bandviz.ids import SubtaskId
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run

WEIGH = SubtaskId("weigh", 0)
WORDS = ["//", "  *", "    kilos", "    1000", "  pieces"]


def until_the_first_crate_comes(level: Level) -> RunModel:
    run = Run(load_plan("empty-crate"), level=level)
    model = RunModel()
    while True:
        for entry in run.advance():
            model.apply(entry)
        inputs = selectors.inspect(model, WEIGH).inputs if WEIGH in model.subtasks else ()
        if any(element.kind == "record" for one in inputs for element in one.elements):
            return model


@pytest.mark.parametrize(
    ("level", "values"),
    [(Level.RECORD, ["150", "3000", "3", "", "20"]), (Level.FLOW, [""] * 5)],
)
def test_a_subtask_shows_its_expression_on_the_next_record(level: Level, values: list[str]) -> None:
    (logic,) = selectors.inspect(until_the_first_crate_comes(level), WEIGH).logic
    assert logic.text == "grams = kilos * 1000 // pieces"
    assert logic.tree == tuple(zip(WORDS, values, strict=True))


def test_other_logic_has_no_expressions() -> None:
    model = until_the_first_crate_comes(Level.RECORD)
    shown = {name.vertex: len(selectors.inspect(model, name).logic) for name in model.subtasks}
    assert shown == {"scale": 0, "weigh": 1, "fruit": 1, "book": 0, "returns": 0}
