"""Expectations of a scenario, held against the result object of a run (a plain JSON value)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypedDict

from bandviz.scenario.schema import (
    Check,
    CheckpointCheck,
    CheckpointsCheck,
    RewoundCheck,
    StateCheck,
    VerdictCheck,
    VisibleCheck,
)

Result = Mapping[str, Any]


class CheckOutcome(TypedDict):
    """`detail` says what was found, and what was expected if that is something else."""

    name: str
    ok: bool
    detail: str


def evaluate(checks: Iterable[Check], result: Result) -> list[CheckOutcome]:
    """One outcome for each check, in the order of the file."""
    outcomes: list[CheckOutcome] = []
    for check in checks:
        kind = check.kinds()[0]
        name, expected, found = _FINDERS[kind](getattr(check, kind), result)
        ok = expected == found
        detail = _shown(found) if ok else f"{_shown(found)}, expected {_shown(expected)}"
        outcomes.append({"name": name, "ok": ok, "detail": detail})
    return outcomes


_COMPLETED: Final = ("complete", "completed", "discarded", "damaged")
"""A checkpoint that was dropped or damaged later had completed before."""

_Found = tuple[str, Any, Any]
"""Name of the check, what is expected, what was found."""


def _plain(name: str) -> Callable[[Any, Result], _Found]:
    return lambda expected, result: (name, expected, result[name])


def _verdict(check: VerdictCheck, result: Result) -> _Found:
    expected = check.model_dump(exclude_none=True)
    return "verdict", expected, {name: result["verdict"].get(name) for name in expected}


def _restored(expected: int, result: Result) -> _Found:
    restores = result["restores"]
    return "restored_checkpoint", expected, restores[-1]["checkpoint_id"] if restores else None


def _rewound(check: RewoundCheck, result: Result) -> _Found:
    name = f"rewound {check.source} partition {check.partition}"
    restores = result["restores"]
    rewound = restores[-1]["rewound"].get(check.source, {}) if restores else {}
    found = rewound.get(str(check.partition))
    if found is None:
        return name, {"to": check.to}, None
    if check.start is None:
        return name, {"to": check.to}, {"to": found[1]}
    return name, {"from": check.start, "to": check.to}, {"from": found[0], "to": found[1]}


def _visible(check: VisibleCheck, result: Result) -> _Found:
    output = result["outputs"].get(check.sink, {"visible": [], "visible_count": 0})
    expected: dict[str, Any] = {}
    found: dict[str, Any] = {}
    if check.count is not None:
        expected["count"], found["count"] = check.count, output["visible_count"]
    if check.tally is not None:
        expected["tally"], found["tally"] = check.tally, _tally(output["visible"])
    return f"visible {check.sink}", expected, found


def _tally(rows: Iterable[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[str(row[0])] = counts.get(str(row[0]), 0) + 1
    return counts


def _state(check: StateCheck, result: Result) -> _Found:
    found = result["state"].get(check.subtask, {})
    return f"state {check.subtask}", _as_json(check.equals), _as_json(found)


_BOUNDS: Final = ("at_least_ms", "at_most_ms", "new_at_most_percent")


def _checkpoint(check: CheckpointCheck, result: Result) -> _Found:
    """Duration and size are compared with their bounds, and shown where one of them is wrong."""
    name = f"checkpoint {check.id}"
    expected = check.model_dump(exclude_none=True, exclude={"id", *_BOUNDS})
    page = next((one for one in result["checkpoints"] if one["id"] == check.id), None)
    if page is None:
        return name, {"id": check.id}, None
    found = {field: page.get(field) for field in expected}
    lasted = (page["end_ms"] or result["time_ms"]) - page["trigger_ms"]
    if check.at_least_ms is not None and lasted < check.at_least_ms:
        expected["at_least_ms"], found["at_least_ms"] = check.at_least_ms, lasted
    if check.at_most_ms is not None and lasted > check.at_most_ms:
        expected["at_most_ms"], found["at_most_ms"] = check.at_most_ms, lasted
    most = check.new_at_most_percent
    if most is not None and 100 * page["bytes"] > most * page["full_bytes"]:
        expected["new_at_most_percent"] = most
        found["new_at_most_percent"] = -(-100 * page["bytes"] // max(1, page["full_bytes"]))
    return name, expected, found


def _completed(check: CheckpointsCheck, result: Result) -> _Found:
    count = sum(item["status"] in _COMPLETED for item in result["checkpoints"])
    expected = max(count, check.at_least)
    if check.at_most is not None:
        expected = min(expected, check.at_most)
    return "completed_checkpoints", expected, count


def _as_json(value: Any) -> Any:
    """The same value with texts as keys and lists as sequences."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in value]
    return value


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items()) or "nothing"
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


_FINDERS: Final[dict[str, Callable[[Any, Result], _Found]]] = {
    "status": _plain("status"),
    "restarts": _plain("restarts"),
    "verdict": _verdict,
    "restored_checkpoint": _restored,
    "rewound": _rewound,
    "visible": _visible,
    "state": _state,
    "checkpoint": _checkpoint,
    "completed_checkpoints": _completed,
}
