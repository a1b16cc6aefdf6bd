"""Captions for requests, the tolerance for failures, and the coordinator's own crash."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, coordinator
from bandviz.events.coordinator import SnapshotKind
from bandviz.model.captions.telling import Caption, Teller, called, caption
from bandviz.model.facts import RunFacts
from bandviz.model.views import CheckpointStatus
from bandviz.model.words import listed, many

_ASKED: Final = {
    SnapshotKind.CHECKPOINT: (
        "REQUEST: somebody asks for a checkpoint, out of turn.",
        "It does not wait for the interval, nor for the minimal pause. Otherwise it is a "
        "checkpoint like any other.",
        "somebody in the audience calls for a photo.",
    ),
    SnapshotKind.SAVEPOINT: (
        "SAVEPOINT: somebody asks for a copy of the job's state to keep.",
        "It is taken like a checkpoint, always aligned, but it belongs to the user: the job never "
        "deletes it, never restores from it by itself, and commits no output for it.",
        "a photo for the visitor to take home.",
    ),
    SnapshotKind.STOP: (
        "STOP WITH SAVEPOINT: the job is to take a savepoint and end behind it.",
        "Sources read nothing beyond its barrier. When it is complete, output is committed and "
        "the tasks end; the job can be started from it later, changed or not.",
        "one last photo, then everybody rests; the march goes on another day.",
    ),
    SnapshotKind.DRAIN: (
        "DRAIN: the job is to finish what is in it, take a savepoint and end.",
        "Sources end their data first: the highest watermark fires all windows, so no result stays "
        "inside. A job started from this savepoint cannot go on with those windows.",
        "play the piece to its end, one last photo, and off.",
    ),
}

AROUND_THE_COORDINATOR: Final = {
    "crash_coordinator": (
        "BREAK IT: the JobManager is killed, without warning.",
        "It had told nobody what it knew, unless it wrote it down outside of itself.",
        "somebody trips the drum major.",
    ),
    "lose_notification": (
        "BREAK IT: a message to {target} gets lost on its way.",
        "It said that a checkpoint is complete. Nobody repeats it, and nobody misses an answer.",
        "the word is lost in the noise.",
    ),
    "decline_checkpoint": (
        "BREAK IT: {target} cannot take its part of the checkpoint.",
        "It says so to the JobManager. One part missing, and the checkpoint is worth nothing.",
        "one player turns away from the camera.",
    ),
    "refuse_next_commit": (
        "BREAK IT: the broker will fail the next commit of transaction {target}, once.",
        "A promise was made with the checkpoint, and the other side cannot keep it now. Nobody "
        "knows yet; the sink will hear it when it commits.",
        "the hall says no, just when the doors should open.",
    ),
    "fail_storage": (
        "BREAK IT: the checkpoint storage takes no writes any more.",
        "What is stored can still be read. The stream goes on as ever; only new checkpoints fail, "
        "so the way back to the last good one grows.",
        "the album is locked away; the music plays on.",
    ),
    "repair_storage": (
        "REPAIRED: the checkpoint storage takes writes again.",
        "The next checkpoint can complete; it covers everything since the last good one.",
        "the album is open again.",
    ),
}
"""Fault -> headline, text, band."""


def snapshot_requested(_model: RunFacts, event: coordinator.SnapshotRequested) -> Caption:
    """What a person wants."""
    return caption(*_ASKED[event.kind])


def request_queued(model: RunFacts, event: coordinator.CheckpointRequestQueued) -> Caption:
    """Too many at once."""
    running = [
        str(page.checkpoint_id)
        for page in model.checkpoints.values()
        if page.status is CheckpointStatus.IN_PROGRESS
    ]
    return caption(
        f"QUEUED: a {event.kind.value} waits, for {listed(running) or 'another'} is still in "
        "progress.",
        f"{many(event.queued_count, 'request')} in the queue. Only so many checkpoints may be in "
        "progress at once. Savepoints come first, then what people asked for, then the interval's.",
        "one photo at a time.",
    )


def tolerance_exceeded(_model: RunFacts, event: coordinator.ToleranceExceeded) -> Caption:
    """Enough is enough."""
    return caption(
        f"TOO MANY: {many(event.failed_count, 'checkpoint')} failed in a row, the job tolerates "
        f"{event.tolerable_count}. It restarts.",
        "Without new checkpoints a crash would cost more and more, so Flink rather restarts the "
        "job: the fault may pass with it. The counter begins at zero again.",
        "no photo came out; everybody back to the last good one.",
    )


def coordinator_crashed(_model: RunFacts, event: coordinator.CoordinatorCrashed) -> Caption:
    """The one who kept the book."""
    pending = listed([str(number) for number in event.pending])
    lost = f" Checkpoint {pending}, still in progress, is lost with it." if pending else ""
    return caption(
        "CRASH: the JobManager is dead, and with it the book of checkpoints.",
        f"All tasks stop, for nobody leads them.{lost} The files of complete checkpoints are on "
        "disk; which of them is the newest was written in the book.",
        "the drum major falls; the band stops in the middle of the bar.",
    )


def coordinator_recovered(_model: RunFacts, event: coordinator.CoordinatorRecovered) -> Caption:
    """What it knows."""
    if event.completed:
        known = listed([str(number) for number in event.completed])
        return caption(
            f"NEW LEADER: it finds checkpoint {known} in the high-availability store.",
            "The store holds a pointer to the complete checkpoints and the counter of numbers: "
            f"the next one will be {event.next_checkpoint_id}. That is all a new JobManager needs.",
            "another one takes the baton, and finds the album.",
        )
    return caption(
        "NEW LEADER: it knows of no checkpoint, so the job starts from zero.",
        "Whatever lies on disk, nothing points to it: without a high-availability store the book "
        f"was only in memory. Numbers begin at {event.next_checkpoint_id} again.",
        "another one takes the baton, but nobody tells where the album is.",
    )


def notification_lost(model: RunFacts, event: coordinator.NotificationLost) -> Caption:
    """Best effort."""
    return caption(
        f"LOST: {called(model, event.subtask)} is not told that checkpoint {event.checkpoint_id} "
        "is complete.",
        "The checkpoint is complete all the same. Such messages are best effort; the next one, or "
        "a restore, makes good for it, for both commit all that is older as well.",
        "the word does not get through; the photo hangs in the album anyway.",
    )


TELLERS: Final[dict[type[Event], Teller]] = {
    coordinator.SnapshotRequested: snapshot_requested,
    coordinator.CheckpointRequestQueued: request_queued,
    coordinator.ToleranceExceeded: tolerance_exceeded,
    coordinator.CoordinatorCrashed: coordinator_crashed,
    coordinator.CoordinatorRecovered: coordinator_recovered,
    coordinator.NotificationLost: notification_lost,
}
