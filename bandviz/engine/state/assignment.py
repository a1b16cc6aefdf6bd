"""State of a checkpoint to the subtasks of a job, which may be another job than took it.

State is found again by the uid of its operator. Keyed sections move by key group, list sections by
their mode, offsets with their partitions. Source: Flink StateAssignmentOperation, Checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bandviz.engine.operators.base import State
from bandviz.engine.state.redistribution import DistributionMode, repartition
from bandviz.errors import BandvizError
from bandviz.functions.rows import KeyBy
from bandviz.graph.key_groups import key_group_of, key_group_range, owner_of
from bandviz.graph.specs import JobVertex, SinkContract, SinkSpec
from bandviz.ports import StoredVertex

PART_COUNTERS: Final = "part_counters"

LIST_SECTIONS: Final = {
    "transactions": DistributionMode.SPLIT,
    "committables": DistributionMode.SPLIT,
    PART_COUNTERS: DistributionMode.UNION,
    "rules": DistributionMode.BROADCAST,
}
"""Sections of a snapshot that are operator list state: those of sinks, and broadcast state."""


def has_union_state(vertex: JobVertex) -> bool:
    """Each of its subtasks is restored from what all of them had: that is the file sink."""
    return isinstance(vertex.spec, SinkSpec) and vertex.spec.contract is SinkContract.FILE


class KeyGroupMove(NamedTuple):
    """A block of key groups, with its entries, from an old subtask to a new one, by index."""

    to_index: int
    from_index: int
    first: int
    last: int
    entry_count: int


def stored(vertex: JobVertex) -> StoredVertex:
    """An operator as a checkpoint remembers it."""
    key: KeyBy | None = getattr(vertex.spec, "key", None)
    fields = key.fields if key is not None else ()
    return StoredVertex(vertex.uid, vertex.kind, vertex.parallelism, vertex.max_parallelism, fields)


def check_fit(
    taken: Iterable[StoredVertex],
    vertices: Mapping[str, JobVertex],
    *,
    stateful: set[str],
    allow_non_restored: bool,
) -> None:
    """Refuse a checkpoint that the job cannot take over. Raises BandvizError.

    An operator that the checkpoint does not know starts empty. `stateful`: uids with any state.
    """
    for old in taken:
        vertex = vertices.get(old.uid)
        if vertex is not None:
            _check_vertex(old, stored(vertex))
        elif old.uid in stateful and not allow_non_restored:
            raise BandvizError(
                f"the checkpoint holds state of '{old.uid}', which the job does not have",
                "give the operator its old uid back, or drop the state: allow_non_restored: true",
            )


def _check_vertex(old: StoredVertex, new: StoredVertex) -> None:
    if new.kind != old.kind:
        raise BandvizError(
            f"'{old.uid}' was of kind {old.kind} when the checkpoint was taken, it is {new.kind}",
            "an operator of another kind needs another uid",
        )
    if new.key != old.key:
        raise BandvizError(
            f"'{old.uid}' had the key {_fields(old.key)} when the checkpoint was taken, "
            f"it is {_fields(new.key)}",
            "state by another key needs another uid",
        )
    if new.max_parallelism != old.max_parallelism:
        raise BandvizError(
            f"'{old.uid}' has max_parallelism {new.max_parallelism}, its state was taken with "
            f"{old.max_parallelism}",
            f"the number of key groups is fixed at the first run: write {old.max_parallelism}",
        )
    check_parallelism(new.uid, new.parallelism, old.max_parallelism)


def check_parallelism(uid: str, parallelism: int, max_parallelism: int) -> None:
    """Refuse more subtasks than there are key groups. Raises BandvizError."""
    if not 1 <= parallelism <= max_parallelism:
        raise BandvizError(
            f"'{uid}' cannot run with parallelism {parallelism}: its max_parallelism is "
            f"{max_parallelism}, and no key group can be divided",
            f"rescale it to 1 .. {max_parallelism}",
        )


def _fields(key: tuple[str, ...]) -> str:
    return ", ".join(key) or "none"


def moves(
    old_parallelism: int, max_parallelism: int, new: Sequence[State]
) -> Iterator[KeyGroupMove]:
    """Blocks in which keyed state went to its new owners; nothing if there is no keyed state."""
    for to_index, state in enumerate(new):
        first, last = key_group_range(max_parallelism, len(new), to_index)
        groups = [
            key_group_of(row[0], max_parallelism)
            for name, rows in state.items()
            if name not in LIST_SECTIONS and not isinstance(rows, dict)
            for row in rows
        ]
        for from_index in range(old_parallelism):
            start, end = key_group_range(max_parallelism, old_parallelism, from_index)
            start, end = max(start, first), min(end, last)
            if start <= end:
                count = sum(start <= group <= end for group in groups)
                yield KeyGroupMove(to_index, from_index, start, end, count)


def assign(
    old: Sequence[State],
    parallelism: int,
    max_parallelism: int,
    modes: Mapping[str, DistributionMode] = LIST_SECTIONS,
) -> list[State]:
    """State of the new subtasks, in order. `modes`: which sections are operator list state.

    A section that is a dict is by partition: partition p goes to subtask p mod parallelism. All
    other sections are rows that begin with their key.
    """
    lists = [{name: list(state[name]) for name in modes if name in state} for state in old]
    dealt = repartition(lists, parallelism, modes)
    if parallelism == len(old):
        return [
            {**state, **{name: tuple(part[name]) for name in part}}
            for state, part in zip(old, dealt, strict=True)
        ]
    new: list[State] = [
        {name: tuple(part.get(name, ())) for name in dict.fromkeys(n for s in lists for n in s)}
        for part in dealt
    ]
    for name in dict.fromkeys(name for state in old for name in state if name not in modes):
        sections = [state[name] for state in old if name in state]
        shares = (
            _by_partition(sections, parallelism)
            if isinstance(sections[0], dict)
            else _by_key_group(sections, parallelism, max_parallelism)
        )
        for state, share in zip(new, shares, strict=True):
            state[name] = share
    return new


def _by_partition(sections: Sequence[dict[int, Any]], parallelism: int) -> list[Any]:
    shares: list[dict[int, Any]] = [{} for _ in range(parallelism)]
    for section in sections:
        for partition, value in section.items():
            shares[partition % parallelism][partition] = value
    return shares


def _by_key_group(
    sections: Sequence[Iterable[Any]], parallelism: int, max_parallelism: int
) -> list[Any]:
    shares: list[list[Any]] = [[] for _ in range(parallelism)]
    for section in sections:
        for row in section:
            group = key_group_of(row[0], max_parallelism)
            shares[owner_of(group, max_parallelism, parallelism)].append(row)
    return [tuple(share) for share in shares]
