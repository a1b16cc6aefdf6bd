"""Freezing at the barrier, encoding behind it."""

from __future__ import annotations

import copy
from time import perf_counter
from typing import Any

import pytest

from bandviz.engine.state.encoding import SLICE_ENTRIES, Encoding
from bandviz.engine.state.frozen import NO_KEY_GROUPS, SMALL_ENTRIES, FrozenTable, plain
from bandviz.events.values import pack, unpack
from bandviz.graph.key_groups import key_group_of


def table(count: int, max_parallelism: int = 128) -> FrozenTable:
    values: tuple[Any, ...] = ((1, 2.5), [1, 2], {"b": 1, "a": None}, 2**70)
    entries = {f"k{number}": values[number % 4] for number in range(count)}
    return FrozenTable(entries, max_parallelism)


@pytest.mark.parametrize("count", [0, 3, SMALL_ENTRIES, SMALL_ENTRIES + 1, 2 * SLICE_ENTRIES + 7])
@pytest.mark.parametrize("max_parallelism", [NO_KEY_GROUPS, 1, 128])
def test_slices_make_the_bytes_of_the_whole(count: int, max_parallelism: int) -> None:
    state = {"keyed": table(count, max_parallelism), "timers": (1, 2), "empty": table(0)}
    encoding = Encoding(state)
    assert encoding.done is (count <= SMALL_ENTRIES)
    while not encoding.done:
        encoding.advance()
    assert encoding.data == pack(plain(state))


def test_rows_stand_in_key_group_order() -> None:
    rows = table(500).rows()
    groups = [key_group_of(key, 128) for key, _ in rows]
    assert groups == sorted(groups)


def test_without_key_groups_rows_stand_in_the_order_of_writing() -> None:
    written = table(2 * SLICE_ENTRIES + 7, NO_KEY_GROUPS)
    encoding = Encoding({"keyed": written})
    while not encoding.done:
        encoding.advance()
    assert [key for key, _ in unpack(encoding.data)["keyed"]] == list(written.entries)


def test_a_clone_goes_on_where_the_original_stood() -> None:
    encoding = Encoding({"keyed": table(3 * SLICE_ENTRIES)})
    for _ in range(3):
        encoding.advance()
    twin = copy.deepcopy(encoding)
    for one in (encoding, twin):
        while not one.done:
            one.advance()
    assert twin.data == encoding.data
    assert len(unpack(twin.data)["keyed"]) == 3 * SLICE_ENTRIES


def test_freezing_many_keys_stops_the_job_for_a_moment_only() -> None:
    entries = {f"k{number}": (number,) for number in range(200_000)}
    seconds = []
    for _ in range(5):
        begun = perf_counter()
        Encoding({"keyed": FrozenTable(entries.copy(), 128)})
        seconds.append(perf_counter() - begun)
    assert min(seconds) < 0.05  # 10 ms of the 50 for a million keys, with slack
