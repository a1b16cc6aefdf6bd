"""Views word what the model holds: short labels, whole values, pages, boards, differences."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.events import Event, checkpoint, coordinator, flow, job, sink, structure
from bandviz.events.checkpoint import CheckpointFailureReason
from bandviz.events.job import JobStatus
from bandviz.events.values import pack
from bandviz.functions.aggregates import Count, Mean, Sum
from bandviz.functions.rows import KeyBy
from bandviz.graph.specs import NamedAggregate, TumblingWindows, WindowSpec, describe
from bandviz.ids import CheckpointId, SubtaskId, TransactionId
from bandviz.model import selectors
from bandviz.model.memory import element_words
from bandviz.model.run import RunModel
from bandviz.model.specs import results_text
from bandviz.model.views import (
    CheckpointStatus,
    CheckpointView,
    DifferenceView,
    PartPhase,
    PartView,
    TransactionStatus,
)
from bandviz.model.words import listed, many, moment_text, row_label, seconds, value_text
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run
from bandviz.text import SafeText
from tests.model_story import (
    ALL,
    BOARD,
    COUNT,
    NORTH,
    NORTH_COUNT,
    ONE,
    SOUTH,
    SOUTH_COUNT,
    TWO,
    Teller,
)

HOUR_MS = 3_600_000
FEB_8_14H_MS = 1_360_332_000_000
WINDOW = WindowSpec(
    key=KeyBy(fields=("carrier",)),
    assigner=TumblingWindows(size_ms=HOUR_MS),
    aggregates=(
        NamedAggregate(function=Count(), name="departures"),
        NamedAggregate(function=Mean(field="delay"), name="mean_delay"),
    ),
)


@pytest.mark.parametrize(
    ("row", "label"),
    [
        (("cats",), "c"),
        (("UA", "UA1018"), "UA"),
        ((5, "EWR"), "E"),
        (("", "x"), "x"),
        ((7,), "7"),
        ((1234,), "#"),
        ((), "#"),
        (("\x1b[31mred",), "␛"),
        ("cats", "c"),
    ],
)
def test_a_label_is_the_first_text_whole_if_short_else_its_first_letter(
    row: Any, label: str
) -> None:
    assert row_label(row) == label


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (3.4, "3.4"),
        (2.0, "2"),
        (1 / 3, "0.333"),
        (1e300, "1e+300"),
        (True, "true"),
        (None, "-"),
        (("UA", 12, None), "UA 12 -"),
        (((((1,),),),), "…"),
        (b"\x01", "01"),
    ],
)
def test_a_value_is_short_and_exact_enough(value: Any, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (FEB_8_14H_MS, "08-Feb 14:00"),
        (FEB_8_14H_MS + 61_500, "08-Feb 14:01:01"),
        (0, "01-Jan 00:00"),
        (-1, "31-Dec 23:59:59"),
        (951_782_400_000, "29-Feb 00:00"),
        (951_868_800_000, "01-Mar 00:00"),
        (4_107_542_400_000, "01-Mar 00:00"),
        (2**63 - 1, "the end of time"),
        (-(2**63), "the beginning of time"),
    ],
)
def test_a_moment_is_a_date_in_utc(time_ms: int, text: str) -> None:
    assert moment_text(time_ms) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_dates_agree_with_the_calendar(moment: datetime) -> None:
    moment = moment.replace(second=0, microsecond=0)
    epoch = moment.replace(year=1970, month=1, day=1, hour=0, minute=0)
    time_ms = (moment - epoch).days * 86_400_000 + (moment - epoch).seconds * 1000
    assert moment_text(time_ms) == moment.strftime("%d-%b %H:%M")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (many(1, "record"), "1 record"),
        (many(0, "record"), "0 records"),
        (listed([]), ""),
        (listed(["a"]), "a"),
        (listed(["a", "b"]), "a and b"),
        (listed(list("abcdef")), "a, b, c and 3 more"),
        (seconds(3_249_999), "3.2 s"),
        (seconds(20_000), "20 ms"),
        (seconds(0), "0.0 s"),
    ],
)
def test_figures_are_worded(said: str, text: str) -> None:
    assert said == text


@pytest.mark.parametrize(
    ("accumulators", "text"),
    [
        ((12, (12, 41)), "departures 12, mean_delay 3.417"),
        ((0, (0, 0)), "departures 0, mean_delay -"),
        ((1,), "1"),
        ("odd", "odd"),
        ((1, "odd"), "1 odd"),
    ],
)
def test_accumulators_are_shown_as_their_results(accumulators: Any, text: str) -> None:
    assert results_text(pack(describe(WINDOW)), accumulators) == text


def test_an_exact_sum_is_shown_as_its_number_and_a_foreign_spec_as_it_stands() -> None:
    spec = {"aggregates": [{"function": Sum(field="x").spec(), "name": "total"}]}
    assert results_text(pack(spec), ((7, 1),)) == "3.5"
    assert results_text(pack({"aggregates": [{"function": {"fn": "median"}}]}), (3,)) == "3"
    assert results_text(b"\xc1", (3,)) == "3"


def applied(subtask: SubtaskId, key: Any, start_ms: int, value: Any) -> Event:
    return flow.RecordApplied(
        subtask=subtask, key=pack(key), window_start_ms=start_ms, value=pack(value), lineage=b""
    )


def test_state_is_ordered_by_key_then_window_and_fires_away() -> None:
    told = Teller()
    hours = SubtaskId("hours", 0)
    told.step(
        structure.VertexDeclared(
            vertex="hours",
            kind="window",
            parallelism=2,
            max_parallelism=8,
            fields=("carrier", "window_start_ms", "departures", "mean_delay"),
            spec=pack(describe(WINDOW)),
        ),
        structure.SubtaskDeclared(subtask=hours, first_key_group=0, last_key_group=3),
    )
    told.step(applied(hours, "UA", FEB_8_14H_MS, (1, (1, 4))))
    told.step(applied(hours, "AA", FEB_8_14H_MS, (2, (2, 4))))
    told.step(applied(hours, "AA", FEB_8_14H_MS - HOUR_MS, (3, (3, 3))))
    told.step(applied(hours, 7, FEB_8_14H_MS, (4, (4, 4))))
    told.step(applied(hours, 7, -1, (5, (5, 5))))
    view = selectors.subtask_view(told.model, hours)
    assert not view.sole
    assert view.state == (
        ("7 31-Dec 23:59:59", "departures 5, mean_delay 1"),
        ("7 08-Feb 14:00", "departures 4, mean_delay 1"),
        ("AA 08-Feb 13:00", "departures 3, mean_delay 1"),
        ("AA 08-Feb 14:00", "departures 2, mean_delay 2"),
        ("UA 08-Feb 14:00", "departures 1, mean_delay 4"),
    )
    told.step(
        flow.WindowFired(
            subtask=hours,
            key=pack("AA"),
            window_start_ms=FEB_8_14H_MS,
            window_end_ms=FEB_8_14H_MS + HOUR_MS,
            value=b"",
            record_count=2,
            kept=False,
        )
    )
    assert selectors.subtask_view(told.model, hours).state_count == 4


def test_a_large_state_shows_its_first_50_keys_and_its_true_size() -> None:
    told = Teller()
    told.each([applied(COUNT, number, -1, (1,)) for number in range(60, 0, -1)])
    view = selectors.subtask_view(told.model, COUNT)
    assert [name for name, _ in view.state] == [str(number) for number in range(1, 51)]
    assert view.state_count == 60


@pytest.mark.parametrize(
    ("event", "kind", "label", "text"),
    [
        (
            checkpoint.BarrierEmitted(
                subtask=NORTH, channel=NORTH_COUNT, checkpoint_id=ONE, position=0, arrive_us=1
            ),
            "barrier", "1", "barrier of checkpoint 1",
        ),
        (
            checkpoint.CancelMarkerEmitted(
                subtask=NORTH, channel=NORTH_COUNT, checkpoint_id=TWO, position=0, arrive_us=1
            ),
            "cancel", "2", "cancel marker of checkpoint 2",
        ),
        (
            flow.WatermarkEmitted(
                channel=NORTH_COUNT, position=0, watermark_ms=FEB_8_14H_MS, arrive_us=1
            ),
            "watermark", "w", "watermark 08-Feb 14:00",
        ),
        (
            flow.EndEmitted(
                channel=NORTH_COUNT, kind=flow.EndKind.DATA, position=0, arrive_us=1
            ),
            "end", "e", "EndOfData",
        ),
        (
            flow.EndEmitted(
                channel=NORTH_COUNT, kind=flow.EndKind.PARTITION, position=0, arrive_us=1
            ),
            "end", "E", "EndOfPartition",
        ),
        (
            flow.RecordsEmitted(channel=NORTH_COUNT, position=0, count=3, arrive_us=1),
            "record", "*", "3 records",
        ),
    ],
)  # fmt: skip
def test_every_kind_of_element_has_a_label_and_a_text(
    event: Event, kind: str, label: str, text: str
) -> None:
    told = Teller()
    told.step(event)
    (element,) = selectors.channel_view(told.model, NORTH_COUNT).elements
    assert (element.kind, element.label, element.text) == (kind, label, text)


def test_a_buffer_tells_its_first_records_and_how_many_there_are() -> None:
    told = Teller()
    told.step(
        flow.RecordsEmitted(channel=NORTH_COUNT, position=0, count=4, arrive_us=1),
        flow.BufferSent(
            channel=NORTH_COUNT,
            position=0,
            values=pack([("dogs", 1), ("cats", 2), ("cats", 3), ("\u202ecats", 4)]),
            lineage=b"",
        ),
    )
    (element,) = selectors.channel_view(told.model, NORTH_COUNT).elements
    assert (element.label, element.count) == ("d", 4)
    assert element.text == "dogs 1, cats 2, cats 3 … 4 records"
    assert element_words.cache_info().maxsize


# -- checkpoints ---------------------------------------------------------------------------------


def trigger(number: int) -> Event:
    return checkpoint.CheckpointTriggered(
        checkpoint_id=CheckpointId(number), triggered=(NORTH, SOUTH), expected=ALL
    )


def snapshot(subtask: SubtaskId, state: Any, number: int = 1) -> Event:
    packed = pack(state)
    return checkpoint.SnapshotTaken(
        subtask=subtask,
        checkpoint_id=CheckpointId(number),
        state=packed,
        state_bytes=len(packed),
    )


def stored(subtask: SubtaskId) -> Event:
    return checkpoint.UploadCompleted(
        subtask=subtask, checkpoint_id=ONE, uploaded_bytes=9, duration_us=9
    )


def ack(subtask: SubtaskId) -> Event:
    return checkpoint.SubtaskAcknowledged(
        subtask=subtask, checkpoint_id=ONE, acknowledged_count=1, expected_count=4
    )


def complete(number: int) -> Event:
    return checkpoint.CheckpointCompleted(
        checkpoint_id=CheckpointId(number), duration_us=5, checkpointed_bytes=70
    )


def arrived(channel: Any) -> Event:
    return checkpoint.BarrierArrived(subtask=COUNT, channel=channel, checkpoint_id=ONE, position=0)


COUNT_PART: list[tuple[Event, PartPhase, tuple[SubtaskId, ...]]] = [
    (trigger(1), PartPhase.WAITS_FOR_BARRIER, (NORTH, SOUTH)),
    (arrived(NORTH_COUNT), PartPhase.WAITS_FOR_BARRIER, (SOUTH,)),
    (
        checkpoint.AlignmentStarted(subtask=COUNT, checkpoint_id=ONE, expected_count=2),
        PartPhase.ALIGNING,
        (SOUTH,),
    ),
    (arrived(SOUTH_COUNT), PartPhase.ALIGNING, ()),
    (snapshot(COUNT, {"keyed": [["cats", [3]]]}), PartPhase.UPLOADING, ()),
    (stored(COUNT), PartPhase.DURABLE, ()),
    (ack(COUNT), PartPhase.ACKNOWLEDGED, ()),
    (complete(1), PartPhase.ACKNOWLEDGED, ()),
]


def part_of(told: Teller, subtask: SubtaskId) -> PartView:
    part = selectors.subtask_view(told.model, subtask).part
    assert part is not None
    return part


def test_a_part_goes_from_waiting_to_acknowledged_and_names_whom_it_waits_for() -> None:
    told = Teller()
    told.step(job.SubtaskDeployed(subtask=COUNT, attempt=1))
    for event, phase, waits_for in COUNT_PART:
        told.step(event)
        part = part_of(told, COUNT)
        assert (part.phase, part.waits_for) == (phase, waits_for), event
    assert part.contents == (("cats", "3"),)


def test_who_is_told_that_it_is_complete_and_who_is_not() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=one, attempt=1) for one in (NORTH, SOUTH)])
    told.each([trigger(1), complete(1)])
    told.step(checkpoint.CompletionNotified(subtask=NORTH, checkpoint_id=ONE))
    told.step(coordinator.NotificationLost(subtask=SOUTH, checkpoint_id=ONE))
    assert part_of(told, NORTH).phase is PartPhase.TOLD
    assert part_of(told, SOUTH).phase is PartPhase.NOT_TOLD


def test_who_runs_on_while_others_restart_keeps_its_part() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=one, attempt=1) for one in (NORTH, COUNT)])
    told.each([trigger(1), complete(1)])
    told.step(job.SubtaskFailed(subtask=NORTH, attempt=1, reason="kill", detail="", trace=""))
    told.step(job.RestoreStarted(checkpoint_id=ONE, attempt=2, subtasks=(NORTH,)))
    told.step(job.SubtaskDeployed(subtask=NORTH, attempt=2))
    assert part_of(told, COUNT).checkpoint_id == ONE
    assert selectors.subtask_view(told.model, NORTH).part is None
    assert selectors.job_view(told.model).restored_tasks == 1


def test_a_checkpoint_under_way_is_shown_until_the_next_one_is_begun() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=COUNT, attempt=1), trigger(1)])
    told.step(snapshot(COUNT, {}))
    told.step(trigger(2))
    assert part_of(told, COUNT).checkpoint_id == ONE
    assert selectors.job_view(told.model).also_in_progress == (ONE,)
    told.step(complete(1))
    assert part_of(told, COUNT).checkpoint_id == TWO


def test_records_that_barriers_overtook_are_counted_with_the_part_that_holds_them() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=COUNT, attempt=1), trigger(1)])
    told.step(
        checkpoint.SnapshotTaken(
            subtask=COUNT, checkpoint_id=ONE, state=b"", state_bytes=0, unaligned=True
        )
    )
    told.step(
        checkpoint.InFlightPersisted(
            subtask=COUNT, channel=NORTH_COUNT, checkpoint_id=ONE,
            side=checkpoint.InFlightSide.INPUT, positions=(0, 1), record_count=3,
        )
    )  # fmt: skip
    (page,) = selectors.checkpoint_views(told.model)
    assert (page.unaligned, page.in_flight) == ((COUNT,), ((COUNT, 3),))
    assert (part_of(told, COUNT).unaligned, part_of(told, COUNT).in_flight) == (True, 3)


@pytest.mark.parametrize(
    ("subtask", "state", "contents"),
    [
        (NORTH, {"offsets": {0: 3}}, (("offset", "3"),)),
        (COUNT, {"keyed": [["dogs", [2]], ["cats", [3]]]}, (("cats", "3"), ("dogs", "2"))),
        (BOARD, {"transactions": [["board[0]", 2, 2, [[1, 1, 0]]]]}, (("transaction", "1"),)),
        (
            BOARD,
            {"transactions": [["board[0]", 4, 4, [[1, 1, 0], [2, 3, 0]]]]},
            (("transactions", "1 3"),),
        ),
        (BOARD, {"transactions": [["board[0]", 2, 2, []]]}, ()),
        (BOARD, {}, ()),
        (COUNT, {"keyed": "odd"}, ()),
    ],
)
def test_a_snapshot_is_told_in_the_words_of_its_kind(
    subtask: SubtaskId, state: Any, contents: Any
) -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=subtask, attempt=1), trigger(1)])
    assert part_of(told, subtask).contents == ()
    told.step(snapshot(subtask, state))
    assert part_of(told, subtask).contents == contents
    told.step(stored(subtask))
    (page,) = selectors.checkpoint_views(told.model)
    assert dict(page.parts)[subtask] == contents


def test_a_part_is_in_the_album_only_when_it_is_on_disk() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=COUNT, attempt=1), trigger(1)])
    told.step(snapshot(COUNT, {"keyed": [["cats", [3]]]}))
    (page,) = selectors.checkpoint_views(told.model)
    assert dict(page.parts)[COUNT] is None
    assert part_of(told, COUNT).contents == (("cats", "3"),)
    for event in (stored(COUNT), ack(COUNT), complete(1)):
        told.step(event)
        (page,) = selectors.checkpoint_views(told.model)
        assert dict(page.parts)[COUNT] == (("cats", "3"),)


def test_stored_and_lost_state_is_counted_to_the_last_entry() -> None:
    told = Teller()
    told.step(job.SubtaskDeployed(subtask=COUNT, attempt=1))
    told.each([applied(COUNT, number, -1, (1,)) for number in range(60)])
    told.each([trigger(1), snapshot(COUNT, {"keyed": [[n, [1]] for n in range(70)]})])
    told.step(stored(COUNT))
    contents = part_of(told, COUNT).contents
    assert contents is not None
    assert len(contents) == 70
    assert len(dict(selectors.checkpoint_views(told.model)[0].parts)[COUNT] or ()) == 70
    told.step(job.SubtaskFailed(subtask=COUNT, attempt=1, reason="kill", detail="", trace=""))
    assert len(selectors.subtask_view(told.model, COUNT).had) == 60


def test_contents_that_are_too_large_to_record_are_none() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=COUNT, attempt=1), trigger(1)])
    told.step(
        checkpoint.SnapshotTaken(subtask=COUNT, checkpoint_id=ONE, state=b"", state_bytes=100_000)
    )
    part = part_of(told, COUNT)
    assert (part.contents, part.state_bytes) == (None, 100_000)


ABORT_2 = checkpoint.CheckpointAborted(checkpoint_id=TWO, reason=CheckpointFailureReason.EXPIRED)


@pytest.mark.parametrize(
    ("events", "album", "marks"),
    [
        ([trigger(1)], "1 in progress", "T1"),
        ([trigger(1), complete(1)], "1 complete", "T1 C1"),
        (
            [trigger(1), complete(1), trigger(2), ABORT_2],
            "1 complete, 2 aborted (expired)",
            "T1 C1 T2 A2",
        ),
        (
            [trigger(1), complete(1), trigger(2), ABORT_2, trigger(3)],
            "1 complete, 3 in progress",
            "T1 C1 T2 A2 T3",
        ),
        (
            [trigger(1), complete(1), trigger(2), complete(2),
             checkpoint.CheckpointDiscarded(checkpoint_id=ONE)],
            "2 complete",
            "T1 C1 T2 C2",
        ),
        (
            [trigger(1), complete(1),
             job.CheckpointRefused(checkpoint_id=ONE, file="count-0", detail="crc")],
            "1 damaged (count-0: crc)",
            "T1 C1",
        ),
        (
            [
                trigger(1),
                complete(1),
                job.RestoreStarted(checkpoint_id=ONE, attempt=2, subtasks=()),
            ],
            "1 complete",
            "T1 C1 R1",
        ),
    ],
)  # fmt: skip
def test_the_album_shows_what_is_begun_and_kept_and_the_newest_failure(
    events: list[Event], album: str, marks: str
) -> None:
    told = Teller()
    told.each(events)
    assert ", ".join(map(_caption, selectors.checkpoint_views(told.model))) == album
    assert " ".join(mark.text for mark in selectors.marks(told.model)) == marks


def _caption(page: CheckpointView) -> str:
    return f"{page.checkpoint_id} {page.status.value}{f' ({page.reason})' if page.reason else ''}"


def test_a_page_keeps_times_sizes_and_the_longest_alignment() -> None:
    told = Teller()
    first = told.step(trigger(1))
    for duration_us in (5, 9, 7):
        told.step(
            checkpoint.AlignmentCompleted(subtask=COUNT, checkpoint_id=ONE, duration_us=duration_us)
        )
    told.step(ack(NORTH))
    assert selectors.job_view(told.model).in_progress is not None
    last = told.step(complete(1))
    told.step(job.RestoreStarted(checkpoint_id=ONE, attempt=2, subtasks=()))
    (page,) = selectors.checkpoint_views(told.model)
    assert (page.trigger_us, page.end_us) == (first.time_us, last.time_us)
    assert (page.alignment_us, page.checkpointed_bytes, page.restored_count) == (9, 70, 1)
    assert (page.acknowledged, page.expected) == ((NORTH,), ALL)
    view = selectors.job_view(told.model)
    assert (view.in_progress, view.latest_completed, view.restored_from) == (None, ONE, ONE)


def test_a_part_of_an_older_attempt_or_an_aborted_checkpoint_is_not_shown() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=COUNT, attempt=1), trigger(1), complete(1)])
    told.step(trigger(2))
    assert part_of(told, COUNT).checkpoint_id == TWO
    told.step(ABORT_2)
    assert part_of(told, COUNT).checkpoint_id == ONE
    told.step(job.RestoreStarted(checkpoint_id=ONE, attempt=2, subtasks=()))
    told.step(job.SubtaskDeployed(subtask=COUNT, attempt=2))
    assert selectors.subtask_view(told.model, COUNT).part is None


def test_tapes_carry_the_cuts_of_the_album() -> None:
    told = Teller()
    told.each([trigger(1), snapshot(NORTH, {"offsets": {0: 3}}), complete(1)])
    told.each([trigger(2), snapshot(NORTH, {"offsets": {0: 5}}, 2)])
    north, south = selectors.tape_views(told.model)
    assert (north.cuts, south.cuts) == (((1, 3), (2, 5)), ())
    assert "".join(north.records) == "cdccccdd"
    assert north.texts[:2] == ("cats", "dogs")
    told.step(ABORT_2)
    assert selectors.tape_views(told.model)[0].cuts == ((1, 3),)


# -- output, job, inspector ----------------------------------------------------------------------


def visible(rows: list[Any]) -> Event:
    return sink.RowsVisible(
        sink="board",
        topic="board",
        transaction_id=TransactionId(0),
        row_count=len(rows),
        rows=pack(rows),
        lineage=b"",
    )


def test_a_board_counts_all_rows_and_shows_the_newest() -> None:
    told = Teller()
    told.step(visible([("cats", number) for number in range(30)]))
    told.step(visible([("dogs", 0.5), ("\x9bcats", None)]))
    (board,) = selectors.board_views(told.model)
    assert board.public_count == 32
    assert board.tally == (("cats", 30), ("dogs", 1), ("�cats", 1))
    assert len(board.last_rows) == 20
    assert board.last_rows[-2:] == (("dogs", "0.5"), ("�cats", "-"))
    assert (board.contract, board.fields) == ("two_phase", ("animal", "increment"))
    assert selectors.counts(told.model).visible == 32


def test_an_open_transaction_belongs_to_its_subtask_and_a_restored_promise_is_told() -> None:
    told = Teller()
    told.step(job.SubtaskDeployed(subtask=BOARD, attempt=2))
    told.step(sink.TransactionOpened(subtask=BOARD, transaction_id=TransactionId(2), epoch=1))
    told.step(
        job.SubtaskRestored(
            subtask=BOARD,
            checkpoint_id=ONE,
            state=pack({"transactions": [["board[0]", 2, 0, [[1, 1, 0]]]]}),
        )
    )
    assert selectors.subtask_view(told.model, BOARD).restored == (("transaction", "1"),)
    told.step(
        sink.TransactionCommitted(
            subtask=BOARD, transaction_id=TransactionId(1), row_count=6, repeated=True
        )
    )
    view = selectors.subtask_view(told.model, BOARD)
    assert view.restored == (("transaction", "1, visible"),)
    assert view.transaction is not None
    assert view.transaction.transaction_id == 2


def test_the_job_tells_of_a_coming_restart_until_it_runs() -> None:
    told = Teller()
    told.step(job.JobStatusChanged(status=JobStatus.RESTARTING, attempt=1))
    told.step(job.RestartScheduled(attempt=2, due_us=7_000_000))
    assert selectors.job_view(told.model).restart_due_us == 7_000_000
    told.step(job.RestoreStarted(checkpoint_id=CheckpointId(0), attempt=2, subtasks=()))
    told.step(job.JobStatusChanged(status=JobStatus.RUNNING, attempt=2))
    view = selectors.job_view(told.model)
    assert (view.restart_due_us, view.restored_from, view.attempt) == (None, 0, 2)
    assert selectors.counts(told.model).restarts == 1


STATE = {"keyed": [["cats", [3]], ["emus", [1]], ["owls", [2]]]}


def test_the_inspector_sets_the_state_of_now_against_each_snapshot() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=COUNT, attempt=1), applied(COUNT, "owls", -1, (2,))])
    told.each([trigger(1), snapshot(COUNT, STATE), complete(1)])
    told.each([applied(COUNT, "cats", -1, (5,)), applied(COUNT, "dogs", -1, (1,))])
    view = selectors.inspect(told.model, COUNT)
    assert view.now == (("cats", "5"), ("dogs", "1"), ("owls", "2"))
    assert [one.upstream for one in view.inputs] == [NORTH, SOUTH]
    assert [one.downstream for one in view.outputs] == [BOARD]
    (one,) = view.snapshots
    assert (one.checkpoint_id, one.status) == (ONE, CheckpointStatus.COMPLETE)
    assert one.differences == (
        DifferenceView(_safe("cats"), _safe("3"), _safe("5")),
        DifferenceView(_safe("emus"), _safe("1"), None),
        DifferenceView(_safe("dogs"), None, _safe("1")),
    )


def _safe(text: str) -> SafeText:
    return SafeText(text)


def test_the_inspector_compares_a_sources_offsets_by_the_same_names() -> None:
    told = Teller()
    told.each([job.SubtaskDeployed(subtask=NORTH, attempt=1), trigger(1)])
    told.step(snapshot(NORTH, {"offsets": {0: 3}}))
    told.step(flow.SourcePolled(subtask=NORTH, topic="north", partition=0, offset=0, count=5))
    view = selectors.inspect(told.model, NORTH)
    assert view.now == (("offset", "5"),)
    assert [(d.then, d.now) for d in view.snapshots[0].differences] == [("3", "5")]


@pytest.mark.parametrize(("story", "variant"), [("bounded-end", ""), ("storage-outage", "strict")])
def test_what_was_sealed_for_a_checkpoint_that_came_to_nothing_dies_with_its_sink(
    story: str, variant: str
) -> None:
    run, model = Run(load_plan(story, variant=variant)), RunModel()
    while selectors.job_view(model).status is not JobStatus.RESTARTING:
        for entry in run.advance():
            model.apply(entry)
    (sealed,) = (one for one in selectors.board_views(model)[0].hidden if one.checkpoint_id)
    assert (sealed.status, sealed.orphan) == (TransactionStatus.PRE_COMMITTED, True)


def test_the_last_failure_counts_when_a_restart_comes_to_nothing() -> None:
    run, model = Run(load_plan("clock-runs-out", variant="stubborn")), RunModel()
    while run.ended is None:
        for entry in run.advance():
            model.apply(entry)
    assert selectors.job_view(model).failed == (SubtaskId("ledger", 0),)
    assert [mark.text for mark in selectors.marks(model)].count("X") == 4


def test_what_a_writer_tells_its_committer_is_no_plain_number() -> None:
    run, model = Run(load_plan("clock-runs-out")), RunModel()
    seen: set[str] = set()
    while "t1" not in seen:
        for entry in run.advance():
            model.apply(entry)
        for channel in selectors.channel_views(model):
            if channel.upstream.vertex == "ledger-writer":
                seen.update(one.label for one in channel.elements if one.kind == "record")
    assert seen == {"#1", "t1"}
