"""The narrator has a true sentence for whatever happens, in a size that fits the screen."""

from __future__ import annotations

import textwrap
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.errors import TraceError
from bandviz.events import TAGS, Entry, Event, Level, checkpoint, flow, job, sink, structure
from bandviz.events.checkpoint import CheckpointFailureReason
from bandviz.events.job import JobStatus, RunStatus
from bandviz.events.sink import AbortCause
from bandviz.events.values import pack
from bandviz.graph.specs import SinkContract
from bandviz.ids import ChannelId, CheckpointId, SubtaskId, TransactionId
from bandviz.model.captions.checkpoint import _ABORTED_BECAUSE
from bandviz.model.narrator import (
    SILENT,
    TELLERS,
    Caption,
    narrate,
    narrate_line,
    narrate_step,
    why,
)
from bandviz.model.reasons import REASONS
from tests.model_story import (
    ALL,
    BOARD,
    COUNT,
    COUNT_BOARD,
    NORTH,
    NORTH_COUNT,
    ONE,
    SOUTH,
    SOUTH_COUNT,
    TWO,
    TXN_1,
    TXN_2,
    Teller,
    anything,
)
from tests.model_story import job as engine_job


def test_every_event_has_its_reason_and_each_control_event_a_caption_or_a_reason_for_none() -> None:
    control = {kind for kind in TAGS if kind.level is Level.CONTROL}
    assert set(REASONS) == set(TAGS)
    assert control <= set(TELLERS) | set(SILENT)
    assert not set(TELLERS) & set(SILENT)
    assert all(SILENT.values())


def test_every_failure_reason_is_explained() -> None:
    assert set(_ABORTED_BECAUSE) == set(CheckpointFailureReason)


@pytest.mark.parametrize("kind", TAGS, ids=lambda kind: kind.__name__)
def test_a_reason_is_a_few_whole_sentences(kind: type[Event]) -> None:
    assert REASONS[kind].endswith(".")
    assert REASONS[kind].count(". ") >= 1
    assert len(textwrap.wrap(REASONS[kind], 94)) <= 4


def fits(told: Caption) -> None:
    assert 0 < len(told.headline) <= 90
    assert 0 < len(textwrap.wrap(told.text, 94)) <= 3
    assert 0 < len(told.band) <= 94
    assert told.band.startswith("Band: ")
    assert all(line.isprintable() for line in told)


@settings(max_examples=100, deadline=None)
@given(st.lists(anything(), min_size=1, max_size=25))
def test_whatever_happens_can_be_told_and_fits(events: list[Event]) -> None:
    told = Teller()
    for number, event in enumerate(events):
        entry = Entry(1, number, 1_000, None, event)
        with suppress(TraceError):
            told.model.apply(entry)
            caption = narrate(told.model, entry)
            if caption is not None:
                fits(caption)
            assert len(narrate_line(told.model, entry)) <= 102
            assert why(told.model, entry)


def trigger(number: int = 1) -> Event:
    return checkpoint.CheckpointTriggered(
        checkpoint_id=CheckpointId(number), triggered=(NORTH, SOUTH), expected=ALL
    )


def complete(number: int = 1) -> Event:
    return checkpoint.CheckpointCompleted(
        checkpoint_id=CheckpointId(number), duration_us=2_100_000, checkpointed_bytes=70
    )


def arrived(channel: Any) -> Event:
    return checkpoint.BarrierArrived(subtask=COUNT, channel=channel, checkpoint_id=ONE, position=0)


def blocked(channel: Any) -> Event:
    return checkpoint.ChannelBlocked(
        subtask=COUNT, channel=channel, checkpoint_id=ONE, held_count=0
    )


def unblocked(released: int, subtask: SubtaskId = COUNT) -> Event:
    return checkpoint.ChannelUnblocked(
        subtask=subtask,
        channel=NORTH_COUNT,
        checkpoint_id=ONE,
        released_count=released,
        arrive_us=9,
    )


def snapshot(subtask: SubtaskId, state: Any) -> Event:
    return checkpoint.SnapshotTaken(
        subtask=subtask, checkpoint_id=ONE, state=pack(state), state_bytes=9
    )


def rewound(from_offset: int, to_offset: int, subtask: SubtaskId = NORTH) -> Event:
    return job.SourceRewound(
        subtask=subtask,
        topic=subtask.vertex,
        partition=0,
        from_offset=from_offset,
        to_offset=to_offset,
    )


