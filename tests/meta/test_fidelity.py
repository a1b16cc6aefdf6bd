"""docs/fidelity.md speaks of each of Flink's rules, once, and says why one is not modelled."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "fidelity.md"
COUNTS: Final = {
    "1.1": 12, "1.2": 21, "1.3": 21, "2.1": 10, "2.2": 9, "2.3": 7, "2.4": 6,
    "3": 13, "4.1": 10, "4.2": 7,
}  # fmt: skip
"""Rules of each part."""
RULES: Final = [f"{part}.{n + 1}" for part, count in COUNTS.items() for n in range(count)] + ["5"]
STATES: Final = ("modelled", "simplified", "absent", "ours", "different on purpose")


def rows() -> list[list[str]]:
    """Cells of every row of every table, heads and rulers left out."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "rule"]


def test_each_rule_has_one_row_and_the_rows_are_in_order() -> None:
    assert [row[0] for row in rows() if len(row) == 4] == RULES


def test_nothing_is_said_twice() -> None:
    said = [row[-3] for row in rows()]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_a_row_says_what_is_true_of_its_rule_and_why_if_it_is_not_modelled(row: list[str]) -> None:
    state, note = row[-2:]
    assert state in STATES
    assert note or state == "modelled"
