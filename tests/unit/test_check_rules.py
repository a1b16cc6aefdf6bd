"""Each rule with stories that keep it, and an edited one that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bandviz.check import judge
from bandviz.check.book import Book
from bandviz.check.declared import Declared
from bandviz.check.heard import Heard
from bandviz.check.network import Money
from bandviz.check.rules import RULES
from bandviz.events import Entry, Event, flow, job, sink, time
from bandviz.events import checkpoint as ck
from bandviz.events.coordinator import CoordinatorRecovered, SnapshotKind
from bandviz.events.rescaling import VertexRescaled
from bandviz.events.structure import VertexDeclared
from bandviz.events.values import pack
from bandviz.ids import CheckpointId, SubtaskId
from tests.judged_runs import BOARD, COUNT, OUT, STORY, STORY_LOGS, Play, Saved, played

Edit = Callable[[Any], list[Event]]

CUT = ("poll north", "poll south", "poll north", "drain", "trigger", "drain", "poll south")
HONEST_STORIES = {
    "standard": STORY,
    "crash before any checkpoint": ("poll north", "deliver north", "show", "crash"),
    "crash with a checkpoint in progress": (*CUT[:-2], "deliver north", "crash"),
    "crash between pre-commit and completion": (*CUT, "crash"),
    "crash between completion and commit": (*CUT, "complete", "drain", "crash"),
    "crash after the commit": (*CUT, "complete", "notify", "drain", "crash"),
    "two crashes": (*CUT, "complete", "crash", "poll north", "deliver north", "crash"),
    "two crashes, two checkpoints": (*CUT, "complete", "crash", *CUT, "complete", "crash"),
}


@pytest.mark.parametrize("script", HONEST_STORIES.values(), ids=HONEST_STORIES)
def test_an_honest_story_breaks_no_rule(script: Sequence[str]) -> None:
    verdict = judge(played(Play(STORY_LOGS), script).entries)
    assert verdict.violations == ()
    assert verdict.holds is True


def test_stories_touch_every_kind_of_event_with_rules() -> None:
    seen: dict[type[Event], None] = {}
    for script in HONEST_STORIES.values():
        seen |= {type(entry.event): None for entry in played(Play(STORY_LOGS), script).entries}
    moved_alike = {  # rules of RecordsDelivered
        flow.WatermarkDelivered,
        time.WatermarkStatusDelivered,
        ck.CancelMarkerArrived,
    }
    beyond = {
        *moved_alike, ck.CheckpointDiscarded, ck.GroupOffsetCommitted, CoordinatorRecovered,
        sink.RowsUpserted,
    }  # fmt: skip
    assert [kind for kind in RULES if kind not in seen and kind not in beyond] == []


def edited(entries: Sequence[Entry], kind: type[Event], nth: int, edit: Edit) -> list[Entry]:
    """The story with its nth event of this kind (from 0) replaced by what `edit` makes of it."""
    out: list[Entry] = []
    for entry in entries:
        if isinstance(entry.event, kind):
            nth -= 1
            if nth == -1:
                out += [entry._replace(event=event) for event in edit(entry.event)]
                continue
        out.append(entry)
    return out


def fields(**changes: Any) -> Edit:
    return lambda event: [replace(event, **changes)]


def also_in_a_table(event: Event) -> list[Event]:
    """Its only row takes the place of one that is not there."""
    table = VertexDeclared(
        vertex="table", kind="sink", parallelism=1, max_parallelism=1, fields=("animal",),
        spec=pack({"upsert_key": ["animal"]}),
    )  # fmt: skip
    row = sink.RowsUpserted(
        sink="table", topic="table", row_count=1, replaced_count=1, rows=pack([["cat"]]),
        lineage=pack([]),
    )  # fmt: skip
    return [event, table, row]


def twice(event: Event) -> list[Event]:
    return [event, event]


def nothing(event: Event) -> list[Event]:
    return []


def shifted(name: str, by: int = 1) -> Edit:
    return lambda event: [replace(event, **{name: getattr(event, name) + by})]


def before(other: Event) -> Edit:
    return lambda event: [other, event]


def after(other: Event) -> Edit:
    return lambda event: [event, other]


def blocked_first(event: flow.RecordsDelivered) -> list[Event]:
    at: dict[str, Any] = {"subtask": COUNT, "channel": event.channel}
    return [ck.ChannelBlocked(**at, checkpoint_id=CheckpointId(9), held_count=0), event]


def let_go_first(event: flow.RecordsDelivered) -> list[Event]:
    """It says that it reads on, but still waits for barriers."""
    at: dict[str, Any] = {"subtask": COUNT, "checkpoint_id": CheckpointId(9)}
    return [
        ck.AlignmentStarted(**at, expected_count=2),
        *blocked_first(event)[:1],
        ck.ChannelUnblocked(**at, channel=event.channel, released_count=0, arrive_us=0),
        event,
    ]


def by_another(event: flow.SourcePolled) -> list[Event]:
    return [replace(event, subtask=SubtaskId(event.subtask.vertex, 1))]


def aborted_instead(event: sink.TransactionCommitted) -> list[Event]:
    return [
        sink.TransactionAborted(
            subtask=BOARD, transaction_id=event.transaction_id, row_count=event.row_count,
            cause=sink.AbortCause.FENCED,
        )
    ]  # fmt: skip


def committed_and_aborted(event: sink.TransactionCommitted) -> list[Event]:
    return [event, *aborted_instead(event)]


def committed_instead(event: sink.TransactionAborted) -> list[Event]:
    return [
        sink.TransactionCommitted(
            subtask=BOARD, transaction_id=event.transaction_id, row_count=event.row_count,
            repeated=False,
        )
    ]  # fmt: skip


def pre_committed_instead(event: sink.TransactionAborted) -> list[Event]:
    return [
        sink.TransactionPreCommitted(
            subtask=BOARD, transaction_id=event.transaction_id, row_count=event.row_count,
            checkpoint_id=CheckpointId(1),
        )
    ]  # fmt: skip


ABORTED = ck.CheckpointAborted(
    checkpoint_id=CheckpointId(1), reason=ck.CheckpointFailureReason.EXPIRED
)
DISCARDED = ck.CheckpointDiscarded(checkpoint_id=CheckpointId(1))
RECOVERED = CoordinatorRecovered(completed=(CheckpointId(1),), next_checkpoint_id=CheckpointId(1))
REFUSED = job.CheckpointRefused(checkpoint_id=CheckpointId(1), file="count-0", detail="bad")


def savepoint(event: ck.CheckpointTriggered) -> list[Event]:
    return [replace(event, kind=SnapshotKind.SAVEPOINT)]


def savepoint_deleted(event: ck.CheckpointTriggered) -> list[Event]:
    return [*savepoint(event), DISCARDED]


def completed_ahead_of_it(event: ck.CheckpointCompleted) -> list[Event]:
    number = CheckpointId(event.checkpoint_id + 6)
    triggered = ck.CheckpointTriggered(checkpoint_id=number, triggered=(), expected=())
    return [triggered, replace(event, checkpoint_id=number), event]


def completed_and_it_goes_on(event: ck.CheckpointCompleted) -> list[Event]:
    triggered, completed, _ = completed_ahead_of_it(event)
    return [triggered, completed]


def offset_committed(offset: int) -> ck.GroupOffsetCommitted:
    north = SubtaskId("north", 0)
    return ck.GroupOffsetCommitted(subtask=north, topic="north", partition=0, offset=offset)


def offset_of_another_one(event: ck.CompletionNotified) -> list[Event]:
    return [event, replace(event, subtask=SubtaskId("north", 0)), offset_committed(1)]


def dealt_out_otherwise(event: job.SubtaskRestored) -> list[Event]:
    """As if the sink had been rescaled, and what it has promised been given to nobody."""
    rescaled = VertexRescaled(vertex="board", from_parallelism=2, to_parallelism=1)
    return [rescaled, replace(event, state=pack({"transactions": []}))]


STRANGER = SubtaskId("stranger", 0)
NEVER_EMITTED = flow.RecordsDelivered(channel=OUT, position=77, count=1)

BROKEN: list[tuple[str, str, type[Event], int, Edit]] = [
    # rule, story, nth event of a kind, what becomes of it
    ("nothing_from_nowhere", "standard", flow.RecordsDelivered, 0, shifted("position", 50)),
    ("nothing_from_nowhere", "standard", flow.RecordsDelivered, 0, twice),
    ("nothing_from_nowhere", "standard", flow.EndArrived, 0, twice),
    ("nothing_from_nowhere", "standard", ck.BarrierArrived, 0, shifted("position", 50)),
    ("first_in_first_out", "standard", flow.RecordsDelivered, 0, shifted("position")),
    ("whole_buffers", "standard", flow.RecordsDelivered, 0, shifted("count")),
    ("barrier_as_sent", "standard", ck.BarrierArrived, 0, shifted("checkpoint_id")),
    ("barrier_as_sent", "standard", ck.BarrierEmitted, 0, shifted("checkpoint_id")),
    ("blocked_is_silent", "standard", flow.RecordsDelivered, 0, blocked_first),
    ("blocked_is_silent", "standard", flow.RecordsDelivered, 0, let_go_first),
    ("barrier_ids_rise", "standard", ck.BarrierEmitted, 0, twice),
    ("reading_goes_on", "standard", flow.SourcePolled, 0, shifted("offset")),
    ("reading_goes_on", "standard", flow.SourcePolled, 2, shifted("offset")),
    ("reading_goes_on", "standard", flow.SourcePolled, 2, shifted("offset", -1)),
    ("one_reader", "standard", flow.SourcePolled, 2, by_another),
    ("rewound_to_the_cut", "standard", job.SourceRewound, 1, shifted("to_offset")),
    (
        "rewound_to_the_cut", "crash before any checkpoint",
        job.SourceRewound, 0, fields(to_offset=1),
    ),
    ("checkpoint_ids_rise", "standard", ck.CheckpointTriggered, 1, fields(checkpoint_id=1)),
    ("one_snapshot", "standard", ck.SnapshotTaken, 2, twice),
    ("upload_of_a_snapshot", "standard", ck.SnapshotTaken, 2, nothing),
    ("acknowledged_when_durable", "standard", ck.UploadCompleted, 2, nothing),
    ("acknowledged_once", "standard", ck.SubtaskAcknowledged, 2, twice),
    ("acknowledged_once", "standard", ck.SubtaskAcknowledged, 2, fields(subtask=STRANGER)),
    ("complete_when_all_have_it", "standard", ck.SubtaskAcknowledged, 2, nothing),
    ("complete_when_all_have_it", "standard", ck.UploadCompleted, 3, nothing),
    ("one_end", "standard", ck.CheckpointCompleted, 0, twice),
    ("one_end", "standard", ck.CheckpointCompleted, 0, before(ABORTED)),
    ("one_end", "standard", ck.CheckpointCompleted, 0, after(ABORTED)),
    ("one_end", "standard", ck.CheckpointCompleted, 0, fields(checkpoint_id=9)),
    ("notified_of_a_complete_one", "standard", ck.CompletionNotified, 0, fields(checkpoint_id=2)),
    (
        "offset_of_a_complete_one", "standard",
        ck.CompletionNotified, 0, before(offset_committed(2)),
    ),
    ("offset_of_a_complete_one", "standard", ck.CompletionNotified, 0, offset_of_another_one),
    ("restore_from_the_newest", "standard", job.RestoreStarted, 0, fields(checkpoint_id=0)),
    ("restore_from_the_newest", "standard", job.RestoreStarted, 0, before(DISCARDED)),
    ("older_are_subsumed", "standard", ck.CheckpointCompleted, 0, completed_ahead_of_it),
    ("older_are_subsumed", "standard", ck.CheckpointCompleted, 0, completed_and_it_goes_on),
    ("savepoints_are_kept", "standard", ck.CheckpointTriggered, 0, savepoint_deleted),
    ("savepoints_are_silent", "standard", ck.CheckpointTriggered, 1, savepoint),
    ("restore_from_the_newest", "standard", ck.CheckpointTriggered, 0, savepoint),
    ("committed_when_complete", "standard", ck.CheckpointTriggered, 0, savepoint),
    ("restore_from_the_newest", "standard", job.RestoreStarted, 0, before(REFUSED)),
    (
        "restore_from_the_newest", "crash between pre-commit and completion",
        job.RestoreStarted, 0, fields(checkpoint_id=1),
    ),
    ("attempts_rise", "standard", job.SubtaskDeployed, 6, fields(attempt=1)),
    ("attempts_never_fall", "standard", job.JobStatusChanged, 1, fields(attempt=1)),
    ("attempts_never_fall", "two crashes", job.RestoreStarted, 1, fields(attempt=1)),
    ("one_restore_one_checkpoint", "standard", job.SubtaskRestored, 0, fields(checkpoint_id=0)),
    (
        "restored_as_taken", "standard", job.SubtaskRestored, 0,
        fields(state=pack({"keyed": [["cat", (7,)]]})),
    ),
    (
        "restored_as_taken", "crash before any checkpoint", job.SubtaskRestored, 0,
        fields(state=pack({"keyed": [["cat", (7,)]]})),
    ),
    ("dealt_out_whole", "standard", job.SubtaskRestored, 3, dealt_out_otherwise),
    ("pre_committed_once", "standard", sink.TransactionPreCommitted, 0, twice),
    ("pre_committed_once", "standard", sink.TransactionOpened, 0, nothing),
    (
        "pre_committed_once", "crash before any checkpoint",
        sink.TransactionAborted, 0, pre_committed_instead,
    ),
    (
        "pre_committed_before_completion", "standard",
        sink.TransactionPreCommitted, 1, fields(checkpoint_id=1),
    ),
    ("promises_are_stored", "standard", ck.SnapshotTaken, 3, fields(state=pack({}))),
    ("ids_go_on", "standard", job.RunEnded, 0, before(RECOVERED)),
    (
        "promises_are_kept", "crash between completion and commit",
        sink.TransactionCommitted, 0, nothing,
    ),
    (
        "undone_is_aborted", "crash with a checkpoint in progress",
        sink.TransactionAborted, 0, nothing,
    ),
    ("committed_once", "standard", sink.TransactionCommitted, 0, twice),
    ("committed_once", "standard", sink.TransactionCommitted, 0, fields(repeated=True)),
    ("committed_after_pre_commit", "standard", sink.TransactionPreCommitted, 0, nothing),
    ("committed_after_pre_commit", "standard", sink.TransactionAborted, 0, committed_instead),
    (
        "committed_after_pre_commit", "crash between pre-commit and completion",
        sink.TransactionAborted, 0, committed_instead,
    ),
    ("committed_when_complete", "standard", ck.CheckpointCompleted, 0, nothing),
    ("committed_when_told", "standard", ck.CompletionNotified, 0, nothing),
    ("committed_when_told", "standard", ck.CompletionNotified, 0, fields(subtask=COUNT)),
    ("committed_whole", "standard", sink.TransactionCommitted, 0, shifted("row_count")),
    ("visible_when_committed", "standard", sink.TransactionCommitted, 0, nothing),
    ("visible_when_committed", "standard", sink.RowsVisible, 0, shifted("transaction_id")),
    ("visible_when_committed", "standard", sink.RowsVisible, 0, fields(transaction_id=0)),
    ("one_row_a_key", "standard", sink.RowsVisible, 0, also_in_a_table),
    (
        "promised_is_not_aborted", "crash between completion and commit",
        sink.TransactionCommitted, 0, aborted_instead,
    ),
    ("promised_is_not_aborted", "standard", sink.TransactionCommitted, 0, committed_and_aborted),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "story", "kind", "nth", "edit"),
    BROKEN,
    ids=lambda value: getattr(value, "__name__", None),
)
def test_broken_rule_is_named(
    rule: str, story: str, kind: type[Event], nth: int, edit: Edit
) -> None:
    entries = played(Play(STORY_LOGS), HONEST_STORIES[story]).entries
    verdict = judge(edited(entries, kind, nth, edit))
    assert verdict.holds is False
    assert rule in [violation.rule for violation in verdict.violations]


@pytest.mark.parametrize(
    "over",
    [
        ck.AlignmentCompleted(subtask=COUNT, checkpoint_id=CheckpointId(9), duration_us=0),
        ck.AlignmentAborted(
            subtask=COUNT, checkpoint_id=CheckpointId(10),
            reason=ck.CheckpointFailureReason.CANCELLED,
        ),
    ],
    ids=lambda event: type(event).__name__,
)  # fmt: skip
def test_a_channel_may_be_let_go_in_the_step_that_ends_alignment(over: Event) -> None:
    entries = played(Play(STORY_LOGS), STORY).entries

    def edit(event: Any) -> list[Event]:
        *before_it, delivered = let_go_first(event)
        return [*before_it, over, delivered]

    assert judge(edited(entries, flow.RecordsDelivered, 0, edit)).violations == ()


def test_no_event_is_noted_by_two() -> None:
    """The judge has one note for each kind: a second one would take the first one's place."""
    job = Declared()
    book = Book(job)
    notes = [*job.notes, *book.notes, *Heard(job, book, Money(book)).notes]
    assert [kind for kind in notes if notes.count(kind) > 1] == []


