"""One task and its channels do what Flink's classes do, in every barrier mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.drivers import run_case

CASES = json.loads(Path(__file__).with_name("flink-cases.json").read_text())
FAMILIES = ("cases", "subpartition_cases", "task_cases")


@pytest.mark.parametrize(
    ("family", "case"),
    [
        pytest.param(family, case, id=str(case["name"]))
        for family in FAMILIES
        for case in CASES[family]
    ],
)
def test_barriers_do_what_flink_does(family: str, case: dict[str, Any]) -> None:
    found, expected = run_case(family, case), case["expect"]
    if case.get("compare") == "per_channel":
        for channel in range(case["channels"]):
            assert seen_by(channel, found["output"]) == seen_by(channel, expected["output"])
        found["output"] = expected["output"]
    assert found == expected


def seen_by(channel: int, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of one channel, among all checkpoints and aborts."""
    return [item for item in output if item.get("ch", channel) == channel]
