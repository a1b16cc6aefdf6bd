"""Expectations against a result object."""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.scenario.checks import evaluate
from bandviz.scenario.schema import Check

RESULT: dict[str, Any] = {
    "status": "finished",
    "restarts": 1,
    "verdict": {"holds": True, "state": "exact", "output": "exact", "lost": 0, "duplicated": 0},
    "restores": [
        {"checkpoint_id": 2, "rewound": {"north": {"0": [9, 6]}}},
        {"checkpoint_id": 1, "rewound": {"north": {"0": [7, 3]}}},
    ],
    "checkpoints": [
        {"id": 1, "status": "discarded"},
        {
            "id": 2,
            "status": "completed",
            "unaligned": True,
            "in_flight": 4,
            "bytes": 30,
            "full_bytes": 100,
            "trigger_ms": 100,
            "end_ms": 900,
        },
        {"id": 3, "status": "aborted: x"},
    ],
    "outputs": {"board": {"visible": [["cats", 1], ["dogs", 1], ["cats", 1]], "visible_count": 3}},
    "state": {"count[0]": {"cats": 2, "7": [1, 2.5]}},
}


@pytest.mark.parametrize(
    ("check", "ok", "detail"),
    [
        ({"status": "finished"}, True, "finished"),
        ({"status": "stuck"}, False, "finished, expected stuck"),
        ({"restarts": 0}, False, "1, expected 0"),
        ({"verdict": {"holds": True, "lost": 0}}, True, "holds true, lost 0"),
        ({"verdict": {"holds": "undetermined"}}, False, "holds true, expected holds undetermined"),
        ({"verdict": {"duplicated": 3}}, False, "duplicated 0, expected duplicated 3"),
        ({"restored_checkpoint": 1}, True, "1"),
        ({"restored_checkpoint": 2}, False, "1, expected 2"),
        ({"rewound": {"source": "north", "partition": 0, "to": 3}}, True, "to 3"),
        ({"rewound": {"source": "north", "partition": 0, "from": 7, "to": 3}}, True,
         "from 7, to 3"),
        ({"rewound": {"source": "north", "partition": 0, "to": 6}}, False, "to 3, expected to 6"),
        ({"rewound": {"source": "north", "partition": 1, "to": 3}}, False,
         "nothing, expected to 3"),
        ({"visible": {"sink": "board", "count": 3}}, True, "count 3"),
        ({"visible": {"sink": "board", "tally": {"cats": 2, "dogs": 1}}}, True,
         "tally cats 2, dogs 1"),
        ({"visible": {"sink": "board", "tally": {"cats": 2}}}, False,
         "tally cats 2, dogs 1, expected tally cats 2"),
        ({"state": {"subtask": "count[0]", "equals": {"7": (1, 2.5), "cats": 2}}}, True,
         "cats 2, 7 [1, 2.5]"),
        ({"state": {"subtask": "count[1]", "equals": {"cats": 2}}}, False,
         "nothing, expected cats 2"),
        ({"completed_checkpoints": {"at_least": 2}}, True, "2"),
        ({"completed_checkpoints": {"at_least": 3}}, False, "2, expected 3"),
        ({"completed_checkpoints": {"at_most": 1}}, False, "2, expected 1"),
        ({"checkpoint": {"id": 9}}, False, "nothing, expected id 9"),
        ({"checkpoint": {"id": 2, "unaligned": True, "in_flight": 4}}, True,
         "unaligned true, in_flight 4"),
        ({"checkpoint": {"id": 2, "in_flight": 0}}, False, "in_flight 4, expected in_flight 0"),
        ({"checkpoint": {"id": 2, "at_most_ms": 800, "at_least_ms": 800}}, True, "nothing"),
        ({"checkpoint": {"id": 2, "new_at_most_percent": 30}}, True, "nothing"),
        ({"checkpoint": {"id": 2, "new_at_most_percent": 29}}, False,
         "new_at_most_percent 30, expected new_at_most_percent 29"),
        ({"checkpoint": {"id": 2, "at_most_ms": 799}}, False,
         "at_most_ms 800, expected at_most_ms 799"),
    ],
)  # fmt: skip
def test_each_kind_of_check(check: dict[str, Any], ok: bool, detail: str) -> None:
    (outcome,) = evaluate([Check.model_validate(check)], RESULT)
    assert (outcome["ok"], outcome["detail"]) == (ok, detail)


@pytest.mark.parametrize("kind", list(Check.model_fields))
def test_a_run_without_any_restore_or_output_fails_and_does_not_break(kind: str) -> None:
    checks = {
        "status": "finished", "restarts": 1, "verdict": {"holds": True},
        "restored_checkpoint": 1, "rewound": {"source": "a", "partition": 0, "to": 1},
        "visible": {"sink": "a", "count": 1}, "state": {"subtask": "a[0]", "equals": {"k": 1}},
        "completed_checkpoints": {"at_least": 1}, "checkpoint": {"id": 1, "in_flight": 0},
    }  # fmt: skip
    empty = {
        "status": "stuck", "restarts": 0, "verdict": {"holds": "undetermined"}, "restores": [],
        "checkpoints": [], "outputs": {}, "state": {},
    }  # fmt: skip
    (outcome,) = evaluate([Check.model_validate({kind: checks[kind]})], empty)
    assert not outcome["ok"]
