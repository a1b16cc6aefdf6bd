"""Working and frozen contents of windows and keys."""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.check.history import History
from bandviz.events import Entry, Event
from bandviz.events.checkpoint import SnapshotTaken
from bandviz.events.flow import RecordApplied, WindowFired
from bandviz.events.job import SubtaskRestored
from bandviz.events.rescaling import VertexRescaled
from bandviz.events.values import pack
from bandviz.ids import CheckpointId, RecordId, SubtaskId

WIN = SubtaskId("win", 0)
ONE = CheckpointId(1)


def applied(key: str, start_ms: int, value: int) -> Event:
    return RecordApplied(
        subtask=WIN, key=pack(key), window_start_ms=start_ms, value=pack((value,)),
        lineage=pack(RecordId("s", 0, value)),
    )  # fmt: skip


def fired(key: str, start_ms: int) -> Event:
    return WindowFired(
        subtask=WIN, key=pack(key), window_start_ms=start_ms, window_end_ms=start_ms + 10,
        value=pack(()), record_count=1, kept=False,
    )  # fmt: skip


def snapshot(state: Any) -> Event:
    return SnapshotTaken(subtask=WIN, checkpoint_id=ONE, state=pack(state), state_bytes=1)


def heard(*events: Event) -> History:
    history = History()
    for step, event in enumerate(events):
        history.observe(Entry(step, 0, 0, None, event))
    return history


A0, A10, B0 = applied("a", 0, 1), applied("a", 10, 2), applied("b", 0, 3)


@pytest.mark.parametrize(
    ("events", "windows", "agree"),
    [
        ((A0, B0), [["a", 0, (1,), 1, 5], ["b", 0, (3,), 1, 5]], True),
        ((A0, A10), [["a", 10, (2,), 1, 5], ["a", 0, (1,), 1, 5]], True),
        ((A0, A10, fired("a", 0)), [["a", 10, (2,), 1, 5]], True),
        ((A0, A10, fired("a", 0)), [["a", 0, (1,), 1, 5], ["a", 10, (2,), 1, 5]], False),
        ((A0, B0), [["a", 0, (1,), 1, 5]], False),
        ((A0,), [["a", 0, (2,), 1, 5]], False),
        ((A0,), [["a", 10, (1,), 1, 5]], False),
        ((), [], True),
    ],
)
def test_a_window_snapshot_holds_the_open_windows(
    events: tuple[Event, ...], windows: list[Any], agree: bool
) -> None:
    history = heard(*events, snapshot({"windows": windows}))
    assert (history.violations == []) is agree


def test_a_fired_window_stays_in_the_history() -> None:
    history = heard(A0, fired("a", 0))
    (part,) = history.of_vertex("win")
    assert len(part.ids) == 1
    assert part.values == {}


def test_restores_do_not_touch_what_is_frozen() -> None:
    back = SubtaskRestored(subtask=WIN, checkpoint_id=ONE, state=b"")
    history = heard(A0, snapshot({"windows": [["a", 0, (1,), 1, 5]]}), back, A10, back)
    (part,) = history.of_vertex("win")
    assert len(part.ids) == 1
    assert list(part.values) == [(pack("a"), 0)]


def test_a_restore_of_nothing_is_empty() -> None:
    zero = SubtaskRestored(subtask=WIN, checkpoint_id=CheckpointId(0), state=b"")
    (part,) = heard(A0, zero).of_vertex("win")
    assert (part.ids, part.values, part.known) == ([], {}, True)


@pytest.mark.parametrize(("key", "accused"), [("a", []), ("b", ["one_home_a_key"]), ("c", [])])
def test_behind_a_rescale_records_go_where_the_state_of_their_key_went(
    key: str, accused: list[str]
) -> None:
    state = pack({"keyed": [["a", (1,)], ["b", (3,)]]})
    parts = [pack({"keyed": [["a", (1,)]]}), pack({"keyed": [["b", (3,)]]})]
    history = heard(
        applied("a", -1, 1),
        applied("b", -1, 3),
        SnapshotTaken(subtask=WIN, checkpoint_id=ONE, state=state, state_bytes=1),
        VertexRescaled(vertex="win", from_parallelism=1, to_parallelism=2),
        *(
            SubtaskRestored(subtask=SubtaskId("win", index), checkpoint_id=ONE, state=part)
            for index, part in enumerate(parts)
        ),
        applied(key, -1, 4),
    )
    assert [violation.rule for violation in history.violations] == accused
