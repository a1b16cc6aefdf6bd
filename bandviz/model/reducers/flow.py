"""What moves through channels."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, flow
from bandviz.events.flow import EndKind
from bandviz.model.facts import Dirty, Element, RunFacts
from bandviz.model.reducers.kinds import (
    CHANNELS,
    NOTHING,
    READING,
    STRUCTURE,
    SUBTASKS,
    Reducer,
    nothing,
)


def source_polled(model: RunFacts, event: flow.SourcePolled) -> Dirty:
    """Move the reading mark; what an earlier attempt had come past is read again."""
    tape = model.tapes[event.subtask.vertex, event.partition]
    end = event.offset + event.count
    model.job.reads += event.count
    model.job.rereads += max(0, min(end, tape.read_to) - event.offset)
    tape.next_offset = end
    return READING


def records_emitted(model: RunFacts, event: flow.RecordsEmitted) -> Dirty:
    """Anonymous records; `BufferSent` may name them. A chained channel hands them on at once."""
    if model.channels[event.channel].declared.chained:
        return SUBTASKS
    model.channels[event.channel].elements[event.position] = Element(
        "record", event.count, model.time_us, event.arrive_us
    )
    return CHANNELS


def elements_sent(model: RunFacts, event: flow.ElementsSent) -> Dirty:
    """They leave the sender's queue."""
    model.channels[event.channel].set_off(event.count, model.time_us, event.arrive_us)
    return CHANNELS


def records_delivered(model: RunFacts, event: flow.RecordsDelivered) -> Dirty:
    """Take the buffer out."""
    model.channels[event.channel].elements.pop(event.position, None)
    return CHANNELS


def buffer_sent(model: RunFacts, event: flow.BufferSent) -> Dirty:
    """Contents of the buffer that `RecordsEmitted` put in."""
    elements = model.channels[event.channel].elements
    old = elements.get(event.position)
    if old is not None:
        elements[event.position] = old._replace(values=event.values, lineage=event.lineage)
    return CHANNELS


def watermark_emitted(model: RunFacts, event: flow.WatermarkEmitted) -> Dirty:
    """Put it in."""
    model.channels[event.channel].elements[event.position] = Element(
        "watermark", event.watermark_ms, model.time_us, event.arrive_us
    )
    return CHANNELS


def watermark_delivered(model: RunFacts, event: flow.WatermarkDelivered) -> Dirty:
    """Take it out."""
    model.channels[event.channel].elements.pop(event.position, None)
    return CHANNELS


def watermark_advanced(model: RunFacts, event: flow.WatermarkAdvanced) -> Dirty:
    """The subtask's own event time."""
    model.subtasks[event.subtask].watermark_ms = event.watermark_ms
    return SUBTASKS


def subtask_stalled(model: RunFacts, event: flow.SubtaskStalled) -> Dirty:
    """Why it stands still, or that it moves again."""
    model.subtasks[event.subtask].stall = event.reason
    return SUBTASKS


def input_ended(model: RunFacts, event: flow.InputEnded) -> Dirty:
    """No record comes to this subtask any more."""
    model.subtasks[event.subtask].input_ended = True
    return SUBTASKS


def end_emitted(model: RunFacts, event: flow.EndEmitted) -> Dirty:
    """Put an end in."""
    model.channels[event.channel].elements[event.position] = Element(
        "end", int(event.kind is EndKind.PARTITION), model.time_us, event.arrive_us
    )
    return CHANNELS


def end_arrived(model: RunFacts, event: flow.EndArrived) -> Dirty:
    """Take it out; after EndOfPartition no barrier is awaited here."""
    channel = model.channels[event.channel]
    channel.elements.pop(event.position, None)
    channel.ended = event.kind
    return CHANNELS


def record_read(model: RunFacts, _event: flow.RecordRead) -> Dirty:
    """The tape has the value already; here it says that single records are recorded."""
    if model.job.sees_records:
        return NOTHING
    model.job.sees_records = True
    return STRUCTURE


def record_applied(model: RunFacts, event: flow.RecordApplied) -> Dirty:
    """The new accumulator of one key."""
    model.job.sees_records = True
    model.subtasks[event.subtask].keyed[event.key, event.window_start_ms] = event.value
    return SUBTASKS


REDUCERS: Final[dict[type[Event], Reducer]] = {
    flow.SourcePolled: source_polled,
    flow.RecordsEmitted: records_emitted,
    flow.ElementsSent: elements_sent,
    flow.RecordsDelivered: records_delivered,
    flow.BufferSent: buffer_sent,
    flow.WatermarkEmitted: watermark_emitted,
    flow.WatermarkDelivered: watermark_delivered,
    flow.WatermarkAdvanced: watermark_advanced,
    flow.SubtaskStalled: subtask_stalled,
    flow.InputEnded: input_ended,
    flow.EndEmitted: end_emitted,
    flow.EndArrived: end_arrived,
    flow.RecordRead: record_read,
    flow.RecordApplied: record_applied,
    flow.RecordRefused: nothing,
}
