"""Key groups, channel-state mappers, operator state: a case of Flink's through our classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bandviz.engine.state.redistribution import (
    DistributionMode,
    SubtaskStateMapper,
    repartition,
)
from bandviz.graph.key_groups import (
    default_max_parallelism,
    java_hash,
    key_group_of,
    key_group_range,
    owner_of,
)

Case = dict[str, Any]


def run(case: Case) -> Case:
    """What the engine answers, in the keys of `case["expect"]`."""
    return _KINDS[case["kind"]](case)


def _ranges(case: Case) -> Case:
    most, parallelism = case["max_parallelism"], case["parallelism"]
    return {"ranges": [list(key_group_range(most, parallelism, i)) for i in range(parallelism)]}


def _owners(case: Case) -> Case:
    most, parallelism = case["max_parallelism"], case["parallelism"]
    return {"owners": [owner_of(group, most, parallelism) for group in case["key_groups"]]}


def _keys(case: Case) -> Case:
    return {"assignments": [_assignment(key, case) for key in case["keys"]]}


def _assignment(key: Any, case: Case) -> Case:
    key = tuple(key) if isinstance(key, list) else key
    most = case["max_parallelism"]
    group = key_group_of(key, most)
    return {
        "key": list(key) if isinstance(key, tuple) else key,
        "hash": java_hash(key),
        "key_group": group,
        "subtask": owner_of(group, most, case["parallelism"]),
    }


def _default_max(case: Case) -> Case:
    return {"values": [default_max_parallelism(p) for p in case["parallelisms"]]}


def _mapper(case: Case) -> Case:
    mapper = SubtaskStateMapper(case["mapper"])
    old, new = case["old_parallelism"], case["new_parallelism"]
    return {
        "new_to_old": [list(mapper.old_subtasks(index, old, new)) for index in range(new)],
        "needs_record_filtering": mapper.needs_record_filtering,
    }


def _repartition(case: Case) -> Case:
    modes = {name: DistributionMode(mode) for name, mode in case["modes"].items()}
    return {"new": repartition(case["old"], case["new_parallelism"], modes)}


_KINDS: dict[str, Callable[[Case], Case]] = {
    "range": _ranges,
    "owner": _owners,
    "key": _keys,
    "default_max": _default_max,
    "mapper": _mapper,
    "repartition": _repartition,
}