def polled(offset: int, count: int, subtask: SubtaskId = NORTH) -> Event:
    return flow.SourcePolled(
        subtask=subtask, topic=subtask.vertex, partition=0, offset=offset, count=count
    )


def restored(subtask: SubtaskId, state: Any) -> Event:
    return job.SubtaskRestored(subtask=subtask, checkpoint_id=ONE, state=pack(state))


def committed(*, repeated: bool) -> Event:
    return sink.TransactionCommitted(
        subtask=BOARD, transaction_id=TXN_1, row_count=6, repeated=repeated
    )


def visible(transaction_id: int) -> Event:
    return sink.RowsVisible(
        sink="board",
        topic="board",
        transaction_id=TransactionId(transaction_id),
        row_count=1,
        rows=pack([("cats", 1)]),
        lineage=b"",
    )


DEPLOYED = [job.SubtaskDeployed(subtask=name, attempt=1) for name in ALL]
RUNNING = job.JobStatusChanged(status=JobStatus.RUNNING, attempt=1)
FINAL = [flow.InputEnded(subtask=NORTH), flow.InputEnded(subtask=SOUTH)]

HEADLINES: dict[str, tuple[list[Event], str | None]] = {
    "start": ([RUNNING], "START: 4 tasks run; 16 records are on the source logs."),
    "trigger": ([trigger()], "TRIGGER: the JobManager starts checkpoint 1."),
    "final": (
        [*DEPLOYED, *FINAL, trigger()],
        "FINAL CHECKPOINT: the JobManager starts checkpoint 1 behind the last record.",
    ),
    "one source has more": ([*DEPLOYED, FINAL[0], trigger()], "TRIGGER: the JobManager starts "
                            "checkpoint 1."),
    "barrier sets off": (
        [checkpoint.BarrierEmitted(
            subtask=COUNT, channel=COUNT_BOARD, checkpoint_id=ONE, position=1, arrive_us=9)],
        "BARRIER: count sends barrier [1] to board.",
    ),
    "barrier comes": ([trigger(), arrived(NORTH_COUNT)],
                      "BARRIER [1] from north has come to count."),
    "blocked": (
        [*DEPLOYED, trigger(), arrived(NORTH_COUNT), blocked(NORTH_COUNT)],
        "BLOCKED: the barrier [1] from north is here, the one from south is not.",
    ),
    "blocked by two": (
        [
            structure.SubtaskDeclared(
                subtask=SubtaskId("north", 1), first_key_group=0, last_key_group=0),
            structure.ChannelDeclared(
                channel=ChannelId(3), edge=0, upstream=SubtaskId("north", 1), downstream=COUNT,
                index=2, capacity_count=1),
            trigger(), arrived(NORTH_COUNT), blocked(NORTH_COUNT),
        ],
        "BLOCKED: the barrier [1] from north is here, those from 2 others are not.",
    ),
    "the last barrier blocks nobody": (
        [trigger(), arrived(NORTH_COUNT), arrived(SOUTH_COUNT), blocked(SOUTH_COUNT)],
        None,
    ),
    "alignment": (
        [checkpoint.AlignmentStarted(subtask=COUNT, checkpoint_id=ONE, expected_count=2)],
        "ALIGNMENT begins at count: the first of 2 barriers [1] is here.",
    ),
    "nothing to align": (
        [checkpoint.AlignmentStarted(subtask=BOARD, checkpoint_id=ONE, expected_count=1)],
        None,
    ),
    "aligned": (
        [checkpoint.AlignmentCompleted(subtask=COUNT, checkpoint_id=ONE, duration_us=876_000)],
        "ALIGNED: both barriers [1] are at count, after 0.8 s.",
    ),
    "unblocked": ([unblocked(0)], "UNBLOCKED: count reads north again."),
    "one element": ([unblocked(1)],
                    "UNBLOCKED: count reads north again; 1 waiting element sets off."),
    "two elements": ([unblocked(2)],
                     "UNBLOCKED: count reads north again; 2 waiting elements set off."),
    "a gate of one": ([unblocked(2, BOARD)], None),
    "cut": ([trigger(), snapshot(NORTH, {"offsets": {0: 3}})],
            'CUT: north notes "next offset 3" for checkpoint 1 and reads on.'),
    "cut at the end": (
        [*DEPLOYED, *FINAL, trigger(), snapshot(NORTH, {"offsets": {0: 8}})],
        'CUT: north notes "next offset 8" for checkpoint 1 and has nothing more to read.',
    ),
    "copy": ([trigger(), snapshot(COUNT, {"keyed": [["cats", [3]], ["dogs", [3]]]})],
             "SNAPSHOT: count copies its state: cats 3, dogs 3."),
    "copy of much": (
        [trigger(), snapshot(COUNT, {"keyed": [[f"animal-{n}", [n]] for n in range(60)]})],
        "SNAPSHOT: count copies its state: 60 keys.",
    ),
    "copy of nothing": ([trigger(), snapshot(COUNT, {"keyed": []})],
                        "SNAPSHOT: count copies its state: nothing yet."),
    "promise": ([trigger(), snapshot(BOARD, {"transactions": [["board[0]", 2, 2, [[1, 1, 0]]]]})],
                "SNAPSHOT: board promises transaction 1 to checkpoint 1."),
    "stored": (
        [checkpoint.UploadCompleted(
            subtask=COUNT, checkpoint_id=ONE, uploaded_bytes=24, duration_us=300_000)],
        "STORED: count's part of checkpoint 1 is on disk.",
    ),
    "ack": (
        [trigger(), checkpoint.SubtaskAcknowledged(
            subtask=COUNT, checkpoint_id=ONE, acknowledged_count=3, expected_count=4)],
        "ACK: count has stored its part: 3 of 4.",
    ),
    "complete": ([trigger(), complete()],
                 "COMPLETE: 4 tasks have stored and said so: checkpoint 1 is complete."),
    "expired": (
        [trigger(), checkpoint.CheckpointAborted(
            checkpoint_id=ONE, reason=CheckpointFailureReason.EXPIRED)],
        "ABORTED: checkpoint 1 will never complete (expired).",
    ),
    "told": ([checkpoint.CompletionNotified(subtask=BOARD, checkpoint_id=ONE)],
             "TOLD: board hears that checkpoint 1 is complete."),
    "told in vain": ([checkpoint.CompletionNotified(subtask=COUNT, checkpoint_id=ONE)], None),
    "commit": ([committed(repeated=False)],
               "COMMIT: board shows transaction 1: 6 rows public now."),
    "commit again": ([committed(repeated=True)],
                     "COMMIT AGAIN: transaction 1 was committed before; nothing changes."),
    "never shown": (
        [sink.TransactionAborted(
            subtask=BOARD, transaction_id=TXN_2, row_count=1, cause=AbortCause.RESTORED)],
        "ABORTED: transaction 2 of board with 1 row is never shown.",
    ),
    "rows of a transaction": ([visible(1)], None),
    "rows at once": ([visible(0)], "SHOWN AT ONCE: board shows 1 row: cats 1."),
    "fault": ([job.FaultInjected(fault="kill", target="count[0]")],
              "BREAK IT: count[0] is killed, without warning."),
    "refused": (
        [flow.RecordRefused(subtask=COUNT, error="ValueError: x", side="bad", lineage=b"")],
        "REFUSED: count puts a record on side output bad.",
    ),
    "dropped": ([flow.RecordRefused(subtask=COUNT, error="ValueError: x", side="", lineage=b"")],
                "REFUSED: count drops a record."),
    "skip": (
        [job.SourceRewound(
            subtask=NORTH, topic="north", partition=0, from_offset=2, to_offset=5
        )],
        "SKIP: north goes on at offset 5, not at 2.",
    ),
    "loss": ([job.FaultInjected(fault="lose", target="taskmanager-1")],
             "BREAK IT: taskmanager-1 is lost, and all that ran in its slots."),
    "restart": ([job.RestartScheduled(attempt=2, due_us=7_000_000)],
                "RESTART: attempt 2 begins at 7.0 s."),
    "restore": ([job.RestoreStarted(checkpoint_id=ONE, attempt=2, subtasks=())],
                "RESTORE: new, empty tasks load checkpoint 1."),
    "restore of nothing": (
        [job.RestoreStarted(checkpoint_id=CheckpointId(0), attempt=2, subtasks=())],
        "RESTORE: there is no checkpoint, so attempt 2 starts from zero.",
    ),
    "restored": ([restored(COUNT, {"keyed": [["cats", [3]]]})],
                 "RESTORED: count is back at cats 3."),
    "restored promise": (
        [restored(BOARD, {"transactions": [["board[0]", 2, 2, [[1, 1, 0]]]]})],
        "RESTORED: board finds in checkpoint 1 that it promised transaction 1.",
    ),
    "restored source": ([restored(NORTH, {"offsets": {0: 3}})], None),
    "rewind": ([rewound(5, 3)], "REWIND: north goes back from offset 5 to 3."),
    "no rewind": ([rewound(3, 3)],
                  "REWIND: north goes on at offset 3; there is nothing to read again."),
    "damaged": (
        [trigger(), complete(), trigger(2), complete(2),
         job.CheckpointRefused(checkpoint_id=TWO, file="count-0", detail="crc")],
        "DAMAGED: checkpoint 2 cannot be restored; next comes checkpoint 1.",
    ),
    "the last one damaged": (
        [trigger(), complete(), job.CheckpointRefused(checkpoint_id=ONE, file="x", detail="crc")],
        "DAMAGED: checkpoint 1 cannot be restored; next comes an empty start, for no other is "
        "left.",
    ),
    "replay goes on": ([polled(0, 5), rewound(5, 3), polled(3, 1)], None),
    "replay done": ([polled(0, 5), rewound(5, 3), polled(3, 2)],
                    "REPLAY DONE: 2 records are read again; from here on all is new."),
    "another replays still": (
        [polled(0, 5), polled(0, 4, SOUTH), rewound(5, 3), rewound(4, 3, SOUTH), polled(3, 2)],
        None,
    ),
    "long after the replay": ([polled(0, 5), rewound(5, 3), polled(3, 2), polled(5, 1)], None),
    "end of data": ([FINAL[0]], "END OF DATA: north has read its last record."),
    "end of inputs": ([flow.InputEnded(subtask=COUNT)],
                      "END OF DATA: all inputs of count have ended."),
    "finished": ([job.SubtaskFinished(subtask=COUNT, attempt=1)],
                 "FINISHED: count has ended well."),
    "end": ([job.RunEnded(status=RunStatus.FINISHED, reason="")],
            "END: the job has finished, and so has the run."),
    "stuck": ([job.RunEnded(status=RunStatus.STUCK, reason="no move")],
              "STUCK: no move is possible, or too many were made; the run ends here."),
    "canceled": ([job.SubtaskCanceled(subtask=COUNT, attempt=1)], None),
    "a record moves": ([flow.RecordsDelivered(channel=NORTH_COUNT, position=0, count=1)], None),
}  # fmt: skip


