"""Canonical bytes: one value, one encoding; and nothing from outside can break the decoder."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.events.values import pack, unpack

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(texts, inner, max_size=5)
        | st.dictionaries(st.integers(-(2**63), 2**64 - 1), inner, max_size=5)
    ),
    max_leaves=20,
)


def allowed(value: Any) -> bool:
    """Whether a decoded value is of the kinds that events may carry."""
    if isinstance(value, tuple):
        return all(allowed(part) for part in value)
    if isinstance(value, dict):
        return all(allowed(part) for item in value.items() for part in item)
    return value is None or isinstance(value, bool | int | float | str | bytes)


def spelled(value: object) -> str:
    """A text that tells 1 from True and 1.0, and does not tell orders of a dict."""
    if isinstance(value, dict):
        return repr(sorted((spelled(key), spelled(part)) for key, part in value.items()))
    if isinstance(value, tuple):
        return repr([spelled(part) for part in value])
    return repr(value)


@given(values)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert unpack(pack(value)) == value


@given(values)
def test_types_come_back_as_they_were(value: object) -> None:
    assert spelled(unpack(pack(value))) == spelled(value)


def test_a_list_comes_back_as_a_tuple() -> None:
    assert unpack(pack([1, [2, "x"]])) == (1, (2, "x"))


@given(st.dictionaries(texts, scalars, min_size=2, max_size=6), st.randoms())
def test_order_of_a_dict_does_not_reach_its_bytes(value: dict[str, object], chance: Any) -> None:
    items = list(value.items())
    chance.shuffle(items)
    assert pack(dict(items)) == pack(value)
    assert pack({"outer": dict(items)}) == pack({"outer": value})


@pytest.mark.parametrize(
    "number",
    [0, 1, -1, 127, 128, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 2**2_000, -(2**2_000)],
)
@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: (1, n), lambda n: {"sum": n}])
def test_integers_of_any_size_come_back(number: int, wrap: Any) -> None:
    assert unpack(pack(wrap(number))) == wrap(number)


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), datetime.date(2013, 2, 8), 1j, (1, {"a": {1}}), {"a": object()}]
)
def test_other_kinds_are_refused_and_leave_nothing_behind(value: object) -> None:
    with pytest.raises(TypeError):
        pack(value)
    assert unpack(pack((1, 2))) == (1, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x93\x01",
        b"\x01\x02",
        b"\xa3ab",
        b"\xa2\xff\xfe",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x91" * 5_000 + b"\x01",
        b"\x81\x80\x01",
        b"\xd4\x05\x00",
    ],
    ids=lambda data: data[:12].hex(),
)
def test_hostile_bytes_raise_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the library's
        unpack(data)


@pytest.mark.parametrize(
    "data",
    [b"\xd6\xff" + bytes(4), b"\xd7\xff" + bytes(8), b"\xc7\x0c\xff" + bytes(12)],
    ids=lambda data: data[:3].hex(),
)
def test_an_extension_of_the_library_brings_no_object_of_its_own(data: bytes) -> None:
    assert unpack(data) == 0.0
    assert allowed(unpack(data))


def refused_or_allowed(data: bytes) -> bool:
    try:
        return allowed(unpack(data))
    except ValueError:
        return True


@given(st.binary(max_size=200))
def test_noise_is_refused_or_decodes_to_what_events_may_carry(data: bytes) -> None:
    assert refused_or_allowed(data)


@given(values, st.data())
def test_altered_bytes_are_refused_or_decode_to_what_events_may_carry(
    value: object, data: st.DataObject
) -> None:
    altered = bytearray(pack(value))
    place = data.draw(st.integers(0, len(altered) - 1))
    altered[place] = data.draw(st.integers(0, 255))
    assert refused_or_allowed(bytes(altered))
