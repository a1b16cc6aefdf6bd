"""The model holds what the entries said, and copies of it are worlds of their own."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.errors import TraceError
from bandviz.events import TAGS, Entry, Event, checkpoint, flow, job, sink, structure
from bandviz.events.flow import EndKind
from bandviz.events.job import JobStatus
from bandviz.events.records import pack_lineage
from bandviz.events.sink import AbortCause
from bandviz.events.values import pack
from bandviz.ids import RecordId, SubtaskId
from bandviz.model import selectors
from bandviz.model.facts import Dirty
from bandviz.model.reducers import REDUCERS
from bandviz.model.run import RunModel
from bandviz.model.views import SubtaskStatus
from tests.model_story import (
    ALL,
    BOARD,
    COUNT,
    NORTH,
    NORTH_COUNT,
    ONE,
    SOUTH,
    SOUTH_COUNT,
    TXN_1,
    Teller,
    anything,
    everything,
)


def records(position: int, *, arrive_us: int = 900_000, count: int = 1) -> flow.RecordsEmitted:
    return flow.RecordsEmitted(
        channel=NORTH_COUNT, position=position, count=count, arrive_us=arrive_us
    )


def contents(position: int, *animals: str, first_offset: int = 0) -> flow.BufferSent:
    ids = [RecordId("north", 0, first_offset + place) for place in range(len(animals))]
    return flow.BufferSent(
        channel=NORTH_COUNT,
        position=position,
        values=pack([(animal,) for animal in animals]),
        lineage=pack_lineage(ids),
    )


def barrier(position: int, *, arrive_us: int = 900_000) -> checkpoint.BarrierEmitted:
    return checkpoint.BarrierEmitted(
        subtask=NORTH,
        channel=NORTH_COUNT,
        checkpoint_id=ONE,
        position=position,
        arrive_us=arrive_us,
    )


def delivered(position: int) -> flow.RecordsDelivered:
    return flow.RecordsDelivered(channel=NORTH_COUNT, position=position, count=1)


def polled(offset: int, count: int = 1) -> flow.SourcePolled:
    return flow.SourcePolled(subtask=NORTH, topic="north", partition=0, offset=offset, count=count)


def rewound(from_offset: int, to_offset: int) -> job.SourceRewound:
    return job.SourceRewound(
        subtask=NORTH, topic="north", partition=0, from_offset=from_offset, to_offset=to_offset
    )


def failed(subtask: SubtaskId) -> job.SubtaskFailed:
    return job.SubtaskFailed(subtask=subtask, attempt=1, reason="killed", detail="", trace="")


def canceled(subtask: SubtaskId) -> job.SubtaskCanceled:
    return job.SubtaskCanceled(subtask=subtask, attempt=1)


def deployed(subtask: SubtaskId, attempt: int = 1) -> job.SubtaskDeployed:
    return job.SubtaskDeployed(subtask=subtask, attempt=attempt)


def status(what: JobStatus, attempt: int) -> job.JobStatusChanged:
    return job.JobStatusChanged(status=what, attempt=attempt)


def applied(animal: str, votes: int) -> flow.RecordApplied:
    return flow.RecordApplied(
        subtask=COUNT, key=pack(animal), window_start_ms=-1, value=pack((votes,)), lineage=b""
    )


def queue(told: Teller) -> str:
    """What stands in north's channel, the next to be delivered first; `~` is held back."""
    elements = selectors.channel_view(told.model, NORTH_COUNT).elements
    return " ".join(
        f"{'~' * (one.arrive_us < 0)}{f'[{one.label}]' if one.checkpoint_id else one.label}"
        f"{chr(39) * one.replay}"
        for one in elements
    )


def test_every_event_has_a_reducer_and_there_is_none_besides() -> None:
    assert set(REDUCERS) == set(TAGS)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([[records(0)]], "*"),
        ([[records(0), contents(0, "cats")]], "c"),
        ([[barrier(1), records(0), contents(0, "dogs")]], "d [1]"),
        ([[records(0)], [barrier(1)], [delivered(0)]], "[1]"),
        ([[records(1), contents(1, "cats")], [records(0), contents(0, "dogs")]], "d c"),
        ([[records(0, count=2), contents(0, "cats", "dogs")]], "c"),
        ([[contents(0, "cats")]], ""),
        ([[delivered(4)]], ""),
        ([[barrier(0)], [records(1, arrive_us=-1), contents(1, "cats")]], "[1] ~c"),
    ],
    ids=[
        "counts alone leave records without a name",
        "contents name them",
        "positions order what one step emits, not the order of the entries",
        "a delivery removes by position",
        "out of order",
        "a buffer stands as one element",
        "contents without a count are no element",
        "an unknown delivery changes nothing",
        "held behind a barrier",
    ],
)
def test_a_channel_holds_what_was_put_in_and_not_taken_out(
    steps: list[list[Event]], expected: str
) -> None:
    told = Teller()
    for events in steps:
        told.step(*events)
    assert queue(told) == expected


