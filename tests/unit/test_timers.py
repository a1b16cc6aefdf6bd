"""The timer service: one timer for a key, a domain and a time; by time, then by key."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.engine.state.frozen import plain
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.engine.time.timers import TimerService
from bandviz.events.values import pack, unpack
from bandviz.functions.process import TimeDomain

EVENT, PROCESSING = TimeDomain.EVENT, TimeDomain.PROCESSING


def service() -> tuple[Any, TimerService]:
    context = SimpleNamespace(now_us=0, tracks_changes=False, wants_whole=True)
    backend = KeyedStateBackend(context, 128)
    return backend, TimerService(backend)


def set_all(backend: Any, timers: TimerService, wanted: list[tuple[str, int]]) -> list[bool]:
    done = []
    for key, time_ms in wanted:
        backend.current_key = key
        done.append(timers.set(EVENT, time_ms))
    return done


def fired(backend: Any, timers: TimerService, until_ms: int = 100) -> list[tuple[Any, int]]:
    found = []
    while (time_ms := timers.take(EVENT, until_ms)) is not None:
        found.append((backend.current_key, time_ms))
    return found


def test_timers_fire_by_time_then_by_packed_key() -> None:
    backend, timers = service()
    set_all(backend, timers, [("b", 5), ("a", 7), ("a", 5), ("c", 3)])
    assert fired(backend, timers, 6) == [("c", 3), ("a", 5), ("b", 5)]
    assert timers.next_ms(EVENT) == 7


def test_the_same_timer_twice_is_one() -> None:
    backend, timers = service()
    assert set_all(backend, timers, [("a", 5), ("a", 5), ("b", 5)]) == [True, False, True]
    assert fired(backend, timers) == [("a", 5), ("b", 5)]


def test_a_deleted_timer_does_not_fire_and_may_be_set_again() -> None:
    backend, timers = service()
    set_all(backend, timers, [("a", 5), ("a", 6)])
    assert (timers.delete(EVENT, 5), timers.delete(EVENT, 5)) == (True, False)
    assert timers.next_ms(EVENT) == 6
    set_all(backend, timers, [("a", 5)])
    assert fired(backend, timers) == [("a", 5), ("a", 6)]
    assert plain(backend.snapshot()) == {"timers": []}


def test_the_domains_do_not_mix() -> None:
    backend, timers = service()
    backend.current_key = "a"
    assert timers.set(EVENT, 5)
    assert timers.set(PROCESSING, 5)
    assert fired(backend, timers) == [("a", 5)]
    assert timers.next_ms(PROCESSING) == 5


@pytest.mark.parametrize(("time_ms", "due_us"), [(0, 1_000), (5, 6_000), (-3, -2_000)])
def test_processing_time_is_over_when_its_millisecond_is(time_ms: int, due_us: int) -> None:
    backend, timers = service()
    assert timers.due_us() is None
    backend.current_key = "a"
    timers.set(PROCESSING, time_ms)
    assert timers.due_us() == due_us


keys = st.sampled_from(["a", "b", ("c", 1), 7])
commands = st.tuples(st.sampled_from(["set", "delete", "fire", "restore"]), keys, st.integers(0, 9))


@given(st.lists(commands, max_size=40))
def test_it_behaves_like_a_sorted_set(script: list[tuple[str, Any, int]]) -> None:
    backend, timers = service()
    model: set[tuple[int, bytes, Any]] = set()
    for word, key, time_ms in script:
        backend.current_key = key
        timer = (time_ms, pack(key), key)
        if word == "set":
            assert timers.set(EVENT, time_ms) is (timer not in model)
            model.add(timer)
        elif word == "delete":
            assert timers.delete(EVENT, time_ms) is (timer in model)
            model.discard(timer)
        elif word == "fire":
            due = sorted(one for one in model if one[0] <= time_ms)
            assert fired(backend, timers, time_ms) == [(one[2], one[0]) for one in due]
            model.difference_update(due)
        else:
            stored = unpack(pack(plain(backend.snapshot())))
            backend, timers = service()
            backend.restore(stored)
            timers.rebuild()
        assert timers.next_ms(EVENT) == min((one[0] for one in model), default=None)
