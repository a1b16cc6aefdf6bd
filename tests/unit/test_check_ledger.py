"""The cut ledger sees a wrong picture before any crash makes it matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bandviz.check import judge
from bandviz.check.book import Lane
from bandviz.check.ledger import cut_fault
from bandviz.events import Event, Level
from bandviz.events import checkpoint as ck
from bandviz.events.values import pack
from bandviz.ids import CheckpointId, RecordId, SubtaskId
from tests.judged_runs import COUNT, STORY_LOGS, Pipe, Play, heard, played

ONE = CheckpointId(1)
AHEAD = ("poll north", "poll south", "poll south", "trigger", "poll north", "poll north")
NORTH_FIRST = (*AHEAD, *("deliver north",) * 4, "drain")
"""Two records stand behind north's barrier; all of north is delivered before south's barrier."""


class SkipsAlignment(Play):
    def is_blocked(self, name: str) -> bool:
        return False


class SnapshotsTooEarly(Play):
    """count takes its picture at the first barrier, without the others."""

    def align(self, name: str, number: CheckpointId, position: int) -> list[Event]:
        everybody, self.logs = self.logs, {name: []}
        told = super().align(name, number, position) if not self.photographing(number) else []
        self.logs = everybody
        return told or [
            ck.BarrierArrived(
                subtask=COUNT, channel=self.pipes[name].id, checkpoint_id=number, position=position
            )
        ]

    def photographing(self, number: CheckpointId) -> bool:
        return any(
            isinstance(entry.event, ck.SnapshotTaken)
            and (entry.event.subtask, entry.event.checkpoint_id) == (COUNT, number)
            for entry in self.entries
        )


class ForwardsTheBarrierTooEarly(Play):
    """count's barrier overtakes the last record that its snapshot already holds."""

    def barrier(self, subtask: SubtaskId, pipe: Pipe, number: CheckpointId) -> list[Event]:
        told = super().barrier(subtask, pipe, number)
        if subtask != COUNT or len(pipe.queue) < 2 or not isinstance(pipe.queue[-2][1], RecordId):
            return told
        (here, record), (there, barrier) = pipe.queue[-2], pipe.queue[-1]
        pipe.queue[-2], pipe.queue[-1] = (here, barrier), (there, record)
        self.entries[:] = [
            entry._replace(event=_moved(entry.event, pipe, here, there)) for entry in self.entries
        ]
        return [_moved(event, pipe, there, here) for event in told]


def _moved(event: Event, pipe: Pipe, old: int, new: int) -> Event:
    is_it = getattr(event, "channel", None) == pipe.id and getattr(event, "position", -1) == old
    changes: dict[str, Any] = {"position": new}
    return replace(event, **changes) if is_it else event


class PhotographsTheNextOffset(Play):
    def offset_in_snapshot(self, name: str) -> int:
        return self.next_offset[name] + 1


class ForgetsTheOffset(Play):
    def snapshot(self, subtask: SubtaskId, number: CheckpointId, state: bytes) -> list[Event]:
        is_source = subtask.vertex in self.logs
        return super().snapshot(subtask, number, pack({"offsets": {}}) if is_source else state)


class SnapshotByReference(Play):
    """What is stored changes after the picture was taken."""

    def count_state(self, tally: Mapping[str, int]) -> dict[str, Any]:
        return super().count_state({**tally, "cat": 99})


@pytest.mark.parametrize(
    ("cheat", "rule", "sentence"),
    [
        (SkipsAlignment, "cut_ledger",
         "checkpoint 1, north[0] -> count[0]: records sent before the cut 1, received before it 3; "
         "after a restore 2 would be applied twice"),
        (SnapshotsTooEarly, "cut_ledger",
         "checkpoint 1, south[0] -> count[0]: records sent before the cut 2, received before it 0; "
         "after a restore 2 would be lost"),
        (ForwardsTheBarrierTooEarly, "cut_ledger",
         "checkpoint 1, count[0] -> board[0]: records sent before the cut 3, received before it 2; "
         "after a restore 1 would be lost"),
        (PhotographsTheNextOffset, "source_offset",
         "checkpoint 1: north[0] has read up to offset 1 of partition 0, its snapshot says 2"),
        (ForgetsTheOffset, "source_offset",
         "checkpoint 1: north[0] has read up to offset 1 of partition 0, "
         "its snapshot does not name it"),
        (SnapshotByReference, "snapshot_is_state",
         "the snapshot of count[0] for checkpoint 1 does not hold "
         "what had been applied until then"),
    ],
)  # fmt: skip
def test_a_wrong_cut_is_seen_although_nothing_fails(
    cheat: type[Play], rule: str, sentence: str
) -> None:
    play = played(cheat(STORY_LOGS), NORTH_FIRST)
    verdict = judge(play.entries)
    assert (verdict.state, verdict.output) == ("exact", "exact")
    assert verdict.holds is False
    found = next(item for item in verdict.violations if item.rule == rule)
    assert found.sentence == sentence
    (place,) = [entry.event for entry in play.entries if (entry.step, entry.k) == found.at]
    assert isinstance(place, ck.SnapshotTaken)


