"""The price of a guarantee: figures from runs, and advice that follows from them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from bandviz.cli import run_cli
from bandviz.graph.specs import SinkSpec
from bandviz.lab.price import (
    APPEND,
    EXACT_ALIGNED,
    EXACT_UNALIGNED,
    UPSERT,
    Bill,
    advice,
    bill,
    table,
    ways_of,
)


@cache
def found() -> dict[str, Bill]:
    """Of the lesson."""
    return {way.name: bill(way) for way in ways_of("kill-and-rewind")}


def test_weaker_promises_are_faster_and_wrong() -> None:
    append, upsert, exact = (found()[name] for name in (APPEND, UPSERT, EXACT_ALIGNED))
    assert append.latency_ms < exact.latency_ms
    assert append.blocked_ms == 0 < exact.blocked_ms
    assert append.worst_duplicates > upsert.worst_duplicates > 0 == exact.worst_duplicates
    assert append.wrong_runs > 0 == exact.wrong_runs
    assert all(one.worst_lost == 0 for one in found().values())
    assert found()[EXACT_UNALIGNED].bytes_persisted > exact.bytes_persisted


def test_latency_of_an_append_sink_is_the_way_there() -> None:
    """350 or 910 ms on the way, some 60 at work, 100 to the board."""
    assert 350 + 100 < found()[APPEND].latency_ms < 910 + 350 + 100
    assert found()[APPEND].latency_ms <= found()[APPEND].latency_p99_ms


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, f"Take {EXACT_ALIGNED}"),
        ({UPSERT: {"wrong_runs": 0, "worst_duplicates": 0}}, f"Take {UPSERT}"),
        ({APPEND: {"wrong_runs": 0, "worst_duplicates": 0}}, f"Take {APPEND}"),
        ({EXACT_UNALIGNED: {"latency_ms": 1.0}}, f"Take {EXACT_UNALIGNED}"),
    ],
)
def test_advice_follows_the_figures_and_names_what_it_assumes(
    changes: dict[str, dict[str, Any]], said: str
) -> None:
    bills = [replace(one, **changes.get(one.name, {})) for one in found().values()]
    assert advice(bills).startswith(said)
    assert "Assumed:" in advice(bills)


def test_the_table_fits_a_terminal() -> None:
    lines = table(list(found().values()))
    assert max(map(len, lines)) <= 100
    assert len(lines) == 12


def test_other_sinks_can_be_priced_as_well() -> None:
    """One with a key, one with a committer."""
    contracts = {
        way.name: [
            vertex.spec.contract.value
            for vertex in way.plan.graph.vertices
            if isinstance(vertex.spec, SinkSpec)
        ]
        for way in ways_of("three-sinks")
    }
    assert contracts[APPEND] == ["append"] * 3
    assert contracts[UPSERT] == ["upsert"] * 3
    assert contracts[EXACT_ALIGNED] == ["two_phase", "two_phase", "transactional"]


def test_price_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["price", "no-net", "--workers", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [way["name"] for way in printed["ways"]] == list(found())
