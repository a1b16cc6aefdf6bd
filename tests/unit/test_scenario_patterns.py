"""Moments of a run, named by the fields of a CONTROL event."""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.events.base import Event
from bandviz.events.checkpoint import (
    ChannelBlocked,
    CheckpointAborted,
    CheckpointCompleted,
    CheckpointFailureReason,
)
from bandviz.events.job import JobStatus, JobStatusChanged
from bandviz.events.sink import TransactionCommitted
from bandviz.ids import ChannelId, CheckpointId, SubtaskId, TransactionId
from bandviz.scenario.patterns import (
    CONTROL_EVENTS,
    Pattern,
    PatternError,
    Watcher,
    compile_pattern,
    matchable,
)
from bandviz.scenario.schema import Beat, Fault


def completed(number: int) -> CheckpointCompleted:
    return CheckpointCompleted(
        checkpoint_id=CheckpointId(number), duration_us=5, checkpointed_bytes=9
    )


def blocked(subtask: str) -> ChannelBlocked:
    return ChannelBlocked(
        subtask=SubtaskId.parse(subtask), channel=ChannelId(4), checkpoint_id=CheckpointId(1),
        held_count=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("on", "equals", "event", "matches"),
    [
        ("CheckpointCompleted", {}, completed(3), True),
        ("CheckpointCompleted", {"checkpoint": 3}, completed(3), True),
        ("CheckpointCompleted", {"checkpoint_id": 3}, completed(3), True),
        ("CheckpointCompleted", {"checkpoint": 2}, completed(3), False),
        ("CheckpointAborted", {}, completed(3), False),
        ("ChannelBlocked", {"subtask": "count[0]", "checkpoint": 1}, blocked("count[0]"), True),
        ("ChannelBlocked", {"subtask": "count[1]"}, blocked("count[0]"), False),
        ("ChannelBlocked", {"channel": 4}, blocked("count[0]"), True),
        ("JobStatusChanged", {"status": "RUNNING"},
         JobStatusChanged(status=JobStatus.RUNNING, attempt=1), True),
        ("JobStatusChanged", {"status": "RUNNING", "attempt": 2},
         JobStatusChanged(status=JobStatus.RUNNING, attempt=1), False),
        ("CheckpointAborted", {"reason": "JOB_FAILOVER"},
         CheckpointAborted(checkpoint_id=CheckpointId(1),
                           reason=CheckpointFailureReason.JOB_FAILOVER), True),
        ("CheckpointAborted", {"reason": "job failover"},
         CheckpointAborted(checkpoint_id=CheckpointId(1),
                           reason=CheckpointFailureReason.JOB_FAILOVER), True),
        ("TransactionCommitted", {"repeated": True},
         TransactionCommitted(subtask=SubtaskId("b", 0), transaction_id=TransactionId(1),
                              row_count=0, repeated=False), False),
    ],
)  # fmt: skip
def test_class_and_fields_have_to_agree(
    on: str, equals: dict[str, Any], event: Event, matches: bool
) -> None:
    assert compile_pattern(on, equals).matches(event) is matches


@pytest.mark.parametrize(
    ("on", "equals", "field", "says"),
    [
        ("CheckpointComplete", {}, "on", "is not an event"),
        ("RecordsEmitted", {}, "on", "is not a CONTROL event"),
        ("CheckpointCompleted", {"checkpont": 1}, "checkpont", "has no field 'checkpont'"),
        ("CheckpointCompleted", {"checkpoint": "1"}, "checkpoint", "takes a whole number"),
        ("CheckpointCompleted", {"checkpoint": True}, "checkpoint", "takes a whole number"),
        ("ChannelBlocked", {"subtask": "count"}, "subtask", "is not a subtask"),
        ("JobStatusChanged", {"status": "RUNS"}, "status", "cannot be 'RUNS'"),
        ("CheckpointTriggered", {"expected": 1}, "expected", "has no field 'expected'"),
        ("RowsVisible", {"rows": "x"}, "rows", "has no field 'rows'"),
    ],
)
def test_a_pattern_that_can_never_match_is_refused(
    on: str, equals: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(on, equals)
    assert caught.value.field == field
    assert says in caught.value.sentence


def test_a_watcher_fires_at_the_nth_match_and_only_then() -> None:
    watcher = Watcher(Pattern(CheckpointCompleted, nth=2))
    events: list[Event] = [completed(1), blocked("a[0]"), completed(2), completed(3)]
    assert [watcher.observe(event) for event in events] == [False, False, True, False]


def test_keys_of_events_never_hide_fields_of_faults_and_beats() -> None:
    own = {*Fault.model_fields, *Beat.model_fields}
    for name in CONTROL_EVENTS:
        assert not own & set(matchable(name)), name
