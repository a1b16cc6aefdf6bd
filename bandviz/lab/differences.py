"""What differs between the results of two runs, a line for each thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from bandviz.model.words import listed, many, seconds, value_text
from bandviz.text import LINE, SafeText, door

ROWS_SHOWN: Final = 4
STATE_SHOWN: Final = 12


class Difference(NamedTuple):
    """One thing in which the results differ; "" where a run has no such thing."""

    what: SafeText
    a: SafeText
    b: SafeText


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    """Of two results as `run --json` has them (docs/result.md)."""
    said_a, said_b = _said(a), _said(b)
    for sink in a["outputs"]:
        if sink in b["outputs"]:
            rows_a, rows_b = (_rows_of(one, sink) for one in (a, b))
            said_a[f"rows of {sink}"] = _only(rows_a - rows_b)
            said_b[f"rows of {sink}"] = _only(rows_b - rows_a)
    for what in dict.fromkeys((*said_a, *said_b)):
        here, there = said_a.get(what, ""), said_b.get(what, "")
        if here != there:
            yield Difference(door(what), door(here, LINE), door(there, LINE))


def _said(result: Mapping[str, Any]) -> dict[str, str]:
    """A result in a line for each thing that may differ."""
    verdict = result["verdict"]
    word = {True: "EXACTLY ONCE", False: "NOT exactly once"}.get(verdict["holds"], "UNDETERMINED")
    said = {
        "verdict": f"{word}: state {verdict['state']}, output {verdict['output']}, "
        f"{verdict['lost']} lost, {verdict['duplicated']} duplicated",
        "ended": f"{result['status']} at {_clock(result['time_ms'])}, "
        f"{many(result['restarts'], 'restart')}",
    }
    for page in result["checkpoints"]:
        end = "" if page["end_ms"] is None else f" to {_clock(page['end_ms'])}"
        size = f", {page['bytes']} bytes" if page["bytes"] else ""
        waited = f", alignment {_clock(page['alignment_ms'])}" if page["alignment_ms"] else ""
        flight = f", {page['in_flight']} in flight" if page["in_flight"] else ""
        said[f"checkpoint {page['id']}"] = (
            f"{page['status']}, {_clock(page['trigger_ms'])}{end}{waited}{size}{flight}"
        )
    for number, one in enumerate(result["restores"], start=1):
        back = "; ".join(
            f"{source}{f' {partition}:' * (len(partitions) > 1)} {offsets[0]} to {offsets[1]}"
            for source, partitions in one["rewound"].items()
            for partition, offsets in partitions.items()
        )
        said[f"restore {number}"] = (
            f"of checkpoint {one['checkpoint_id']} at {_clock(one['at_ms'])}"
            f"{': ' if back else ''}{back}"
        )
    for sink, shown in result["outputs"].items():
        said[f"output {sink}"] = f"{shown['visible_count']} rows visible"
    for subtask, keyed in result["state"].items():
        said[f"state {subtask}"] = listed(
            [f"{key} {_value(one)}" for key, one in keyed.items()], STATE_SHOWN
        )
    return said


def _rows_of(result: Mapping[str, Any], sink: str) -> Counter[str]:
    return Counter(map(_value, result["outputs"][sink]["visible"]))


def _only(rows: Counter[str]) -> str:
    """`only here: cats (4), dogs`: rows that the other one has not, or not so often."""
    shown = [(f"{n} times " if n > 1 else "") + row for row, n in rows.most_common()]
    return f"only here: {listed(shown, ROWS_SHOWN)}" if shown else ""


def _value(value: Any) -> str:
    return " ".join(map(value_text, value)) if isinstance(value, list) else value_text(value)


def _clock(time_ms: float) -> str:
    return seconds(int(time_ms * 1_000))
