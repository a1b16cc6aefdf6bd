"""Checkpoints: barriers in channels, alignment at the gates, the coordinator's book."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bandviz.events import Event, checkpoint
from bandviz.events.checkpoint import BarrierKind, InFlightSide
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model.facts import Checkpoint, Dirty, Element, Part, RunFacts
from bandviz.model.reducers.kinds import CHANNELS, CUT, FATE, JOB, OUTPUT, PARTS, Reducer, nothing
from bandviz.model.specs import amount_of
from bandviz.model.views import (
    NO_CHECKPOINT,
    CheckpointStatus,
    MarkView,
    PartPhase,
    SubtaskStatus,
)
from bandviz.text import door

_DEAD: Final = (SubtaskStatus.FAILED, SubtaskStatus.CANCELED)
_BARRIER_TAKEN: Final = CHANNELS | PARTS


def checkpoint_triggered(model: RunFacts, event: checkpoint.CheckpointTriggered) -> Dirty:
    """A new page, with an empty part for each that must acknowledge.

    A coordinator that has forgotten all numbers gives them out again: the old page goes.
    """
    model.checkpoints.pop(event.checkpoint_id, None)
    model.checkpoints[event.checkpoint_id] = Checkpoint(
        event.checkpoint_id,
        model.job.attempt,
        model.time_us,
        event.expected,
        {subtask: Part() for subtask in event.expected},
        event.kind,
        finished=event.finished,
    )
    model.job.refused_count = 0
    model.job.queued_count = max(0, model.job.queued_count - 1)
    _mark(model, "T", event.checkpoint_id)
    return FATE


def trigger_refused(model: RunFacts, event: checkpoint.CheckpointTriggerRefused) -> Dirty:
    """The last reason stands for all since the last trigger."""
    model.job.refused_count += 1
    model.job.refusal = door(event.why.value)
    return JOB


def _mark(model: RunFacts, letter: str, checkpoint_id: CheckpointId) -> None:
    model.marks.append(MarkView(model.time_us, f"{letter}{checkpoint_id}", model.step))


def change_part(
    model: RunFacts, subtask: SubtaskId, checkpoint_id: CheckpointId, **changes: Any
) -> None:
    """Replace the part; a subtask that nobody waits for has none."""
    page = model.checkpoints.get(checkpoint_id)
    part = page.parts.get(subtask) if page else None
    if page is not None and part is not None:
        model.checkpoints[checkpoint_id] = page.with_part(subtask, part._replace(**changes))


def barrier_emitted(model: RunFacts, event: checkpoint.BarrierEmitted) -> Dirty:
    """Put it in."""
    model.channels[event.channel].elements[event.position] = Element(
        "barrier",
        event.checkpoint_id,
        model.time_us,
        event.arrive_us,
        ahead=event.kind is BarrierKind.UNALIGNED,
        forced=event.kind is BarrierKind.FORCED_ALIGNED,
    )
    return CHANNELS


def barrier_announced(model: RunFacts, event: checkpoint.BarrierAnnounced) -> Dirty:
    """It stays where it is."""
    elements = model.channels[event.channel].elements
    for position, one in elements.items():
        if one.kind == "barrier" and one.number == event.checkpoint_id:
            elements[position] = one._replace(announced=True)
    return CHANNELS


def barrier_overtook(model: RunFacts, event: checkpoint.BarrierOvertook) -> Dirty:
    """It goes to the front; at the sender's end that means that it sets off."""
    elements = model.channels[event.channel].elements
    barrier = elements.get(event.position)
    if barrier is not None:
        if event.side is InFlightSide.OUTPUT:
            barrier = barrier._replace(sent_us=model.time_us, arrive_us=event.arrive_us)
        elements[event.position] = barrier._replace(ahead=True)
    return CHANNELS