@pytest.mark.parametrize("case", HEADLINES)
def test_a_headline_names_actor_action_and_effect(case: str) -> None:
    events, headline = HEADLINES[case]
    told = Teller()
    caption = narrate(told.model, told.each(events))
    if caption is not None:
        fits(caption)
    assert (caption and caption.headline) == headline


def crash(subtask: SubtaskId) -> list[Event]:
    others = [name for name in ALL if name != subtask]
    return [
        job.SubtaskFailed(subtask=subtask, attempt=1, reason="killed", detail="", trace=""),
        *[job.SubtaskCanceled(subtask=name, attempt=1) for name in others],
        job.ChannelCleared(channel=NORTH_COUNT, lost_record_count=2),
        job.ChannelCleared(channel=COUNT_BOARD, lost_record_count=1),
        job.JobStatusChanged(status=JobStatus.RESTARTING, attempt=1),
    ]


@pytest.mark.parametrize(
    ("victim", "lost"),
    [
        (NORTH, "north's next offset 5"),
        (COUNT, "cats 7, dogs 4 in count"),
        (BOARD, "board's hold on transaction 2"),
    ],
)
@pytest.mark.parametrize(
    ("before", "left"),
    [
        ([], "the output. No checkpoint is complete: a restart begins from zero."),
        ([trigger()], "the output. No checkpoint is complete: a restart begins from zero."),
        ([trigger(), complete()], "16 records of input, checkpoint 1, the output."),
    ],
    ids=["no checkpoint", "one begun", "one complete"],
)
def test_a_crash_tells_what_is_lost_and_what_is_left(
    victim: SubtaskId, lost: str, before: list[Event], left: str
) -> None:
    told = Teller()
    told.step(*DEPLOYED, RUNNING)
    told.step(sink.TransactionOpened(subtask=BOARD, transaction_id=TXN_2, epoch=1))
    told.step(polled(0, 5))
    for animal, votes in (("cats", 7), ("dogs", 4)):
        told.step(
            flow.RecordApplied(
                subtask=COUNT,
                key=pack(animal),
                window_start_ms=-1,
                value=pack((votes,)),
                lineage=b"",
            )
        )
    told.each(before)
    told.step(flow.RecordsEmitted(channel=NORTH_COUNT, position=0, count=2, arrive_us=9))
    told.step(flow.RecordsEmitted(channel=COUNT_BOARD, position=0, count=1, arrive_us=9))
    first, *rest = crash(victim)
    entry = told.step(first)
    at_once = narrate(told.model, entry)
    told.step(*rest)
    assert at_once == narrate(told.model, entry), "the rest of the step must not change the story"
    assert at_once is not None
    fits(at_once)
    assert at_once.headline == (
        f"CRASH: {victim.vertex} is dead, and Flink stops the other 3 tasks as well."
    )
    assert f"Gone: {lost}, and 3 records on their way." in at_once.text
    assert at_once.text.endswith(left)


