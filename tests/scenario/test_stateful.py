"""Operators with state and timers in a whole job: a crash at any time changes no public row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from bandviz.engine.job import Job
from bandviz.events import Entry
from bandviz.events.sink import RowsVisible
from bandviz.events.values import unpack
from bandviz.graph.execution import unroll
from bandviz.scenario.build import load_plan
from bandviz.world import memory_world
from tests.engines import run

FILE: Final = Path(__file__).parent.parent / "data" / "stateful.yaml"
ROWS: Final = {
    "quiet-board": Counter(
        {
            ("a", 1, 10): 1, ("a", 2, 90): 1, ("b", 1, 20): 1, ("b", 2, 155): 1,
            ("c", 1, 15): 1, ("c", 2, 210): 1,
        }
    ),
    "paid-board": Counter(
        {
            (1, "a", 5, 10, "a", 5, 12): 1, (2, "b", 9, 20, "b", 9, 29): 1,
            (5, "c", 8, 15, "c", 8, 31): 1, (3, "a", 7, 90, "a", 8, 95): 1,
            (7, "b", 6, 150, "b", 10, 160): 1, (8, "b", 4, 155, "b", 10, 160): 1,
            (9, "c", 3, 210, "c", 5, 220): 1, (4, "c", 2, 200, "c", 5, 220): 1,
        }
    ),
    "again-board": Counter({(2, "b", 9, 20): 1, (1, "a", 5, 95): 1, (5, "c", 8, 15): 1}),
}  # fmt: skip


def played(kills: dict[int, str]) -> list[Entry]:
    plan = load_plan(str(FILE))
    job = Job(unroll(plan.graph), plan.settings, plan.topics, memory_world(plan.topics))
    return run(job, kills=kills)


def visible(entries: list[Entry]) -> dict[str, Counter[tuple[Any, ...]]]:
    """Public rows by sink."""
    rows: dict[str, Counter[tuple[Any, ...]]] = {}
    for entry in entries:
        if isinstance(entry.event, RowsVisible):
            rows.setdefault(entry.event.sink, Counter()).update(unpack(entry.event.rows))
    return rows


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Counter[tuple[Any, ...]]]:
    return visible(played({}))


def test_what_comes_out_is_what_was_worked_out_by_hand(
    undisturbed: dict[str, Counter[tuple[Any, ...]]],
) -> None:
    assert {sink: undisturbed[sink] for sink in ROWS} == ROWS
    rated = undisturbed["rated-board"]
    assert sum(rated.values()) == sum(row[-1] in ("any", "large") for row in rated.elements())
    assert max(row[2] for row in undisturbed["most-board"] if row[1] == "a") == 7


@pytest.mark.parametrize("step", range(60, 420, 45))
@pytest.mark.parametrize("victim", ["once[0]", "paid[1]", "quiet[0]"])
def test_a_crash_changes_no_public_row(
    victim: str, step: int, undisturbed: dict[str, Counter[tuple[Any, ...]]]
) -> None:
    rows = visible(played({step: victim}))
    assert {sink: rows[sink] for sink in ROWS} == ROWS