def in_flight_persisted(model: RunFacts, event: checkpoint.InFlightPersisted) -> Dirty:
    """The elements stay where they are, and are part of the photo. To an account money counts."""
    elements = model.channels[event.channel].elements
    kept = [position for position in event.positions if position in elements]
    for position in kept:
        elements[position] = elements[position]._replace(persisted=event.checkpoint_id)
    count = event.record_count
    if model.kind(event.subtask) == "account":
        count = sum(amount_of(elements[position].values) for position in kept)
    page = model.checkpoints.get(event.checkpoint_id)
    part = page.parts.get(event.subtask) if page else None
    if part is not None:
        in_flight = part.in_flight + count
        change_part(model, event.subtask, event.checkpoint_id, in_flight=in_flight)
    return _BARRIER_TAKEN


def barrier_arrived(model: RunFacts, event: checkpoint.BarrierArrived) -> Dirty:
    """Take it out, and strike the channel off the list of those awaited."""
    channel = model.channels[event.channel]
    barrier = channel.elements.pop(event.position, None)
    channel.forced = barrier is not None and barrier.forced
    page = model.checkpoints.get(event.checkpoint_id)
    part = page.parts.get(event.subtask) if page else None
    if part is not None:
        arrived = (*part.arrived, event.channel)
        change_part(model, event.subtask, event.checkpoint_id, arrived=arrived)
    return _BARRIER_TAKEN


def alignment_started(model: RunFacts, event: checkpoint.AlignmentStarted) -> Dirty:
    """The first barrier is here."""
    change_part(model, event.subtask, event.checkpoint_id, phase=PartPhase.ALIGNING)
    return PARTS


def channel_blocked(model: RunFacts, event: checkpoint.ChannelBlocked) -> Dirty:
    """The gate is closed here."""
    model.channels[event.channel].blocked_by = event.checkpoint_id
    return CHANNELS


def channel_unblocked(model: RunFacts, event: checkpoint.ChannelUnblocked) -> Dirty:
    """The gate is open, and the first held elements set off."""
    channel = model.channels[event.channel]
    channel.blocked_by = NO_CHECKPOINT
    channel.set_off(event.released_count, model.time_us, event.arrive_us)
    return CHANNELS


def alignment_completed(model: RunFacts, event: checkpoint.AlignmentCompleted) -> Dirty:
    """The longest alignment is that of the checkpoint."""
    page = model.checkpoints.get(event.checkpoint_id)
    if page is not None and event.duration_us > page.alignment_us:
        model.checkpoints[event.checkpoint_id] = replace(page, alignment_us=event.duration_us)
    return PARTS


def cancel_marker_emitted(model: RunFacts, event: checkpoint.CancelMarkerEmitted) -> Dirty:
    """Put it in."""
    model.channels[event.channel].elements[event.position] = Element(
        "cancel", event.checkpoint_id, model.time_us, event.arrive_us
    )
    return CHANNELS


def cancel_marker_arrived(model: RunFacts, event: checkpoint.CancelMarkerArrived) -> Dirty:
    """Take it out."""
    model.channels[event.channel].elements.pop(event.position, None)
    return CHANNELS


def snapshot_taken(model: RunFacts, event: checkpoint.SnapshotTaken) -> Dirty:
    """The part has contents now."""
    change_part(
        model,
        event.subtask,
        event.checkpoint_id,
        phase=PartPhase.UPLOADING,
        taken=True,
        state=event.state,
        state_bytes=event.state_bytes,
        unaligned=event.unaligned,
    )
    return CUT


def upload_completed(model: RunFacts, event: checkpoint.UploadCompleted) -> Dirty:
    """The part is on disk."""
    change_part(model, event.subtask, event.checkpoint_id, phase=PartPhase.DURABLE)
    return PARTS


def subtask_acknowledged(model: RunFacts, event: checkpoint.SubtaskAcknowledged) -> Dirty:
    """The coordinator knows it."""
    change_part(model, event.subtask, event.checkpoint_id, phase=PartPhase.ACKNOWLEDGED)
    page = model.checkpoints[event.checkpoint_id]
    model.checkpoints[event.checkpoint_id] = replace(
        page, acknowledged=(*page.acknowledged, event.subtask)
    )
    return PARTS


