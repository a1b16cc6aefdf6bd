"""Event time: late records and windows that merge or are forgotten."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, flow, time
from bandviz.model.facts import Dirty, Element, RunFacts
from bandviz.model.reducers.kinds import CHANNELS, SUBTASKS, Reducer, nothing


def late_record_admitted(model: RunFacts, event: time.LateRecordAdmitted) -> Dirty:
    """Its windows fire again, as they say themselves."""
    subtask = model.subtasks[event.subtask]
    subtask.late = subtask.late._replace(admitted=subtask.late.admitted + 1)
    return SUBTASKS


def late_record_diverted(model: RunFacts, event: time.LateRecordDiverted) -> Dirty:
    """It left by a side output."""
    subtask = model.subtasks[event.subtask]
    subtask.late = subtask.late._replace(diverted=subtask.late.diverted + 1)
    return SUBTASKS


def late_record_dropped(model: RunFacts, event: flow.LateRecordDropped) -> Dirty:
    """It is nowhere."""
    subtask = model.subtasks[event.subtask]
    subtask.late = subtask.late._replace(dropped=subtask.late.dropped + 1)
    return SUBTASKS


def window_fired(model: RunFacts, event: flow.WindowFired) -> Dirty:
    """Its state is dropped, unless it is kept for late records."""
    if not event.kept:
        model.subtasks[event.subtask].keyed.pop((event.key, event.window_start_ms), None)
    return SUBTASKS


def windows_merged(model: RunFacts, event: time.WindowsMerged) -> Dirty:
    """What they became is applied next."""
    keyed = model.subtasks[event.subtask].keyed
    for start_ms in event.absorbed_start_ms:
        keyed.pop((event.key, start_ms), None)
    return SUBTASKS


def partition_pause_changed(model: RunFacts, event: time.PartitionPauseChanged) -> Dirty:
    """One more that waits, or one less."""
    model.subtasks[event.subtask].paused_count += 1 if event.paused else -1
    return SUBTASKS


def idleness_changed(model: RunFacts, event: time.IdlenessChanged) -> Dirty:
    """As the subtask says."""
    model.subtasks[event.subtask].idle = event.idle
    return SUBTASKS


def watermark_status_emitted(model: RunFacts, event: time.WatermarkStatusEmitted) -> Dirty:
    """One more element, in line with the others."""
    model.channels[event.channel].elements[event.position] = Element(
        "status", int(event.idle), model.time_us, event.arrive_us
    )
    return CHANNELS


def watermark_status_delivered(model: RunFacts, event: time.WatermarkStatusDelivered) -> Dirty:
    """Taken out."""
    model.channels[event.channel].elements.pop(event.position, None)
    return CHANNELS


REDUCERS: Final[dict[type[Event], Reducer]] = {
    flow.WindowFired: window_fired,
    flow.LateRecordDropped: late_record_dropped,
    time.LateRecordAdmitted: late_record_admitted,
    time.LateRecordDiverted: late_record_diverted,
    time.WindowsMerged: windows_merged,
    time.PartitionIdleChanged: nothing,
    time.PartitionPauseChanged: partition_pause_changed,
    time.IdlenessChanged: idleness_changed,
    time.WatermarkStatusEmitted: watermark_status_emitted,
    time.WatermarkStatusDelivered: watermark_status_delivered,
}
