"""Who gets which part of a snapshot when the parallelism changes. Pure functions, no events.

Keyed state moves by key-group range (`graph.key_groups`), operator list state by its mode, the
in-flight data of a channel by the mapper of its edge. Source: Flink
RoundRobinOperatorStateRepartitioner, SubtaskStateMapper; checked by the key-group family of the
conformance cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from bandviz.graph.key_groups import java_hash, key_group_range, owner_of
from bandviz.graph.specs import Partitioner

ListState = dict[str, list[Any]]
"""Operator list state of one subtask: its elements by name of the state."""

_KEY_GROUPS_MAX: Final = 1 << 15
_TABLE_SIZE: Final = 16


class DistributionMode(Enum):
    """How the elements of an operator's list state are dealt to new subtasks."""

    SPLIT = "SPLIT_DISTRIBUTE"
    """Each element to exactly one: contiguous even shares."""
    UNION = "UNION"
    """Everything to everybody."""
    BROADCAST = "BROADCAST"
    """All copies are alike: one copy to everybody."""


class SubtaskStateMapper(Enum):
    """Whose channel state a new subtask reads."""

    RANGE = "RANGE"
    """Those whose key groups overlap with its own."""
    ROUND_ROBIN = "ROUND_ROBIN"
    """Each old one goes to exactly one new one."""
    ARBITRARY = "ARBITRARY"
    """Anybody may have it; in fact it is dealt as by ROUND_ROBIN."""
    FULL = "FULL"
    """All of them."""
    FIRST = "FIRST"
    """All go to subtask 0."""

    @property
    def needs_record_filtering(self) -> bool:
        """The same buffer is read by several: each keeps only the records of its key groups."""
        return self in (SubtaskStateMapper.RANGE, SubtaskStateMapper.FULL)

    def old_subtasks(self, index: int, old: int, new: int) -> tuple[int, ...]:
        """Indexes of the old subtasks whose state the new subtask `index` reads."""
        match self:
            case SubtaskStateMapper.RANGE:
                first, last = key_group_range(_KEY_GROUPS_MAX, new, index)
                return tuple(
                    range(
                        owner_of(first, _KEY_GROUPS_MAX, old),
                        owner_of(last, _KEY_GROUPS_MAX, old) + 1,
                    )
                )
            case SubtaskStateMapper.ROUND_ROBIN | SubtaskStateMapper.ARBITRARY:
                return tuple(range(index, old, new))
            case SubtaskStateMapper.FULL:
                return tuple(range(old))
            case SubtaskStateMapper.FIRST:
                return tuple(range(old)) if index == 0 else ()


INPUT_MAPPERS: Final = {
    Partitioner.HASH: SubtaskStateMapper.RANGE,
    Partitioner.REBALANCE: SubtaskStateMapper.ROUND_ROBIN,
}
"""By the partitioner of an edge, for its receivers. Forward and broadcast edges are never
unaligned, so they have no channel state to move.
"""

OUTPUT_MAPPER: Final = SubtaskStateMapper.ROUND_ROBIN
"""For the senders of any edge that has output-queue state."""


def repartition(
    old: Sequence[ListState], parallelism: int, modes: Mapping[str, DistributionMode]
) -> list[ListState]:
    """Operator state of the new subtasks, in order.

    With unchanged parallelism everybody keeps its own; only union state is dealt out again, and
    broadcast state of which some subtask lacks its copy (it had finished).
    """
    if parallelism == len(old):
        kept = [dict(state) for state in old]
        for name in _names(old):
            holders = sum(name in state for state in old)
            mode = modes[name]
            lacking = mode is DistributionMode.BROADCAST and holders < len(old)
            if mode is DistributionMode.UNION or lacking:
                _give(kept, name, _copies(old, name, parallelism, mode))
        return kept
    dealt: list[ListState] = [{} for _ in range(parallelism)]
    start = 0
    for name in _names(old):
        if modes[name] is DistributionMode.SPLIT:
            elements = [item for state in old for item in state.get(name, ())]
            shares = split(elements, parallelism, start)
            _give(dealt, name, [share or None for share in shares])
            start = (start + len(elements) % parallelism) % parallelism
        else:
            _give(dealt, name, _copies(old, name, parallelism, modes[name]))
    return dealt


def split(elements: Sequence[Any], parallelism: int, start: int = 0) -> list[list[Any]]:
    """Contiguous even shares by subtask. The deal begins at subtask `start`; the first ones of the
    round get the odd elements.
    """
    base, odd = divmod(len(elements), parallelism)
    shares: list[list[Any]] = [[] for _ in range(parallelism)]
    at = 0
    for turn in range(parallelism):
        count = base + (turn < odd)
        shares[(start + turn) % parallelism] = list(elements[at : at + count])
        at += count
    return shares


def _copies(
    old: Sequence[ListState], name: str, parallelism: int, mode: DistributionMode
) -> list[list[Any] | None]:
    held = [state[name] for state in old if name in state]
    if mode is DistributionMode.UNION:
        everything = [item for part in held for item in part]
        return [list(everything) for _ in range(parallelism)]
    return [list(held[index % len(held)]) for index in range(parallelism)]


def _give(states: list[ListState], name: str, parts: Sequence[list[Any] | None]) -> None:
    for state, part in zip(states, parts, strict=True):
        if part is not None:
            state[name] = part


def _names(old: Sequence[ListState]) -> list[str]:
    """All names of states, in the order of Java's HashMap.

    Part of the rule: the deal of a split state begins where the odd elements of the one before it
    ended.
    """
    names = list(dict.fromkeys(name for state in old for name in state))
    size = _TABLE_SIZE
    while len(names) > size * 3 // 4:
        size *= 2
    return sorted(names, key=lambda name: _spread(java_hash(name)) & (size - 1))


def _spread(code: int) -> int:
    return code ^ (code & 0xFFFFFFFF) >> 16
