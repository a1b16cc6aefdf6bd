"""What the packed bytes inside events mean; unreadable ones count as not recorded.

A recording may come from anywhere: its frames are checked, the packed values inside events are not.
So bytes are opened only here, and the shapes promised in `bandviz.events` are checked on opening.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from bandviz.events.flow import OUTSIDE_WINDOWS
from bandviz.events.records import unpack_lineage
from bandviz.events.values import pack, unpack
from bandviz.functions.aggregates import AggregateFunction
from bandviz.functions.registry import from_spec
from bandviz.functions.rows import FunctionError
from bandviz.ids import Lineage
from bandviz.model.words import rows_text, seconds, value_text

T = TypeVar("T")

_MISFITS = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, FunctionError
)  # fmt: skip
"""What reading a value of the wrong shape raises, user functions included."""


class KeyedEntry(NamedTuple):
    """One key of a working state; `window_start_ms` means something for kinds that are `TIMED`."""

    key: Any
    window_start_ms: int
    accumulators: Any


def readable(default: T, read: Callable[[], T]) -> T:
    """What `read` gives, or the default if what it reads has another shape."""
    try:
        return read()
    except _MISFITS:
        return default


@lru_cache(maxsize=4096)
def opened(data: bytes) -> Any:
    """The value, or None if there is none."""
    return readable(None, lambda: unpack(data)) if data else None


def rows_of(data: bytes) -> tuple[Any, ...]:
    """A packed list of rows; empty if not recorded."""
    rows = opened(data)
    return rows if isinstance(rows, tuple) else ()


@lru_cache(maxsize=1024)
def lineage_of(data: bytes) -> tuple[Lineage, ...]:
    """A packed list of ids; empty if not recorded."""
    return readable((), lambda: tuple(unpack_lineage(data))) if data else ()


def sink_spec(spec: bytes) -> tuple[str, str]:
    """(topic, contract) of a sink."""
    fields = opened(spec)
    return readable(("", ""), lambda: (str(fields["topic"]), str(fields["contract"])))


def begins_with(spec: bytes) -> int:
    """What an account has at the beginning."""
    fields = opened(spec)
    return readable(0, lambda: int(fields["balance"]))


def balance_of(state: bytes) -> int:
    """What an account held when it recorded; 0 before that."""
    return readable(0, lambda: sum(int(one.accumulators) for one in keyed_entries(state)))


def amount_of(values: bytes) -> int:
    """What a transfer carries; 0 if that is not recorded."""
    return readable(0, lambda: sum(int(row[0]) for row in rows_of(values)))


def table_key(spec: bytes) -> tuple[str, ...]:
    """Columns of the key of a sink that upserts; none for others."""
    fields = opened(spec)
    return readable((), lambda: tuple(str(name) for name in fields["upsert_key"]))


@lru_cache(maxsize=64)
def aggregates_of(spec: bytes) -> tuple[tuple[str, AggregateFunction], ...]:
    """(column, function) of an aggregate or window vertex; none if the spec is foreign."""
    return readable((), lambda: tuple(_named(one) for one in opened(spec)["aggregates"]))


def _named(spec: Any) -> tuple[str, AggregateFunction]:
    function = from_spec(spec["function"])
    if not isinstance(function, AggregateFunction):
        raise FunctionError(f"{spec['function']!r:.60} does not aggregate")
    return str(spec["name"]), function


@lru_cache(maxsize=64)
def states_of(spec: bytes) -> tuple[str, ...]:
    """Names of the states of a process vertex; none if it is something else."""

    def read() -> tuple[str, ...]:
        function = from_spec(opened(spec)["function"])
        return tuple(one.name for one in getattr(function, "states", ()))

    return readable((), read)


def entry_text(kind: str, spec: bytes, value: Any) -> str:
    """The entry of a key in words, by the kind of its operator.

    Of a deduplicate when the key was first seen, of a join the rows that wait, of a process
    function its states by name, of all others the results.
    """
    match kind:
        case "deduplicate":
            return readable("seen", lambda: seconds(int(value[1])))
        case "interval_join" | "window_join":
            return readable(value_text(value), lambda: rows_text([row for row, _ in value]))
        case "process":
            return readable(value_text(value), lambda: _named_states(spec, value))
    return results_text(spec, value)


def _named_states(spec: bytes, values: Any) -> str:
    named = zip(states_of(spec), values, strict=True)
    return ", ".join([f"{name} {value_text(value)}" for name, value in named])


def results_text(spec: bytes, accumulators: Any) -> str:
    """Results of the accumulators: `3`, or `departures 12, mean_delay 3.4` for several."""
    named = aggregates_of(spec)
    if not isinstance(accumulators, tuple) or len(accumulators) != len(named):
        return value_text(accumulators)
    return readable(value_text(accumulators), lambda: _results(named, accumulators))


def _results(named: tuple[tuple[str, AggregateFunction], ...], values: tuple[Any, ...]) -> str:
    texts = [
        (name, value_text(function.result(value)))
        for (name, function), value in zip(named, values, strict=True)
    ]
    return texts[0][1] if len(texts) == 1 else ", ".join(f"{name} {text}" for name, text in texts)


def keyed_entries(state: bytes) -> list[KeyedEntry]:
    """Keyed state of a snapshot; of a join, its rows by (side, key) and time."""
    fields = opened(state)

    def read() -> list[KeyedEntry]:
        if "panes" in fields:
            return [
                KeyedEntry(key, int(start), accumulators)
                for key, windows in fields["panes"]
                for (start, _), accumulators, *_ in windows
            ]
        if "windows" in fields:
            return [KeyedEntry(key, int(start), acc) for key, start, acc, _, _ in fields["windows"]]
        if "left" in fields:
            return [
                KeyedEntry((side, key), int(time_ms), rows)
                for side in ("left", "right")
                for key, times in fields[side]
                for time_ms, rows in times
            ]
        section = "rules" if "rules" in fields else "keyed"
        return [KeyedEntry(key, OUTSIDE_WINDOWS, acc) for key, acc in fields[section]]

    return readable([], read)


def packed_timers(state: bytes) -> dict[tuple[bytes, str, int], None]:
    """Timers of a snapshot: packed key, domain and time in ms."""
    fields = opened(state)

    def read() -> dict[tuple[bytes, str, int], None]:
        return {
            (pack(key), str(domain), int(time_ms)): None
            for key, timers in fields["timers"]
            for (domain, time_ms), _ in timers
        }

    return readable({}, read)


def packed_entries(state: bytes) -> dict[tuple[bytes, int], bytes]:
    """The same in the form in which `RecordApplied` brings it."""
    return {
        (pack(entry.key), entry.window_start_ms): pack(entry.accumulators)
        for entry in keyed_entries(state)
    }


def source_offsets(state: bytes) -> dict[int, int]:
    """Next offset by partition, of a source's snapshot."""
    fields = opened(state)
    return readable({}, lambda: {int(part): int(at) for part, at in fields["offsets"].items()})


def pending_transactions(state: bytes) -> list[int]:
    """Transactions that the snapshot of a sink promises to commit, oldest first."""
    fields = opened(state)

    def read() -> list[int]:
        if "committables" in fields:
            return [int(one) for *_, waiting in fields["committables"] for one in waiting]
        if "pending" in fields:
            return [int(one) for _, one in fields["pending"]]
        elements = fields["transactions"]
        return [int(one) for *_, pending in elements for _, one, _ in pending]

    return readable([], read)
