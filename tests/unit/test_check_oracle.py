"""The reference, operator by operator, against rows worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bandviz.check.folds.base import Item, identity
from bandviz.check.oracle import Reference, fold
from bandviz.events import structure as st
from bandviz.events.records import record_hash
from bandviz.events.values import pack
from bandviz.ids import RecordId, ResultId, SubtaskId
from tests.judged_runs import Rows, declared

COUNT = {"function": {"fn": "count"}, "name": "n"}
BY_WORD = {"fn": "key", "fields": ("word",)}


def visible(reference: Reference) -> list[tuple[Any, ...]]:
    return [item.row for item in reference.visible["out"]]


WORDS: Rows = [("a b",), ("b",), ("c a b",)]


@pytest.mark.parametrize(
    ("kind", "spec", "rows"),
    [
        ("map", {"function": {"fn": "lower", "field": "word"}}, [("a b",), ("b",), ("c a b",)]),
        ("filter", {"function": {"fn": "equals", "field": "word", "value": "b"}}, [("b",)]),
        ("flat_map", {"function": {"fn": "split", "field": "word", "separator": " "}},
         [("a",), ("b",), ("b",), ("c",), ("a",), ("b",)]),
        ("aggregate", {"key": BY_WORD, "aggregates": [COUNT], "emit": "increment"},
         [("a b", 1), ("b", 1), ("c a b", 1)]),
    ],
)  # fmt: skip
def test_one_operator(kind: str, spec: Mapping[str, Any], rows: Rows) -> None:
    assert visible(fold(declared([("op", kind, ("word",), spec)], {"s": (WORDS, None)}))) == rows


SPLIT = ("split", "flat_map", ("word",),
         {"function": {"fn": "split", "field": "word", "separator": " "}})  # fmt: skip
RUNNING = ("count", "aggregate", ("word", "n"),
           {"key": BY_WORD, "aggregates": [COUNT], "emit": "running"})  # fmt: skip


def test_running_counts_keep_the_id_of_the_record_that_caused_them() -> None:
    reference = fold(declared([SPLIT, RUNNING], {"s": (WORDS, None)}))
    assert reference.visible["out"][-1] == Item(("b", 3), None, RecordId("s", 0, 2, (2,)))
    assert reference.state["count"] == sorted(
        (pack(word), pack((n,))) for word, n in (("a", 2), ("b", 3), ("c", 1))
    )


def test_a_key_of_two_fields_gives_two_columns() -> None:
    spec = {"key": {"fn": "key", "fields": ("x", "y")}, "aggregates": [COUNT], "emit": "increment"}
    chain = [("op", "aggregate", ("x", "y", "increment"), spec)]
    reference = fold(declared(chain, {"s": ([(1, 2)], None)}, fields=("x", "y")))
    assert visible(reference) == [(1, 2, 1)]
    assert reference.state["op"] == [(pack((1, 2)), pack((1,)))]


def tumbling(size_ms: int) -> Mapping[str, Any]:
    assigner = {"kind": "tumbling", "size_ms": size_ms, "offset_ms": 0}
    return {"assigner": assigner, "allowed_lateness_ms": 0, "late": ""}


def window(size_ms: int) -> tuple[str, str, tuple[str, ...], Mapping[str, Any]]:
    spec = {"key": BY_WORD, "aggregates": [COUNT], **tumbling(size_ms)}
    return ("win", "window", ("word", "window_start_ms", "n"), spec)


def test_windows_fire_at_the_end_with_count_and_digest_of_their_records() -> None:
    rows: Rows = [("a",), ("a",), ("b",), ("a",)]
    reference = fold(declared([window(10)], {"s": (rows, [3, -1, 9, 9])}))
    ids = [RecordId("s", 0, offset) for offset in range(4)]
    digest = (record_hash(ids[0]) + record_hash(ids[3])) % 2**64
    assert reference.visible["out"] == [
        Item(("a", 0, 2), 9, ResultId("win", "a", 0, 2, digest)),
        Item(("a", -10, 1), -1, ResultId("win", "a", -10, 1, record_hash(ids[1]))),
        Item(("b", 0, 1), 9, ResultId("win", "b", 0, 1, record_hash(ids[2]))),
    ]
    assert reference.sources_of(reference.visible["out"][0].id) == (ids[0], ids[3])
    assert reference.applied["win"] == ids


def test_a_window_of_windows_knows_the_source_records() -> None:
    key = {"fn": "key", "fields": ("word",)}
    coarse = ("all", "window", ("word", "window_start_ms", "n"),
              {"key": key, "aggregates": [COUNT], **tumbling(100)})  # fmt: skip
    reference = fold(declared([window(10), coarse], {"s": ([("a",)] * 3, [1, 2, 15])}))
    (item,) = reference.visible["out"]
    assert item.row == ("a", 0, 2)
    assert isinstance(item.id, ResultId)
    assert item.id.count == 3
    assert len(reference.sources_of(item.id)) == 3


def test_broadcast_gives_each_subtask_a_copy() -> None:
    chain = [("op", "map", ("word",), {"function": {"fn": "lower", "field": "word"}})]
    job = declared(chain, {"s": ([("a",)], None)}, partitioner="broadcast", parallelism=2)
    assert visible(fold(job)) == [("a",), ("a",)]


def test_several_sources_meet() -> None:
    logs: dict[str, tuple[Rows, None]] = {"s": ([("a",)], None), "t": ([("a",), ("b",)], None)}
    reference = fold(declared([RUNNING], logs))
    assert reference.state["count"] == [(pack("a"), pack((2,))), (pack("b"), pack((1,)))]


@pytest.mark.parametrize(
    ("chain", "partitioner", "parallelism", "times", "sentence"),
    [
        ([RUNNING], "rebalance", 2, None, "more than one owner"),
        ([RUNNING], "broadcast", 2, None, "more than one owner"),
        ([window(10)], "hash", 1, None, "has no event time"),
    ],
)
def test_what_the_input_does_not_determine_is_refused(
    chain: Any, partitioner: str, parallelism: int, times: Sequence[int] | None, sentence: str
) -> None:
    job = declared(
        chain, {"s": ([("a",)], times)}, partitioner=partitioner, parallelism=parallelism
    )
    with pytest.raises(ValueError, match=sentence):
        fold(job)


@pytest.mark.parametrize("partitioner", ["hash", "rebalance"])
def test_one_subtask_owns_all_keys_whatever_the_edge(partitioner: str) -> None:
    assert visible(fold(declared([RUNNING], {"s": ([("a",)], None)}, partitioner=partitioner)))


def test_parallel_keys_by_hash_are_fine() -> None:
    assert visible(fold(declared([RUNNING], {"s": ([("a",)], None)}, parallelism=3)))


def test_parallel_keys_by_another_hash_have_more_than_one_owner() -> None:
    job = declared([RUNNING], {"s": ([("a",)], None)}, parallelism=2)
    job.edges[0] = replace(job.edges[0], key=pack({"fn": "key", "fields": ("other",)}))
    with pytest.raises(ValueError, match="more than one owner"):
        fold(job)


def test_an_input_that_begins_later_is_refused() -> None:
    job = declared([RUNNING], {"s": ([], None)})
    job.partitions[0] = replace(job.partitions[0], record_count=1)
    job.notes[st.PartitionRowsDeclared](
        st.PartitionRowsDeclared(
            topic="s", partition=0, first_offset=1, rows=pack([("a",)]), times_ms=pack(None)
        )
    )
    with pytest.raises(ValueError, match="not in the recording"):
        fold(job)


def test_an_input_with_a_hole_is_refused() -> None:
    job = declared([RUNNING], {"s": ([("a",)] * 4, None)})
    job.notes[st.PartitionDeclared](
        st.PartitionDeclared(
            vertex="s", subtask=SubtaskId("s", 0), topic="s", partition=1, label="", record_count=1
        )
    )
    with pytest.raises(ValueError, match="not in the recording"):
        fold(job)


FILTER = (
    "big",
    "filter",
    ("word", "n"),
    {"function": {"fn": "at_least", "field": "n", "value": 2}},
)
MAP = ("plus", "map", ("word", "n"), {"function": {"fn": "add", "field": "n", "by": 1}})
INCREMENT = (*RUNNING[:3], {**RUNNING[3], "emit": "increment"})


@pytest.mark.parametrize(
    ("chain", "loose_rows", "loose_ids"),
    [
        ([INCREMENT], False, False),
        ([RUNNING], True, False),
        ([RUNNING, MAP], True, False),
        ([RUNNING, FILTER], True, True),
        ([RUNNING, FILTER, MAP], True, True),
        ([INCREMENT, MAP], False, False),
    ],
)
def test_what_follows_a_running_aggregate_is_loose(
    chain: Any, loose_rows: bool, loose_ids: bool
) -> None:
    reference = fold(declared(chain, {"s": ([("a",)], None)}))
    assert (reference.loose_rows["out"], reference.loose_ids["out"]) == (loose_rows, loose_ids)


def test_identity_of_a_result_does_not_depend_on_its_contents() -> None:
    a, b = ResultId("w", 1, 0, 5, 6), ResultId("w", 1, 0, 7, 8)
    assert identity(a) == identity(b) != identity(ResultId("w", 1.0, 0, 5, 6))
    assert identity(RecordId("s", 0, 1)) != identity(RecordId("s", 0, 1, (0,)))