def test_a_step_is_told_by_its_most_telling_entry() -> None:
    told = Teller()
    told.step(*DEPLOYED, RUNNING)
    told.step(trigger())
    first = len(told.entries)
    told.step(arrived(NORTH_COUNT), blocked(NORTH_COUNT))
    caption = narrate_step(told.model, told.entries[first:])
    assert caption is not None
    assert caption.headline.startswith("BLOCKED")
    assert narrate_step(told.model, told.entries[:1]) is None


def test_a_line_carries_the_clock() -> None:
    told = Teller()
    entry = Entry(1, 0, 3_249_000, None, trigger())
    told.model.apply(entry)
    line = narrate_line(told.model, entry)
    assert line == "   3.2 s  TRIGGER: the JobManager starts checkpoint 1."
    assert narrate_line(told.model, told.entries[0]) == ""


def test_a_sink_that_shows_at_once_promises_nothing() -> None:
    run, model = engine_job(SinkContract.APPEND), Teller().model.__class__()
    heard = []
    entries = run.start()
    while entries:
        for entry in entries:
            model.apply(entry)
            heard.append(narrate_line(model, entry))
        choice = run.earliest()
        entries = run.step(choice) if choice is not None else []
    told = "\n".join(heard)
    assert "SHOWN AT ONCE: board shows 1 row: cats 1." in told
    assert "board keeps no state" in told
    assert "promises" not in told
    assert "TOLD" not in told