def test_every_rule_has_a_row() -> None:
    rules = dict.fromkeys(rule.__name__ for rules in RULES.values() for rule in rules)
    assert sorted(rules) == sorted({row[0] for row in BROKEN})


def test_violation_says_where_and_what() -> None:
    entries = played(Play(STORY_LOGS), STORY).entries
    place = next(e for e in entries if isinstance(e.event, job.RestoreStarted))
    verdict = judge(edited(entries, job.RestoreStarted, 0, fields(checkpoint_id=0)))
    found = verdict.violations[0]
    assert found.at == (place.step, place.k)
    assert found.sentence == "attempt 2 starts from nothing; the newest usable checkpoint is 1"
    assert f"{found.rule}: {found.sentence}" in verdict.reasons


def test_the_first_reading_starts_at_the_beginning() -> None:
    play = Play({"north": ["cat", "dog"]})
    play.next_offset["north"] = 1
    play.poll("north")
    assert [found.rule for found in judge(play.entries).violations] == ["reading_goes_on"]


def test_what_a_crash_cleared_is_not_delivered_later() -> None:
    play = Play(STORY_LOGS)
    play.poll("north")
    play.now(job.ChannelCleared(channel=play.pipes["north"].id, lost_record_count=1))
    play.deliver("north")
    found = judge(play.entries).violations
    assert [violation.rule for violation in found] == ["nothing_from_nowhere"]
    assert "after a crash had emptied it" in found[0].sentence


