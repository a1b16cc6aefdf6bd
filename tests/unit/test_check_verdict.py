"""One row per kind of verdict: a job that cheats in one place, and what the judge says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bandviz.check import Counts, Judge, judge
from bandviz.check.verdict import Verdict
from bandviz.events import Entry, Event, Level, flow, job, sink, structure
from bandviz.events.checkpoint import CheckpointDiscarded, CheckpointTriggered, SnapshotTaken
from bandviz.events.records import pack_lineage
from bandviz.events.values import pack
from bandviz.ids import ChannelId, CheckpointId, RecordId, SubtaskId, TransactionId
from tests.judged_runs import COUNT, STORY, STORY_LOGS, Play, Saved, heard, played

Summary = tuple[bool | None, str, str, int, int, int]


def summary(verdict: Verdict) -> Summary:
    """(holds, state, output, lost, duplicated, wrong rows)."""
    return (
        verdict.holds, verdict.state, verdict.output,
        verdict.lost, verdict.duplicated, verdict.wrong_rows,
    )  # fmt: skip


class RewindsTooFar(Play):
    def rewind_to(self, name: str, saved: Saved) -> int:
        return 0


class RewindsTooLittle(Play):
    def rewind_to(self, name: str, saved: Saved) -> int:
        return saved.offsets[name] + 1


class RewindsAnywhere(Play):
    def rewind_to(self, name: str, saved: Saved) -> int:
        return saved.offsets[name] + (1 if name == "north" else -1)


class WritesTwoForOne(Play):
    def public_row(self, record: RecordId) -> tuple[object, ...]:
        return (*self.row(record), 2)


class InventsARecord(Play):
    def visible(self, transaction: int, records: Sequence[RecordId]) -> list[Event]:
        told = super().visible(transaction, records)
        assert isinstance(told[0], sink.RowsVisible)
        ids = [record._replace(offset=99) for record in records]
        return [replace(told[0], lineage=pack_lineage(ids))]


class ShowsTwice(Play):
    def visible(self, transaction: int, records: Sequence[RecordId]) -> list[Event]:
        return super().visible(transaction, records) * 2


class ForgetsARow(Play):
    def visible(self, transaction: int, records: Sequence[RecordId]) -> list[Event]:
        return super().visible(transaction, records[1:])


class CountsDouble(Play):
    def apply(self, record: RecordId) -> list[Event]:
        super().apply(record)
        self.ids.pop()
        return super().apply(record)


class SkipsAlignment(Play):
    def is_blocked(self, name: str) -> bool:
        return False


class PhotographsTheNextOffset(Play):
    def offset_in_snapshot(self, name: str) -> int:
        return self.next_offset[name] + 1


def late(record: RecordId) -> flow.LateRecordDropped:
    return flow.LateRecordDropped(
        subtask=COUNT, event_time_ms=0, watermark_ms=1, lineage=pack(record)
    )


class DropsAsLate(Play):
    """Some records of north are dropped as late, the `quiet` ones without a word."""

    tells_contents = False
    drops = (3,)
    quiet: tuple[int, ...] = ()

    def apply(self, record: RecordId) -> list[Event]:
        dropped = record.source == "north" and record.offset in self.drops
        return [late(record)] if dropped else super().apply(record)

    def write(self, record: RecordId) -> list[Event]:
        gone = record.source == "north" and record.offset in (*self.drops, *self.quiet)
        return [] if gone else super().write(record)


HONEST: Summary = (True, "exact", "exact", 0, 0, 0)


@pytest.mark.parametrize(
    ("cheat", "contract", "expected"),
    [
        (Play, "two_phase", HONEST),
        (Play, "append", (False, "exact", "duplicated", 0, 2, 0)),
        (RewindsTooFar, "two_phase", (False, "duplicated", "duplicated", 0, 5, 0)),
        (RewindsTooLittle, "two_phase", (False, "lost", "lost", 2, 0, 0)),
        (RewindsAnywhere, "two_phase", (False, "both", "both", 1, 1, 0)),
        (WritesTwoForOne, "two_phase", (False, "exact", "wrong", 0, 0, 9)),
        (InventsARecord, "two_phase", (False, "exact", "lost", 9, 0, 9)),
        (ShowsTwice, "two_phase", (False, "exact", "duplicated", 0, 9, 0)),
        (ForgetsARow, "two_phase", (False, "exact", "lost", 2, 0, 0)),
        (CountsDouble, "two_phase", (False, "wrong", "exact", 0, 0, 0)),
        (SkipsAlignment, "two_phase", (False, "duplicated", "duplicated", 0, 1, 0)),
        (PhotographsTheNextOffset, "two_phase", (False, "lost", "lost", 2, 0, 0)),
    ],
)
def test_verdict_names_what_went_wrong(cheat: type[Play], contract: str, expected: Summary) -> None:
    play = played(cheat(STORY_LOGS, contract=contract), STORY)
    assert summary(judge(play.entries)) == expected


def strip_ids(entries: Sequence[Entry]) -> list[Entry]:
    """A FLOW recording of a run that kept no ids."""
    out = []
    for entry in heard(entries, Level.FLOW):
        if isinstance(entry.event, sink.RowsVisible):
            entry = entry._replace(event=replace(entry.event, lineage=pack(())))
        out.append(entry)
    return out


def without(kind: type[Event]) -> Callable[[Sequence[Entry]], list[Entry]]:
    return lambda entries: [entry for entry in entries if not isinstance(entry.event, kind)]


def failed(entries: Sequence[Entry]) -> list[Entry]:
    ended = job.RunEnded(status=job.RunStatus.FAILED, reason="no restart is left")
    return [*entries[:-1], entries[-1]._replace(event=ended)]


UNKNOWN: Summary = (None, "undetermined", "undetermined", 0, 0, 0)
UNKNOWN_STATE: Summary = (None, "undetermined", "exact", 0, 0, 0)


@pytest.mark.parametrize(
    ("cheat", "recorded", "expected"),
    [
        (Play, lambda entries: heard(entries, Level.FLOW), UNKNOWN_STATE),
        (Play, lambda entries: heard(entries, Level.CONTROL), UNKNOWN_STATE),
        (Play, strip_ids, UNKNOWN),
        (ShowsTwice, strip_ids, (False, "undetermined", "wrong", 0, 0, 9)),
        (ForgetsARow, strip_ids, (False, "undetermined", "wrong", 0, 0, 2)),
        (Play, without(job.RunEnded), UNKNOWN),
        (Play, failed, UNKNOWN),
        (Play, lambda entries: entries[: len(entries) // 2], UNKNOWN),
        (ForgetsARow, without(job.RunEnded), UNKNOWN),
        (ShowsTwice, without(job.RunEnded), (False, "undetermined", "duplicated", 0, 9, 0)),
        (ForgetsARow, lambda entries: strip_ids(entries[:-1]), UNKNOWN),
        (DropsAsLate, strip_ids, UNKNOWN),
        (Play, lambda entries: [], UNKNOWN),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_what_was_not_recorded_is_undetermined(
    cheat: type[Play], recorded: Callable[[Sequence[Entry]], list[Entry]], expected: Summary
) -> None:
    play = played(cheat(STORY_LOGS), STORY)
    assert summary(judge(recorded(play.entries))) == expected


class TellsNoContents(WritesTwoForOne):
    tells_contents = False


def test_rows_that_depend_on_the_interleaving_need_the_effective_history() -> None:
    play = played(TellsNoContents(STORY_LOGS, confluent=False), STORY)
    verdict = judge(play.entries)
    assert summary(verdict) == (None, "exact", "undetermined", 0, 0, 0)
    assert "not compared" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("cheat", "expected"),
    [
        (Play, HONEST),
        (RewindsTooFar, (False, "exact", "duplicated", 0, 5, 0)),
        (RewindsTooLittle, (False, "exact", "lost", 2, 0, 0)),
        (RewindsAnywhere, (False, "exact", "both", 1, 1, 0)),
        (WritesTwoForOne, (False, "exact", "wrong", 0, 0, 9)),
        (InventsARecord, (False, "exact", "lost", 9, 0, 9)),
        (ShowsTwice, (False, "exact", "duplicated", 0, 9, 0)),
        (ForgetsARow, (False, "exact", "lost", 2, 0, 0)),
        (SkipsAlignment, (False, "exact", "duplicated", 0, 1, 0)),
        (PhotographsTheNextOffset, (False, "exact", "lost", 2, 0, 0)),
    ],
)
def test_the_effective_history_names_what_went_wrong(cheat: type[Play], expected: Summary) -> None:
    verdict = judge(played(cheat(STORY_LOGS, confluent=False), STORY).entries)
    assert summary(verdict)[2:] == expected[2:]


def test_a_duplicate_is_proved_in_a_run_that_is_not_confluent_too() -> None:
    play = played(ShowsTwice(STORY_LOGS, confluent=False), STORY)
    assert summary(judge(play.entries)) == (False, "exact", "duplicated", 0, 9, 0)


class DropsMoreThanLate(DropsAsLate):
    quiet = (0, 1)


def test_late_records_are_not_lost_but_nobody_can_tell() -> None:
    verdict = judge(played(DropsAsLate(STORY_LOGS), STORY).entries)
    assert summary(verdict) == UNKNOWN
    assert "came late" in verdict.reasons[0]


def test_more_is_missing_than_came_late() -> None:
    verdict = judge(played(DropsMoreThanLate(STORY_LOGS), STORY).entries)
    assert summary(verdict) == (False, "undetermined", "lost", 3, 0, 0)


class Unrecorded(Play):
    tells_contents = False


def test_a_late_record_that_a_crash_brings_back_does_not_matter() -> None:
    play = Unrecorded(STORY_LOGS)
    play.poll("north")
    play.deliver("north")
    play.now(late(RecordId("north", 0, 0)))
    play.crash()
    play.finish()
    assert summary(judge(play.entries)) == HONEST


@pytest.mark.parametrize(
    "event",
    [
        sink.RowsVisible(
            sink="board", topic="board", transaction_id=TransactionId(1), row_count=1,
            rows=b"\xc1", lineage=pack(()),
        ),
        sink.RowsVisible(
            sink="board", topic="board", transaction_id=TransactionId(1), row_count=1,
            rows=pack([("cat", 1)]), lineage=pack([("board", "cat", 0, "many", 0)]),
        ),
        job.SubtaskRestored(subtask=COUNT, checkpoint_id=CheckpointId(1), state=pack(7)),
        job.SubtaskRestored(subtask=COUNT, checkpoint_id=CheckpointId(1), state=pack([[1]])),
        flow.RecordsDelivered(channel=ChannelId(77), position=0, count=1),
        structure.EdgeDeclared(
            edge=9, upstream="nobody", downstream="count", partitioner="hash", key=b""
        ),
        structure.ChannelDeclared(
            channel=ChannelId(9), edge=9, upstream=COUNT, downstream=COUNT, index=9,
            capacity_count=1,
        ),
        flow.RecordRead(
            subtask=COUNT, topic="north", partition=9, offset=0, value=pack(("cat",))
        ),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_read_is_a_reason_not_a_crash(event: Event) -> None:
    play = played(Play(STORY_LOGS), STORY)
    last = play.entries.pop()
    play.now(event)
    play.entries.append(last._replace(step=play.step + 2))
    verdict = judge(play.entries)
    assert summary(verdict)[0] is None
    assert "cannot be used" in verdict.reasons[0]


def test_an_unreadable_record_id_leaves_the_state_undetermined() -> None:
    play = Play(STORY_LOGS)
    play.now(
        flow.RecordApplied(
            subtask=COUNT, key=pack("cat"), window_start_ms=-1, value=pack((1,)), lineage=b"\xc1"
        )
    )
    verdict = judge(played(play, STORY).entries)
    assert (verdict.state, verdict.output) == ("undetermined", "exact")


def test_a_reference_that_cannot_be_folded_is_a_reason() -> None:
    play = played(Play(STORY_LOGS), STORY)
    entries = []
    for entry in play.entries:
        if isinstance(entry.event, structure.VertexDeclared):
            entry = entry._replace(event=replace(entry.event, fields=()))
        entries.append(entry)
    verdict = judge(entries)
    assert summary(verdict) == UNKNOWN
    assert "no field 'animal'" in verdict.reasons[0]


def test_restoring_what_nobody_saw_taken_leaves_the_state_undetermined() -> None:
    play = played(Play(STORY_LOGS), STORY)
    entries = [
        entry
        for entry in play.entries
        if getattr(entry.event, "subtask", None) != COUNT
        or type(entry.event).__name__ != "SnapshotTaken"
    ]
    assert judge(entries).state == "undetermined"


@pytest.mark.parametrize(
    ("kept", "rules"),
    [((), set()), ((("cat", (4,)),), {"snapshot_is_state", "replayed_state"})],
)
def test_a_subtask_restored_as_finished_has_its_history_and_holds_nothing(
    kept: tuple[Any, ...], rules: set[str]
) -> None:
    play = played(Play(STORY_LOGS), STORY)
    ended = play.entries.pop()
    nine = CheckpointId(9)
    play.now(
        CheckpointTriggered(checkpoint_id=nine, triggered=(), expected=(), finished=(COUNT,)),
        job.SubtaskDeployed(subtask=COUNT, attempt=9),
        job.SubtaskRestored(subtask=COUNT, checkpoint_id=nine, state=b""),
    )
    state = pack({"keyed": list(kept)})
    play.now(
        SnapshotTaken(subtask=COUNT, checkpoint_id=CheckpointId(10), state=state, state_bytes=1)
    )
    play.entries.append(ended._replace(step=play.step + 2))
    verdict = judge(play.entries)
    assert verdict.state == "exact"
    found = {one.rule for one in verdict.violations if one.rule.endswith("state")}
    assert found == rules


def test_what_was_discarded_cannot_be_restored() -> None:
    play = Play(STORY_LOGS)
    for move in STORY[:-1]:
        play.make(move)
    play.now(CheckpointDiscarded(checkpoint_id=CheckpointId(1)))
    play.crash()
    play.finish()
    assert judge(play.entries).state == "undetermined"


def test_nothing_is_in_the_state_between_crash_and_restore() -> None:
    play = Play(STORY_LOGS)
    for move in STORY:
        play.make(move)
    bench = Judge()
    for entry in play.entries:
        if isinstance(entry.event, job.RestoreStarted):
            break
        bench.observe(entry)
    assert bench.counts().applied == 0


def test_counts_give_the_figures_of_a_closing_sentence() -> None:
    bench = Judge()
    for entry in played(Play(STORY_LOGS), STORY).entries:
        bench.observe(entry)
    assert bench.counts() == Counts(records_total=9, reads=11, applied=9, visible=9)


def test_asking_twice_changes_nothing() -> None:
    bench = Judge()
    for entry in played(Play(STORY_LOGS), STORY).entries:
        bench.observe(entry)
        early = bench.verdict()
        assert early == bench.verdict()
    assert summary(bench.verdict()) == HONEST


def test_an_empty_input_needs_no_records_to_be_judged() -> None:
    play = played(Play({"north": []}), ())
    assert summary(judge(heard(play.entries, Level.CONTROL))) == HONEST


@pytest.mark.parametrize(
    ("cheat", "holds"), [(Play, True), (ShowsTwice, False), (None, "undetermined")]
)
def test_json_is_plain_and_spells_undetermined(cheat: type[Play] | None, holds: bool | str) -> None:
    entries = played(cheat(STORY_LOGS), STORY).entries if cheat else []
    plain = json.loads(json.dumps(judge(entries).to_json()))
    assert plain["holds"] == holds
    assert list(plain)[:6] == ["holds", "state", "output", "lost", "duplicated", "wrong_rows"]


def test_text_from_a_recording_passes_the_door() -> None:
    play = played(Play(STORY_LOGS), STORY)
    status = job.RunStatus.STUCK
    last = play.entries.pop()._replace(event=job.RunEnded(status=status, reason="\x1b[2J"))
    broken = job.SubtaskDeployed(subtask=SubtaskId("\x1b]0;x", 0), attempt=0)
    verdict = judge([*play.entries, last._replace(event=broken), last._replace(k=99)])
    said = "".join([*verdict.reasons, *(item.sentence for item in verdict.violations)])
    assert verdict.violations
    assert said.isprintable()
