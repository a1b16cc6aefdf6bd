"""Cuts through a run of three votes, written down by hand; and those that barriers found."""

from __future__ import annotations

from itertools import takewhile

import pytest

from bandviz.check.cuts import Crossing, SpaceTime
from bandviz.errors import TraceError
from bandviz.events import Entry, Event, Level, job
from bandviz.events import checkpoint as ck
from bandviz.events.structure import ChannelDeclared
from bandviz.ids import ChannelId, SubtaskId
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run
from tests.judged_runs import BOARD, COUNT, OUT, STORY_LOGS, Play, played

NORTH, SOUTH = SubtaskId("north", 0), SubtaskId("south", 0)
SCRIPT = ("poll north", "poll north", "poll south", "deliver north")
"""north sends two votes, south one; count takes the first of north and sends one result."""


@pytest.mark.parametrize(
    ("crossing", "in_flight", "orphans"),
    [
        (Crossing(3, 3), [], []),
        (Crossing(3, 1), [1, 2], []),
        (Crossing(1, 3), [], [1, 2]),
        (Crossing(0, 0), [], []),
    ],
)
def test_two_counts_of_a_fifo_channel_say_all(
    crossing: Crossing, in_flight: list[int], orphans: list[int]
) -> None:
    assert list(crossing.in_flight) == in_flight
    assert list(crossing.orphans) == orphans


@pytest.mark.parametrize(
    ("north", "south", "count", "orphans", "price", "again"),
    [
        (0, 0, 0, 0, 0, 9),  # nothing is inside, all nine are read again
        (1, 0, 0, 0, 1, 8),  # one vote on its way
        (2, 1, 0, 0, 3, 6),  # all three
        (2, 1, 1, 0, 3, 6),  # one taken, its result is on its way
        (1, 0, 1, 0, 1, 8),  # the same, and nothing else
        (0, 0, 1, 1, 1, 9),  # count has what north has not sent
    ],
)
def test_a_cut_is_worth(
    north: int, south: int, count: int, orphans: int, price: int, again: int
) -> None:
    entries = played(Play(STORY_LOGS), SCRIPT).entries
    space = SpaceTime.at(entries, len(entries))
    finding = space.judged({NORTH: north, SOUTH: south, COUNT: count, BOARD: 0})
    assert len(finding.orphans) == orphans
    assert finding.consistent is not bool(orphans)
    assert (finding.price_records, finding.again) == (price, again)
    assert bool(finding.price_bytes) is bool(price)
    if orphans:
        assert (finding.orphans[0].upstream, finding.orphans[0].downstream) == (NORTH, COUNT)


def test_everybody_at_one_step_is_a_cut_and_a_later_move_is_outside() -> None:
    entries = played(Play(STORY_LOGS), SCRIPT).entries
    space = SpaceTime.at(entries, len(entries))
    steps = [move.step for move in space.histories[NORTH].moves]
    assert [space.cut_at(step)[NORTH] for step in (steps[0] - 1, *steps[:2])] == [0, 1, 2]
    assert space.judged(space.cut_at(steps[-1])).consistent
    assert space.instant(space.cut_at(steps[1])) == space.histories[NORTH].moves[1].time_us
    assert space.instant({**space.cut_at(steps[1]), NORTH: 0}) is None


def test_what_a_move_took_and_sent() -> None:
    entries = played(Play(STORY_LOGS), SCRIPT).entries
    taken, sent = SpaceTime.at(entries, len(entries)).exchanged(COUNT, 0)
    assert [(one.upstream, one.sent) for one in taken] == [(NORTH, 0)]
    assert [(one.downstream, one.taken) for one in sent] == [(BOARD, 0)]


def test_an_entry_about_an_unknown_channel_is_refused() -> None:
    entries = played(Play(STORY_LOGS), SCRIPT).entries
    told = [one for one in entries if not isinstance(one.event, ChannelDeclared)]
    with pytest.raises(TraceError, match="never declared"):
        SpaceTime.at(told, len(told))


def test_bytes_are_unknown_where_contents_were_not_recorded() -> None:
    entries = [one for one in played(Play(STORY_LOGS), SCRIPT).entries
               if one.event.level < Level.RECORD]  # fmt: skip
    space = SpaceTime.at(entries, len(entries))
    finding = space.judged({NORTH: 2, SOUTH: 0, COUNT: 0, BOARD: 0})
    assert (finding.price_records, finding.price_bytes) == (2, None)


