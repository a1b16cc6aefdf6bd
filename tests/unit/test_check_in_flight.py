"""What a restore puts back has to be what was stored, in its order."""

from __future__ import annotations

import pytest

from bandviz.check.effective import Buffer
from bandviz.check.in_flight import Content, InFlight
from bandviz.events import Entry, Event
from bandviz.events import checkpoint as ck
from bandviz.events.job import SubtaskFailed, SubtaskRestored
from bandviz.events.rescaling import VertexRescaled
from bandviz.ids import ChannelId, CheckpointId, SubtaskId

COUNT, NORTH, ONE = SubtaskId("count", 0), ChannelId(0), CheckpointId(1)
A, B = Buffer(b"a", b"1", b""), Buffer(b"b", b"2", b"")
TRIGGERED = ck.CheckpointTriggered(checkpoint_id=ONE, triggered=(), expected=())
RESCALED = VertexRescaled(vertex="count", from_parallelism=1, to_parallelism=2)


def stored(*positions: int) -> Event:
    return ck.InFlightPersisted(
        subtask=COUNT, channel=NORTH, checkpoint_id=ONE, side=ck.InFlightSide.INPUT,
        positions=positions, record_count=len(positions),
    )  # fmt: skip


def restored(*positions: int) -> Event:
    return ck.InFlightRestored(
        subtask=COUNT, channel=NORTH, checkpoint_id=ONE, side=ck.InFlightSide.INPUT,
        positions=positions, record_count=len(positions),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "between", "after", "accused"),
    [
        ([A, B], [], [A, B], False),
        ([A, B], [], [B, A], True),
        ([A, B], [], [A], True),
        ([A], [], [A, B], True),
        ([A, 7, B], [], [A, B, 7], True),
        ([A, 7, B], [], [A, 7, B], False),
        ([A, None], [], [None, A], False),  # not all was told
        ([A, B], [RESCALED], [B, A], False),  # other channels
        ([A, B], [TRIGGERED], [B, A], False),  # a number that is given out again
    ],
)
def test_it_is_put_back_as_it_was_stored(
    before: list[Content], between: list[Event], after: list[Content], accused: bool
) -> None:
    there: dict[tuple[ChannelId, int], Content] = {}
    watch = InFlight(lambda channel, position: there.get((channel, position)))
    steps: list[tuple[Event, list[Content]]] = [
        (stored(*range(len(before))), before),
        *((event, []) for event in between),
        (restored(*range(len(after))), after),
    ]
    for step, (event, contents) in enumerate(steps):
        watch.observe(Entry(step, 0, 0, None, event))
        there = {(NORTH, place): one for place, one in enumerate(contents)}  # told at its end
        watch.settle()
    assert [found.rule for found in watch.violations] == ["put_back_as_stored"] * accused


def test_what_the_same_step_reads_was_looked_at_before() -> None:
    there = {(NORTH, 0): A}
    watch = InFlight(lambda channel, position: there.get((channel, position)))
    watch.observe(Entry(0, 0, 0, None, stored(0)))
    there = {}
    watch.settle()
    watch.observe(Entry(1, 0, 0, None, restored(0)))
    there = {(NORTH, 0): B}
    watch.settle()
    assert len(watch.violations) == 1


BACK = SubtaskRestored(subtask=COUNT, checkpoint_id=ONE, state=b"")
FAILED = SubtaskFailed(subtask=COUNT, attempt=2, reason="", detail="", trace="")


@pytest.mark.parametrize(
    ("events", "accused"),
    [
        ([BACK], True),
        ([BACK, restored(0)], False),
        ([BACK, FAILED], False),  # it did not come so far
        ([RESCALED, BACK], False),
        ([TRIGGERED, BACK], False),
        ([SubtaskRestored(subtask=COUNT, checkpoint_id=CheckpointId(2), state=b"")], False),
        ([SubtaskRestored(subtask=SubtaskId("count", 1), checkpoint_id=ONE, state=b"")], False),
    ],
)
def test_all_that_was_stored_is_put_back(events: list[Event], accused: bool) -> None:
    watch = InFlight(lambda _channel, _position: None)
    watch.observe(Entry(0, 0, 0, None, stored(0)))
    watch.settle()
    for k, event in enumerate(events):
        watch.observe(Entry(1, k, 0, None, event))
    watch.settle()
    assert [found.at for found in watch.violations] == [(1, 0)] * accused
