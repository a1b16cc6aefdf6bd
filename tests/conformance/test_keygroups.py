"""Key groups and redistribution: expectations come from Flink's own classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import drive_keygroups

FILE = Path(__file__).with_name("flink-cases.json")
CASES = json.loads(FILE.read_text())["keygroup_cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_state_goes_where_flink_sends_it(case: dict[str, Any]) -> None:
    assert drive_keygroups.run(case) == case["expect"]
