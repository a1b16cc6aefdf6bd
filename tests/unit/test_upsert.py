"""One row a key: what a table holds, what the judge says of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bandviz.check.judge import judge
from bandviz.events import Entry
from bandviz.events.sink import RowsUpserted
from bandviz.events.values import pack, unpack
from bandviz.functions.rows import Row
from bandviz.graph.specs import AggregateSpec, Emit, JobGraph, SinkContract, SinkSpec
from bandviz.world.tables import MemoryTables
from tests.engines import job_of, run, vote_graph

SPEC = SinkSpec(topic="board", contract=SinkContract.UPSERT, upsert_key=("animal",))


def graph(parallelism: int = 1) -> JobGraph:
    """The votes with running counts, one row an animal."""
    vertices = []
    for vertex in vote_graph(SinkContract.UPSERT, parallelism).vertices:
        if isinstance(vertex.spec, AggregateSpec):
            vertex = replace(vertex, spec=replace(vertex.spec, emit=Emit.RUNNING))
        vertices.append(replace(vertex, spec=SPEC) if vertex.uid == "board" else vertex)
    return replace(vote_graph(SinkContract.UPSERT), vertices=tuple(vertices))


def table(entries: list[Entry]) -> dict[str, int]:
    """What stands there in the end."""
    events = [entry.event for entry in entries if isinstance(entry.event, RowsUpserted)]
    return {name: count for event in events for name, count in unpack(event.rows)}


@pytest.mark.parametrize("parallelism", [1, 2])
def test_killed_at_any_step_the_table_is_right_in_the_end(parallelism: int) -> None:
    for step in range(3, 150, 29):
        entries = run(job_of(graph(parallelism)), kills={step: "count[0]"})
        assert table(entries) == {"c": 7, "d": 9}
        verdict = judge(entries)
        assert (verdict.output, verdict.holds) == ("exact", True), f"kill at {step}: {verdict}"


def test_judge_sees_a_row_that_did_not_get_its_last_value() -> None:
    entries = run(job_of(graph()))
    last = max(i for i, entry in enumerate(entries) if isinstance(entry.event, RowsUpserted))
    event = entries[last].event
    assert isinstance(event, RowsUpserted)
    ((name, count),) = unpack(event.rows)
    late = replace(event, rows=pack([(name, count - 1)]))
    told = [*entries[:last], entries[last]._replace(event=late), *entries[last + 1 :]]
    assert judge(told).output == "wrong"
    silent = [*entries[:last], *entries[last + 1 :]]
    assert judge(silent).holds is False


def test_judge_sees_a_table_that_finds_the_wrong_row(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = MemoryTables.upsert

    def one_for_all(self: MemoryTables, name: str, keys: Sequence[Row], rows: Sequence[Row]) -> int:
        return sound(self, name, [() for _ in keys], rows)

    assert judge(run(job_of(graph()))).holds is True
    monkeypatch.setattr(MemoryTables, "upsert", one_for_all)
    verdict = judge(run(job_of(graph())))
    assert verdict.holds is False
    assert [one.rule for one in verdict.violations] == ["one_row_a_key"]


def test_a_table_replaces_by_key_and_its_copy_goes_its_own_way() -> None:
    tables = MemoryTables()
    assert tables.upsert("t", [("a",), ("b",), ("a",)], [("a", 1), ("b", 1), ("a", 2)]) == 1
    twin = copy.deepcopy(tables)
    assert twin.upsert("t", [("b",)], [("b", 5)]) == 1
    assert tables.rows("t") == (("a", 2), ("b", 1))
    assert twin.rows("t") == (("a", 2), ("b", 5))
    assert tables.rows("unknown") == ()
