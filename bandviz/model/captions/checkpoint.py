"""Captions for checkpoints: trigger, barriers, alignment, snapshots, and how they end."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, checkpoint
from bandviz.events.checkpoint import BarrierKind, InFlightSide
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.model.captions.telling import (
    Caption,
    Teller,
    called,
    caption,
    is_final,
    is_two_phase,
    receiver,
    sender,
)
from bandviz.model.contents import ALL, brief_text, snapshot_pairs
from bandviz.model.facts import Part, RunFacts
from bandviz.model.memory import missing
from bandviz.model.views import STATEFUL
from bandviz.model.words import listed, many, seconds
from bandviz.text import LABEL, door

_ABORTED_BECAUSE: Final = {
    Reason.EXPIRED: "Not all acknowledgements came in time.",
    Reason.DECLINED: "A task could not deliver its part and said so.",
    Reason.SUBSUMED: "A newer one is ahead of it, so nobody needs it any more.",
    Reason.JOB_FAILOVER: "The crash took it along: some parts are missing for ever.",
    Reason.FINALIZE_FAILURE: "All parts were there, but the manifest could not be stored.",
    Reason.CANCELLED: "A cancel marker came instead of a barrier.",
    Reason.ASYNC_FAILURE: "A part could not be stored.",
    Reason.IO_FAILURE: "The storage gave no place for it.",
    Reason.TASK_CLOSING: "Part of a vertex had ended whose state is shared by all of it.",
    Reason.TASK_NOT_READY: "A task had ended before it was told to begin.",
    Reason.COORDINATOR_SUSPENDED: "Only the JobManager knew how far it was, and that is dead.",
    Reason.COORDINATOR_SHUTDOWN: "The job has ended; nobody needs it any more.",
    Reason.INPUT_ENDED: "An input ended before its barrier came.",
}


def checkpoint_triggered(model: RunFacts, event: checkpoint.CheckpointTriggered) -> Caption:
    """The JobManager begins."""
    number = event.checkpoint_id
    told = listed([called(model, name) for name in event.triggered])
    tasks = many(len(model.tasks(event.expected)), "task")
    ended = any(model.kind(name) != "source" for name in event.triggered)
    whom = "those whose senders have all ended" if ended else "the sources"
    text = (
        f"It tells only {whom} ({told}); the stream tells the rest. "
        f"{tasks} must store a part and say so before it is complete. "
    )
    if event.kind.is_savepoint:
        return caption(
            f"TRIGGER: the JobManager starts savepoint {number}.",
            text + "Its barriers are always aligned; it waits for no limit.",
            "a photo for the visitor, in full formation.",
        )
    if is_final(model):
        return caption(
            f"FINAL CHECKPOINT: the JobManager starts checkpoint {number} behind the last record.",
            text + "It commits the tail of the output; after it the tasks may end.",
            "one last photo, when the music is over.",
        )
    return caption(
        f"TRIGGER: the JobManager starts checkpoint {number}.",
        text + "Nobody stops working for it.",
        "the drum major lifts the baton: a photo, while the music goes on.",
    )


def trigger_refused(_model: RunFacts, event: checkpoint.CheckpointTriggerRefused) -> Caption:
    """No checkpoint this time."""
    return caption(
        "NOT NOW: it was time for a checkpoint, but none is started.",
        f"The reason: {door(event.reason, LABEL // 2)}. No number is used up, nothing is lost; the "
        "next turn of the interval tries again.",
        "no photo just now.",
    )


def barrier_emitted(model: RunFacts, event: checkpoint.BarrierEmitted) -> Caption:
    """A barrier sets off."""
    name, to = called(model, event.subtask), receiver(model, event.channel)
    if event.kind is BarrierKind.UNALIGNED:
        return caption(
            f"BARRIER: {name} sends barrier >{event.checkpoint_id}> to {to}, ahead of its records.",
            "It is unaligned: it does not wait in line. What it overtakes becomes part of the "
            "checkpoint, so the cut is as exact as an aligned one.",
            "the marker runs ahead of the row.",
        )
    if event.kind is BarrierKind.FORCED_ALIGNED:
        return caption(
            f"FORCED ALIGNED: {name} sends barrier >{event.checkpoint_id}] to {to}, in line.",
            "The checkpoint is unaligned, but on this edge nothing may overtake: what is in flight "
            "here could not be shared out anew by a restore. So the barrier waits its turn.",
            "the marker would run ahead, but through this door they go one by one.",
        )
    held = " It waits at the sender's end, for the gate ahead is closed." * (event.arrive_us < 0)
    return caption(
        f"BARRIER: {name} sends barrier [{event.checkpoint_id}] to {to}.",
        f'A barrier is a marker in the stream: "all before me belongs to checkpoint '
        f'{event.checkpoint_id}". It goes in line with the records and overtakes none.{held}',
        "the marker goes down the row, from player to player.",
    )


def barrier_arrived(model: RunFacts, event: checkpoint.BarrierArrived) -> Caption:
    """A barrier is taken out."""
    number = event.checkpoint_id
    return caption(
        f"BARRIER [{number}] from {sender(model, event.channel)} has come to "
        f"{called(model, event.subtask)}.",
        f"Every record that was in front of it on this channel is worked off and belongs to "
        f"checkpoint {number}; what follows behind it does not.",
        "the marker has come to this player from one side.",
    )


def barrier_announced(model: RunFacts, event: checkpoint.BarrierAnnounced) -> Caption:
    """It is there, but not yet at the front."""
    number = event.checkpoint_id
    return caption(
        f"ANNOUNCED: {called(model, event.subtask)} learns that barrier [{number}] from "
        f"{sender(model, event.channel)} is in its queue.",
        "It stands behind records that are not worked off yet. A clock runs: if it takes too long, "
        "the barrier will go ahead of them.",
        "the marker is in the row; somebody looks at the clock.",
    )


def barrier_overtook(model: RunFacts, event: checkpoint.BarrierOvertook) -> Caption:
    """Out of line."""
    number, ahead = event.checkpoint_id, event.side is InFlightSide.INPUT
    where = "the queue of" if ahead else "the output queue to"
    return caption(
        f"OVERTAKING: barrier [{number}] goes to the front in {where} "
        f"{receiver(model, event.channel)}.",
        "It does not wait until the records before it are worked off. They become part of the "
        "checkpoint, as data in flight.",
        "the marker runs past the row, and the row is in the photo as it stands.",
    )


def in_flight_persisted(model: RunFacts, event: checkpoint.InFlightPersisted) -> Caption | None:
    """The price of overtaking."""
    if not event.record_count:
        return None
    records = many(event.record_count, "record")
    where = "not yet read" if event.side is InFlightSide.INPUT else "not yet sent"
    return caption(
        f"IN FLIGHT: {records} from {sender(model, event.channel)} to "
        f"{receiver(model, event.channel)} go into checkpoint {event.checkpoint_id}.",
        f"They were {where}, so they are in nobody's state; a restore would lose them. "
        f"{called(model, event.subtask)} stores them with its own part.",
        "who is between two rows is in the photo as well.",
    )


def in_flight_restored(model: RunFacts, event: checkpoint.InFlightRestored) -> Caption:
    """And back."""
    records = many(event.record_count, "record")
    return caption(
        f"IN FLIGHT AGAIN: {records} of checkpoint {event.checkpoint_id} are put back on the way "
        f"to {receiver(model, event.channel)}.",
        "They were overtaken by the barrier and stored with the checkpoint. The sources do not "
        "send them again: their offsets are behind these records.",
        "everyone who stood between two rows stands there again.",
    )


def alignment_timed_out(model: RunFacts, event: checkpoint.AlignmentTimedOut) -> Caption:
    """Aligned, until now."""
    name, number = called(model, event.subtask), event.checkpoint_id
    return caption(
        f"TIME-OUT: checkpoint {number} took too long to align; at {name} it goes on unaligned.",
        f"{name} takes its snapshot now, and with it the records that stand before the missing "
        "barriers. Only this checkpoint is switched; the next one starts aligned again.",
        "no more waiting: the photo is taken as they stand.",
    )


def barrier_ignored(model: RunFacts, event: checkpoint.BarrierIgnored) -> Caption:
    """Too late."""
    return caption(
        f"IGNORED: barrier [{event.checkpoint_id}] comes to {called(model, event.subtask)} too "
        "late and is dropped.",
        f"Checkpoint {event.checkpoint_id} is over here: finished, given up, or left behind by a "
        "newer one. The channel is read on at once.",
        "that photo is history; the marker is put aside.",
    )


def alignment_started(model: RunFacts, event: checkpoint.AlignmentStarted) -> Caption | None:
    """The first of several barriers; one channel alone has nothing to align."""
    if event.expected_count < 2:
        return None
    name, number = called(model, event.subtask), event.checkpoint_id
    return caption(
        f"ALIGNMENT begins at {name}: the first of {event.expected_count} barriers "
        f"[{number}] is here.",
        f"{name} must cut all its inputs at the same point of checkpoint {number}. Until the other "
        "barriers come, it reads only the channels that have not delivered theirs.",
        "one row has the marker; this player waits for the other rows.",
    )


def channel_blocked(model: RunFacts, event: checkpoint.ChannelBlocked) -> Caption | None:
    """Which barrier is here, which is not, and what would go wrong without the gate."""
    page = model.checkpoints.get(event.checkpoint_id)
    part = page.parts.get(event.subtask) if page else None
    late = [called(model, one) for one in missing(model, event.subtask, part or Part())]
    if page is None or not late:
        return None
    name, origin, number = (
        called(model, event.subtask), sender(model, event.channel), event.checkpoint_id
    )  # fmt: skip
    if len(late) == 1:
        absent, verb = f"the one from {late[0]} is", "comes"
    else:
        absent, verb = f"those from {len(late)} others are", "come"
    forced = model.channels[event.channel].forced
    sign = f">{number}]" if forced else f"[{number}]"
    return caption(
        f"BLOCKED: the barrier {sign} from {origin} is here, {absent} not.",
        f"{name} stops reading {origin} until {listed(late, 2)} {verb} as far. If it read on, "
        f"later records of {origin} would be in its state, but {origin}'s own part is cut before "
        "them: after a crash they would come again and count twice.",
        "this row holds its pose until the marker has come down the other row too.",
    )


def channel_unblocked(model: RunFacts, event: checkpoint.ChannelUnblocked) -> Caption | None:
    """Reading on, behind the cut or without one; a gate of one input has nobody to wait for."""
    if len(model.inputs[event.subtask]) < 2:
        return None
    name, origin = called(model, event.subtask), sender(model, event.channel)
    waited = event.released_count
    more = f"; {many(waited, 'waiting element')} set{'s' if waited == 1 else ''} off"
    page = model.checkpoints.get(event.checkpoint_id)
    part = page.parts.get(event.subtask) if page else None
    done = "made" if part is not None and part.taken else "given up"
    return caption(
        f"UNBLOCKED: {name} reads {origin} again{more if waited else ''}.",
        f"The cut of checkpoint {event.checkpoint_id} is {done} here, so what comes behind the "
        "barrier may come in. Nothing was lost by waiting, only time: the price of alignment.",
        "the row may move again.",
    )


def alignment_completed(model: RunFacts, event: checkpoint.AlignmentCompleted) -> Caption | None:
    """All barriers are here."""
    count = len(model.inputs[event.subtask])
    if count < 2:
        return None
    name, number = called(model, event.subtask), event.checkpoint_id
    here = "both barriers" if count == 2 else "all barriers"
    return caption(
        f"ALIGNED: {here} [{number}] are at {name}, after {seconds(event.duration_us)}.",
        f"{name} sends [{number}] on, then copies its state; no record slips in between. So its "
        "part holds exactly the effect of the records in front of the barriers.",
        "the marker is here from every row: click.",
    )


def alignment_aborted(model: RunFacts, event: checkpoint.AlignmentAborted) -> Caption:
    """The subtask gives it up."""
    return caption(
        f"GIVEN UP: {called(model, event.subtask)} drops checkpoint {event.checkpoint_id} "
        f"({event.reason.value}).",
        "Its channels are read again, it declines to the JobManager, and it sends a cancel marker "
        "down the stream so that nobody below waits for its barrier.",
        "this player waves the photographer off.",
    )


def cancel_emitted(model: RunFacts, event: checkpoint.CancelMarkerEmitted) -> Caption:
    """A cancel marker sets off."""
    return caption(
        f"CANCEL: {sender(model, event.channel)} tells {receiver(model, event.channel)} not to "
        f"wait for checkpoint {event.checkpoint_id}.",
        "A cancel marker goes in line like a barrier. Without it, those below would hold their "
        "channels for a barrier that never comes.",
        "word goes down the row: no photo.",
    )


def cancel_arrived(model: RunFacts, event: checkpoint.CancelMarkerArrived) -> Caption:
    """A cancel marker is taken out."""
    return caption(
        f"CANCEL: {called(model, event.subtask)} hears that checkpoint {event.checkpoint_id} "
        "will not be.",
        "If it was aligning for it, it gives up, releases its channels, and passes the marker on. "
        "If not, it remembers that a barrier of this number means nothing.",
        "no photo; move on.",
    )


def snapshot_taken(model: RunFacts, event: checkpoint.SnapshotTaken) -> Caption:
    """The part, in the words of its kind."""
    name, number = called(model, event.subtask), event.checkpoint_id
    pairs = snapshot_pairs(model, event.subtask, event.state, ALL) or ()
    held = brief_text(model, event.subtask, pairs)
    match model.kind(event.subtask):
        case "source":
            ended = model.subtasks[event.subtask].input_ended
            goes_on = "has nothing more to read" if ended else "reads on"
            headline = f'CUT: {name} notes "next {held}" for checkpoint {number} and {goes_on}.'
            text = (
                f"It puts barrier [{number}] behind what it has sent so far. After a crash it "
                "would go on reading exactly here."
            )
        case kind if kind in STATEFUL:
            headline = f"SNAPSHOT: {name} copies its state: {held or 'nothing yet'}."
            text = (
                f"It holds the effect of all records before barrier [{number}] and of none behind "
                "it. Copying is quick; storing the copy goes on beside the work."
            )
        case "sink" if is_two_phase(model, event.subtask):
            headline = (
                f"SNAPSHOT: {name} promises {held or 'no transaction'} to checkpoint {number}."
            )
            text = (
                "The rows so far are on disk but hidden. They will be shown when the whole "
                "checkpoint is complete, even if the sink dies before that."
            )
        case _:
            headline = f"SNAPSHOT: {name} keeps no state; its part of checkpoint {number} is empty."
            text = "Its acknowledgement is still needed: it says that the barrier came through."
    return caption(headline, text, "click: the pose of this player is on the film.")


def upload_completed(model: RunFacts, event: checkpoint.UploadCompleted) -> Caption:
    """Durable."""
    return caption(
        f"STORED: {called(model, event.subtask)}'s part of checkpoint {event.checkpoint_id} is on "
        "disk.",
        f"{many(event.uploaded_bytes, 'byte')} after {seconds(event.duration_us)} of upload, while "
        "records were worked off as ever. Next it tells the JobManager.",
        "one more negative is in the box.",
    )


def subtask_acknowledged(model: RunFacts, event: checkpoint.SubtaskAcknowledged) -> Caption | None:
    """One more of so many; a chain says so once, for all of its operators."""
    if not model.leads(event.subtask):
        return None
    page = model.checkpoints.get(event.checkpoint_id)
    done, of = event.acknowledged_count, event.expected_count
    if page is not None:
        done -= len(page.acknowledged) - len(model.tasks(page.acknowledged))
        of -= len(page.expected) - len(model.tasks(page.expected))
    return caption(
        f"ACK: {called(model, event.subtask)} has stored its part: {done} of {of}.",
        f"The JobManager ticks it off for checkpoint {event.checkpoint_id}. A part alone is worth "
        "nothing; only all of them together make a checkpoint.",
        "one more player has nodded.",
    )


def acknowledgement_ignored(model: RunFacts, event: checkpoint.AcknowledgementIgnored) -> Caption:
    """Late or double."""
    return caption(
        f"IGNORED: {called(model, event.subtask)}'s acknowledgement of checkpoint "
        f"{event.checkpoint_id}.",
        f"The reason: {door(event.reason, LABEL // 2)}. Nothing changes.",
        "a nod that nobody waits for.",
    )


def checkpoint_completed(model: RunFacts, event: checkpoint.CheckpointCompleted) -> Caption:
    """All have acknowledged."""
    page = model.checkpoints[event.checkpoint_id]
    count = len(model.tasks(page.expected))
    tasks = many(count, "task")
    have = "has" if count == 1 else "have"
    if not page.kind.is_for_recovery:
        return caption(
            f"COMPLETE: {tasks} {have} stored and said so: savepoint {event.checkpoint_id} is "
            "complete.",
            "It is the user's to keep and to start from. The tasks are not told, so no output is "
            "committed for it; a crash restores the newest checkpoint, not this.",
            "the visitor has the photo; the album is as before.",
        )
    shares = (
        f"Only {event.checkpointed_bytes:,} of its {event.full_bytes:,} bytes are new: the rest it "
        "shares with older ones. "
        if event.checkpointed_bytes < event.full_bytes
        else ""
    )
    return caption(
        f"COMPLETE: {tasks} {have} stored and said so: checkpoint {event.checkpoint_id} is "
        "complete.",
        f"{shares}From now on a restore may use it. It took {seconds(event.duration_us)}, while "
        "records were worked off as ever. Next the tasks are told; a sink with transactions shows "
        "what it had promised.",
        "the photo is developed and goes into the album.",
    )


def checkpoint_aborted(_model: RunFacts, event: checkpoint.CheckpointAborted) -> Caption:
    """It will never complete."""
    return caption(
        f"ABORTED: checkpoint {event.checkpoint_id} will never complete ({event.reason.value}).",
        f"{_ABORTED_BECAUSE[event.reason]} Parts already stored are deleted; a restore uses only "
        "complete checkpoints, so nothing depends on it.",
        "this photo is blurred and thrown away.",
    )


def checkpoint_discarded(_model: RunFacts, event: checkpoint.CheckpointDiscarded) -> Caption:
    """Retired."""
    return caption(
        f"DELETED: checkpoint {event.checkpoint_id} goes, for newer ones are complete.",
        "Only so many complete checkpoints are kept, and a restore takes the newest. Old ones "
        "would only cost room.",
        "an old photo makes room in the album.",
    )


def completion_notified(model: RunFacts, event: checkpoint.CompletionNotified) -> Caption | None:
    """Only a sink with transactions does something visible with it."""
    if not is_two_phase(model, event.subtask):
        return None
    return caption(
        f"TOLD: {called(model, event.subtask)} hears that checkpoint {event.checkpoint_id} is "
        "complete.",
        "Only now may it show the rows that belong to it: a crash would restore this checkpoint, "
        "not one before it, so nobody will make these rows a second time.",
        "the word is out: that photo counts.",
    )


def group_offset_committed(model: RunFacts, event: checkpoint.GroupOffsetCommitted) -> Caption:
    """A by-product."""
    return caption(
        f"NOTED: {called(model, event.subtask)} tells the broker that it is at offset "
        f"{event.offset}.",
        "This is for monitoring only. A restore takes the offset from the checkpoint and never "
        "asks the broker, so the two may differ.",
        "a note for the onlookers.",
    )


TELLERS: Final[dict[type[Event], Teller]] = {
    checkpoint.CheckpointTriggered: checkpoint_triggered,
    checkpoint.CheckpointTriggerRefused: trigger_refused,
    checkpoint.BarrierEmitted: barrier_emitted,
    checkpoint.BarrierArrived: barrier_arrived,
    checkpoint.BarrierAnnounced: barrier_announced,
    checkpoint.BarrierOvertook: barrier_overtook,
    checkpoint.InFlightPersisted: in_flight_persisted,
    checkpoint.InFlightRestored: in_flight_restored,
    checkpoint.AlignmentTimedOut: alignment_timed_out,
    checkpoint.BarrierIgnored: barrier_ignored,
    checkpoint.AlignmentStarted: alignment_started,
    checkpoint.ChannelBlocked: channel_blocked,
    checkpoint.ChannelUnblocked: channel_unblocked,
    checkpoint.AlignmentCompleted: alignment_completed,
    checkpoint.AlignmentAborted: alignment_aborted,
    checkpoint.CancelMarkerEmitted: cancel_emitted,
    checkpoint.CancelMarkerArrived: cancel_arrived,
    checkpoint.SnapshotTaken: snapshot_taken,
    checkpoint.UploadCompleted: upload_completed,
    checkpoint.SubtaskAcknowledged: subtask_acknowledged,
    checkpoint.AcknowledgementIgnored: acknowledgement_ignored,
    checkpoint.CheckpointCompleted: checkpoint_completed,
    checkpoint.CheckpointAborted: checkpoint_aborted,
    checkpoint.CheckpointDiscarded: checkpoint_discarded,
    checkpoint.CompletionNotified: completion_notified,
    checkpoint.GroupOffsetCommitted: group_offset_committed,
}
