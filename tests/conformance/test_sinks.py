"""Both kinds of transactional sink: expectations come from Flink's own classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import drive_committer, drive_twophase

CASES = json.loads(Path(__file__).with_name("flink-cases.json").read_text())


@pytest.mark.parametrize("case", CASES["twophase_cases"], ids=lambda case: str(case["name"]))
def test_two_phase_sink_does_as_flinks(case: dict[str, Any]) -> None:
    assert drive_twophase.run(case) == case["expect"]


@pytest.mark.parametrize("case", CASES["committer_cases"], ids=lambda case: str(case["name"]))
def test_committer_does_as_flinks(case: dict[str, Any]) -> None:
    assert drive_committer.run(case) == case["expect"]
