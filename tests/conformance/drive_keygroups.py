"""Key groups, channel-state mappers, operator state: a case of Flink's through our classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

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
from tests.conformance.case_format import Case, answers, lookup


def run(case: Case) -> Case:
    """What the engine answers, in the keys of `case["expect"]`."""
    return answers(lookup(_KINDS, case["kind"], "the kind")(case), case)


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
    mapper = lookup(_MAPPERS, case["mapper"].upper(), "the mapper")
    old, new = case["old_parallelism"], case["new_parallelism"]
    return {
        "new_to_old": [list(mapper.old_subtasks(index, old, new)) for index in range(new)],
        "needs_record_filtering": mapper.needs_record_filtering,
    }


def _repartition(case: Case) -> Case:
    """List state is split, unless the case says otherwise."""
    modes = dict.fromkeys((name for state in case["old"] for name in state), DistributionMode.SPLIT)
    for name, mode in case.get("modes", {}).items():
        modes[name] = lookup(_MODES, mode.upper(), "the mode")
    return {"new": repartition(case["old"], case["new_parallelism"], modes)}


_MAPPERS: Final = {mapper.value: mapper for mapper in SubtaskStateMapper}
_MODES: Final = {mode.value: mode for mode in DistributionMode}
_KINDS: Final[dict[str, Callable[[Case], Case]]] = {
    "range": _ranges,
    "owner": _owners,
    "key": _keys,
    "default_max": _default_max,
    "mapper": _mapper,
    "repartition": _repartition,
}