def test_a_release_sets_off_the_first_held_elements_and_no_more() -> None:
    told = Teller()
    told.step(records(0), contents(0, "dogs"))
    told.step(
        barrier(2, arrive_us=-1),
        records(1, arrive_us=-1),
        contents(1, "cats"),
    )
    told.step(records(3, arrive_us=-1), contents(3, "cats"))
    told.step(
        checkpoint.ChannelBlocked(
            subtask=COUNT, channel=NORTH_COUNT, checkpoint_id=ONE, held_count=3
        )
    )
    assert selectors.channel_view(told.model, NORTH_COUNT).blocked_by == ONE
    entry = told.step(
        checkpoint.ChannelUnblocked(
            subtask=COUNT, channel=NORTH_COUNT, checkpoint_id=ONE, released_count=1, arrive_us=9_000
        )
    )
    view = selectors.channel_view(told.model, NORTH_COUNT)
    assert queue(told) == "d c ~[1] ~c"
    assert view.blocked_by == 0
    assert [one.arrive_us for one in view.elements] == [900_000, 9_000, -1, -1]
    assert view.elements[1].sent_us == entry.time_us


def test_a_crash_wipes_memory_keeps_what_was_had_and_leaves_the_disk() -> None:
    told = Teller()
    told.step(*[deployed(name) for name in ALL], status(JobStatus.RUNNING, 1))
    told.step(polled(0, 5), flow.RecordRead(
        subtask=NORTH, topic="north", partition=0, offset=0, value=pack(("cats",))))  # fmt: skip
    told.step(sink.TransactionOpened(subtask=BOARD, transaction_id=TXN_1, epoch=1))
    told.step(applied("cats", 7))
    told.step(applied("dogs", 4))
    told.step(records(0))
    told.step(checkpoint.CheckpointTriggered(checkpoint_id=ONE, triggered=(NORTH,), expected=ALL))
    told.step(
        checkpoint.ChannelBlocked(
            subtask=COUNT, channel=SOUTH_COUNT, checkpoint_id=ONE, held_count=0
        )
    )
    told.step(
        failed(COUNT),
        canceled(NORTH),
        canceled(SOUTH),
        canceled(BOARD),
        job.ChannelCleared(channel=NORTH_COUNT, lost_record_count=1),
        status(JobStatus.RESTARTING, 1),
    )
    count, north = (selectors.subtask_view(told.model, name) for name in (COUNT, NORTH))
    assert count.status is SubtaskStatus.FAILED
    assert (count.state, count.state_count, count.part) == ((), 0, None)
    assert selectors.channel_view(told.model, SOUTH_COUNT).blocked_by == 0
    assert count.had == (("cats", "7"), ("dogs", "4"))
    assert (north.offsets, north.had_offsets) == ((), (("north", 5),))
    channel = selectors.channel_view(told.model, NORTH_COUNT)
    assert (channel.elements, channel.lost_record_count) == ((), 1)
    tape = selectors.tape_views(told.model)[0]
    assert (tape.next_offset, tape.crash_offset, len(tape.records)) == (None, 5, 8)
    (hidden,) = selectors.board_views(told.model)[0].hidden
    assert hidden.orphan
    assert selectors.subtask_view(told.model, BOARD).transaction is None
    assert selectors.job_view(told.model).failed == (COUNT,)
    assert [mark.text for mark in selectors.marks(told.model)] == ["T1", "X"]

    told.step(
        job.RestoreStarted(checkpoint_id=ONE, attempt=2, subtasks=()),
        *[deployed(name, 2) for name in ALL],
        job.SubtaskRestored(
            subtask=COUNT, checkpoint_id=ONE, state=pack({"keyed": [["cats", (3,)]]})
        ),
        rewound(5, 3),
        status(JobStatus.RUNNING, 2),
    )
    count = selectors.subtask_view(told.model, COUNT)
    assert (count.had, count.state, count.restored) == ((), (("cats", "3"),), (("cats", "3"),))
    assert selectors.channel_view(told.model, NORTH_COUNT).lost_record_count == 0
    assert selectors.job_view(told.model).failed == ()
    assert selectors.counts(told.model).lost_in_flight == 1
    told.step(applied("cats", 4))
    assert selectors.subtask_view(told.model, COUNT).state == (("cats", "4"),)
    told.step(failed(COUNT), job.ChannelCleared(channel=NORTH_COUNT, lost_record_count=3))
    told.step(job.ChannelCleared(channel=SOUTH_COUNT, lost_record_count=1))
    assert selectors.counts(told.model).lost_in_flight == 4, "of the last crash, over its channels"


