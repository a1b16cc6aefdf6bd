"""Replay of single subtasks: stories that keep to the operator, and edited ones that do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bandviz.check import Judge, judge
from bandviz.events import Entry, Event, flow
from bandviz.events import checkpoint as ck
from bandviz.events.records import pack_lineage
from bandviz.events.structure import VertexDeclared
from bandviz.events.values import pack
from bandviz.ids import ChannelId, RecordId
from tests.judged_runs import COUNT, OUT, STORY, STORY_LOGS, Play, played


class Running(Play):
    """The count puts out its results so far; the public sees what it was given."""

    emit = "running"

    def __init__(self, logs: Any, **options: Any) -> None:
        self.shown: dict[RecordId, int] = {}
        super().__init__(logs, confluent=False, **options)

    def hand_on(self, record: RecordId) -> list[Event]:
        (animal,) = self.row(record)
        self.shown[record] = self.tally[animal]
        return super().hand_on(record)

    def public_row(self, record: RecordId) -> tuple[Any, ...]:
        return (*self.row(record), self.shown[record])


class CountsFromOne(Running):
    def hand_on(self, record: RecordId) -> list[Event]:
        self.shown[record] = 1
        return self.send(self.out, record, (*self.row(record), 1))


class ForgetsKeysOnRestore(Running):
    def restore(self, checkpoint: int, saved: Any) -> list[Event]:
        told = super().restore(checkpoint, saved)
        self.tally.pop("cat", None)
        return told


class KeepsOneForItself(Running):
    """The third record that it counts never leaves."""

    def hand_on(self, record: RecordId) -> list[Event]:
        told = super().hand_on(record)
        if sum(self.tally.values()) == 3:
            self.out.queue.pop()
            self.out.put -= 1
            return []
        return told


class SendsTwice(Running):
    def hand_on(self, record: RecordId) -> list[Event]:
        return [*super().hand_on(record), *super().hand_on(record)]


class StoresAnother(Running):
    def count_state(self, tally: Any) -> dict[str, Any]:
        return super().count_state({animal: votes + 1 for animal, votes in tally.items()})


def test_running_results_are_judged_whatever_the_interleaving() -> None:
    verdict = judge(played(Running(STORY_LOGS), STORY).entries)
    assert (verdict.holds, verdict.state, verdict.output) == (True, "exact", "exact")
    assert (verdict.reasons, verdict.violations) == ((), ())


@pytest.mark.parametrize(
    ("cheat", "rule", "said"),
    [
        (CountsFromOne, "replayed_output", "which its input does not give, to board"),
        (ForgetsKeysOnRestore, "replayed_output", "which its input does not give, to board"),
        (KeepsOneForItself, "replayed_output", "did not send"),
        (SendsTwice, "replayed_output", "which its input does not give, to board"),
        (StoresAnother, "replayed_state", "stored another state for checkpoint 1"),
    ],
)
def test_an_operator_that_does_something_else_is_named(
    cheat: type[Play], rule: str, said: str
) -> None:
    verdict = judge(played(cheat(STORY_LOGS), STORY).entries)
    assert verdict.holds is False
    found = [broken.sentence for broken in verdict.violations if broken.rule == rule]
    assert found
    assert "count[0]" in found[0]
    assert said in found[0]


def changed(entries: Sequence[Entry], kind: type[Event], nth: int, **fields: Any) -> list[Entry]:
    out, left = [], nth
    for entry in entries:
        if isinstance(entry.event, kind):
            if left == 0:
                entry = entry._replace(event=replace(entry.event, **fields))
            left -= 1
        out.append(entry)
    return out


@pytest.mark.parametrize(
    ("kind", "fields", "rule"),
    [
        (flow.RecordRead, {"value": pack(("cow",))}, "read_as_written"),
        (flow.BufferSent, {"values": pack([("cow",)])}, "replayed_output"),
        (flow.BufferSent, {"lineage": pack_lineage([RecordId("x", 0, 0)])}, "replayed_output"),
        (flow.BufferSent, {"times_ms": pack([7])}, "replayed_output"),
        (ck.SnapshotTaken, {"state": pack({"keyed": []})}, "replayed_state"),
    ],
)
def test_what_is_told_otherwise_is_noticed(
    kind: type[Event], fields: dict[str, Any], rule: str
) -> None:
    entries = played(Running(STORY_LOGS), STORY).entries
    nth = 2 if kind is ck.SnapshotTaken else 0
    verdict = judge(changed(entries, kind, nth, **fields))
    assert rule in [broken.rule for broken in verdict.violations]


def test_a_drop_that_the_operator_has_no_reason_for_is_noticed() -> None:
    play = Running(STORY_LOGS)
    play.poll("north")
    play.now(
        flow.LateRecordDropped(
            subtask=COUNT, event_time_ms=0, watermark_ms=0, lineage=pack(RecordId("north", 0, 0))
        )
    )
    verdict = judge(played(play, STORY).entries)
    assert "dropped 1 records as late, not 0" in verdict.violations[0].sentence


def test_a_buffer_too_large_to_record_blinds_and_accuses_nobody() -> None:
    entries = played(Running(STORY_LOGS), STORY).entries
    out = [e for e in entries if not (type(e.event) is flow.BufferSent and e.event.channel == OUT)]
    verdict = judge(out)
    assert (verdict.holds, verdict.violations) == (None, ())
    assert "a buffer of it was not recorded" in verdict.reasons[0]


def test_an_operator_of_an_unknown_kind_blinds_and_says_so() -> None:
    entries = []
    for entry in played(Running(STORY_LOGS), STORY).entries:
        event = entry.event
        if isinstance(event, VertexDeclared) and event.kind == "aggregate":
            entry = entry._replace(event=replace(event, kind="oracle"))
        entries.append(entry)
    verdict = judge(entries)
    assert (verdict.holds, verdict.violations) == (None, ())
    assert "knows no operator of kind oracle" in " ".join(verdict.reasons)


def test_half_a_step_is_not_held_against_anybody() -> None:
    bench = Judge()
    for entry in played(Running(STORY_LOGS), STORY).entries:
        bench.observe(entry)
        assert bench.verdict().violations == ()


def test_positions_of_a_dead_attempt_have_no_contents() -> None:
    """After a restart positions count from 0 again: what comes out is what the new attempt sent."""
    play = Running({"north": ["cat", "dog"]})
    play.poll("north")
    play.crash()
    play.now(flow.RecordsDelivered(channel=ChannelId(0), position=0, count=1))
    verdict = judge(play.entries)
    assert "nothing_from_nowhere" in [broken.rule for broken in verdict.violations]
