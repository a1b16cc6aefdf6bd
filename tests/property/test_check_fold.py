"""The fold equals a naive computation with comprehensions and a Counter, on random pipelines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from bandviz.check.oracle import fold
from bandviz.events.records import record_hash
from bandviz.ids import RecordId, ResultId
from tests.judged_runs import Rows, declared

WORD, SIZE = "word", 10
LETTERS = some.text("abc ", min_size=1, max_size=5)
LOGS = some.lists(
    some.lists(some.tuples(LETTERS, some.integers(-30, 30)), max_size=8), min_size=1, max_size=3
)
STAGES = some.lists(some.sampled_from(["lower", "not_equals", "split"]), max_size=4)
SPECS: dict[str, tuple[str, dict[str, Any]]] = {
    "lower": ("map", {"fn": "lower", "field": WORD}),
    "not_equals": ("filter", {"fn": "not_equals", "field": WORD, "value": "a"}),
    "split": ("flat_map", {"fn": "split", "field": WORD, "separator": " "}),
}
Flowing = list[tuple[str, int, RecordId]]


def naive(stage: str, flowing: Flowing) -> Flowing:
    if stage == "lower":
        return [(word.lower(), time, record) for word, time, record in flowing]
    if stage == "not_equals":
        return [(word, time, record) for word, time, record in flowing if word != "a"]
    return [
        (part, time, record._replace(path=(*record.path, ordinal)))
        for word, time, record in flowing
        for ordinal, part in enumerate(filter(None, word.split(" ")))
    ]


@given(LOGS, STAGES, some.sampled_from(["none", "running", "increment", "window"]))
def test_fold_equals_naive(logs: list[list[tuple[str, int]]], stages: list[str], last: str) -> None:
    chain: list[Any] = [
        (f"op{number}", SPECS[stage][0], (WORD,), {"function": SPECS[stage][1]})
        for number, stage in enumerate(stages)
    ]
    key = {"fn": "key", "fields": (WORD,)}
    counts = [{"function": {"fn": "count"}, "name": "n"}]
    if last == "window":
        assigner = {"kind": "tumbling", "size_ms": SIZE, "offset_ms": 0}
        how = {"assigner": assigner, "allowed_lateness_ms": 0, "late": ""}
        spec = {"key": key, "aggregates": counts, **how}
        chain.append(("last", "window", (WORD, "window_start_ms", "n"), spec))
    elif last != "none":
        spec = {"key": key, "aggregates": counts, "emit": last}
        chain.append(("last", "aggregate", (WORD, "n"), spec))
    sources: dict[str, tuple[Rows, list[int]]] = {
        f"s{number}": ([(word,) for word, _ in log], [time for _, time in log])
        for number, log in enumerate(logs)
    }
    reference = fold(declared(chain, sources))
    flowing = [
        (word, time, RecordId(f"s{number}", 0, offset))
        for number, log in enumerate(logs)
        for offset, (word, time) in enumerate(log)
    ]
    for stage in stages:
        flowing = naive(stage, flowing)
    found = [(item.row, item.id) for item in reference.visible["out"]]
    assert Counter(map(repr, found)) == Counter(map(repr, expected(flowing, last)))
    if last != "none":
        assert reference.applied["last"] == [record for _, _, record in flowing]


def expected(flowing: Flowing, last: str) -> list[tuple[object, object]]:
    if last == "none":
        return [((word,), record) for word, _, record in flowing]
    if last == "increment":
        return [((word, 1), record) for word, _, record in flowing]
    if last == "running":
        words = [word for word, _, _ in flowing]
        return [
            ((word, words[: at + 1].count(word)), record)
            for at, (word, _, record) in enumerate(flowing)
        ]
    panes = Counter((word, time - time % SIZE) for word, time, _ in flowing)
    return [
        ((word, start, n), ResultId("last", word, start, n, digest(flowing, word, start)))
        for (word, start), n in panes.items()
    ]


def digest(flowing: Flowing, word: str, start: int) -> int:
    members = [
        record for other, time, record in flowing if (other, time - time % SIZE) == (word, start)
    ]
    return sum(map(record_hash, members)) % 2**64