def test_keyed_state_is_not_shown_when_single_records_are_not_recorded() -> None:
    told = Teller()
    told.step(deployed(COUNT, 2))
    told.step(
        job.SubtaskRestored(
            subtask=COUNT, checkpoint_id=ONE, state=pack({"keyed": [["cats", (3,)]]})
        )
    )
    view = selectors.subtask_view(told.model, COUNT)
    assert (view.state, view.restored) == ((), (("cats", "3"),))


@pytest.mark.parametrize(
    ("events", "marks", "replayed", "rereads"),
    [
        ([polled(0, 5)], (5, None, None), (0, 0), 0),
        ([polled(0, 5), canceled(NORTH)], (None, 5, None), (0, 0), 0),
        ([polled(0, 5), canceled(NORTH), rewound(5, 3)], (3, 5, 3), (0, 2), 0),
        ([polled(0, 5), canceled(NORTH), rewound(5, 3), polled(3)], (4, 5, 3), (1, 2), 1),
        ([polled(0, 5), canceled(NORTH), rewound(5, 3), polled(3, 4)], (7, None, None), (2, 2), 2),
        ([polled(0, 5), canceled(NORTH), rewound(5, 5)], (5, None, None), (0, 0), 0),
        ([canceled(NORTH), rewound(5, 3)], (3, 5, 3), (0, 2), 0),
        (
            [polled(0, 8), canceled(NORTH), rewound(8, 3), polled(3), canceled(NORTH),
             rewound(4, 3)],
            (3, 8, 3), (0, 5), 1,
        ),
    ],
    ids=[
        "reading", "crashed", "rewound", "replaying", "past the replay", "nothing to replay",
        "polls not recorded", "a second crash within the replay",
    ],
)  # fmt: skip
def test_a_tape_is_marked_by_crash_rewind_and_replay(
    events: list[Event],
    marks: tuple[int | None, int | None, int | None],
    replayed: tuple[int, int],
    rereads: int,
) -> None:
    told = Teller()
    told.each([deployed(NORTH), *events])
    tape = selectors.tape_views(told.model)[0]
    assert (tape.next_offset, tape.crash_offset, tape.reread_from) == marks
    view = selectors.job_view(told.model)
    assert (view.reread_count, view.reread_total) == replayed
    assert selectors.counts(told.model).reread == rereads


def test_records_below_the_crash_offset_are_marked_as_replay() -> None:
    told = Teller()
    told.each([polled(0, 5), canceled(NORTH), rewound(5, 3)])
    for offset in (4, 5):
        told.step(records(offset), contents(offset, "cats", first_offset=offset))
    assert queue(told) == "c' c"


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        ([], "open 1"),
        ([("pre", 1)], "pre-committed 1"),
        ([("pre", 1), ("commit", 1)], ""),
        ([("pre", 1), ("abort", 1)], "aborted 1"),
        ([("abort", 0)], ""),
    ],
)
def test_a_transaction_is_hidden_until_committed_and_kept_if_aborted_with_rows(
    end: list[tuple[str, int]], shown: str
) -> None:
    told = Teller()
    told.step(sink.TransactionOpened(subtask=BOARD, transaction_id=TXN_1, epoch=1))
    told.step(
        sink.RowsWritten(
            subtask=BOARD, transaction_id=TXN_1, row_count=1, rows=pack([("cats", 1)]), lineage=b""
        )
    )
    for what, rows in end:
        told.step(
            {
                "pre": sink.TransactionPreCommitted(
                    subtask=BOARD, transaction_id=TXN_1, checkpoint_id=ONE, row_count=rows
                ),
                "commit": sink.TransactionCommitted(
                    subtask=BOARD, transaction_id=TXN_1, row_count=rows, repeated=False
                ),
                "abort": sink.TransactionAborted(
                    subtask=BOARD, transaction_id=TXN_1, row_count=rows, cause=AbortCause.FENCED
                ),
            }[what]
        )
    hidden = selectors.board_views(told.model)[0].hidden
    assert " ".join(f"{one.status.value} {one.row_count}" for one in hidden) == shown
    open_one = selectors.subtask_view(told.model, BOARD).transaction
    assert (open_one is not None) == (not end)


def test_an_end_of_partition_takes_the_channel_out_of_those_awaited() -> None:
    told = Teller()
    told.step(deployed(COUNT))
    told.step(checkpoint.CheckpointTriggered(checkpoint_id=ONE, triggered=(NORTH,), expected=ALL))
    told.step(flow.EndArrived(channel=SOUTH_COUNT, kind=EndKind.DATA, position=3))
    assert _waits_for(told) == (NORTH, SOUTH)
    told.step(flow.EndArrived(channel=SOUTH_COUNT, kind=EndKind.PARTITION, position=4))
    assert _waits_for(told) == (NORTH,)


