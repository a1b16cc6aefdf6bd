"""The inspector at the sizes it is given: left what a subtask holds, right its snapshots."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.ids import ChannelId, CheckpointId
from bandviz.model.views import (
    ChannelView,
    CheckpointStatus,
    DifferenceView,
    InspectorView,
    LogicView,
    PartPhase,
    SnapshotView,
    SubtaskStatus,
)
from bandviz.text import SafeText, door
from bandviz.tui.panels.inspector import inspector
from bandviz.tui.panels.table import short, table
from bandviz.tui.spans import plain
from bandviz.tui.spans import width as cells
from tests.golden.test_panels import COUNT, COUNTED, NAMES, NORTH, ONE, WINDOW, pairs, part, shown

FROM_NORTH = ChannelView(ChannelId(0), NORTH, COUNT, "hash", ONE, (), 0)
TO_COUNT = replace(FROM_NORTH, blocked_by=CheckpointId(0))


def difference(name: str, then: str | None, now: str | None) -> DifferenceView:
    def safe(words: str | None) -> SafeText | None:
        return None if words is None else door(words)

    return DifferenceView(door(name), safe(then), safe(now))


FIRST = SnapshotView(
    ONE,
    CheckpointStatus.COMPLETE,
    pairs(cats=3, dogs=2),
    64,
    (difference("cats", "3", "7"), difference("owls", None, "1")),
)
UNKNOWN = SnapshotView(CheckpointId(2), CheckpointStatus.COMPLETE, None, 2_500, ())
SAME = SnapshotView(CheckpointId(3), CheckpointStatus.IN_PROGRESS, pairs(cats=7), 1, ())
VIEW = InspectorView(COUNTED, pairs(cats=7, dogs=2), (FROM_NORTH,), (), (SAME, UNKNOWN, FIRST))


def window(name: str, departures: int, mean: str) -> tuple[SafeText, SafeText]:
    return door(name), door(f"departures {departures}, mean_delay {mean}")


HOURS = tuple(window(f"{name} 08-Feb 11:00", 8, "3.75") for name in ("AA", "EV", "UA"))
CHANGED = SnapshotView(
    ONE,
    CheckpointStatus.COMPLETE,
    HOURS,
    4_096,
    (
        difference("AA 08-Feb 10:00", "departures 1, mean_delay -5", None),
        difference("EV 08-Feb 11:00", "departures 6, mean_delay 2.5", HOURS[1][1]),
    ),
)
OLDER = replace(CHANGED, checkpoint_id=CheckpointId(7))
WINDOWS = InspectorView(
    replace(WINDOW, state=HOURS, state_count=3), HOURS, (TO_COUNT,), (), (CHANGED, OLDER)
)
SIZES = [(100, 15), (64, 9), (160, 24), (46, 40), (64, 3), (80, 1)]


def test_timers_stand_under_the_state_and_give_way_to_it() -> None:
    view = replace(VIEW, timers=pairs(cats="clock 3.2 s", dogs="clock 4 s"), snapshots=())
    assert shown(inspector(view, NAMES, 40, 18))[:7] == [
        "count  aggregate, attempt 1, RUNNING",
        "STATE NOW",
        "  cats  7",
        "  dogs  2",
        "TIMERS",
        "  cats  clock 3.2 s",
        "  dogs  clock 4 s",
    ]
    assert "TIMERS" not in shown(inspector(view, NAMES, 40, 11))


LOGIC = (
    LogicView(
        text=door("keep if ripe and kilos > 3"),
        tree=pairs(**{"and": "false", "  ripe": "false", "  >": "", "    kilos": "", "    3": ""}),
    ),
)


def test_an_expression_stands_with_the_values_of_the_next_record() -> None:
    view = replace(VIEW, logic=LOGIC, snapshots=())
    assert shown(inspector(view, NAMES, 40, 28))[:8] == [
        "count  aggregate, attempt 1, RUNNING",
        "keep if ripe and kilos > 3",
        "  and        false",
        "    ripe     false",
        "    >",
        "      kilos",
        "      3",
        "STATE NOW",
    ]


def test_where_rows_are_few_the_text_of_an_expression_stays() -> None:
    view = replace(VIEW, logic=LOGIC, snapshots=())
    assert shown(inspector(view, NAMES, 40, 15))[:3] == [
        "count  aggregate, attempt 1, RUNNING",
        "keep if ripe and kilos > 3",
        "STATE NOW",
    ]


def test_the_parts_stand_side_by_side() -> None:
    assert shown(inspector(VIEW, NAMES, 82, 10)) == [
        " count  aggregate, attempt 1, RUNNING    CHECKPOINT 3  in progress",
        " STATE NOW                                 the same as now",
        "   cats  7                               CHECKPOINT 2  COMPLETE, 2 KiB",
        "   dogs  2                                 contents are not recorded",
        " from north: 0 records, BLOCKED by [1]   CHECKPOINT 1  COMPLETE",
        "                                           key   then  now",
        "                                           cats     3    7",
        "                                           owls     -    1",
        "",
        "",
    ]


def test_a_narrow_window_has_one_above_the_other() -> None:
    lines = shown(inspector(replace(VIEW, snapshots=(FIRST,)), NAMES, 46, 20))
    assert lines == [
        "count  aggregate, attempt 1, RUNNING",
        "STATE NOW",
        "  cats  7",
        "  dogs  2",
        "from north: 0 records, BLOCKED by [1]",
        "",
        "CHECKPOINT 1  COMPLETE",
        "  key   then  now",
        "  cats     3    7",
        "  owls     -    1",
    ]


def test_windows_are_a_table_and_their_changes_too() -> None:
    assert shown(inspector(WINDOWS, NAMES, 96, 8)) == [
        " count  window, attempt 1, RUNNING              CHECKPOINT 1  COMPLETE, 4 KiB",
        " STATE NOW                                        then→now         departures  mean delay",
        "   window           departures  mean delay        AA 08-Feb 10:00         1→-        -5→-",
        "   AA 08-Feb 11:00           8        3.75        EV 08-Feb 11:00         6→8    2.5→3.75",
        "   EV 08-Feb 11:00           8        3.75      CHECKPOINT 7  COMPLETE, 4 KiB",
        "   UA 08-Feb 11:00           8        3.75        then→now         departures  mean delay",
        " from north: 0 records on the way                 AA 08-Feb 10:00         1→-        -5→-",
        "                                                  EV 08-Feb 11:00         6→8    2.5→3.75",
    ]


def test_an_older_snapshot_short_of_room_tells_how_many_entries_differ() -> None:
    lines = shown(inspector(WINDOWS, NAMES, 100, 5))
    assert "CHECKPOINT 7  COMPLETE, 4 KiB, 2 differ" in lines[-1]
    assert "CHECKPOINT 7" in shown(inspector(WINDOWS, NAMES, 100, 4))[-1]
    one = replace(OLDER, differences=OLDER.differences[:1])
    lines = shown(inspector(replace(WINDOWS, snapshots=(CHANGED, one)), NAMES, 64, 5))
    assert "CKPT 7  COMPLETE, 1 differs" in lines[-1]


def test_columns_without_room_are_left_out_whole() -> None:
    lines = shown(inspector(WINDOWS, NAMES, 64, 9))
    assert lines[2].startswith("   window           dep…  mea…    AA 08-Feb 10:00  1→-")
    lines = shown(inspector(WINDOWS, NAMES, 24, 20))
    assert lines[9:11] == ["  then→now         dep …", "  AA 08-Feb 10:00  1→- …"]
    assert shown(inspector(WINDOWS, NAMES, 22, 20))[10] == "  AA 08-Feb 10:00 …"


def test_a_large_state_tells_how_many_entries_are_left_out() -> None:
    crowd = tuple(window(f"AA {number}", number, "1") for number in range(40))
    view = replace(WINDOWS, now=crowd, view=replace(WINDOWS.view, state_count=90))
    lines = shown(inspector(view, NAMES, 100, 9))
    assert lines[7].startswith("   … and 86 more")
    assert lines[8].startswith(" from north")


def test_channels_give_way_to_the_state() -> None:
    view = replace(WINDOWS, inputs=(TO_COUNT,) * 6)
    lines = shown(inspector(view, NAMES, 100, 9))
    assert [line[:24].rstrip() for line in lines[-2:]] == [
        " from north: 0 records o",
        " … and 3 more channels",
    ]


def test_a_dead_subtask_shows_what_was_lost() -> None:
    dead = replace(COUNTED, status=SubtaskStatus.FAILED, had=pairs(cats=7))
    lines = shown(inspector(replace(VIEW, view=dead, now=(), inputs=()), NAMES, 80, 10))
    assert [line[:20].rstrip() for line in lines[1:3]] == [" LOST", "   cats  7"]
    nobody = replace(dead, had=())
    lines = shown(inspector(replace(VIEW, view=nobody, now=()), NAMES, 80, 10))
    assert lines[2].startswith("   nothing ")


def test_an_error_of_user_logic_can_be_read_and_the_innermost_calls_stay() -> None:
    told = ("attempt 1: user logic, ValueError: no number", "rows:7 in outer", "rows:9 in inner")
    failed = replace(VIEW, now=(), inputs=(), snapshots=(), failure=tuple(map(door, told)))
    lines = [line[:49].rstrip() for line in shown(inspector(failed, NAMES, 100, 10))]
    assert lines[1:4] == [f" {told[0]}", f"   {told[1]}", f"   {told[2]}"]
    lines = [line[:49].rstrip() for line in shown(inspector(failed, NAMES, 100, 5))]
    assert lines[1:3] == [f" {told[0]}", f"   {told[2]}"]
    lines = [line[:35].rstrip() for line in shown(inspector(failed, NAMES, 70, 12))]
    assert lines[1:4] == [" attempt 1: user logic,", " ValueError: no number", f"   {told[1]}"]


def test_a_box_names_its_process() -> None:
    placed = replace(COUNTED, task_manager=door("taskmanager-2"))
    head = shown(inspector(replace(VIEW, view=placed), NAMES, 160, 9))[0]
    assert "attempt 1 in taskmanager-2, RUNNING" in head


def test_a_copy_that_is_not_on_disk_says_so() -> None:
    copied = replace(COUNTED, part=part(PartPhase.UPLOADING, pairs(cats=3)))
    begun = replace(FIRST, status=CheckpointStatus.IN_PROGRESS)
    lines = shown(inspector(replace(VIEW, view=copied, snapshots=(begun,)), NAMES, 80, 10))
    assert lines[0].endswith("CHECKPOINT 1  copied, not stored yet")


def test_no_snapshot_is_said() -> None:
    assert (
        "no snapshot on disk yet" in shown(inspector(replace(VIEW, snapshots=()), NAMES, 80, 9))[0]
    )


@pytest.mark.parametrize("view", [VIEW, WINDOWS, replace(WINDOWS, inputs=(TO_COUNT,) * 20)])
@pytest.mark.parametrize("size", SIZES)
def test_the_inspector_keeps_to_its_size(view: InspectorView, size: tuple[int, int]) -> None:
    lines = inspector(view, NAMES, *size)
    assert len(lines) <= size[1]
    assert max(map(cells, lines)) <= size[0]


@pytest.mark.parametrize(
    ("name", "width", "words"),
    [
        ("mean_delay", 10, "mean delay"),
        ("mean_delay", 9, "mean…"),
        ("mean_delay", 4, "mea…"),
        ("window_start_ms", 12, "window"),
        ("departures", 4, "dep…"),
        ("departures", 3, "dep"),
    ],
)
def test_a_head_is_as_long_as_it_may_be(name: str, width: int, words: str) -> None:
    assert short(name, width) == words


@given(
    heads=st.lists(st.sampled_from(["carrier", "mean_delay", ""]), max_size=4),
    rows=st.lists(st.lists(st.sampled_from(["", "7", "-12.5", "AA 08-Feb"]), max_size=5)),
    room=st.integers(0, 40),
)
def test_a_table_never_bursts(heads: list[str], rows: list[list[str]], room: int) -> None:
    head, lines = table(heads, rows, room, "text")
    assert len(lines) == len(rows)
    assert all(cells(line) <= max(room, 2) for line in (head, *lines)), [*map(plain, lines)]
