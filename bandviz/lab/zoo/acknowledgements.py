"""Tasks that say too much too early, and a coordinator that counts wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from zlib import crc32

from bandviz.engine.coordinator import CheckpointCoordinator
from bandviz.engine.job import Job
from bandviz.engine.messages import Acknowledge, Parts, Upload
from bandviz.engine.pending_checkpoint import PendingCheckpoint
from bandviz.engine.restore import file_of
from bandviz.engine.state.encoding import Encoding
from bandviz.engine.subtask import Subtask
from bandviz.events.values import unpack
from bandviz.lab.zoo.breakage import Breakage, Ground, replacing
from bandviz.ports import StateHandle

_TIMES_OUT: Final = Ground(
    "overtake",
    vary=(
        "run.checkpoint_interval_ms=6000",
        "run.checkpoint_timeout_ms=6040",
        "run.tolerable_failed_checkpoints=3",
    ),
)
"""The first checkpoint expires while an acknowledgement is on its way; the next begins at once."""


@replacing(Job, "upload")
def _hands_in_the_last_one(original: Any) -> Any:
    def upload(job: Job, subtask: Any, number: Any, parts: Parts, cause: Any) -> None:
        task = vars(job.subtasks[subtask])
        before = task.get("taken_before", {name: Encoding({}) for name in parts})
        task["taken_before"] = parts
        original(job, subtask, number, before, cause)

    return upload


@replacing(Job, "_store")
def _stores_what_is_there_now(original: Any) -> Any:
    def store(job: Job, choice: Any, upload: Upload, cause: Any) -> None:
        task = job._executions.owners[choice.owner]
        parts = {
            operator.context.subtask: _live(task, operator, upload.parts[operator.context.subtask])
            for operator in task.operator.members
        }
        original(job, choice, Upload(parts, upload.began_us), cause)

    return store


def _live(task: Subtask, operator: Any, taken: Encoding) -> Encoding:
    """Its state by now; of sinks and stateless operators as it was."""
    state = dict(unpack(taken.data))
    if task.reader is not None and task.reader.context is operator.context:
        state |= task.reader.snapshot()
    elif "keyed" in state:
        state |= operator.snapshot(0)
    return Encoding(state, taken.base)


@replacing(Job, "upload")
def _acknowledges_at_once(original: Any) -> Any:
    def upload(job: Job, subtask: Any, number: Any, parts: Parts, cause: Any) -> None:
        original(job, subtask, number, parts, cause)
        told = [
            Acknowledge(job.settings.name, number, name, _handle(name, each.data), each.base)
            for name, each in parts.items()
        ]
        job.tell_coordinator(tuple(told), cause)

    return upload


def _handle(name: Any, data: bytes) -> StateHandle:
    return StateHandle(name=file_of(name), length=len(data), crc32=crc32(data))


@replacing(PendingCheckpoint, "is_fully_acknowledged")
def _all_but_one(_: Any) -> Any:
    def enough(pending: PendingCheckpoint) -> bool:
        missing = [name for name in pending.plan.wait_for if name not in pending.handles]
        if len(missing) == 1 < len(pending.plan.wait_for):
            pending.handles[missing[0]] = [_handle(missing[0], b"")]
            return True
        return not missing

    return property(enough)


@replacing(CheckpointCoordinator, "on_acknowledge")
def _counts_it_for_a_newer_one(original: Any) -> Any:
    def on_acknowledge(coordinator: CheckpointCoordinator, message: Acknowledge) -> Any:
        newer = coordinator.awaits(message.subtask)
        old = message.checkpoint_id
        if old in coordinator._given_up and newer is not None:
            handle = replace(message.handle, owner=old)
            message = replace(message, checkpoint_id=newer, handle=handle)
        return original(coordinator, message)

    return on_acknowledge


ENTRIES: Final = (
    Breakage(
        name="ack-before-snapshot",
        family="acknowledgements",
        rule="a task acknowledges the snapshot that it has taken for this checkpoint",
        instead="it acknowledges first, and hands in the snapshot before; at first an empty one",
        oracle="restored_as_taken",
        patches=(_hands_in_the_last_one,),
    ),
    Breakage(
        name="snapshot-by-reference",
        family="acknowledgements",
        rule="what is stored is the state as it was at the barrier",
        instead="it is the state as it is when the upload ends, with later records in it",
        oracle="restored_as_taken",
        patches=(_stores_what_is_there_now,),
        grounds=(Ground(vary=("costs.upload_ms=1500",)),),
    ),
    Breakage(
        name="ack-before-durable",
        family="acknowledgements",
        rule="a task acknowledges when its snapshot is on disk",
        instead="it acknowledges when the upload begins, which a crash may cut short",
        oracle="acknowledged_when_durable",
        patches=(_acknowledges_at_once,),
    ),
    Breakage(
        name="complete-before-all-acks",
        family="acknowledgements",
        rule="a checkpoint is complete when all tasks have acknowledged",
        instead="it is complete when one of them is still missing",
        oracle="complete_when_all_have_it",
        patches=(_all_but_one,),
    ),
    Breakage(
        name="stale-ack-counted",
        family="acknowledgements",
        rule="an acknowledgement counts for the checkpoint that it names",
        instead="one that comes late, for an aborted checkpoint, is counted for the newer one",
        oracle="acknowledged_when_durable",
        patches=(_counts_it_for_a_newer_one,),
        grounds=(_TIMES_OUT,),
    ),
)
