"""State as (name, value) pairs, by kind of operator: working state, snapshots, what was had.

Snapshot and working state of one subtask use the same names, so that they can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bandviz.events.structure import VertexDeclared
from bandviz.ids import SubtaskId
from bandviz.model.facts import RunFacts, StateKey, Tape
from bandviz.model.specs import (
    KeyedEntry,
    entry_text,
    keyed_entries,
    opened,
    pending_transactions,
    source_offsets,
)
from bandviz.model.views import TIMED, Pairs
from bandviz.model.words import many, moment_text, safe, seconds, value_text
from bandviz.text import NAME, SafeText, door

SHOWN_MAX: Final = 50
ALL: Final = 2**31
BRIEF_MAX: Final = 40
_ENTRY: Final = {"source": "partition", "window": "window", "sink": "transaction"}


def working_pairs(model: RunFacts, name: SubtaskId, shown_max: int = SHOWN_MAX) -> Pairs:
    """What the subtask holds in memory now; empty after a crash."""
    match model.kind(name):
        case "source":
            return _offset_pairs(model, name, {})
        case "sink" | "writer":
            return _transaction_pairs(model, name)
    return keyed_pairs(model, name, model.subtasks[name].keyed, shown_max)


def had_pairs(model: RunFacts, name: SubtaskId, shown_max: int = SHOWN_MAX) -> Pairs:
    """Keyed state that the last crash wiped."""
    return keyed_pairs(model, name, model.subtasks[name].had, shown_max)


def snapshot_pairs(
    model: RunFacts, name: SubtaskId, state: bytes, shown_max: int = SHOWN_MAX
) -> Pairs | None:
    """Contents of a snapshot; None if the recording does not hold them."""
    if not isinstance(opened(state), dict):
        return None
    match model.kind(name):
        case "source":
            return _offset_pairs(model, name, source_offsets(state))
        case "sink":
            return _pending_pairs(state)
        case "writer":
            return ()
    entries = keyed_entries(state)
    return _keyed(model.vertices[name.vertex], entries, shown_max)


def restored_pairs(model: RunFacts, name: SubtaskId) -> Pairs | None:
    """State that the last restore brought; for a sink also the fate of its transactions."""
    state = model.subtasks[name].restored
    if state is None:
        return None
    pairs = snapshot_pairs(model, name, state)
    if model.kind(name) == "sink" and pairs:
        seen = all(one in model.committed for one in pending_transactions(state))
        return tuple((key, door(f"{text}, visible" if seen else text)) for key, text in pairs)
    return pairs


def keyed_pairs(
    model: RunFacts, name: SubtaskId, keyed: dict[StateKey, bytes], shown_max: int
) -> Pairs:
    """Working state as `RecordApplied` brought it; nothing if single records are not recorded."""
    if not keyed or not model.job.sees_records:
        return ()
    entries = [
        KeyedEntry(opened(key), start, opened(value)) for (key, start), value in keyed.items()
    ]
    return _keyed(model.vertices[name.vertex], entries, shown_max)


def _keyed(vertex: VertexDeclared, entries: Iterable[KeyedEntry], shown_max: int) -> Pairs:
    ordered = sorted(entries, key=lambda entry: (_order(entry.key), entry.window_start_ms))
    return tuple(
        (
            _key_text(entry, timed=vertex.kind in TIMED),
            door(entry_text(vertex.kind, vertex.spec, entry.accumulators)),
        )
        for entry in ordered[:shown_max]
    )


def timer_pairs(model: RunFacts, name: SubtaskId, shown_max: int = SHOWN_MAX) -> Pairs:
    """Timers that have not fired: key, and the moment on its clock; the earliest first."""
    timers = sorted(model.subtasks[name].timers, key=lambda timer: (timer[2], timer[0]))
    return tuple(
        (safe(opened(key), NAME), _due(domain, at)) for key, domain, at in timers[:shown_max]
    )


def _due(domain: str, time_ms: int) -> SafeText:
    if domain == "event":
        return door(f"event time {moment_text(time_ms)}")
    return door(f"clock {seconds(time_ms * 1_000)}")


def _order(key: Any) -> tuple[tuple[bool, float, str], ...]:
    """Numbers by size, then texts by letter, part by part."""
    parts = key if isinstance(key, tuple) else (key,)
    return tuple(
        (False, part, "") if isinstance(part, (int, float)) else (True, 0, value_text(part))
        for part in parts
    )


def _key_text(entry: KeyedEntry, *, timed: bool) -> SafeText:
    name = safe(entry.key, NAME)
    if not timed:
        return name
    return door(f"{name} {moment_text(entry.window_start_ms)}")


def _offset_pairs(model: RunFacts, name: SubtaskId, offsets: dict[int, int]) -> Pairs:
    """Next offsets by label, of a snapshot or (if none are given) of now; `offset` if sole."""
    tapes = model.tapes_of(name)
    pairs = []
    for tape in tapes:
        at = offsets.get(tape.declared.partition) if offsets else tape.next_offset
        if at is not None:
            pairs.append((tape_label(tape) if len(tapes) > 1 else door("offset"), door(str(at))))
    return tuple(pairs)


def tape_label(tape: Tape) -> SafeText:
    """What people call the partition."""
    return door(tape.declared.label, NAME)


def _transaction_pairs(model: RunFacts, name: SubtaskId) -> Pairs:
    transaction = model.transactions.get(model.subtasks[name].transaction_id)
    if transaction is None:
        return ()
    rows = many(transaction.row_count, "row")
    return ((door("transaction"), door(f"{transaction.transaction_id}, open, {rows}")),)


def _pending_pairs(state: bytes) -> Pairs:
    pending = pending_transactions(state)
    if not pending:
        return ()
    return ((door("transaction" if len(pending) == 1 else "transactions"), safe(tuple(pending))),)


def pairs_text(pairs: Pairs, shown_max: int = 3) -> str:
    """`cats 3, dogs 2`, cut after a few with the number of the others."""
    shown = ", ".join([f"{name} {value}" for name, value in pairs[:shown_max]])
    more = len(pairs) - shown_max
    return f"{shown} and {more} more" if more > 0 else shown


def brief_text(model: RunFacts, name: SubtaskId, pairs: Pairs) -> str:
    """`pairs_text` where it is short, else how many entries there are."""
    text = pairs_text(pairs)
    if len(text) <= BRIEF_MAX:
        return text
    return many(len(pairs), _ENTRY.get(model.kind(name), "key"))
