"""Keyed state primitives: a current key, frozen snapshots, a time to live."""

from __future__ import annotations

import operator
from types import SimpleNamespace
from typing import Any

import pytest

from bandviz.engine.state.descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateTtl,
    TtlUpdate,
    ValueStateDescriptor,
)
from bandviz.engine.state.frozen import plain
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.errors import InvariantViolation
from bandviz.events.values import pack, unpack
from bandviz.functions.aggregates import Sum
from bandviz.functions.rows import FunctionError

READ, WRITE = TtlUpdate.ON_READ_AND_WRITE, TtlUpdate.ON_CREATE_AND_WRITE


def backend(now_ms: int = 0) -> Any:
    context = SimpleNamespace(now_us=now_ms * 1000, tracks_changes=False, wants_whole=True)
    return KeyedStateBackend(context, 128)


def at(states: Any, now_ms: int) -> None:
    states.context.now_us = now_ms * 1000


def test_each_key_has_its_own_entry_in_every_kind_of_state() -> None:
    states = backend()
    value = states.value_state(ValueStateDescriptor(name="value"))
    elements = states.list_state(ListStateDescriptor(name="list"))
    mapped = states.map_state(MapStateDescriptor(name="map"))
    most = states.reducing_state(ReducingStateDescriptor(name="max", reduce=max))
    total = states.aggregating_state(
        AggregatingStateDescriptor(name="sum", function=Sum(field="n"), fields=("n",))
    )
    for key, number in (("a", 1), ("b", 5), ("a", 2)):
        states.current_key = key
        value.update(number)
        elements.add(number)
        mapped.put(number, number * 10)
        most.add(number)
        total.add((number,))
    states.current_key = "a"
    assert (value.value(), elements.get(), mapped.items()) == (2, (1, 2), ((1, 10), (2, 20)))
    assert (most.get(), total.get(), mapped.contains(5)) == (2, 3, False)
    states.current_key = "c"
    assert (value.value(), elements.get(), mapped.is_empty()) == (None, (), True)
    assert (most.get(), total.get()) == (None, None)


def test_a_snapshot_comes_back_as_it_was_at_the_barrier() -> None:
    states = backend()
    elements = states.list_state(ListStateDescriptor(name="list"))
    mapped = states.map_state(MapStateDescriptor(name="map"))
    states.current_key = "a"
    elements.add(1)
    mapped.put("x", 1)
    frozen = states.snapshot()
    elements.add(2)
    mapped.put("x", 2)
    mapped.remove("x")
    stored = unpack(pack(plain(frozen)))
    assert stored == {"list": (("a", (1,)),), "map": (("a", (("x", 1),)),)}
    states.restore(stored)
    states.current_key = "a"
    assert (elements.get(), mapped.items()) == ((1,), (("x", 1),))
    elements.add(3)
    assert elements.get() == (1, 3)


def test_an_emptied_entry_is_not_stored() -> None:
    states = backend()
    value = states.value_state(ValueStateDescriptor(name="value"))
    elements = states.list_state(ListStateDescriptor(name="list"))
    mapped = states.map_state(MapStateDescriptor(name="map"))
    states.current_key = 7
    value.update(1)
    value.update(None)
    elements.add(1)
    elements.update([])
    mapped.put("x", 1)
    mapped.remove("x")
    assert plain(states.snapshot()) == {"value": [], "list": [], "map": []}


@pytest.mark.parametrize(
    ("update", "reads_ms", "found"),
    [
        (WRITE, [99], [1]),
        (WRITE, [100], [None]),  # expired at the last millisecond of its life
        (WRITE, [60, 120], [1, None]),  # reading renews nothing
        (READ, [60, 120, 219, 319], [1, 1, 1, None]),
    ],
)
def test_an_expired_value_is_never_returned(
    update: TtlUpdate, reads_ms: list[int], found: list[int | None]
) -> None:
    states = backend()
    value = states.value_state(
        ValueStateDescriptor(name="seen", ttl=StateTtl(ttl_ms=100, update=update))
    )
    states.current_key = "a"
    value.update(1)
    answers = []
    for now_ms in reads_ms:
        at(states, now_ms)
        answers.append(value.value())
    assert answers == found


def test_elements_and_map_entries_expire_one_by_one() -> None:
    states = backend()
    ttl = StateTtl(ttl_ms=100)
    elements = states.list_state(ListStateDescriptor(name="list", ttl=ttl))
    mapped = states.map_state(MapStateDescriptor(name="map", ttl=ttl))
    states.current_key = "a"
    for now_ms in (0, 60):
        at(states, now_ms)
        elements.add(now_ms)
        mapped.put(now_ms, "x")
    at(states, 110)
    assert (elements.get(), mapped.items()) == ((60,), ((60, "x"),))
    at(states, 160)
    assert (elements.get(), mapped.items()) == ((), ())
    assert plain(states.snapshot()) == {"list": [], "map": []}


def test_the_time_to_live_goes_on_after_a_restore() -> None:
    states = backend()
    value = states.value_state(ValueStateDescriptor(name="seen", ttl=StateTtl(ttl_ms=100)))
    states.current_key = "a"
    value.update(1)
    states.restore(unpack(pack(plain(states.snapshot()))))
    states.current_key = "a"
    at(states, 99)
    assert value.value() == 1
    at(states, 100)
    assert value.value() is None


def test_state_without_a_current_key_is_refused() -> None:
    value = backend().value_state(ValueStateDescriptor(name="seen"))
    with pytest.raises(FunctionError, match="'seen' is used without a current key"):
        value.value()


def test_a_name_is_declared_once() -> None:
    states = backend()
    states.value_state(ValueStateDescriptor(name="seen"))
    with pytest.raises(InvariantViolation, match="declared once"):
        states.reducing_state(ReducingStateDescriptor(name="seen", reduce=operator.add))