def test_an_honest_cut_adds_up() -> None:
    assert judge(played(Play(STORY_LOGS), NORTH_FIRST).entries).holds is True


@pytest.mark.parametrize("level", [Level.CONTROL, Level.FLOW])
@pytest.mark.parametrize("cheat", [Play, SnapshotByReference])
def test_missing_facts_accuse_nobody(level: Level, cheat: type[Play]) -> None:
    verdict = judge(heard(played(cheat(STORY_LOGS), NORTH_FIRST).entries, level))
    assert verdict.violations == ()


def test_a_source_that_has_finished_needs_no_snapshot() -> None:
    """Its channel has ended, so all that it ever sent belongs before the cut."""
    play = Play({"north": ["cat"], "south": []})
    play.poll("north")
    play.now(*play.end(play.pipes["north"]))
    play.now(*play.snapshot(COUNT, ONE, b""))
    (found,) = judge(play.entries).violations
    assert found.sentence == (
        "checkpoint 1, north[0] -> count[0]: records sent before the cut 1, "
        "received before it 0; after a restore 1 would be lost"
    )
    play = Play({"north": ["cat"], "south": []})
    play.poll("north")
    play.now(*play.end(play.pipes["north"]))
    play.drain()
    play.now(*play.snapshot(COUNT, ONE, b""))
    assert judge(play.entries).violations == ()


def lane(*elements: int | str) -> Lane:
    """A channel with buffers of so many records, and `|` for the barrier of checkpoint 1."""
    found = Lane(SubtaskId("a", 0), SubtaskId("b", 0))
    for position, element in enumerate(elements):
        if isinstance(element, int):
            found.put(position, element)
        else:
            found.put(position)
            found.barriers[ONE] = position
    return found


@pytest.mark.parametrize(
    ("elements", "sent", "received", "expected"),
    [
        ((3, 2, "|", 4), 5, 5, ""),
        ((3, 2, "|", 4), 5, 3, "2 would be lost"),
        ((3, 2, "|", 4), 5, 9, "4 would be applied twice"),
        ((3, 2, "|", 4), 9, 9, "the barrier stands behind 5 records"),
        ((3, 2), 5, 5, ""),
        ((3, "|"), None, 3, ""),
        ((3, "|"), 3, None, ""),
        (("|",), 0, 0, ""),
    ],
)
def test_cut_fault_compares_three_counts(
    elements: tuple[int | str, ...], sent: int | None, received: int | None, expected: str
) -> None:
    found = lane(*elements)
    if sent is not None:
        found.sent[ONE] = sent
    if received is not None:
        found.received[ONE] = received
    fault = cut_fault(found, ONE)
    assert expected in fault
    assert bool(fault) == bool(expected)


@pytest.mark.parametrize(
    ("kept", "held", "expected"),
    [
        ([1, 2], 5, ""),
        ([2, 1], 5, ""),  # what the sender had queued may be told after what was unread
        ([], 0, "5 would be lost"),
        ([2], 3, "2 would be lost"),
        ([0, 1, 2], 8, "3 would be applied twice"),
        ([1, 2, 4], 9, "4 would be applied twice"),
        ([0, 1], 5, "stored in flight are positions [0, 1], on their way were [1, 2]"),
        ([1, 1], 5, "stored in flight are positions [1, 1], on their way were [1, 2]"),
    ],
)
def test_data_in_flight_is_just_what_the_cut_leaves_on_its_way(
    kept: list[int], held: int, expected: str
) -> None:
    """Records 3 | 2 3 in flight, the barrier, and 4 behind it."""
    found = lane(3, 2, 3, "|", 4)
    found.sent[ONE], found.received[ONE] = 8, 3
    found.held[ONE], found.kept[ONE] = held, kept
    fault = cut_fault(found, ONE)
    assert expected in fault
    assert bool(fault) == bool(expected)


def test_at_least_once_may_apply_twice_but_must_not_lose() -> None:
    found = lane(3, "|", 4)
    found.sent[ONE], found.received[ONE] = 3, 7
    assert "applied twice" in cut_fault(found, ONE)
    assert cut_fault(found, ONE, at_least_once=True) == ""
    found.received[ONE] = 2
    assert "would be lost" in cut_fault(found, ONE, at_least_once=True)