def _waits_for(told: Teller) -> tuple[SubtaskId, ...]:
    part = selectors.subtask_view(told.model, COUNT).part
    assert part is not None
    return part.waits_for


def test_two_sources_on_one_topic_do_not_double_its_rows() -> None:
    told = Teller()
    rows = next(e.event for e in told.entries if type(e.event).__name__ == "PartitionRowsDeclared")
    told.step(rows)
    assert "".join(selectors.tape_views(told.model)[0].records) == "cdccccdd"


def test_rows_stand_by_offset_in_whatever_pieces_they_were_declared() -> None:
    told = Teller()
    for first_offset, animal in ((10, "owls"), (8, "emus")):
        told.step(
            structure.PartitionRowsDeclared(
                topic="north",
                partition=0,
                first_offset=first_offset,
                rows=pack([(animal,), (animal,)]),
                times_ms=b"",
            )
        )
    assert "".join(selectors.tape_views(told.model)[0].records) == "cdccccddeeoo"


@pytest.mark.parametrize(
    "event",
    [
        failed(SubtaskId("ghost", 0)),
        structure.SubtaskDeclared(
            subtask=SubtaskId("ghost", 0), first_key_group=0, last_key_group=1
        ),
    ],
)
def test_speaking_of_the_undeclared_is_an_error_of_the_recording(event: Event) -> None:
    told = Teller()
    with pytest.raises(TraceError, match=r"step 9: \w+ speaks of .*never declared"):
        told.model.apply(Entry(9, 0, 0, None, event))


def test_a_reducer_names_the_regions_it_changed() -> None:
    told = Teller()
    assert told.model.apply(Entry(1, 0, 0, None, records(0))) == Dirty.CHANNELS
    assert Dirty.TAPES in told.model.apply(Entry(1, 1, 0, None, polled(0)))
    assert Dirty.STRUCTURE not in told.model.apply(Entry(2, 0, 0, None, failed(COUNT)))


@settings(max_examples=60, deadline=None)
@given(events=st.lists(anything(), max_size=40), cut=st.integers(0, 40), more=anything())
def test_a_copy_is_not_touched_by_what_its_origin_hears_and_goes_the_same_way(
    events: list[Event], cut: int, more: Event
) -> None:
    told = Teller()
    for event in events[:cut]:
        _tell(told.model, event)
    copy = told.model.copy()
    seen = everything(copy)
    for event in [*events[cut:], more]:
        _tell(told.model, event)
    assert everything(copy) == seen
    for event in [*events[cut:], more]:
        _tell(copy, event)
    assert everything(copy) == everything(told.model)


def _tell(model: RunModel, event: Event) -> None:
    """Arbitrary events may speak of checkpoints and transactions that never began."""
    with suppress(TraceError):
        model.apply(Entry(1, 0, 1_000, None, event))


ROWS = pack([("cats", 1)])
WRITTEN = sink.RowsWritten(subtask=BOARD, transaction_id=TXN_1, row_count=1, rows=ROWS, lineage=b"")
VISIBLE = sink.RowsVisible(
    sink="board", topic="board", transaction_id=TXN_1, row_count=1, rows=ROWS, lineage=b""
)


@pytest.mark.parametrize(
    "event",
    [
        status(JobStatus.RESTARTING, 1),
        failed(COUNT),
        polled(5, 1),
        applied("cats", 9),
        delivered(0),
        records(4),
        WRITTEN,
        VISIBLE,
        sink.TransactionCommitted(subtask=BOARD, transaction_id=TXN_1, row_count=1, repeated=False),
        sink.TransactionPreCommitted(
            subtask=BOARD, transaction_id=TXN_1, checkpoint_id=ONE, row_count=1
        ),
        checkpoint.CheckpointTriggered(checkpoint_id=ONE, triggered=(), expected=ALL),
        structure.SubtaskDeclared(
            subtask=SubtaskId("board", 1), first_key_group=0, last_key_group=0
        ),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_copy_does_not_see_what_a_reducer_changes_in_place(event: Event) -> None:
    told = Teller()
    told.step(*[deployed(name, 2) for name in ALL])
    told.step(polled(0, 5), applied("cats", 3))
    told.step(records(0), contents(0, "cats"))
    told.step(sink.TransactionOpened(subtask=BOARD, transaction_id=TXN_1, epoch=1))
    told.step(WRITTEN, VISIBLE)
    promise = pack({"transactions": [["board[0]", 2, 2, [[1, TXN_1, 0]]]]})
    told.step(job.SubtaskRestored(subtask=BOARD, checkpoint_id=ONE, state=promise))
    copy = told.model.copy()
    seen = everything(copy)
    told.step(event)
    assert everything(told.model) != seen
    assert everything(copy) == seen
