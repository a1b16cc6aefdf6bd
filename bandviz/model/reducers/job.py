"""Life of the job: a crash empties memory, a restore fills it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bandviz.events import Event, job
from bandviz.events.job import JobStatus
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.model.facts import NO_TRANSACTION, Dirty, RunFacts, Subtask
from bandviz.model.reducers.kinds import (
    CHANNELS,
    CRASH,
    FAULT_MARK,
    JOB,
    SUBTASKS,
    Reducer,
    mark_crash,
    nothing,
)
from bandviz.model.specs import packed_entries, packed_timers
from bandviz.model.views import NO_CHECKPOINT, CheckpointStatus, MarkView, SubtaskStatus
from bandviz.text import door

_LOCKS: Final = {"fail_storage": True, "repair_storage": False}


def job_status_changed(model: RunFacts, event: job.JobStatusChanged) -> Dirty:
    """Once the job runs, nothing of the last crash is shown any more."""
    model.job.status = event.status
    model.job.attempt = event.attempt
    model.job.queued_count = 0
    if event.status is JobStatus.RUNNING:
        model.job.failed = ()
        model.job.restart_due_us = None
        model.job.too_many_failed = 0
        for channel in model.channels.values():
            channel.lost_record_count = 0
    return JOB | CHANNELS


def fault_injected(model: RunFacts, event: job.FaultInjected) -> Dirty:
    """What somebody does to a process or to the storage lasts; of all else what follows is seen."""
    model.marks.append(MarkView(model.time_us, FAULT_MARK, model.step))
    if event.fault == "lose":
        model.job.lost_managers += (event.target,)
    model.job.storage_locked = _LOCKS.get(event.fault, model.job.storage_locked)
    return JOB | Dirty.TIME


def subtask_failed(model: RunFacts, event: job.SubtaskFailed) -> Dirty:
    """Its memory is gone; the first of a crash sets the mark."""
    down = [one for one in model.job.failed if model.subtasks[one].status is SubtaskStatus.FAILED]
    if not down:
        mark_crash(model)
    model.job.failed = (*down, event.subtask)
    _wipe(model, event.subtask, SubtaskStatus.FAILED)
    sentence = door(f"attempt {event.attempt}: {event.reason}, {event.detail}")
    calls = [door(line) for line in event.trace.split("\n") if line]
    model.subtasks[event.subtask].failure = (sentence, *calls)
    return CRASH


def subtask_canceled(model: RunFacts, event: job.SubtaskCanceled) -> Dirty:
    """Its memory is gone as well."""
    _wipe(model, event.subtask, SubtaskStatus.CANCELED)
    return CRASH


def _wipe(model: RunFacts, name: SubtaskId, status: SubtaskStatus) -> None:
    """Working state becomes what it *had*; its gate, its marks and its open transaction let go, and
    so does what it had sealed for a checkpoint that came to nothing.
    """
    subtask = model.subtasks[name]
    model.subtasks[name] = Subtask(
        subtask.declared, status, subtask.attempt, had=subtask.keyed, failure=subtask.failure
    )
    for channel in model.inputs[name]:
        model.channels[channel].blocked_by = NO_CHECKPOINT
    for tape in model.tapes_of(name):
        tape.crash_offset, tape.next_offset, tape.reread_from = tape.next_offset, None, None
    if subtask.transaction_id != NO_TRANSACTION:
        model.transactions[subtask.transaction_id].orphan = True
    for sealed in model.transactions.values():
        page = model.checkpoints.get(sealed.checkpoint_id)
        if sealed.subtask == name and page and page.status is CheckpointStatus.ABORTED:
            sealed.orphan = True


def subtask_deployed(model: RunFacts, event: job.SubtaskDeployed) -> Dirty:
    """A new execution, empty."""
    old = model.subtasks[event.subtask]
    model.subtasks[event.subtask] = Subtask(
        old.declared,
        SubtaskStatus.RUNNING,
        event.attempt,
        failure=old.failure,
        deployed_us=model.time_us,
    )
    for channel in model.inputs[event.subtask]:
        model.channels[channel].ended = None
    return SUBTASKS | CHANNELS


def subtask_finished(model: RunFacts, event: job.SubtaskFinished) -> Dirty:
    """It keeps what it holds, for people to look at."""
    model.subtasks[event.subtask].status = SubtaskStatus.FINISHED
    return SUBTASKS


def channel_cleared(model: RunFacts, event: job.ChannelCleared) -> Dirty:
    """Empty; what was lost stays written on it until the job runs again."""
    channel = model.channels[event.channel]
    channel.elements = {}
    channel.lost_record_count = event.lost_record_count
    if model.job.lost_attempt != model.job.attempt:
        model.job.lost, model.job.lost_attempt = 0, model.job.attempt
    model.job.lost += event.lost_record_count
    return CHANNELS | JOB


def process_lost(model: RunFacts, event: job.ProcessLost) -> Dirty:
    """The failures of its subtasks follow."""
    model.job.process = event.process + 1
    return JOB


def restart_scheduled(model: RunFacts, event: job.RestartScheduled) -> Dirty:
    """When the next attempt begins."""
    model.job.restart_due_us = event.due_us
    return JOB


def restore_started(model: RunFacts, event: job.RestoreStarted) -> Dirty:
    """Which checkpoint fills the new attempt; new processes have taken the place of lost ones."""
    model.job.lost_managers = ()
    model.job.attempt = event.attempt
    model.job.restored_from = event.checkpoint_id
    model.job.restored_us = model.time_us
    model.job.restored_tasks = event.subtasks
    model.marks.append(MarkView(model.time_us, f"R{event.checkpoint_id}", model.step))
    checkpoint = model.checkpoints.get(event.checkpoint_id)
    if checkpoint is not None:
        model.checkpoints[event.checkpoint_id] = replace(
            checkpoint, restored_count=checkpoint.restored_count + 1
        )
    return CRASH


def checkpoint_refused(model: RunFacts, event: job.CheckpointRefused) -> Dirty:
    """It stays in the album, marked as damaged."""
    model.checkpoints[event.checkpoint_id] = replace(
        model.checkpoints[event.checkpoint_id],
        status=CheckpointStatus.DAMAGED,
        damage=f"{event.file}: {event.detail}",
    )
    sound = (
        one.checkpoint_id
        for one in reversed(model.checkpoints.values())
        if one.status is CheckpointStatus.COMPLETE
    )
    model.job.latest_completed = next(sound, CheckpointId(0))
    return Dirty.CHECKPOINTS


def subtask_restored(model: RunFacts, event: job.SubtaskRestored) -> Dirty:
    """State read back; a source's offsets come with `SourceRewound`."""
    subtask = model.subtasks[event.subtask]
    subtask.restored = event.state
    subtask.restored_from = event.checkpoint_id
    subtask.keyed = packed_entries(event.state)
    subtask.timers = packed_timers(event.state)
    return SUBTASKS