def test_the_step_that_crashes_may_have_delivered() -> None:
    """User logic fails on a record: the failure is CONTROL, so it stands before the delivery."""
    play = Play(STORY_LOGS)
    play.poll("north")
    position, _ = play.pipes["north"].queue.popleft()
    channel = play.pipes["north"].id
    play.now(
        job.SubtaskFailed(subtask=COUNT, attempt=1, reason="user logic", detail="", trace=""),
        job.ChannelCleared(channel=channel, lost_record_count=0),
        flow.RecordsDelivered(channel=channel, position=position, count=1),
    )
    play.crash()
    play.finish()
    assert judge(play.entries).holds is True


def test_violations_come_in_order_of_happening() -> None:
    verdict = judge(played(TwoCheats(STORY_LOGS), STORY).entries)
    places = [violation.at for violation in verdict.violations]
    assert places == sorted(places)
    kinds = dict.fromkeys(violation.rule for violation in verdict.violations)
    assert list(kinds)[:2] == ["source_offset", "rewound_to_the_cut"]


class TwoCheats(Play):
    def offset_in_snapshot(self, name: str) -> int:
        return self.next_offset[name] + 1

    def rewind_to(self, name: str, saved: Saved) -> int:
        return saved.offsets[name] - 1


def test_a_damaged_checkpoint_may_be_passed_over() -> None:
    script = (*CUT, "complete", "notify", "poll north", "drain", "trigger", "drain", "complete")
    play = Play(STORY_LOGS)
    for move in script:
        play.make(move)
    play.now(job.CheckpointRefused(checkpoint_id=CheckpointId(2), file="f", detail="bad"))
    play.crash(restore=1)
    play.finish()
    assert judge(play.entries).violations == ()


def test_the_order_of_keys_in_a_restored_state_means_nothing() -> None:
    entries = played(Play(STORY_LOGS), STORY).entries
    turned = pack({"keyed": [["dog", (2,)], ["cat", (3,)]]})
    straight = pack({"keyed": [["cat", (3,)], ["dog", (2,)]]})
    restored = [e.event for e in entries if isinstance(e.event, job.SubtaskRestored)]
    place = [event.subtask for event in restored].index(COUNT)
    assert restored[place].state == straight
    verdict = judge(edited(entries, job.SubtaskRestored, place, fields(state=turned)))
    assert verdict.holds is True
