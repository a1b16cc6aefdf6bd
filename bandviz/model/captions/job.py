"""Captions for the life of the job: crash, restart, restore, rewind, replay, end."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, flow, job
from bandviz.events.job import JobStatus, RunStatus
from bandviz.ids import SubtaskId
from bandviz.model.captions.coordinator import AROUND_THE_COORDINATOR
from bandviz.model.captions.telling import (
    HIDES_ROWS,
    Caption,
    Teller,
    called,
    caption,
    newest_complete,
)
from bandviz.model.contents import ALL, brief_text, had_pairs, snapshot_pairs
from bandviz.model.facts import RunFacts
from bandviz.model.views import STATEFUL
from bandviz.model.words import are, listed, many, seconds
from bandviz.text import LABEL, door


def job_status_changed(model: RunFacts, event: job.JobStatusChanged) -> Caption | None:
    """Start, restart and the ends."""
    match event.status:
        case JobStatus.RUNNING if event.attempt > 1:
            return _running_again(model, event.attempt)
        case JobStatus.RUNNING:
            return _started(model)
        case JobStatus.RESTARTING:
            return caption(
                "RESTARTING: the JobManager gives up this attempt and builds all tasks new.",
                "Nothing is repaired in place. What the tasks held in memory is forgotten on "
                "purpose: their points in the stream do not fit together, and mixing them would "
                "lose or repeat records.",
                "everyone off the field; the march is set up again from the last photo.",
            )
        case JobStatus.FAILED:
            return caption(
                "FAILED: the restart strategy allows no further attempt; the job stops for good.",
                "Checkpoints and committed output stay on disk. A person could start the job again "
                "from the newest checkpoint; the job itself will not.",
                "the conductor sends everybody home.",
            )
        case JobStatus.FINISHED:
            return caption(
                "FINISHED: all tasks have ended well; the job is done.",
                "Each task has worked off all its input and handed all its output on. Nothing is "
                "in memory any more that anybody would miss.",
                "the last note, the last photo, and off.",
            )
    return None


def _started(model: RunFacts) -> Caption:
    records = sum(tape.declared.record_count for tape in model.tapes.values())
    return caption(
        f"START: {many(len(model.tasks(model.subtasks)), 'task')} run; "
        f"{many(records, 'record')} {are(records)} on the source logs.",
        "Above is MEMORY: the state in the boxes and the records on their way; a crash wipes it. "
        "Below is DISK: source logs, checkpoints and public output; it survives. Each record must "
        "have its effect exactly once.",
        "the band marches off; nobody has taken a photo yet.",
    )


def _running_again(model: RunFacts, attempt: int) -> Caption:
    source = model.job.restored_from
    whence = f"from checkpoint {source}" if source else "from zero"
    again = _replay_length(model)
    repeats = f"{many(again, 'record')} will be read a second time" if again else "none repeats"
    return caption(
        f"RUNNING again: attempt {attempt} goes on {whence}.",
        f"The clock did not go back, only the offsets did. Of all records {repeats}. State went "
        "back to the same points of the stream, so in the state each record counts once.",
        "everyone is back in the last good pose and plays on from that bar.",
    )


def _replay_length(model: RunFacts) -> int:
    return sum(
        tape.replay_end() - tape.reread_from
        for tape in model.tapes.values()
        if tape.reread_from is not None
    )


_PLAIN: Final = {
    **AROUND_THE_COORDINATOR,
    "poison": (
        "BREAK IT: the next record of {target} is poison.",
        "User logic raises on it, and it stays on the log: each time it is read again, it will "
        "raise again. No restart gets past it.",
        "one page of the score is smudged, in every copy.",
    ),
    "raise_once": (
        "BREAK IT: user logic of {target} raises on its next record, once.",
        "Something that passes: a service did not answer, a disk was full. When the record comes "
        "again, all will be well.",
        "one player will sneeze, in one bar.",
    ),
    "zombie": (
        "BREAK IT: {target} is not heard of any more. It lives on, but the job takes it for dead.",
        "Its network is cut, not its power. The job starts another attempt; the old one still has "
        "records in its input, and knows of nothing.",
        "one player plays on behind the stage, and does not hear that he was replaced.",
    ),
}
"""Faults by name: headline, text, band."""


def fault_injected(_model: RunFacts, event: job.FaultInjected) -> Caption:
    """Somebody broke something."""
    target = door(event.target, LABEL // 4)
    if event.fault == "kill":
        return caption(
            f"BREAK IT: {target} is killed, without warning.",
            "The process is gone in the middle of its work: no goodbye, no last snapshot. What "
            "counts now is only what stood on disk before.",
            "one player drops, right in the middle of a bar.",
        )
    if event.fault == "lose":
        return caption(
            f"BREAK IT: {target} is lost, and all that ran in its slots.",
            "A process holds a slice of every operator: all its subtasks die in one step, without "
            "a last snapshot. A new process takes its place for the restart.",
            "a whole file of players is gone, one from every row.",
        )
    if event.fault == "corrupt_checkpoint":
        return caption(
            f"BREAK IT: one bit of a stored file of checkpoint {target} is flipped.",
            "Nothing notices yet, for nobody reads a checkpoint while all goes well. Each stored "
            "file carries a checksum; it is looked at when a restore reads the file.",
            "someone scratches a photo in the album; nobody opens the album yet.",
        )
    if event.fault in _PLAIN:
        headline, text, band = _PLAIN[event.fault]
        return caption(headline.format(target=target), text, band)
    return caption(
        f"BREAK IT: {door(event.fault, LABEL // 4)} hits {target}.",
        "A fault was put in on purpose, to see what the job makes of it.",
        "someone plays a trick on the band.",
    )


def subtask_failed(model: RunFacts, event: job.SubtaskFailed) -> Caption:
    """What is gone, what is left, and what the job will fall back to."""
    dead, died = [event.subtask], f"{called(model, event.subtask)} is dead"
    if model.job.lost_managers:
        dead = list(model.job.failed)
        tasks = many(len(model.tasks(dead)), "task")
        died = f"{listed(model.job.lost_managers)} is lost with {tasks}"
    region = model.tasks(dict.fromkeys(name for one in dead for name in model.region(one)))
    stopped = len(region) - len(model.tasks(dead))
    unharmed = len(model.tasks(model.subtasks)) - len(region)
    whom = many(stopped, "task") if unharmed or stopped != 1 else "task"
    stops = f", and Flink stops {'' if unharmed else 'the other '}{whom} as well" if stopped else ""
    spared = f" {many(unharmed, 'task')} {are(unharmed)} joined to it by no channel: they run on."
    moving = [one.record_count() + one.lost_record_count for one in model.channels.values()]
    records = sum(tape.declared.record_count for tape in model.tapes.values())
    newest = newest_complete(model)
    kept = f", checkpoint {newest}" if newest else ""
    way = "its" if sum(moving) == 1 else "their"
    return caption(
        f"CRASH: {died}{stops}.",
        "Each had reached a different point; only a checkpoint fits all of them. Gone: "
        f"{_loss(model, event.subtask)}, and {many(sum(moving), 'record')} on {way} way. "
        f"Still on disk: {many(records, 'record')} of input{kept}, the output. "
        + ("" if newest else "No checkpoint is complete: a restart begins from zero.")
        + (spared if unharmed else ""),
        "one player falls, so the whole band stops; only the photos stay.",
    )


def _loss(model: RunFacts, name: SubtaskId) -> str:
    """What this subtask held in memory, in a few words."""
    here = called(model, name)
    match model.kind(name):
        case "source":
            tapes = [tape for tape in model.tapes_of(name) if tape.crash_offset is not None]
            if len(tapes) == 1:
                return f"{here}'s next offset {tapes[0].crash_offset}"
            return f"{here}'s places in {many(len(tapes), 'partition')}"
        case "sink":
            for one in model.transactions.values():
                if one.orphan and one.subtask == name:
                    return f"{here}'s hold on transaction {one.transaction_id}"
            return f"{here}'s place in the stream"
        case kind if kind in STATEFUL:
            had = brief_text(model, name, had_pairs(model, name, ALL))
            return f"{had} in {here}" if had else f"the state of {here}"
    return f"{here}'s place in the stream"


def subtask_finished(model: RunFacts, event: job.SubtaskFinished) -> Caption:
    """A good end."""
    return caption(
        f"FINISHED: {called(model, event.subtask)} has ended well.",
        "All its input is read, all its output is sent, and the final checkpoint has been "
        "confirmed. It takes no part in anything that comes.",
        "this row has played its last bar and leaves the field.",
    )


def process_lost(model: RunFacts, event: job.ProcessLost) -> Caption:
    """The real crash."""
    newest = newest_complete(model)
    whence = f"checkpoint {newest}" if newest else "an empty start, for no checkpoint is complete"
    return caption(
        f"PROCESS LOST: process {event.process} is gone; another one goes on from the disk.",
        "This was no simulated crash: the program itself ended, and all memory with it. What "
        f"counts is on disk: input, journal, output, and {whence}.",
        "the whole band has left; another one marches on from the photo.",
    )


def restart_scheduled(model: RunFacts, event: job.RestartScheduled) -> Caption:
    """What the next attempt will start from."""
    newest = newest_complete(model)
    from_where = (
        f"Then new, empty tasks will load checkpoint {newest}, the newest complete one."
        if newest
        else "No checkpoint is complete, so it will start from zero and read all input again."
    )
    return caption(
        f"RESTART: attempt {event.attempt} begins at {seconds(event.due_us)}.",
        "The restart strategy waits a little, so that a fault that passes by itself has passed. "
        + from_where,
        "the band catches its breath and looks for the last good photo.",
    )


def restore_started(_model: RunFacts, event: job.RestoreStarted) -> Caption:
    """Which checkpoint, or none."""
    if not event.checkpoint_id:
        return caption(
            f"RESTORE: there is no checkpoint, so attempt {event.attempt} starts from zero.",
            "State is empty again. Where a source begins then is a setting: at offset 0, so that "
            "all is done again, or behind what is there, so that it is skipped.",
            "no photo was taken yet: back to the first bar.",
        )
    return caption(
        f"RESTORE: new, empty tasks load checkpoint {event.checkpoint_id}.",
        "All parts come from the same checkpoint, also for tasks that had not failed. Only what "
        "was stored there exists for the new attempt: state, offsets, promised transactions.",
        "the photo is pinned up, and every player takes the pose it shows.",
    )


def checkpoint_refused(model: RunFacts, event: job.CheckpointRefused) -> Caption:
    """The damaged one, and what comes instead."""
    newest = newest_complete(model)
    instead = f"checkpoint {newest}" if newest else "an empty start, for no other is left"
    return caption(
        f"DAMAGED: checkpoint {event.checkpoint_id} cannot be restored; next comes {instead}.",
        f"File {door(event.file, LABEL // 4)} does not match its checksum, and half a checkpoint "
        "is none. An older one means more to read again, and rows committed since may be shown "
        "twice.",
        "the newest photo is spoilt, so they take the one before.",
    )


def subtask_restored(model: RunFacts, event: job.SubtaskRestored) -> Caption | None:
    """Its state again; empty parts say nothing, and sources tell it with their rewind."""
    pairs = snapshot_pairs(model, event.subtask, event.state, ALL)
    kind = model.kind(event.subtask)
    if not pairs or kind == "source":
        return None
    name, held = called(model, event.subtask), brief_text(model, event.subtask, pairs)
    if kind == "sink":
        return caption(
            f"RESTORED: {name} finds in checkpoint {event.checkpoint_id} that it promised {held}.",
            "It keeps that promise now, whether or not the former attempt had done so before it "
            "died. What was written after the checkpoint will be written again.",
            "the player finds on the photo which sheets were to go up.",
        )
    return caption(
        f"RESTORED: {name} is back at {held}.",
        f"This is what it held at its barriers of checkpoint {event.checkpoint_id}, and nothing "
        "later. What it had learnt since is not lost: the records come again.",
        "back in the old pose, as the photo shows it.",
    )


def source_rewound(model: RunFacts, event: job.SourceRewound) -> Caption:
    """How far back."""
    name = _log_name(model, event)
    back = event.from_offset - event.to_offset
    if back < 0:
        return caption(
            f"SKIP: {name} goes on at offset {event.to_offset}, not at {event.from_offset}.",
            f"No checkpoint says where it was, and its setting says: begin with what is new. "
            f"{many(-back, 'record')} {are(-back)} passed over, and nobody will read them.",
            "this row does not know the bar, and joins in where the others play now.",
        )
    if back == 0:
        return caption(
            f"REWIND: {name} goes on at offset {event.to_offset}; there is nothing to read again.",
            "Its place then is its place now: it had read nothing since, or begins with the new.",
            "this row had not moved since the photo.",
        )
    return caption(
        f"REWIND: {name} goes back from offset {event.from_offset} to {event.to_offset}.",
        f"{many(back, 'record')} will be read a second time. That is right: the state went back to "
        "before them as well. It needs a source that can be read again.",
        "this row walks back to where it stood on the photo.",
    )


def _log_name(model: RunFacts, event: job.SourceRewound) -> str:
    name = called(model, event.subtask)
    tape = model.tapes[event.subtask.vertex, event.partition]
    return name if len(model.tapes_of(event.subtask)) == 1 else f"{name}'s {tape.declared.label}"


def source_polled(model: RunFacts, event: flow.SourcePolled) -> Caption | None:
    """The poll with which the last partition leaves its replay."""
    own = model.tapes[event.subtask.vertex, event.partition]
    end = own.replay_end()
    if not event.offset < end <= event.offset + event.count:
        return None
    if any(tape.replays() for tape in model.tapes.values()):
        return None
    again = _replay_length(model)
    shown = any(board.contract not in HIDES_ROWS for board in model.boards.values())
    return caption(
        f"REPLAY DONE: {many(again, 'record')} {are(again)} read again; from here on all is new.",
        "In the state these records have their effect once: the first effect was thrown away with "
        "the memory, the second one counts. "
        + ("But rows that a sink had shown at once were shown again." if shown else ""),
        "they have come to the bar where the music broke off.",
    )


def choice_diverged(_model: RunFacts, event: job.ChoiceDiverged) -> Caption:
    """Re-execution left the recording."""
    return caption(
        "DIVERGED: the recorded move was not possible; the run took another one.",
        f"Wanted: {door(event.wanted, LABEL // 2)}. Taken: {door(event.taken, LABEL // 2)}. "
        "From here on this run is not the recorded one.",
        "the band leaves the written score.",
    )


def run_ended(model: RunFacts, event: job.RunEnded) -> Caption:
    """The end of what there is to see."""
    shown = sum(board.public_count for board in model.boards.values())
    figures = f"{many(model.job.reads, 'read')}, {many(shown, 'row')} shown."
    reason = door(event.reason, LABEL // 2)
    match event.status:
        case RunStatus.FINISHED:
            headline = "END: the job has finished, and so has the run."
            text = f"{figures} Whether each record had its effect exactly once says the verdict."
        case RunStatus.FAILED:
            headline = "END: the job has failed for good."
            text = f"{figures} {reason}"
        case RunStatus.STUCK:
            headline = "STUCK: no move is possible, or too many were made; the run ends here."
            text = f"{figures} {reason} Something waits for a thing that never comes."
    return caption(headline, text, "the parade is over.")


TELLERS: Final[dict[type[Event], Teller]] = {
    job.JobStatusChanged: job_status_changed,
    job.FaultInjected: fault_injected,
    job.SubtaskFailed: subtask_failed,
    job.SubtaskFinished: subtask_finished,
    job.ProcessLost: process_lost,
    job.RestartScheduled: restart_scheduled,
    job.RestoreStarted: restore_started,
    job.CheckpointRefused: checkpoint_refused,
    job.SubtaskRestored: subtask_restored,
    job.SourceRewound: source_rewound,
    job.ChoiceDiverged: choice_diverged,
    job.RunEnded: run_ended,
    flow.SourcePolled: source_polled,
}
