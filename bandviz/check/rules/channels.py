"""Channels and sources: order, gates, barriers, offsets. Source: semantics.md 2.1."""

from __future__ import annotations

from typing import Any

from bandviz.check.book import Book
from bandviz.events import checkpoint as ck
from bandviz.events import flow, job


def nothing_from_nowhere(book: Book, event: Any) -> str:
    """What is delivered was put into the channel in this attempt, and not cleared since.

    The step that crashes may deliver: its FLOW events stand behind its CONTROL events.
    """
    lane = book.lanes[event.channel]
    if 0 <= lane.cleared_step < book.step:
        return f"position {event.position} came out of {lane} after a crash had emptied it"
    if event.position in lane.waiting:
        return ""
    return f"position {event.position} came out of {lane}, but nobody put it in during this attempt"


def first_in_first_out(book: Book, event: Any) -> str:
    """Nothing overtakes but unaligned barriers, where a channel keeps the order at all."""
    lane = book.lanes[event.channel]
    if event.position in lane.ahead or not lane.fifo:
        return ""
    first = min(lane.waiting, default=event.position)
    if event.position not in lane.waiting or first == event.position:
        return ""
    return f"position {event.position} of {lane} overtook position {first}"


def whole_buffers(book: Book, event: flow.RecordsDelivered) -> str:
    """A buffer arrives with as many records as it set off with."""
    lane = book.lanes[event.channel]
    sent = lane.waiting.get(event.position, event.count)
    if sent == event.count:
        return ""
    return f"{sent} records set off at position {event.position} of {lane}, {event.count} arrived"


def blocked_is_silent(book: Book, event: Any) -> str:
    """A blocked channel delivers nothing from behind the barrier until alignment ends."""
    lane = book.lanes[event.channel]
    if not lane.blocked or event.position < lane.blocked_at:
        return ""
    return f"{lane} is blocked, but position {event.position} was read"


def barrier_ids_rise(book: Book, event: ck.BarrierEmitted) -> str:
    """One barrier per checkpoint and channel, in the order of ids."""
    lane = book.lanes[event.channel]
    newest = max(lane.barriers, default=0)
    if event.checkpoint_id > newest:
        return ""
    return f"barrier {event.checkpoint_id} went into {lane} after barrier {newest}"


def barrier_as_sent(book: Book, event: ck.BarrierArrived) -> str:
    """Who takes a barrier takes it for the checkpoint that it was sent for."""
    lane = book.lanes[event.channel]
    unknown = event.position not in lane.waiting  # `nothing_from_nowhere` speaks of that
    if unknown or lane.barriers.get(event.checkpoint_id) == event.position:
        return ""
    return f"position {event.position} of {lane} is no barrier {event.checkpoint_id}"


def reading_goes_on(book: Book, event: flow.SourcePolled) -> str:
    """A source reads on where it stopped; only a rewind may move it."""
    expected = book.next_offset.get((event.subtask, event.partition), 0)
    if event.offset == expected:
        return ""
    return (
        f"{event.subtask} read offset {event.offset} of partition {event.partition}, "
        f"but {expected} was next"
    )


def one_reader(book: Book, event: flow.SourcePolled) -> str:
    """A partition is read by one subtask of its source; only a rescaling gives it to another."""
    reader = book.readers.get((event.subtask.vertex, event.partition), event.subtask)
    if reader == event.subtask:
        return ""
    return f"{event.subtask} read partition {event.partition}, which {reader} reads"


def rewound_to_the_cut(book: Book, event: job.SourceRewound) -> str:
    """After a restore a source goes on at the offset in its snapshot."""
    if not book.restoring and book.job.begins_at_latest(event.subtask.vertex):
        return ""
    saved = book.offsets_at(event.subtask, book.restoring) if book.restoring else {}
    offset = saved.get(event.partition, event.to_offset) if book.restoring else 0
    if event.to_offset == offset:
        return ""
    return f"{event.subtask} goes on at offset {event.to_offset}, its snapshot says {offset}"
