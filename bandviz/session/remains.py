"""From what a lost process told to what the engine needs in order to go on."""

from __future__ import annotations

from typing import Final

from bandviz.engine.remains import Remains
from bandviz.errors import CommandRejected
from bandviz.ids import CheckpointId
from bandviz.model.facts import Tape
from bandviz.model.run import RunModel
from bandviz.model.views import CheckpointStatus, SubtaskStatus

KEPT: Final = (CheckpointStatus.COMPLETE, CheckpointStatus.FORGOTTEN)
"""Their files are on disk, and nobody has given them up."""


def with_status(model: RunModel, *statuses: CheckpointStatus) -> tuple[CheckpointId, ...]:
    """Checkpoints and savepoints in such a state, oldest first."""
    return tuple(sorted(n for n, one in model.checkpoints.items() if one.status in statuses))


def chosen(model: RunModel, wanted: CheckpointId | None, *, remembers: bool) -> CheckpointId | None:
    """The checkpoint to adopt; None leaves it to the high-availability store.

    One that a dead coordinator knew is older than all of the present one, whatever its number.
    `remembers`: there is such a store. Raises CommandRejected if `wanted` cannot be restored.
    """
    there = with_status(model, *KEPT)
    if wanted is None:
        newest = with_status(model, CheckpointStatus.COMPLETE) or there
        return newest[-1] if newest and not remembers else None
    if model.job.run is not None:
        raise CommandRejected(
            "the run has ended: nothing goes on from its checkpoints",
            "leave the number out: its result is told again",
        )
    if wanted not in there:
        raise CommandRejected(
            f"checkpoint {wanted} cannot be restored; there are: "
            f"{', '.join(map(str, there)) or 'none'}",
            "leave the number out: the newest one is taken",
        )
    return wanted


def remains_of(model: RunModel, adopted: CheckpointId | None) -> Remains:
    """The job as the model knows it; `adopted` is one of `restorable`."""
    return Remains(
        process=model.job.process,
        step=model.step + 1,
        now_us=model.time_us,
        attempt=model.job.attempt,
        attempts={name: subtask.attempt for name, subtask in model.subtasks.items()},
        adopted=adopted,
        pending=with_status(model, CheckpointStatus.IN_PROGRESS),
        running=tuple(
            name for name, one in model.subtasks.items() if one.status is SubtaskStatus.RUNNING
        ),
        read_to={
            (tape.declared.subtask.vertex, tape.declared.partition): _read_to(tape)
            for tape in model.tapes.values()
        },
        in_flight={
            name: channel.record_count()
            for name, channel in model.channels.items()
            if channel.elements
        },
    )


def _read_to(tape: Tape) -> int:
    """How far the last attempt had read."""
    return (tape.crash_offset or 0) if tape.next_offset is None else tape.next_offset
