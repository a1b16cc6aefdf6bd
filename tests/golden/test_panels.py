"""The text regions of the story's three moments, from views made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.events.flow import StallReason
from bandviz.events.job import JobStatus, RunStatus
from bandviz.ids import CheckpointId, SubtaskId, TransactionId
from bandviz.model.views import (
    BoardView,
    CheckpointStatus,
    CheckpointView,
    JobView,
    LateCounts,
    MarkView,
    Pairs,
    PartPhase,
    PartView,
    SubtaskStatus,
    SubtaskView,
    TapeView,
    TaskManagerView,
    TransactionStatus,
    TransactionView,
)
from bandviz.text import SafeText, door
from bandviz.tui.glyphs import to_ascii
from bandviz.tui.panels.album import album_lines
from bandviz.tui.panels.board import board_lines
from bandviz.tui.panels.boxes import boxes
from bandviz.tui.panels.caption import Question, caption
from bandviz.tui.panels.disk import disk
from bandviz.tui.panels.header import Mode, disk_rule, jobmanager, memory_rule, rule, title
from bandviz.tui.panels.keys import KeyContext, keys
from bandviz.tui.panels.tapes import tape_lines
from bandviz.tui.panels.time_row import time_row
from bandviz.tui.panels.words import Words, clock, names_of
from bandviz.tui.screens.help import SIGNS
from bandviz.tui.spans import STYLES, Line, Span, plain
from bandviz.tui.spans import width as cells

Moment = Callable[[int, int, int], list[Line]]

NORTH, SOUTH = SubtaskId("north", 0), SubtaskId("south", 0)
COUNT, BOARD = SubtaskId("count", 0), SubtaskId("board", 0)
ALL = (NORTH, SOUTH, COUNT, BOARD)
ONE = CheckpointId(1)
SECOND = 1_000_000

WORDS = Words(
    record="vote", logs="BALLOT BOXES (source logs)", board="BOARD, as the public sees it"
)


def pairs(**values: object) -> Pairs:
    return tuple((door(name), door(str(value))) for name, value in values.items())


def counts(**values: int) -> tuple[tuple[SafeText, int], ...]:
    return tuple((door(name), value) for name, value in values.items())


def subtask(subtask: SubtaskId, kind: str, **changes: object) -> SubtaskView:
    blank = SubtaskView(
        subtask=subtask,
        kind=kind,
        sole=True,
        status=SubtaskStatus.RUNNING,
        attempt=1,
        stall=StallReason.NONE,
        offsets=(),
        state=(),
        state_count=0,
        had=(),
        had_offsets=(),
        transaction=None,
        watermark_ms=None,
        part=None,
        restored_from=None,
        restored=None,
    )
    return replace(blank, **changes)  # type: ignore[arg-type]


def part(phase: PartPhase, contents: Pairs = (), waits_for: tuple[SubtaskId, ...] = ()) -> PartView:
    return PartView(ONE, phase, waits_for, contents, 0)


def transaction(number: int, status: TransactionStatus, **lines: int) -> TransactionView:
    return TransactionView(
        TransactionId(number),
        "board",
        status,
        sum(lines.values()),
        counts(**lines),
        CheckpointId(0),
    )


def tape(
    label: str,
    votes: str,
    next_offset: int | None,
    crash: int | None = None,
    reread: int | None = None,
    cuts: tuple[tuple[int, int], ...] = ((1, 3),),
) -> TapeView:
    records = tuple(door(vote) for vote in votes)
    marks = tuple((CheckpointId(number), offset) for number, offset in cuts)
    return TapeView(door(label), label, 0, records, records, next_offset, marks, crash, reread)


def checkpoint(
    number: int, status: CheckpointStatus, parts: tuple[Pairs | None, ...], **changes: object
) -> CheckpointView:
    page = CheckpointView(
        checkpoint_id=CheckpointId(number),
        status=status,
        reason=door(""),
        trigger_us=2 * SECOND,
        end_us=None,
        checkpointed_bytes=0,
        alignment_us=0,
        restored_count=0,
        acknowledged=tuple(one for one, own in zip(ALL, parts, strict=True) if own is not None),
        expected=ALL,
        parts=tuple(zip(ALL, parts, strict=True)),
    )
    return replace(page, **changes)  # type: ignore[arg-type]


def board(hidden: tuple[TransactionView, ...], **shown: int) -> BoardView:
    fields = (door("animal"), door("increment"))
    public = sum(shown.values())
    return BoardView(
        "board", door("board"), "two_phase", fields, public, counts(**shown), (), hidden
    )


def mark(time_us: int, words: str) -> MarkView:
    return MarkView(time_us, words, 0)


IN_FLIGHT = checkpoint(
    1, CheckpointStatus.IN_PROGRESS, (pairs(offset=3), pairs(offset=3), None, None)
)
COMPLETE = checkpoint(
    1,
    CheckpointStatus.COMPLETE,
    (pairs(offset=3), pairs(offset=3), pairs(cats=3, dogs=3), pairs(transaction=1)),
)
JOB = JobView(
    status=JobStatus.RUNNING,
    attempt=1,
    failed=(),
    in_progress=None,
    latest_completed=CheckpointId(0),
    restart_due_us=None,
    restored_from=None,
    restored_us=None,
    reread_count=0,
    reread_total=0,
    run=None,
)
BOXES = (
    subtask(
        NORTH,
        "source",
        offsets=counts(north=5),
        part=part(PartPhase.ACKNOWLEDGED, pairs(offset=3)),
    ),
    subtask(
        SOUTH,
        "source",
        offsets=counts(south=3),
        part=part(PartPhase.ACKNOWLEDGED, pairs(offset=3)),
    ),
    subtask(
        COUNT,
        "aggregate",
        state=pairs(cats=3, dogs=2),
        state_count=2,
        part=part(PartPhase.ALIGNING, (), (SOUTH,)),
    ),
    subtask(
        BOARD,
        "sink",
        transaction=transaction(1, TransactionStatus.OPEN, cats=3, dogs=2),
        part=part(PartPhase.WAITS_FOR_BARRIER),
    ),
)
NAMES = names_of(BOXES)
NORTH_VOTES, SOUTH_VOTES = "cdccccdd", "dcddcddd"


def barrier_moment(width: int, disk_rows: int, caption_rows: int) -> list[Line]:
    job = replace(JOB, in_progress=IN_FLIGHT)
    return [
        *title("Cats or dogs?", 2, 4, "the checkpoint", Mode.PAUSED, 3_250_000, 7, width),
        *jobmanager(job, NAMES, width, WORDS),
        memory_rule(job, width),
        disk_rule(width),
        *disk(
            (tape("north", NORTH_VOTES, 5), tape("south", SOUTH_VOTES, 3)),
            (IN_FLIGHT,),
            (board((transaction(1, TransactionStatus.OPEN, cats=3, dogs=2),)),),
            NAMES,
            width,
            disk_rows,
            WORDS,
        ),
        *time_row([mark(2 * SECOND, "T1")], 3_250_000, 13 * SECOND, width),
        rule("", width),
        *caption(
            "BLOCKED: the barrier [1] from north is here, the one from south is not.",
            'A barrier is a marker in the stream: "all before me belongs to checkpoint 1". count '
            "stops reading north until south's barrier comes. If it read on, votes 3 and 4 of "
            'north would be in its state, but north\'s own part says "go on at offset 3": after a '
            "crash they would be counted twice.",
            "the first row holds its pose until the marker has come down the second row too.",
            None,
            None,
            width,
            caption_rows,
            True,
        ),
        *keys(KeyContext.LIVE, width),
    ]


def crash_moment(width: int, disk_rows: int, caption_rows: int) -> list[Line]:
    job = replace(
        JOB,
        status=JobStatus.RESTARTING,
        failed=(COUNT,),
        latest_completed=ONE,
        restart_due_us=7 * SECOND,
    )
    lost = replace(transaction(2, TransactionStatus.OPEN, cats=4, dogs=1), orphan=True)
    return [
        *title("Cats or dogs?", 3, 4, "the crash", Mode.PAUSED, 6 * SECOND, 7, width),
        *jobmanager(job, NAMES, width, WORDS),
        memory_rule(job, width),
        disk_rule(width),
        *disk(
            (tape("north", NORTH_VOTES, None, 7), tape("south", SOUTH_VOTES, None, 5)),
            (COMPLETE,),
            (board((lost,), cats=3, dogs=3),),
            NAMES,
            width,
            disk_rows,
            WORDS,
        ),
        *time_row(
            [mark(2 * SECOND, "T1"), mark(4_100_000, "C1"), mark(6 * SECOND, "X")],
            6 * SECOND,
            13 * SECOND,
            width,
        ),
        rule("", width),
        *caption(
            "CRASH: count is dead, and Flink stops the other three tasks as well.",
            "Each had reached a different point; only a checkpoint fits all of them. Gone from "
            "memory: the count of 11 votes, and 1 vote on its way. Still on disk: all 16 votes, "
            "checkpoint 1, the board.",
            "",
            Question(
                "what will count show right after the restart?",
                ("cats 7, dogs 4", "cats 3, dogs 3", "cats 0, dogs 0"),
            ),
            None,
            width,
            caption_rows,
            True,
        ),
        *keys(KeyContext.QUESTION, width),
    ]


def replay_moment(width: int, disk_rows: int, caption_rows: int) -> list[Line]:
    job = replace(
        JOB,
        attempt=2,
        latest_completed=ONE,
        restored_from=ONE,
        restored_us=7 * SECOND,
        reread_count=3,
        reread_total=6,
    )
    hidden = (
        transaction(2, TransactionStatus.ABORTED, cats=4, dogs=1),
        transaction(3, TransactionStatus.OPEN, cats=2),
    )
    return [
        *title("Cats or dogs?", 4, 4, "rewind and replay", Mode.PAUSED, 8_400_000, 7, width),
        *jobmanager(job, NAMES, width, WORDS),
        memory_rule(job, width),
        disk_rule(width),
        *disk(
            (tape("north", NORTH_VOTES, 5, 7, 3), tape("south", SOUTH_VOTES, 4, 5, 3)),
            (replace(COMPLETE, restored_count=1),),
            (board(hidden, cats=3, dogs=3),),
            NAMES,
            width,
            disk_rows,
            WORDS,
        ),
        *time_row(
            [
                mark(2 * SECOND, "T1"),
                mark(4_100_000, "C1"),
                mark(6 * SECOND, "X"),
                mark(7 * SECOND, "R1"),
            ],
            8_400_000,
            13 * SECOND,
            width,
        ),
        rule("", width),
        *caption(
            "REPLAY: both sources went back to offset 3 and read the same votes again (d' = second "
            "reading).",
            "The clock did not go back, only the offsets did. Votes 3 and 4 of north are now read "
            "twice and counted once: count had gone back to cats 3, dogs 3 before they came again. "
            "After x, all is new.",
            "everyone is back in the pose of the last good photo and plays on from that bar.",
            None,
            None,
            width,
            caption_rows,
            True,
        ),
        *keys(KeyContext.LIVE, width),
    ]


MOMENTS: dict[str, Moment] = {
    "barrier": barrier_moment,
    "crash": crash_moment,
    "replay": replay_moment,
}
SIZES = {100: (6, 5), 64: (4, 4), 160: (8, 5)}
GOLDENS = Path(__file__).parent / "panels"


def drawn(name: str, width: int) -> str:
    return "".join(f"{plain(line)}\n" for line in MOMENTS[name](width, *SIZES[width]))


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", MOMENTS)
def test_the_three_moments_look_as_drawn(name: str, width: int) -> None:
    golden = GOLDENS / f"{name}-{width}.txt"
    assert drawn(name, width) == golden.read_text(encoding="utf-8"), (
        "look at the new picture; `python tests/golden/test_panels.py` keeps it"
    )


@pytest.mark.parametrize("name", MOMENTS)
def test_ascii_keeps_every_cell_and_needs_no_stand_in(name: str) -> None:
    picture = drawn(name, 100)
    ascii_picture = to_ascii(picture)
    assert ascii_picture.isascii()
    assert "?" not in ascii_picture.replace("why?", "").replace("? help", "").replace(
        "dogs?", ""
    ).replace("restart?", "")
    assert [len(row) for row in ascii_picture.split("\n")] == [
        len(row) for row in picture.split("\n")
    ]


@given(width=st.integers(64, 200), disk_rows=st.integers(2, 12), caption_rows=st.integers(2, 9))
def test_no_row_is_wider_than_the_window(width: int, disk_rows: int, caption_rows: int) -> None:
    for moment in MOMENTS.values():
        for line in moment(width, disk_rows, caption_rows):
            assert cells(line) <= width, plain(line)
            assert {span.style for span in line} <= set(STYLES)


def shown(lines: list[Line]) -> list[str]:
    return [plain(line) for line in lines]


COUNTED = subtask(COUNT, "aggregate", state=pairs(cats=3, dogs=2), state_count=2)
MANY = tuple((door(f"k{n}"), door(str(n))) for n in range(50))
WINDOW = subtask(
    COUNT,
    "window",
    state=((door("UA 08-Feb 14:00"), door("departures 3")),),
    state_count=1,
    watermark_ms=1_360_332_000_000,
)
STORED = part(PartPhase.ACKNOWLEDGED, pairs(cats=3, dogs=3))
COPIED = part(PartPhase.UPLOADING, pairs(cats=3, dogs=3))
TOLD = part(PartPhase.TOLD, pairs(cats=3, dogs=3))
NOT_TOLD = part(PartPhase.NOT_TOLD, pairs(cats=3, dogs=3))
READ = part(PartPhase.TOLD, pairs(offset=3))
SEALED = part(PartPhase.TOLD, pairs(transaction=1))
AT_127 = subtask(
    NORTH,
    "source",
    sole=False,
    offsets=counts(EWR=127),
    part=part(PartPhase.ACKNOWLEDGED, pairs(offset=12)),
)


@pytest.mark.parametrize(
    ("view", "size", "expected"),
    [
        (BOXES[0], (14, 2), ["next offset  5", "ckpt 1:      3"]),
        (BOXES[0], (8, 1), ["offset 5"]),
        (BOXES[0], (8, 2), ["offset 5", "[1] 3"]),
        (BOXES[2], (17, 5), ["cats 3   dogs 2", "", "ckpt 1: waits for", "south's barrier"]),
        (BOXES[2], (14, 3), ["cats 3  dogs 2", "ckpt 1: waits", "for south"]),
        (BOXES[2], (13, 4), ["cats 3 dogs 2", "", "ckpt 1: waits", "for south"]),
        (BOXES[2], (13, 1), ["cats 3 dogs 2"]),
        (BOXES[3], (14, 3), ["transaction 1", "open, 5 lines", "ckpt 1: -"]),
        (BOXES[3], (7, 3), ["txn 1", "open", "5 lines"]),
        (
            replace(COUNTED, part=STORED),
            (17, 4),
            ["cats 3   dogs 2", "", "ckpt 1: stored", "cats 3   dogs 3"],
        ),
        (
            replace(COUNTED, state=MANY, state_count=900),
            (17, 3),
            ["k0 0  k1 1  k2 2", "k3 3  k4 4  k5 5", "… 900 keys"],
        ),
        (replace(COUNTED, state=(), state_count=0), (17, 3), ["no keys yet"]),
        (
            WINDOW,
            (28, 4),
            ["wm 08-Feb 14:00", "1 window open", "UA 08-Feb 14:00 departures 3"],
        ),
        (
            replace(WINDOW, part=part(PartPhase.DURABLE, MANY)),
            (26, 4),
            ["wm 08-Feb 14:00", "1 window open", "UA 08-Feb 14:00", "ckpt 1: 50 windows"],
        ),
        (subtask(NORTH, "map"), (17, 2), ["keeps no state"]),
        (
            subtask(NORTH, "map", stall=StallReason.BACK_PRESSURED),
            (22, 2),
            ["waits: output is full"],
        ),
        (
            subtask(NORTH, "source", offsets=counts(EWR=5, JFK=12)),
            (14, 3),
            ["EWR          5", "JFK         12"],
        ),
        (subtask(NORTH, "source", offsets=counts(EWR=5)), (14, 1), ["EWR next     5"]),
        (AT_127, (8, 2), ["EWR 127", "[1] 12"]),
        (AT_127, (4, 2), ["127", "[1]"]),
        (replace(AT_127, status=SubtaskStatus.CANCELED), (4, 2), ["off"]),
        (replace(AT_127, status=SubtaskStatus.FINISHED), (4, 2), ["done", "127"]),
        (subtask(BOARD, "sink"), (14, 2), ["no transaction"]),
        (subtask(BOARD, "sink"), (8, 2), ["no txn"]),
        (subtask(BOARD, "sink", contract="append"), (22, 2), ["appends, seen at once"]),
        (subtask(BOARD, "sink", contract="upsert"), (14, 2), ["seen at once"]),
        (
            replace(BOXES[0], stall=StallReason.BACK_PRESSURED),
            (22, 3),
            ["next offset  5", "ckpt 1:      3", "waits: output is full"],
        ),
        (
            replace(COUNTED, sole=False, key_groups=(0, 3), timer_count=2, next_timer=door("9 s")),
            (22, 3),
            ["cats 3   dogs 2", "key groups 0 to 3", "2 timers, next 9 s"],
        ),
        (
            subtask(
                COUNT,
                "map",
                status=SubtaskStatus.FAILED,
                failure=door("attempt 2: user logic, ? is no number"),
            ),
            (20, 3),
            ["FAILED", "user logic, ? is no", "number"],
        ),
        (
            replace(
                COUNTED,
                status=SubtaskStatus.FAILED,
                had=pairs(cats=7, dogs=4, emus=3),
                failure=door("attempt 1: killed, the process is gone"),
            ),
            (18, 5),
            ["FAILED", "had cats 7 dogs 4", "emus 3", "has nothing", "killed"],
        ),
        (
            subtask(
                COUNT,
                "map",
                status=SubtaskStatus.FAILED,
                failure=door("attempt 2: user logic, ? is no number"),
            ),
            (20, 4),
            ["FAILED", "has nothing", "user logic, ? is no", "number"],
        ),
        (replace(WINDOW, late=LateCounts(dropped=37)), (10, 1), ["1, 37 late"]),
        (
            replace(COUNTED, duplicate_count=2),
            (20, 3),
            ["cats 3   dogs 2", "", "2 repeats dropped"],
        ),
        (
            replace(COUNTED, part=replace(STORED, unaligned=True, in_flight=7)),
            (24, 4),
            ["cats 3   dogs 2", "ckpt 1: stored", "cats 3   dogs 3", "unaligned, + 7 in flight"],
        ),
        (
            replace(COUNTED, part=replace(COPIED, unaligned=True, waits_for=(NORTH, SOUTH))),
            (20, 4),
            ["cats 3   dogs 2", "ckpt 1: copied", "cats 3   dogs 3", "unaligned, 2 to come"],
        ),
        (subtask(NORTH, "map"), (12, 2), ["stateless"]),
        (subtask(NORTH, "map"), (8, 2), ["no state"]),
        (replace(COUNTED, part=COPIED), (13, 2), ["cats 3 dogs 2", "[1] copied"]),
        (replace(COUNTED, part=COPIED), (13, 3), ["cats 3 dogs 2", "[1] copied", "cats 3 dogs 3"]),
        (replace(COUNTED, part=STORED), (13, 2), ["cats 3 dogs 2", "[1] stored"]),
        (replace(COUNTED, part=TOLD), (13, 2), ["cats 3 dogs 2", "[1] complete"]),
        (replace(COUNTED, part=NOT_TOLD), (13, 2), ["cats 3 dogs 2", "[1] not told"]),
        (replace(BOXES[0], part=READ), (17, 2), ["next offset  5", "ckpt 1 done: 3"]),
        (
            replace(BOXES[3], part=SEALED),
            (22, 3),
            ["transaction 1", "open, 5 lines", "ckpt 1: done txn 1"],
        ),
        (BOXES[2], (13, 2), ["cats 3 dogs 2", "[1] waits"]),
        (
            replace(BOXES[3], part=part(PartPhase.UPLOADING, pairs(transaction=11))),
            (7, 3),
            ["txn 1", "open", "[1]"],
        ),
        (
            replace(BOXES[3], part=part(PartPhase.DURABLE, pairs(transaction=11))),
            (8, 4),
            ["txn 1", "open", "5 lines", "[1] ok"],
        ),
        (
            replace(BOXES[3], part=part(PartPhase.DURABLE, pairs(transaction=1111))),
            (14, 3),
            ["transaction 1", "open, 5 lines", "[1] txn 1111"],
        ),
        (
            replace(WINDOW, state=(), state_count=0, status=SubtaskStatus.FINISHED),
            (18, 2),
            ["FINISHED", "all windows closed"],
        ),
        (
            replace(WINDOW, status=SubtaskStatus.FAILED, had=MANY * 2),
            (20, 3),
            ["FAILED", "had 100 open windows", "has nothing"],
        ),
        (
            replace(WINDOW, status=SubtaskStatus.FAILED, had=MANY * 2),
            (9, 3),
            ["FAILED", "had 100", "empty"],
        ),
        (subtask(NORTH, "source"), (14, 2), ["no offset yet"]),
        (replace(COUNTED, status=SubtaskStatus.ABSENT), (17, 2), ["not there yet"]),
        (replace(COUNTED, status=SubtaskStatus.CANCELED), (17, 2), ["CANCELED"]),
        (
            replace(COUNTED, status=SubtaskStatus.FAILED, state=(), had=pairs(cats=7, dogs=4)),
            (17, 5),
            ["FAILED", "had cats 7 dogs 4", "has nothing"],
        ),
        (
            subtask(NORTH, "source", status=SubtaskStatus.FAILED, had_offsets=counts(north=5)),
            (14, 3),
            ["FAILED", "had offset 5", "has nothing"],
        ),
        (
            replace(COUNTED, status=SubtaskStatus.FINISHED),
            (17, 3),
            ["FINISHED", "cats 3   dogs 2"],
        ),
        (
            subtask(
                NORTH,
                "source",
                offsets=counts(north=5),
                restored_from=ONE,
                restored=pairs(offset=3),
            ),
            (14, 2),
            ["next offset  5", "restored to  3"],
        ),
        (
            replace(COUNTED, restored_from=ONE, restored=pairs(cats=3, dogs=3)),
            (17, 4),
            ["cats 3   dogs 2", "", "restored to", "cats 3   dogs 3"],
        ),
        (
            subtask(
                BOARD,
                "sink",
                transaction=transaction(3, TransactionStatus.OPEN, cats=2),
                restored_from=ONE,
                restored=pairs(transaction="1, visible"),
            ),
            (14, 4),
            ["transaction 3", "open, 2 lines", "restored:", "txn 1, visible"],
        ),
        (
            replace(COUNTED, restored_from=ONE, restored=pairs(cats=3, dogs=3)),
            (13, 2),
            ["cats 3 dogs 2", "from [1]"],
        ),
        (
            replace(COUNTED, restored_from=CheckpointId(0)),
            (17, 3),
            ["cats 3   dogs 2", "", "began empty"],
        ),
    ],
)
def test_box_says_the_most_important_first(
    view: SubtaskView, size: tuple[int, int], expected: list[str]
) -> None:
    width, height = size
    assert shown(boxes(view, width, height, width < 14, NAMES)) == expected


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (14, ["EWR next   127", "ckpt 1:     12"]),
        (12, ["EWR next 127", "ckpt 1:   12"]),
        (10, ["EWR    127", "ckpt 1: 12"]),
        (9, ["EWR   127", "[1]    12"]),
    ],
)
def test_figures_of_parallel_sources_stand_under_one_another(
    width: int, expected: list[str]
) -> None:
    assert shown(boxes(AT_127, width, 2, False, NAMES)) == expected


@given(
    view=st.sampled_from([*BOXES, WINDOW, replace(COUNTED, state=MANY, state_count=50)]),
    width=st.integers(1, 40),
    height=st.integers(0, 9),
    narrow=st.booleans(),
)
def test_box_never_bursts(view: SubtaskView, width: int, height: int, narrow: bool) -> None:
    lines = boxes(view, width, height, narrow, NAMES)
    assert len(lines) <= height
    assert all(cells(line) <= width for line in lines)


@given(
    view=st.sampled_from(
        [
            *BOXES,
            WINDOW,
            AT_127,
            replace(COUNTED, part=COPIED),
            replace(COUNTED, part=STORED, status=SubtaskStatus.FINISHED),
            replace(COUNTED, restored_from=ONE, restored=pairs(cats=3, dogs=3)),
            replace(COUNTED, status=SubtaskStatus.FAILED, had=pairs(cats=7, dogs=4)),
            subtask(NORTH, "map", stall=StallReason.BACK_PRESSURED),
        ]
    ),
    width=st.integers(8, 40),
    height=st.integers(2, 9),
)
def test_no_word_of_a_box_is_cut(view: SubtaskView, width: int, height: int) -> None:
    lines = shown(boxes(view, width, height, width < 14, NAMES))
    full_keys = [line for line in lines if not line.startswith(("cats", "… "))]
    assert not [line for line in full_keys if line.endswith("…")]


@pytest.mark.parametrize(
    ("changes", "width", "said"),
    [
        ({}, 64, "job RUNNING no checkpoint complete yet attempt 1"),
        (
            {"latest_completed": 2},
            100,
            "job RUNNING latest completed checkpoint: 2 attempt 1",
        ),
        (
            {"run": RunStatus.STUCK},
            64,
            "run STUCK: no further move is possible attempt 1",
        ),
        (
            {"status": JobStatus.FAILED, "failed": (COUNT,), "attempt": 4},
            100,
            "count FAILED, job FAILED, no restart left no checkpoint complete yet attempt 4",
        ),
        (
            {
                "attempt": 2,
                "restored_from": 0,
                "restored_us": SECOND,
                "reread_count": 6,
                "reread_total": 6,
            },
            100,
            "job RUNNING, restarted empty at 1.0 s re-read all 6 votes attempt 2",
        ),
        (
            {
                "attempt": 2,
                "latest_completed": 1,
                "restored_from": 0,
                "restored_us": 6_800_000,
                "reread_total": 12,
            },
            100,
            "job RUNNING, restarted empty at 6.8 s re-read 0 of 12 votes attempt 2",
        ),
        (
            {"status": JobStatus.FINISHED, "latest_completed": 3, "restored_from": 1, "attempt": 2},
            100,
            "job FINISHED latest completed checkpoint: 3 attempt 2",
        ),
        (
            {"status": JobStatus.RESTARTING, "leaderless": True, "latest_completed": 3},
            64,
            "DEAD, job RESTARTING latest ckpt 3 attempt 1",
        ),
        (
            {"failed_in_a_row": 2, "tolerable_count": 3, "latest_completed": 1},
            160,
            "job RUNNING latest completed checkpoint: 1 2 failed in a row, 3 tolerated attempt 1",
        ),
        (
            {"status": JobStatus.RESTARTING, "too_many_failed": 4, "latest_completed": 1},
            160,
            "4 checkpoints FAILED in a row, job RESTARTING latest completed checkpoint: 1 "
            "attempt 1",
        ),
        (
            {"refused_count": 2, "refusal": "no place"},
            160,
            "job RUNNING no checkpoint complete yet 2 requests refused: no place attempt 1",
        ),
        (
            {"in_progress": IN_FLIGHT, "also_in_progress": (CheckpointId(7),)},
            160,
            "checkpoint 1 triggered at 2.0 s and 7 "
            "acks: north ok, south ok, count .., board .. 2 of 4",
        ),
    ],
)
def test_jobmanager_says_what_the_job_is_doing(
    changes: dict[str, Any], width: int, said: str
) -> None:
    (line,) = jobmanager(replace(JOB, **changes), NAMES, width, WORDS)
    assert " ".join(plain(line).split()) == f"JobManager {said}"


def test_many_acknowledgements_are_counted_not_cut() -> None:
    crowd = tuple(SubtaskId("flights", index) for index in range(12))
    page = replace(IN_FLIGHT, expected=crowd, acknowledged=crowd[:3])
    (line,) = jobmanager(replace(JOB, in_progress=page), str, 100)
    assert "waits for flights[3], flights[4] and 7 more" in plain(line)
    assert plain(line).endswith("3 of 12")


def test_looking_back_is_said_in_words_at_every_width() -> None:
    for width, words in ((100, "LOOKING BACK (you look back, not the job)"), (64, "LOOKING BACK")):
        (line,) = title("Cats or dogs?", 2, 4, "", Mode.LOOKING_BACK, 0, 7, width)
        assert words in plain(line)
        assert Span("LOOKING BACK", "looking_back") in line


LONG = tape("EWR", "abcdefghij" * 6, 30, cuts=((3, 27),))


def test_long_tape_shows_a_window_with_its_offset() -> None:
    assert shown(tape_lines([LONG], 35, 2, tight=False)) == [
        "EWR  24: e f g h i j a b c d e f …",
        "              3      ^",
    ]
    end = replace(LONG, next_offset=60)
    assert shown(tape_lines([end], 35, 2, tight=False)) == [
        "EWR  49: j a b c d e f g h i j",
        "                               ^",
    ]


def test_long_tape_stands_still_while_the_mark_moves_half_a_window() -> None:
    marks = [replace(LONG, next_offset=offset) for offset in range(30, 42)]
    pages = [plain(tape_lines([each], 35, 2, tight=False)[0]) for each in marks]
    assert [pages.count(page) for page in dict.fromkeys(pages)] == [6, 6]


def test_many_tapes_become_figures() -> None:
    tapes = [replace(LONG, label=door(name)) for name in ("EWR", "JFK", "LGA")]
    assert shown(tape_lines(tapes, 35, 5, tight=False)) == [
        f"{name}  ^ 30 of 60  ckpt 3: 27" for name in ("EWR", "JFK", "LGA")
    ]
    assert shown(tape_lines(tapes, 35, 2, tight=False))[-1] == "… and 2 more logs"
    assert shown(tape_lines(tapes, 22, 4, tight=True))[0] == "EWR ^ 30/60  [3] 27"
    down = [replace(each, next_offset=None, crash_offset=33) for each in tapes]
    assert shown(tape_lines(down, 35, 3, tight=False))[0] == "EWR  x 33  ckpt 3: 27"


def test_album_always_shows_what_a_restore_would_take() -> None:
    aborted = [
        replace(
            COMPLETE,
            checkpoint_id=CheckpointId(n),
            status=CheckpointStatus.ABORTED,
            reason=door(reason),
        )
        for n, reason in ((2, "expired"), (3, "job failover"), (4, "of another engine"))
    ]
    lines = shown(album_lines([COMPLETE, *aborted], NAMES, 35, 5, tight=False))
    assert lines[:3] == [
        "4  ABORTED: of another engine",
        "3  ABORTED: the job restarted",
        "1  COMPLETE",
    ]
    assert lines[3] == "   north offset 3   south offset 3"


def test_album_gives_the_newest_page_most_room() -> None:
    second = replace(IN_FLIGHT, checkpoint_id=CheckpointId(2))
    assert shown(album_lines([COMPLETE, second], NAMES, 36, 5, tight=False)) == [
        "2  in progress",
        "   north offset 3   south offset 3",
        "   count ..   board ..",
        "1  COMPLETE",
        "   north offset 3   south offset 3 …",
    ]


def test_an_older_page_keeps_a_row_for_its_parts() -> None:
    second = replace(IN_FLIGHT, checkpoint_id=CheckpointId(2))
    lines = shown(album_lines([COMPLETE, second], NAMES, 36, 6, tight=False))
    assert lines[3:] == [
        "1  COMPLETE",
        "   north offset 3   south offset 3",
        "   count cats 3, dogs 3 …",
    ]


def test_album_shows_whole_parts_or_their_number() -> None:
    short = shown(album_lines([COMPLETE], NAMES, 35, 2, tight=False))
    assert short == ["1  COMPLETE", "   north offset 3 …"]
    crowded = replace(COMPLETE, parts=((COUNT, MANY[:5]), (BOARD, MANY * 20)))
    assert shown(album_lines([crowded], NAMES, 35, 3, tight=False))[1:] == [
        "   count  5 entries",
        "   board  1000 or more entries",
    ]


def test_a_page_tells_what_barriers_overtook_and_who_had_finished() -> None:
    page = replace(
        COMPLETE,
        unaligned=(COUNT,),
        in_flight=((COUNT, 7),),
        finished=(SubtaskId("west", 0),),
    )
    assert shown(album_lines([page], NAMES, 45, 6, tight=False)) == [
        "1  COMPLETE, 1 of 4 unaligned",
        "   north    offset 3",
        "   south    offset 3",
        "   count    cats 3, dogs 3 + 7 in flight",
        "   board    transaction 1",
        "   west[0]  finished",
    ]
    assert "count cats 3 dogs 3 +7" in shown(album_lines([page], NAMES, 30, 5, tight=True))


def test_a_savepoint_is_named_and_no_restart_takes_it() -> None:
    page = replace(COMPLETE, status=CheckpointStatus.SAVEPOINT, is_savepoint=True)
    lines = shown(album_lines([page], NAMES, 60, 1, tight=False))
    assert lines == ["SAVEPOINT 1  COMPLETE, no restart takes it"]


def test_a_narrow_page_says_why_it_was_aborted_if_there_is_room() -> None:
    page = replace(COMPLETE, status=CheckpointStatus.ABORTED, reason=door("declined"))
    assert shown(album_lines([page], NAMES, 40, 1, tight=True)) == [
        "CKPT 1  ABORTED: a task could not"
    ]
    assert shown(album_lines([page], NAMES, 26, 1, tight=True)) == ["CKPT 1  ABORTED"]


def test_a_promise_that_the_broker_broke_stands_apart_from_what_was_open() -> None:
    promised = replace(transaction(1, TransactionStatus.EXPIRED, cats=1), checkpoint_id=ONE)
    opened = transaction(2, TransactionStatus.EXPIRED, cats=1)
    empty = replace(transaction(3, TransactionStatus.OPEN), orphan=True)
    lines = shown(board_lines([board((promised, opened, empty))], 50, 5, tight=False))
    assert lines[-2:] == [
        "txn 1 ✗ EXPIRED, though a checkpoint promised it",
        "txn 2 ✗ EXPIRED at the broker",
    ]
    sealed = replace(promised, status=TransactionStatus.ABORTED)
    no_promise = replace(promised, orphan=True)
    for one, told in ((sealed, "ABORTED, never shown"), (no_promise, "✗ EXPIRED at the broker")):
        lines = shown(board_lines([board((one,))], 50, 5, tight=False))
        assert lines[-1] == f"txn 1 {told}"


def test_damage_and_repeated_restores_are_written() -> None:
    damaged = replace(COMPLETE, status=CheckpointStatus.DAMAGED)
    again = replace(COMPLETE, checkpoint_id=CheckpointId(2), restored_count=2)
    lines = shown(album_lines([damaged, again], NAMES, 35, 2, tight=False))
    assert lines == ["2  COMPLETE, restored 2 times", "1  DAMAGED"]


@pytest.mark.parametrize(
    ("one", "rows", "expected"),
    [
        (board(()), 5, ["nothing yet"]),
        (board((), cats=7, dogs=9), 5, ["cats ||||||| 7", "dogs ||||||||| 9"]),
        (board((), cats=7, dogs=9), 1, ["cats 7  dogs 9"]),
        (board((), cats=40), 5, ["cats 40"]),
        (board((), **{f"k{n}": 1_000_000 for n in range(8)}), 1, ["k0 1000000  k1 1000000 …"]),
        (
            board((transaction(4, TransactionStatus.PRE_COMMITTED, cats=1),), cats=1),
            5,
            ["cats | 1", "", "hidden until commit (txn 4):", "cats |"],
        ),
        (
            board(tuple(transaction(n, TransactionStatus.OPEN, cats=1) for n in (4, 5)), cats=1),
            5,
            ["cats | 1", "", "not yet visible (txn 4, 5):", "cats ||"],
        ),
    ],
)
def test_board_draws_strokes_while_they_fit(one: BoardView, rows: int, expected: list[str]) -> None:
    assert shown(board_lines([one], 30, rows, tight=False)) == expected


def test_strokes_end_where_nobody_counts_them() -> None:
    (forty,) = board_lines([board((), cats=40)], 100, 1, tight=False)
    (more,) = board_lines([board((), cats=41)], 100, 1, tight=False)
    assert plain(forty) == f"cats {'|' * 40} 40"
    assert plain(more) == "cats 41"


@pytest.mark.parametrize(
    ("time_us", "said"),
    [(0, "0.0 s"), (99_999, "0.0 s"), (3_299_999, "3.2 s"), (75_000_000, "75.0 s")],
)
def test_the_clock_is_cut_to_tenths(time_us: int, said: str) -> None:
    assert clock(time_us) == said


FLIGHTS = BoardView(
    "out",
    door("out"),
    "two_phase",
    tuple(map(door, ("carrier", "window_start_ms", "departures", "mean_delay"))),
    7,
    (),
    (
        (door("AA"), door("14:00"), door("3"), door("-1.5")),
        (door("UA"), door("14:00"), door("12"), door("2.667")),
    ),
    (),
)


def test_wide_rows_are_shown_newest_first() -> None:
    assert shown(board_lines([FLIGHTS], 28, 5, tight=False)) == [
        "7 rows, newest first:",
        "carrier  window  dep…  mean…",
        "UA       14:00     12  2.667",
        "AA       14:00      3   -1.5",
    ]
    assert shown(board_lines([FLIGHTS], 40, 5, tight=False))[1:3] == [
        "carrier  window  departures  mean delay",
        "UA       14:00           12       2.667",
    ]


def test_wide_rows_short_of_room_lose_the_heads_then_columns() -> None:
    assert shown(board_lines([FLIGHTS], 17, 3, tight=True)) == [
        "PUBLIC  7 rows",
        "UA 14:00 12 2.667",
        "AA 14:00  3  -1.5",
    ]
    assert shown(board_lines([FLIGHTS], 14, 3, tight=True))[1] == "UA 14:00 12 …"
    open_rows = (transaction(6, TransactionStatus.OPEN, AA=26),)
    hidden = board_lines([replace(FLIGHTS, hidden=open_rows)], 34, 3, tight=False)
    assert shown(hidden)[-1] == "not yet visible (txn 6): 26 rows"


@pytest.mark.parametrize(
    ("status", "number", "width", "heading"),
    [
        (TransactionStatus.PRE_COMMITTED, 1, 28, "hidden until commit (txn 1):"),
        (TransactionStatus.PRE_COMMITTED, 10, 28, "hidden until commit txn 10"),
        (TransactionStatus.ABORTED, 2, 28, "txn 2 ABORTED, never shown"),
        (TransactionStatus.ABORTED, 2, 22, "txn 2 never shown"),
    ],
)
def test_headings_of_hidden_rows_are_never_cut(
    status: TransactionStatus, number: int, width: int, heading: str
) -> None:
    one = board((transaction(number, status, cats=1),), cats=1)
    assert heading in shown(board_lines([one], width, 6, tight=False))


def test_two_sinks_share_the_column() -> None:
    lines = shown(board_lines([board((), cats=1), board((), dogs=2)], 28, 6, tight=False))
    assert lines == ["board", "cats | 1", "", "board", "dogs || 2"]


@pytest.mark.parametrize(
    ("marks", "now", "cursor", "expected"),
    [
        ([], 0, None, "@"),
        ([(5, "T1")], 10, None, "─────T1───@"),
        ([(5, "X"), (5, "R1")], 5, None, "─────XR1@"),
        ([(5, "T2"), (5, "C1")], 10, None, "─────T2C1─@"),
        ([(5, "T1"), (5, "T2"), (5, "T3")], 10, None, "─────T1T2T3@"),
        ([(5, "T1"), (5, "T2"), (5, "T3"), (6, "T4")], 12, None, "─────T1T2T3─@"),
        ([(4, "T1"), (5, "T2"), (5, "X")], 10, None, "────T1T2X─@"),
        ([(3, "T1"), (4, "T2"), (4, "T3"), (4, "X")], 10, None, "───T1T2X──@"),
        ([(3, "T1"), (5, "X"), (5, "A1"), (6, "R0")], 10, None, "───T1XA1R0@"),
        ([(5, "T1"), (6, "X"), (6, "A1")], 6, 5, "─────T1XA1@"),
        ([(18, "T1"), (20, "X"), (20, "A1")], 20, None, "───────────────T1XA1@"),
        ([(2, "T1")], 10, 6, "──T1──@────"),
    ],
)
def test_time_row_keeps_failures_and_the_viewer(
    marks: list[tuple[int, str]], now: int, cursor: int | None, expected: str
) -> None:
    row = [mark(at, words) for at, words in marks]
    (line,) = time_row(row, now, 20, 31, cursor)
    assert plain(line).removeprefix(" time 0s ") == expected


def test_answer_stays_marked() -> None:
    question = Question("how many?", ("one", "two"))
    lines = caption("H.", "", "", question, 1, 64, 4, True)
    assert shown(lines)[1:] == [
        "│YOU GUESSED: how many?",
        "│     a  one                   > b  two",
    ]


@pytest.mark.parametrize(
    ("rows", "show_band", "expected"),
    [
        (4, True, ["│Headline.", "│One two three.", "│Four five.", "│Band: one"]),
        (4, False, ["│Headline.", "│One two three.", "│Four five."]),
        (3, True, ["│Headline.", "│One two three.", "│Four five."]),
        (2, True, ["│Headline. One", "│two three. …"]),
        (1, True, ["│Headline. …"]),
    ],
)
def test_caption_gives_up_the_band_line_then_whole_sentences(
    rows: int, show_band: bool, expected: list[str]
) -> None:
    text = "One two three. Four five."
    assert shown(caption("Headline.", text, "one", None, None, 17, rows, show_band)) == expected


def test_caption_runs_together_before_it_gives_up_the_band_line() -> None:
    lines = caption("Go.", "One two three four.", "one", None, None, 17, 3, True)
    assert shown(lines) == ["│Go. One two", "│three four.", "│Band: one"]


def test_keys_give_way_by_importance() -> None:
    assert shown(keys(KeyContext.LIVE, 64)) == [
        " Enter go on  left/right step  space play  x break it  ? help"
    ]
    for context in KeyContext:
        assert len(keys(context, 100)[0]) >= 2 * 5
        assert "help" in plain(keys(context, 64)[0])


def test_keys_hide_what_does_nothing_and_name_the_step() -> None:
    (line,) = keys(KeyContext.ENDED, 100, hidden=frozenset({"v"}))
    assert "change one setting" not in plain(line)
    assert plain(line).startswith(" r restart")
    (line,) = keys(KeyContext.LIVE, 120, step="hop")
    assert "left/right step (hop)  space play" in plain(line)
    assert shown(keys(KeyContext.LIVE, 64, step="hop")) == [
        " Enter go on  left/right step  space play  x break it  ? help"
    ]


def test_enter_is_the_first_key_while_the_job_plays() -> None:
    for width in (64, 100):
        assert plain(keys(KeyContext.PLAYING, width)[0]).startswith(" Enter jump there  ")


def test_caption_of_a_wide_window_stays_readable() -> None:
    lines = caption("Headline.", "wo " * 60, "", None, None, 160, 8, True)
    assert max(map(len, shown(lines))) == 105
    lines = caption("Headline.", "wo " * 60, "", None, None, 110, 8, True)
    assert max(map(len, shown(lines))) == 108


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
def test_caption_without_a_headline_has_no_empty_line(rows: int) -> None:
    lines = shown(caption("", "One two three. " * 9, "one", None, None, 40, rows, True))
    assert lines[0].startswith("│One")
    assert "│" not in lines


def test_help_explains_every_sign_of_the_stream() -> None:
    signs = {sign: means for sign, means, _ in SIGNS}
    for sign in ("■", "~", "<1>", "c'", "[1]", "#", ">"):
        assert signs[sign]
        assert "?" not in to_ascii(sign)


if __name__ == "__main__":
    GOLDENS.mkdir(exist_ok=True)
    for golden_name in MOMENTS:
        for golden_width in SIZES:
            target = GOLDENS / f"{golden_name}-{golden_width}.txt"
            target.write_text(drawn(golden_name, golden_width), encoding="utf-8")


def test_the_rule_over_memory_names_processes_and_who_runs_on() -> None:
    here = (SubtaskId("count", 0), SubtaskId("board", 0))
    up = TaskManagerView(door("taskmanager-1"), here, here)
    down = TaskManagerView(door("taskmanager-2"), (SubtaskId("count", 1),), (), True)
    words = plain(memory_rule(JOB, 100, (up, down)))
    assert words.startswith(
        "── MEMORY: a crash wipes this; taskmanager-1 runs [0], taskmanager-2 LOST with [1] ─"
    )
    hurt = replace(JOB, status=JobStatus.RESTARTING, running_count=3)
    assert plain(memory_rule(hurt, 60)).startswith("── MEMORY: wiped in part, 3 tasks run on ─")
