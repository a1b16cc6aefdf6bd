"""Coordinator, failure counting and plans: expectations come from Flink's own classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import drive_coordinator, drive_failures, drive_plan

FILE = Path(__file__).with_name("flink-cases.json")
CASES = json.loads(FILE.read_text())


def named(family: str) -> list[Any]:
    return [pytest.param(case, id=str(case["name"])) for case in CASES[family]]


@pytest.mark.parametrize("case", named("coordinator_cases"))
def test_the_coordinator_decides_as_flink_does(case: dict[str, Any]) -> None:
    assert drive_coordinator.run(case) == case["expect"]


@pytest.mark.parametrize("case", named("failure_cases"))
def test_failures_are_counted_as_flink_counts_them(case: dict[str, Any]) -> None:
    assert drive_failures.run(case) == case["expect"]


@pytest.mark.parametrize("case", named("plan_cases"))
def test_a_plan_is_flinks(case: dict[str, Any]) -> None:
    assert drive_plan.run(case) == case["expect"]
