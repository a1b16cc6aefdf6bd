"""Captions for a network of accounts: markers, balances, and money on its way.

Without markers that hold nothing back, a barrier is told of as in a job.
"""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, checkpoint, job
from bandviz.events.job import JobStatus
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model.captions import checkpoint as in_a_job
from bandviz.model.captions.telling import Caption, Teller, called, caption, receiver, sender
from bandviz.model.disk import checkpoint_view
from bandviz.model.facts import Part, RunFacts
from bandviz.model.specs import balance_of, begins_with
from bandviz.model.words import listed


def _part(model: RunFacts, name: SubtaskId, checkpoint_id: CheckpointId) -> Part:
    page = model.checkpoints.get(checkpoint_id)
    return page.parts.get(name, Part()) if page else Part()


def _is_aligned(model: RunFacts) -> bool:
    return model.run is not None and not model.run.unaligned


def status_changed(model: RunFacts, event: job.JobStatusChanged) -> Caption:
    """Start and end."""
    total = sum(begins_with(vertex.spec) for vertex in model.vertices.values())
    if event.status is JobStatus.RUNNING:
        return caption(
            f"START: {len(model.subtasks)} accounts hold {total}.",
            "They send each other money. What is on its way is in no account; accounts and "
            "channels together hold the same at every moment, but nobody sees all of them at once.",
            "everybody marches, nobody stands where all can be seen.",
        )
    return caption(
        "FINISHED: nothing is on its way any more.",
        f"Now the balances alone add up to {total}. A snapshot had to find that while money moved.",
        "the last note.",
    )


def triggered(model: RunFacts, event: checkpoint.CheckpointTriggered) -> Caption:
    """Somebody begins."""
    who = listed([called(model, name) for name in event.triggered])
    return caption(
        f"SNAPSHOT {event.checkpoint_id}: begun by {who}; nobody stops for it.",
        "Who begins records the own balance and at once sends a marker into each of its channels. "
        "All others hear of it by a marker, and by nothing else.",
        "one player lifts a hand; the word goes from neighbour to neighbour.",
    )


def marker_sent(model: RunFacts, event: checkpoint.BarrierEmitted) -> Caption:
    """A marker sets off."""
    if _is_aligned(model):
        return in_a_job.barrier_emitted(model, event)
    name = called(model, event.subtask)
    return caption(
        f"MARKER: {name} sends [{event.checkpoint_id}] to {receiver(model, event.channel)}.",
        f"It says: what {name} sent before it had left the balance that {name} recorded, what "
        "comes behind it had not. That is so where the channel keeps the order.",
        "the marker goes to the next player.",
    )


def marker_came(model: RunFacts, event: checkpoint.BarrierArrived) -> Caption:
    """A marker is taken out."""
    if _is_aligned(model):
        return in_a_job.barrier_arrived(model, event)
    name, number = called(model, event.subtask), event.checkpoint_id
    return caption(
        f"MARKER [{number}] from {sender(model, event.channel)} has come to {name}.",
        f"What comes on this channel from now on is not in snapshot {number}. With its first "
        "marker an account records its balance; then it records each other channel until the "
        "marker of that one comes.",
        "the marker has come to this player from one side.",
    )


def on_the_way(model: RunFacts, event: checkpoint.InFlightPersisted) -> Caption:
    """Contents of a channel."""
    name, number = called(model, event.subtask), event.checkpoint_id
    so_far = _part(model, event.subtask, number).in_flight
    return caption(
        f"ON THE WAY: what comes to {name} from {sender(model, event.channel)} goes into "
        f"snapshot {number}.",
        f"The marker of this channel is not here yet, so {name} takes it as sent before the sender "
        f"recorded: then it is in nobody's balance. {name} has {so_far} on the way to it by now.",
        "who is between two players is in the photo as well.",
    )


def recorded(model: RunFacts, event: checkpoint.SnapshotTaken) -> Caption:
    """A balance."""
    name, number = called(model, event.subtask), event.checkpoint_id
    return caption(
        f"RECORDED: {name} notes its balance for snapshot {number}: {balance_of(event.state)}.",
        "Before it sends anything else it puts a marker into each of its channels. What it gets "
        "from now on is not in this balance.",
        "click: the pose of this player is on the film.",
    )


def whole(model: RunFacts, event: checkpoint.AlignmentCompleted) -> Caption | None:
    """All markers are here."""
    if _is_aligned(model):
        return in_a_job.alignment_completed(model, event)
    name, number = called(model, event.subtask), event.checkpoint_id
    part = _part(model, event.subtask, number)
    return caption(
        f"WHOLE: the markers of all channels are at {name}.",
        f"Its part of snapshot {number} is its balance, {balance_of(part.state)}, and what was on "
        f"the way to it, {part.in_flight}.",
        "this player is in the photo, with all who were on the way.",
    )


def complete(model: RunFacts, event: checkpoint.CheckpointCompleted) -> Caption:
    """The sum."""
    page = checkpoint_view(model, model.checkpoints[event.checkpoint_id])
    held, there = page.money or (0, 0)
    right = (
        "Balances and channels were recorded at different moments by accounts that never stopped, "
        "and fit together as if all had stood still at one."
    )
    wrong = (
        "Something is missing or counted twice: where a channel does not keep the order, a marker "
        "divides nothing. At the end the judge names channel and transfer."
    )
    adds_up = f" adds up to {held} of {there}" if page.money else " is complete"
    return caption(
        f"COMPLETE: snapshot {event.checkpoint_id}{adds_up}.",
        right if held == there else wrong,
        "many photos, one picture." if held == there else "somebody is missing, or there twice.",
    )


def nothing(_model: RunFacts, _event: Event) -> None:
    """A part is stored as soon as it is recorded, and reported as soon as it is whole."""


TELLERS: Final[dict[type[Event], Teller]] = {
    job.JobStatusChanged: status_changed,
    checkpoint.CheckpointTriggered: triggered,
    checkpoint.BarrierEmitted: marker_sent,
    checkpoint.BarrierArrived: marker_came,
    checkpoint.InFlightPersisted: on_the_way,
    checkpoint.SnapshotTaken: recorded,
    checkpoint.UploadCompleted: nothing,
    checkpoint.AlignmentCompleted: whole,
    checkpoint.SubtaskAcknowledged: nothing,
    checkpoint.CheckpointCompleted: complete,
}
"""What is told in other words than of a job."""
