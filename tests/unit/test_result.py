"""The result object: exactly the documented keys, real numbers, and always valid JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from bandviz.check.verdict import Violation
from bandviz.cli import run_cli
from bandviz.errors import TraceError
from bandviz.events import Entry, Level
from bandviz.events.checkpoint import CheckpointCompleted, CheckpointDiscarded
from bandviz.events.job import SourceRewound
from bandviz.events.sink import RowsVisible
from bandviz.events.values import json_value, pack
from bandviz.ids import CheckpointId, SubtaskId, TransactionId
from bandviz.report.headless import drive, with_ledger
from bandviz.scenario.build import load_plan, plan_of_text
from bandviz.session.result import ResultFold, fold
from bandviz.session.run import Run
from bandviz.text import SafeText

DOCS: Final = Path(__file__).parent.parent.parent / "docs" / "result.md"
DAMAGED: Final = Path(__file__).parent.parent / "data" / "damaged-checkpoint.yaml"
NAMED: Final = {
    "outputs": "SINK",
    "state": "SUBTASK",
    "state.SUBTASK": "KEY",
    "restores[].rewound": "SOURCE",
    "restores[].rewound.SOURCE": "PARTITION",
    "ledger.records[].applied": "VERTEX",
    "ledger.records[].visible": "SINK",
    "ledger.totals.applied": "VERTEX",
    "ledger.totals.visible": "SINK",
}
LEAVES: Final = (
    "outputs.SINK.visible",
    "restores[].rewound.SOURCE.PARTITION",
    "verdict.violations[].at",
    "ledger.records[].values",
)


def paths(value: Any, at: str = "") -> Iterator[str]:
    """Where values stand, in the words of docs/result.md."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, f"{at}.{NAMED.get(at, key)}".removeprefix("."))
    elif isinstance(value, list) and at not in LEAVES:
        for item in value:
            yield from paths(item, f"{at}[]")
    else:
        yield at


def documented() -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", DOCS.read_text(), re.MULTILINE)


