"""A timeline is a list of entries; a cursor anywhere has the model of a plain scan."""

from __future__ import annotations

from collections.abc import Callable
from enum import Flag, auto
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.events import TAGS, Entry, Event, checkpoint, flow, sink
from bandviz.model.facts import Dirty
from bandviz.model.run import RunModel
from bandviz.timeline import timeline as timeline_module
from bandviz.timeline.cursor import SPACING, Cursor
from bandviz.timeline.keyframes import KEYFRAMES_MAX, Keyframes
from bandviz.timeline.timeline import Timeline
from bandviz.trace.reader import parse_recording
from tests.synthetic import entries, recorded

RUN = entries(420, checkpoint_every=60)
TYPES = [checkpoint.BarrierArrived, checkpoint.CheckpointCompleted, flow.RecordApplied]


class Mark(Flag):
    EVEN = auto()
    ODD = auto()
    NEITHER = auto()


class Fake:
    """Remembers every identity it was given, and nothing else."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def apply(self, entry: Entry) -> Mark:
        self.seen.append((entry.step, entry.k))
        return Mark.ODD if entry.step % 2 else Mark.EVEN

    def copy(self) -> Fake:
        other = Fake()
        other.seen = self.seen.copy()
        return other


def live(run: list[Entry]) -> Timeline:
    timeline = Timeline()
    timeline.append(run)
    return timeline


RECORDED = parse_recording(recorded(RUN))
SOURCES: list[Callable[[], Timeline]] = [lambda: live(RUN), lambda: Timeline.of(RECORDED)]
BOTH = pytest.mark.parametrize("make", SOURCES, ids=["live", "recorded"])


@BOTH
def test_a_timeline_holds_the_entries(make: Callable[[], Timeline]) -> None:
    timeline = make()
    assert len(timeline) == len(RUN)
    assert list(timeline.entries(0, len(RUN))) == RUN
    assert timeline.last_step == RUN[-1].step


@BOTH
def test_no_timeline_keeps_many_frames_decoded(
    make: Callable[[], Timeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline_module, "DECODED_FRAMES_MAX", 2)
    timeline = make()
    for index in range(0, len(RUN), 100):
        assert timeline.entry(index) == RUN[index]
        assert len(timeline._decoded) <= 2


@pytest.mark.parametrize("index", [-1, len(RUN), len(RUN) + 1])
def test_there_is_no_entry_outside(index: int) -> None:
    with pytest.raises(IndexError):
        live(RUN).entry(index)


def test_an_empty_timeline_is_a_timeline() -> None:
    timeline = Timeline()
    assert (len(timeline), timeline.last_step, timeline.index_of_step(0)) == (0, -1, 0)
    assert list(timeline.entries(0, 10)) == []
    assert timeline.next_index(0, TYPES) is None
    assert timeline.previous_index(0, TYPES) is None


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_question_is_answered_as_by_a_list(data: st.DataObject) -> None:
    timeline = data.draw(st.sampled_from(TIMELINES))
    places = st.integers(0, len(RUN) + 3)
    start, stop = data.draw(places), data.draw(places)
    assert list(timeline.entries(start, stop)) == RUN[start:stop]
    step = data.draw(st.integers(-1, RUN[-1].step + 2))
    behind = (index for index, entry in enumerate(RUN) if entry.step >= step)
    assert timeline.index_of_step(step) == next(behind, len(RUN))
    types = data.draw(st.lists(st.sampled_from([*TYPES, sink.ProducerFenced]), max_size=3))
    at = [index for index, entry in enumerate(RUN) if type(entry.event) in types]
    assert timeline.next_index(start, types) == next((i for i in at if i >= start), None)
    assert timeline.previous_index(stop, types) == next((i for i in at[::-1] if i < stop), None)


TIMELINES = [make() for make in SOURCES]


def test_a_step_that_reaches_over_frames_is_found_at_its_first_entry() -> None:
    run = [*RUN[:900], *[RUN[900]._replace(step=10**6, k=k) for k in range(20_000)]]
    assert live(run).index_of_step(10**6) == 900
    assert live(run).index_of_step(10**6 + 1) == len(run)


@given(st.lists(st.integers(0, 300), max_size=30))
@settings(max_examples=30, deadline=None)
def test_a_growing_timeline_is_the_same_as_one_made_at_once(lengths: list[int]) -> None:
    timeline, at = Timeline(), 0
    for length in lengths:
        timeline.append(RUN[at : at + length])
        at = min(at + length, len(RUN))
        assert len(timeline) == at
        assert list(timeline.entries(max(at - 2_000, 0), at)) == RUN[max(at - 2_000, 0) : at]


def scanned(factory: Callable[[], Any], index: int) -> Any:
    model = factory()
    for entry in RUN[:index]:
        model.apply(entry)
    return model


MODELS = [(Fake, Mark, lambda m: m.seen), (RunModel, Dirty, lambda m: facts_of(m))]


def facts_of(value: Any) -> Any:
    """Everything a model holds, as plain comparable text."""
    if isinstance(value, dict):
        return [(facts_of(key), facts_of(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [facts_of(item) for item in value]
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    if slots and not isinstance(value, Event):
        return [(name, facts_of(getattr(value, name, None))) for name in slots]
    return repr(value)


@pytest.mark.parametrize(("factory", "dirty", "facts"), MODELS, ids=["fake", "RunModel"])
@BOTH
@given(
    moves=st.lists(st.integers(0, len(RUN)) | st.sampled_from(["+1", "-1", "survey"]), max_size=12)
)
@settings(max_examples=15, deadline=None)
def test_seek_is_scan(
    make: Callable[[], Timeline],
    factory: Callable[[], Any],
    dirty: type[Flag],
    facts: Callable[[Any], Any],
    moves: list[int | str],
) -> None:
    cursor: Cursor[Any, Any] = Cursor(make(), factory, dirty)
    for move in moves:
        if isinstance(move, int):
            cursor.seek(move)
        elif move == "survey":
            cursor.survey()
        else:
            cursor.seek(min(max(cursor.index + int(move), 0), len(RUN)))
    assert facts(cursor.model) == facts(scanned(factory, cursor.index))


def test_a_walk_tells_what_changed_and_a_jump_tells_everything() -> None:
    cursor = Cursor(live(RUN), Fake, Mark)
    odd = next(i for i, entry in enumerate(RUN) if entry.step == 3)
    cursor.seek(odd)
    assert cursor.seek(odd) == Mark(0)
    assert cursor.seek(odd + 1) == Mark.ODD
    assert cursor.seek(odd) == Mark.EVEN | Mark.ODD | Mark.NEITHER
    assert cursor.seek_end() == Mark.EVEN | Mark.ODD
    assert cursor.at_end


def test_a_cursor_follows_a_growing_run() -> None:
    timeline = Timeline()
    cursor = Cursor(timeline, Fake, Mark)
    for at in range(0, len(RUN), 77):
        timeline.append(RUN[at : at + 77])
        assert not cursor.at_end
        cursor.seek_end()
    assert cursor.model.seen == scanned(Fake, len(RUN)).seen


@pytest.mark.parametrize("index", [-1, len(RUN) + 1])
def test_there_is_no_place_outside(index: int) -> None:
    cursor = Cursor(live(RUN), Fake, Mark)
    with pytest.raises(IndexError):
        cursor.seek(index)
    assert cursor.index == 0


def test_a_survey_leaves_the_cursor_and_bounds_every_seek() -> None:
    applied = 0

    class Counting(Fake):
        def apply(self, entry: Entry) -> Mark:
            nonlocal applied
            applied += 1
            return super().apply(entry)

        def copy(self) -> Counting:
            other = Counting()
            other.seen = self.seen.copy()
            return other

    cursor = Cursor(live(RUN), Counting, Mark)
    while cursor.survey():
        assert cursor.index == 0
    assert applied == len(RUN) // SPACING * SPACING
    for index in (len(RUN), 5, len(RUN) // 2, len(RUN) - 700):
        applied = 0
        cursor.seek(index)
        assert applied < SPACING


def test_a_model_that_fails_leaves_the_cursor_at_a_sound_place() -> None:
    class Choking(Fake):
        def apply(self, entry: Entry) -> Mark:
            if entry == RUN[700]:
                raise LookupError("choked")
            return super().apply(entry)

        def copy(self) -> Choking:
            other = Choking()
            other.seen = self.seen.copy()
            return other

    cursor = Cursor(live(RUN), Choking, Mark)
    with pytest.raises(LookupError, match="choked"):
        cursor.seek_end()
    assert cursor.model.seen == scanned(Fake, cursor.index).seen
    cursor.seek(650)
    assert cursor.model.seen == scanned(Fake, 650).seen


def test_keyframes_are_bounded_dense_at_the_cursor_and_never_far_apart() -> None:
    keyframes = Keyframes(0)
    length = 2_000
    for index in range(1, length + 1):
        keyframes.add(index * SPACING, index, index * SPACING)
    assert len(keyframes) == KEYFRAMES_MAX
    places = sorted({keyframes.before(index * SPACING)[0] // SPACING for index in range(length)})
    gaps = [b - a for a, b in pairwise(places)]
    assert places[0] == 0
    assert keyframes.last == length * SPACING
    assert max(gaps) < 60
    assert sum(gaps[-20:]) < sum(gaps[:20]) / 3
    assert all(
        index == model * SPACING for index, model in map(keyframes.before, range(0, 10**6, 999))
    )


def test_every_tag_fits_in_a_byte() -> None:
    assert all(0 < tag <= 255 for tag in TAGS.values())
