"""Our own cases, in the format of Flink's: what the rules say about neighbours of those cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.case_format import Case, UnknownInCaseError
from tests.conformance.drivers import DRIVERS, run_case
from tests.conformance.test_barriers import seen_by

CASES = json.loads(Path(__file__).with_name("more-cases.json").read_text())


@pytest.mark.parametrize(
    ("family", "case"),
    [
        pytest.param(family, case, id=str(case["name"]))
        for family in DRIVERS
        for case in CASES[family]
    ],
)
def test_neighbouring_cases_follow_the_rules(family: str, case: Case) -> None:
    found, expected = run_case(family, case), case["expect"]
    if case.get("compare") == "per_channel":
        for channel in range(case["channels"]):
            assert seen_by(channel, found["output"]) == seen_by(channel, expected["output"])
        found["output"] = expected["output"]
    assert found == expected


@pytest.mark.parametrize(
    ("family", "case"),
    [
        ("no_cases", {}),
        ("cases", {"mode": "aligned", "channels": 1, "input": [{"nothing": 1}], "expect": {}}),
        ("cases", {"mode": "aligned", "channels": 1, "input": [], "expect": {"nothing": 1}}),
        ("subpartition_cases", {"events": [{"op": "nothing"}], "expect": {}}),
        (
            "subpartition_cases",
            {"events": [{"op": "barrier", "id": 1, "kind": "nothing"}], "expect": {}},
        ),
        ("task_cases", {"events": [{"op": "nothing"}], "expect": {}}),
        (
            "coordinator_cases",
            {"config": {"tasks": ["A"]}, "events": [{"op": "nothing"}], "expect": {}},
        ),
        (
            "plan_cases",
            {
                "vertices": {"A": {"parallelism": 1}},
                "edges": [{"from": "A", "to": "A", "pattern": "nothing"}],
                "expect": {},
            },
        ),
        ("twophase_cases", {"events": [{"op": "nothing"}], "expect": {}}),
        ("committer_cases", {"events": [{"op": "nothing"}], "expect": {}}),
        ("keygroup_cases", {"kind": "nothing", "expect": {}}),
    ],
)
def test_what_a_driver_does_not_know_is_named(family: str, case: Case) -> None:
    with pytest.raises(UnknownInCaseError, match="no"):
        run_case(family, case)