def source_rewound(model: RunFacts, event: job.SourceRewound) -> Dirty:
    """Put the reading mark; what any attempt had read beyond it is replay."""
    tape = model.tapes[event.subtask.vertex, event.partition]
    tape.read_to = max(tape.read_to, event.from_offset)
    tape.next_offset = event.to_offset
    replays = event.to_offset < tape.read_to
    tape.reread_from = event.to_offset if replays else None
    tape.crash_offset = tape.read_to if replays else None
    return CRASH


def run_ended(model: RunFacts, event: job.RunEnded) -> Dirty:
    """How it ended."""
    model.job.run = event.status
    return JOB


REDUCERS: Final[dict[type[Event], Reducer]] = {
    job.JobStatusChanged: job_status_changed,
    job.FaultInjected: fault_injected,
    job.SubtaskFailed: subtask_failed,
    job.SubtaskCanceled: subtask_canceled,
    job.SubtaskDeployed: subtask_deployed,
    job.SubtaskFinished: subtask_finished,
    job.ChannelCleared: channel_cleared,
    job.ProcessLost: process_lost,
    job.RestartScheduled: restart_scheduled,
    job.RestoreStarted: restore_started,
    job.CheckpointRefused: checkpoint_refused,
    job.SubtaskRestored: subtask_restored,
    job.SourceRewound: source_rewound,
    job.ChoiceDiverged: nothing,
    job.RunEnded: run_ended,
}