def test_the_documentation_lists_exactly_the_keys_there_are() -> None:
    result = with_ledger(drive(load_plan("kill-and-rewind", variant="append")))
    violation = Violation("cut_ledger", (3, 1), SafeText("a gap"))
    result["verdict"]["violations"].append(violation.to_json())
    of_a_network = drive(load_plan("money-ring")).result
    found = dict.fromkeys([*paths(result), *paths(of_a_network)])
    assert sorted(found) == sorted(documented())


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["run", "kill-and-rewind", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.count("\n") == 1
    result = json.loads(said.out)
    assert list(result) == [
        "scenario", "variant", "seed", "run_id", "status", "steps", "time_ms", "restarts",
        "processes", "checkpoints", "restores", "outputs", "state", "verdict", "by_hand", "zoo",
        "checks",
    ]  # fmt: skip
    assert result == json.loads(json.dumps(drive(load_plan("kill-and-rewind")).result))


def test_the_figures_of_a_crash_and_a_rewind() -> None:
    result = drive(load_plan(str(DAMAGED))).result
    assert result["state"] == {"count[0]": {"cats": 6, "dogs": 6}}
    board = result["outputs"]["board"]
    assert board["visible"][:2] == [["cats", 1], ["dogs", 1]]
    assert board["visible_count"] == len(board["visible"]) == 12 + result["verdict"]["duplicated"]
    assert (result["restarts"], len(result["restores"])) == (1, 1)
    restore, damaged = result["restores"][0], result["checkpoints"][1]
    assert restore["checkpoint_id"] == 1
    come_to, gone_on = restore["rewound"]["votes"]["0"]
    assert 0 < gone_on < come_to <= 12
    assert (damaged["id"], damaged["status"]) == (2, "damaged")
    assert damaged["bytes"] > 0
    assert 0 < damaged["trigger_ms"] < damaged["end_ms"] < restore["at_ms"] < result["time_ms"]


def test_alignment_is_a_part_of_a_checkpoint() -> None:
    first = drive(load_plan("kill-and-rewind")).result["checkpoints"][0]
    assert 0 < first["alignment_ms"] < first["end_ms"] - first["trigger_ms"]


AGGREGATED: Final = """\
version: 1
name: aggregated
title: Aggregates of all kinds
topics:
  - name: t
    fields: [name, floor, weight]
    partitions: [{label: p, rows: [["007", 1, 0.5], ["007", 1, 1.0], [inf, 2, 4], [1_000, 2, 4]]}]
pipeline:
  - {uid: in, kind: source, topic: t}
  - uid: one
    kind: aggregate
    key: name
    aggregates: [{fn: max, field: name, as: last}]
    inputs: [{from: in, partitioner: hash}]
  - uid: more
    kind: aggregate
    key: [name, floor]
    aggregates: [{fn: count, as: n}, {fn: mean, field: weight, as: mean}]
    inputs: [{from: in, partitioner: hash}]
  - {uid: out, kind: sink, topic: o, contract: append, inputs: [{from: one}]}
  - {uid: other, kind: sink, topic: q, contract: append, inputs: [{from: more}]}
"""


def test_state_holds_the_values_themselves() -> None:
    state = drive(plan_of_text(AGGREGATED.replace("1_000", '"1_000"'))).result["state"]
    assert state["one[0]"] == {"007": "007", "1_000": "1_000", "inf": "inf"}
    assert state["more[0]"] == {"007 1": [2, 0.75], "1_000 2": [1, 4.0], "inf 2": [1, 4.0]}


def test_state_is_whole_however_many_keys_there_are() -> None:
    rows = ", ".join(f"[k{number}, 0, 1]" for number in range(1_100))
    text = re.sub(r"rows: .*", f"rows: [{rows}]}}]", AGGREGATED)
    assert len(drive(plan_of_text(text)).result["state"]["one[0]"]) == 1_100


def test_what_json_has_no_number_for_comes_as_text() -> None:
    rows = (("a", float("inf"), True), ("b", float("nan"), 1.5))
    assert json_value(rows) == [["a", "inf", True], ["b", "nan", 1.5]]
    entries = run_of("one-barrier")
    seen = next(entry for entry in entries if isinstance(entry.event, RowsVisible))
    assert isinstance(seen.event, RowsVisible)
    entries.append(entries[-1]._replace(event=replace(seen.event, rows=pack(rows))))
    assert json.dumps(fold(entries).result(), allow_nan=False)


def run_of(name: str, level: Level = Level.RECORD) -> list[Entry]:
    run = Run(load_plan(name), level=level)
    while run.ended is None:
        run.advance()
    return list(run.timeline.entries(0, len(run.timeline)))


def test_without_single_records_there_is_no_state_to_show() -> None:
    result = fold(run_of("one-barrier", Level.FLOW)).result()
    assert result["state"] == {"tally[0]": {}}
    assert result["verdict"]["holds"] == "undetermined"


def test_nothing_at_all_is_a_run_that_has_not_begun() -> None:
    result = ResultFold().result()
    assert (result["scenario"], result["status"], result["steps"]) == ("", "running", 0)


ROWS: Final = RowsVisible(
    sink="board",
    topic="board",
    transaction_id=TransactionId(0),
    row_count=1,
    rows=b"\xc1",
    lineage=b"",
)


@pytest.mark.parametrize(
    "event",
    [
        CheckpointCompleted(checkpoint_id=CheckpointId(9), duration_us=1, checkpointed_bytes=1),
        CheckpointDiscarded(checkpoint_id=CheckpointId(9)),
        SourceRewound(
            subtask=SubtaskId("north", 0),
            topic="north-box",
            partition=0,
            from_offset=1,
            to_offset=0,
        ),
        ROWS,
        replace(ROWS, rows=pack(3)),
        replace(ROWS, sink="nobody", rows=pack([("a",)])),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_fact_that_makes_no_sense_is_a_damaged_recording(event: Any) -> None:
    folded = fold(run_of("kill-and-rewind")[:40])
    with pytest.raises(TraceError):
        folded.observe(Entry(10**6, 0, 10**9, None, event))