def entries_of(story: str, variant: str = "") -> list[Entry]:
    run = Run(load_plan(story, variant=variant))
    while run.ended is None:
        run.advance()
    return list(run.timeline.entries(0, len(run.timeline)))


def of_type(entries: list[Entry], kind: type[Event]) -> list[int]:
    return [place for place, entry in enumerate(entries) if type(entry.event) is kind]


@pytest.mark.parametrize(
    ("story", "consistent"),
    [("kill-and-rewind", True), ("overtake", True), ("let-them-pass", False)],
)
def test_the_cut_of_the_barriers_costs_what_they_stored(story: str, consistent: bool) -> None:
    """Aligned: nothing. Unaligned: what they overtook. At least once: nothing, and it is no cut."""
    entries = entries_of(story)
    crash = of_type(entries, job.SubtaskFailed)[0]
    space = SpaceTime.at(entries, crash)
    first, *_ = space.found
    finding = space.judged(space.cut_of(first))
    held = [
        entry.event.record_count
        for entry in takewhile(lambda entry: entry.step < entries[crash].step, entries)
        if isinstance(entry.event, ck.InFlightPersisted) and entry.event.checkpoint_id == first
    ]
    assert finding.consistent is consistent
    assert finding.price_records == space.stored[first] == sum(held)
    assert first in space.completed
    assert space.finder(space.cut_of(first)) == first
    assert bool(held) is (story == "overtake")


def test_a_chain_is_one_task_and_its_calls_are_no_messages() -> None:
    entries = entries_of("one-barrier", "chained")
    space = SpaceTime.at(entries, len(entries))
    camera, tally, sign = (SubtaskId(uid, 0) for uid in ("camera", "tally", "sign"))
    assert space.tasks == {camera: camera, tally: tally, sign: tally}
    assert [(track.upstream, track.downstream) for track in space.tracks.values()] == [
        (camera, tally)
    ]
    assert [*space.histories] == [camera, tally]
    assert space.cut_of(space.found[0]) == {camera: 5, tally: 5}
    assert not any(move.sent for move in space.histories[tally].moves)


def test_chains_are_found_in_whatever_order_their_channels_are_declared() -> None:
    a, b, c, d = (SubtaskId(uid, 0) for uid in "abcd")
    declared = [
        ChannelDeclared(
            channel=ChannelId(number), edge=number, upstream=upper, downstream=lower,
            index=0, capacity_count=1, chained=lower != d,
        )
        for number, (upper, lower) in enumerate([(c, d), (b, c), (a, b)])
    ]  # fmt: skip
    space = SpaceTime.at([Entry(0, 0, 0, None, event) for event in declared], 0)
    assert space.tasks == {a: a, b: a, c: a, d: d}
    assert {*space.histories} == {a, d}
    assert [(one.upstream, one.downstream) for one in space.tracks.values()] == [(a, d)]


def test_an_attempt_ends_at_its_crash_and_the_next_begins_empty() -> None:
    entries = entries_of("kill-and-rewind")
    crash = of_type(entries, job.SubtaskFailed)[0]
    before, after = SpaceTime.at(entries, crash - 5), SpaceTime.at(entries, len(entries))
    ends = {name: history.end for name, history in before.histories.items()}
    assert [str(name) for name, end in ends.items() if end and end.failed] == ["count[0]"]
    assert all(end is not None and end.step == entries[crash].step for end in ends.values())
    assert {history.attempt for history in after.histories.values()} == {2}
    assert before.found[0] not in after.found
    assert after.finder(before.cut_of(before.found[0])) is None
    assert OUT not in after.tracks


def test_what_was_put_back_in_flight_is_no_reading() -> None:
    entries = entries_of("overtake")
    space = SpaceTime.at(entries, len(entries))
    first = [history.moves[0] for history in space.histories.values()]
    assert sum(move.put_back for move in first) == 12
    assert [move.sent for move in first if move.put_back] == [
        move.put_back for move in first if move.put_back
    ]
    assert not any(move.read for move in first if move.put_back)