@pytest.mark.parametrize(
    ("before", "fate"),
    [([], "given up"), ([snapshot(COUNT, {"keyed": []})], "made")],
    ids=["aborted", "snapshot taken"],
)
def test_an_opened_gate_tells_whether_the_cut_was_made(before: list[Event], fate: str) -> None:
    told = Teller()
    caption = narrate(told.model, told.each([trigger(), *before, unblocked(1)]))
    assert caption is not None
    assert f"The cut of checkpoint 1 is {fate} here" in caption.text


@pytest.mark.parametrize(("contract", "again"), [("two_phase", False), ("append", True)])
def test_the_end_of_a_replay_is_honest_about_rows_shown_at_once(contract: str, again: bool) -> None:
    told = Teller()
    told.model.boards["board"].contract = contract
    caption = narrate(told.model, told.each([polled(0, 5), rewound(5, 3), polled(3, 2)]))
    assert caption is not None
    fits(caption)
    assert ("shown again" in caption.text) == again


def test_very_long_names_are_cut_to_the_screen() -> None:
    told = Teller()
    long = SubtaskId("north" * 12, 3)
    told.step(
        structure.VertexDeclared(
            vertex=long.vertex,
            kind="map",
            parallelism=4,
            max_parallelism=4,
            fields=(),
            spec=b"",
        ),
        structure.SubtaskDeclared(subtask=long, first_key_group=0, last_key_group=3),
    )
    for event in (
        job.SubtaskFailed(subtask=long, attempt=1, reason="killed", detail="", trace=""),
        job.SubtaskFinished(subtask=long, attempt=1),
    ):
        caption = narrate(told.model, told.step(event))
        assert caption is not None
        fits(caption)
