"""Whatever the vocabulary can say survives a frame; whatever else stands in one is refused."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NewType, get_args, get_origin, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.errors import CorruptFrameError
from bandviz.events import TAGS, Entry, Event
from bandviz.trace.codec import Decoder, deflate, encode, inflate
from bandviz.trace.columns import I64_MAX, I64_MIN
from bandviz.trace.kinds import KINDS, kinds_of
from bandviz.trace.upcast import vocabulary
from tests.synthetic import entries

DECODER = Decoder(vocabulary())
COLUMNS = encode(entries(30))
RUN = DECODER.entries(deflate(COLUMNS), len(entries(30)), (0, 0))


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that an event may carry."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=4).map(tuple)
    scalars: dict[type, st.SearchStrategy[Any]] = {
        int: st.integers(I64_MIN, I64_MAX) | st.integers(-3, 300),
        bool: st.booleans(),
        str: st.text(max_size=12),
        bytes: st.binary(max_size=12),
    }
    if hint in scalars:
        return scalars[hint]
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    hints = get_type_hints(hint)
    return st.builds(hint, *[values_of(hints[name]) for name in kinds_of(hint)])


def event_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: values_of(hints[name]) for name in KINDS[kind]})


EVENTS = st.one_of([event_of(kind) for kind in TAGS])


@st.composite
def runs(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[Entry]:
    """Entries in order of their identities; causes are earlier or the entry's own step."""
    identities = sorted(
        draw(
            st.sets(
                st.tuples(st.integers(0, 2**32 - 1) | st.integers(0, 5), st.integers(0, 9)),
                min_size=1,
                max_size=12,
            )
        )
    )
    return [
        Entry(
            step,
            k,
            draw(st.integers(0, 10**9)),
            draw(st.none() | st.tuples(st.integers(0, step), st.integers(0, 9))),
            draw(EVENTS),
        )
        for step, k in identities
    ]


@given(runs())
@settings(max_examples=120, deadline=None)
def test_any_entries_come_back(run: list[Entry]) -> None:
    again = DECODER.entries(deflate(encode(run)), len(run), run[0][:2])
    assert again == run


def test_every_event_of_the_vocabulary_comes_back() -> None:
    for kind in TAGS:
        _survives(kind)


def _survives(kind: type[Event]) -> None:
    @given(st.lists(event_of(kind), min_size=1, max_size=3))
    @settings(max_examples=3, deadline=None)
    def check(events: list[Event]) -> None:
        run = [Entry(1, k, 0, None, event) for k, event in enumerate(events)]
        assert DECODER.entries(deflate(encode(run)), len(run), (1, 0)) == run

    check()


@given(st.integers(0, len(COLUMNS) - 1), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_is_refused_or_still_makes_typed_entries(place: int, byte: int) -> None:
    changed = COLUMNS[:place] + bytes([byte]) + COLUMNS[place + 1 :]
    try:
        run = DECODER.entries(deflate(changed), len(RUN), (0, 0))
    except CorruptFrameError:
        pass
    else:
        assert inflate(deflate(encode(run)))  # only well-typed entries can be encoded again
        for entry in run:
            hash(entry)