def checkpoint_completed(model: RunFacts, event: checkpoint.CheckpointCompleted) -> Dirty:
    """From now on a restore may use it, if it is not a savepoint along the way."""
    page = model.checkpoints[event.checkpoint_id]
    recovers = page.kind.is_for_recovery
    model.checkpoints[event.checkpoint_id] = replace(
        page,
        status=CheckpointStatus.COMPLETE if recovers else CheckpointStatus.SAVEPOINT,
        end_us=model.time_us,
        checkpointed_bytes=event.checkpointed_bytes,
        full_bytes=event.full_bytes,
    )
    model.job.failed_in_a_row = 0
    if recovers:
        model.job.latest_completed = event.checkpoint_id
    _mark(model, "C", event.checkpoint_id)
    return FATE


def checkpoint_aborted(model: RunFacts, event: checkpoint.CheckpointAborted) -> Dirty:
    """It will never complete; what a dead sink had sealed for it will never be shown."""
    for transaction in model.transactions.values():
        if transaction.checkpoint_id == event.checkpoint_id:
            dead = model.subtasks[transaction.subtask].status in _DEAD
            transaction.orphan = transaction.orphan or dead
    model.checkpoints[event.checkpoint_id] = replace(
        model.checkpoints[event.checkpoint_id],
        status=CheckpointStatus.ABORTED,
        reason=event.reason,
        end_us=model.time_us,
    )
    model.job.failed_in_a_row = event.failed_count
    _mark(model, "A", event.checkpoint_id)
    return FATE | OUTPUT


def checkpoint_discarded(model: RunFacts, event: checkpoint.CheckpointDiscarded) -> Dirty:
    """Deleted from storage, so its contents go from here as well."""
    model.checkpoints[event.checkpoint_id] = replace(
        model.checkpoints[event.checkpoint_id], status=CheckpointStatus.DISCARDED, parts={}
    )
    return CUT


def completion_notified(model: RunFacts, event: checkpoint.CompletionNotified) -> Dirty:
    """The last that a subtask hears of it."""
    change_part(model, event.subtask, event.checkpoint_id, phase=PartPhase.TOLD)
    return PARTS


REDUCERS: Final[dict[type[Event], Reducer]] = {
    checkpoint.CheckpointTriggered: checkpoint_triggered,
    checkpoint.CheckpointTriggerRefused: trigger_refused,
    checkpoint.BarrierEmitted: barrier_emitted,
    checkpoint.BarrierArrived: barrier_arrived,
    checkpoint.BarrierAnnounced: barrier_announced,
    checkpoint.BarrierOvertook: barrier_overtook,
    checkpoint.InFlightPersisted: in_flight_persisted,
    checkpoint.InFlightRestored: nothing,
    checkpoint.AlignmentTimedOut: nothing,
    checkpoint.BarrierIgnored: nothing,
    checkpoint.AlignmentStarted: alignment_started,
    checkpoint.ChannelBlocked: channel_blocked,
    checkpoint.ChannelUnblocked: channel_unblocked,
    checkpoint.AlignmentCompleted: alignment_completed,
    checkpoint.AlignmentAborted: nothing,
    checkpoint.CancelMarkerEmitted: cancel_marker_emitted,
    checkpoint.CancelMarkerArrived: cancel_marker_arrived,
    checkpoint.SnapshotTaken: snapshot_taken,
    checkpoint.UploadCompleted: upload_completed,
    checkpoint.SubtaskAcknowledged: subtask_acknowledged,
    checkpoint.AcknowledgementIgnored: nothing,
    checkpoint.CheckpointCompleted: checkpoint_completed,
    checkpoint.CheckpointAborted: checkpoint_aborted,
    checkpoint.CheckpointDiscarded: checkpoint_discarded,
    checkpoint.CompletionNotified: completion_notified,
    checkpoint.GroupOffsetCommitted: nothing,
}
