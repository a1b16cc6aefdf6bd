"""Rescaling keeps every element, every key and every buffer, whatever the parallelism."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.engine.state.assignment import assign, check_fit, check_parallelism, stored
from bandviz.engine.state.redistribution import (
    DistributionMode,
    SubtaskStateMapper,
    repartition,
)
from bandviz.errors import BandvizError
from bandviz.functions.aggregates import Count
from bandviz.functions.rows import KeyBy
from bandviz.graph.key_groups import key_group_of, owner_of
from bandviz.graph.specs import AggregateSpec, Emit, JobVertex, NamedAggregate
from bandviz.ports import StoredVertex

MOST = 16
PARALLELISM = st.integers(1, MOST)
MODES = {"split": DistributionMode.SPLIT, "union": DistributionMode.UNION}
KEYS = st.one_of(st.text(max_size=3), st.integers(-9, 9), st.tuples(st.integers(0, 3), st.text()))


@st.composite
def states(draw: st.DrawFn) -> list[dict[str, Any]]:
    """State of some subtasks, each key and each partition where it belongs."""
    parallelism = draw(PARALLELISM)
    rows = draw(st.dictionaries(KEYS, st.integers(), max_size=20))
    elements = iter(range(100))
    found: list[dict[str, Any]] = []
    for index in range(parallelism):
        owned = [(k, v) for k, v in rows.items() if owner(k, parallelism) == index]
        owned.sort(key=lambda row: key_group_of(row[0], MOST))
        count = draw(st.integers(0, 4))
        found.append(
            {
                "keyed": tuple(owned),
                "offsets": {p: p * 10 for p in range(9) if p % parallelism == index},
                "split": tuple(next(elements) for _ in range(count)),
            }
        )
    return found


def owner(key: Any, parallelism: int) -> int:
    return owner_of(key_group_of(key, MOST), MOST, parallelism)


@given(states(), PARALLELISM)
def test_every_element_is_dealt_exactly_once(old: list[dict[str, Any]], parallelism: int) -> None:
    new = assign(old, parallelism, MOST, MODES)
    assert len(new) == parallelism
    for name in ("keyed", "split"):
        dealt = [item for state in new for item in state[name]]
        assert sorted(map(repr, dealt)) == sorted(repr(i) for state in old for i in state[name])
    assert [x for state in new for x in state["split"]] == [x for s in old for x in s["split"]]
    for index, state in enumerate(new):
        assert all(owner(key, parallelism) == index for key, _ in state["keyed"])
        assert state["offsets"] == {p: p * 10 for p in range(9) if p % parallelism == index}
    sizes = [len(state["split"]) for state in new]
    assert parallelism == len(old) or max(sizes) - min(sizes) <= 1


@given(states(), PARALLELISM)
def test_there_and_back_is_where_it_was(old: list[dict[str, Any]], parallelism: int) -> None:
    there = assign(old, parallelism, MOST, {"split": DistributionMode.SPLIT})
    back = assign(there, len(old), MOST, {"split": DistributionMode.SPLIT})
    for before, after in zip(old, back, strict=True):
        assert {name: before[name] for name in ("offsets",)} == {"offsets": after["offsets"]}
        assert sorted(map(repr, before["keyed"])) == sorted(map(repr, after["keyed"]))
    assert [x for s in back for x in s["split"]] == [x for s in old for x in s["split"]]


@given(st.lists(st.lists(st.integers(), max_size=4), min_size=1, max_size=6), PARALLELISM)
def test_union_state_goes_to_everybody(parts: list[list[int]], parallelism: int) -> None:
    new = repartition([{"union": part} for part in parts], parallelism, MODES)
    everything = [item for part in parts for item in part]
    assert new == [{"union": everything}] * parallelism


def test_a_finished_subtask_gets_its_broadcast_copy_back() -> None:
    modes = {"rules": DistributionMode.BROADCAST}
    assert repartition([{"rules": ["r"]}, {}], 2, modes) == [{"rules": ["r"]}] * 2


@given(PARALLELISM, PARALLELISM)
def test_channel_state_is_read_by_all_who_may_own_its_records(old: int, new: int) -> None:
    for mapper in SubtaskStateMapper:
        readers = [mapper.old_subtasks(index, old, new) for index in range(new)]
        times = [sum(i in read for read in readers) for i in range(old)]
        assert min(times) >= 1
        assert mapper.needs_record_filtering or max(times) == 1
    for group in range(MOST):
        sender = owner_of(group, MOST, old)
        reader = owner_of(group, MOST, new)
        assert sender in SubtaskStateMapper.RANGE.old_subtasks(reader, old, new)


COUNT = AggregateSpec(
    key=KeyBy(fields=("animal",)),
    aggregates=(NamedAggregate(function=Count(), name="votes"),),
    emit=Emit.RUNNING,
)
VERTEX = JobVertex(uid="count", spec=COUNT, parallelism=3, max_parallelism=8)
STORED = StoredVertex("count", "aggregate", 2, 8, ("animal",))


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [
        (STORED._replace(uid="tally"), "holds state of 'tally', which the job does not have"),
        (STORED._replace(kind="window"), "was of kind window .* it is aggregate"),
        (STORED._replace(key=("state", "animal")), "had the key state, animal .* it is animal"),
        (STORED._replace(max_parallelism=128), "has max_parallelism 8, .* taken with 128"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(taken: StoredVertex, sentence: str) -> None:
    vertices = {"count": VERTEX}
    with pytest.raises(BandvizError, match=sentence):
        check_fit([taken], vertices, stateful={taken.uid}, allow_non_restored=False)


def test_what_fits_or_may_be_dropped_is_taken() -> None:
    assert stored(VERTEX) == STORED._replace(parallelism=3)
    gone = STORED._replace(uid="tally")
    vertices = {"count": VERTEX}
    check_fit([STORED, gone], vertices, stateful={"tally"}, allow_non_restored=True)
    check_fit([STORED, gone], vertices, stateful=set(), allow_non_restored=False)


def test_no_key_group_can_be_divided() -> None:
    check_parallelism("count", 8, 8)
    with pytest.raises(BandvizError, match="'count' cannot run with parallelism 9: its max_par"):
        check_parallelism("count", 9, 8)
