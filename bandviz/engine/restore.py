"""Reading a checkpoint back: verified bytes to plain state, one file a subtask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.engine.operators.base import State
from bandviz.errors import BandvizError
from bandviz.events.values import pack, unpack
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import CheckpointStorage, DamagedFile, StateHandle


def file_of(subtask: SubtaskId) -> str:
    """Name of a subtask's file in a checkpoint."""
    return f"{subtask.vertex}-{subtask.index}"


FINISHED: Final = "finished"
"""Name of the file that lists the subtasks which had finished before the checkpoint."""

FINISHED_STATE: Final[State] = {"finished": True}
"""State of a subtask that had finished: it has nothing more to do."""


def finished_file(subtasks: Sequence[SubtaskId]) -> tuple[str, bytes]:
    """Name and contents."""
    return FINISHED, pack([str(subtask) for subtask in subtasks])


def load_state(
    storage: CheckpointStorage,
    checkpoint_id: CheckpointId,
    job: str,
    subtasks: tuple[SubtaskId, ...],
) -> dict[SubtaskId, State]:
    """State of all subtasks, or nothing at all. Raises DamagedFile at the first bad file."""
    try:
        return _load(storage, checkpoint_id, job, subtasks)
    except BandvizError as error:
        raise DamagedFile("storage", error.message) from None


def _load(
    storage: CheckpointStorage,
    checkpoint_id: CheckpointId,
    job: str,
    subtasks: tuple[SubtaskId, ...],
) -> dict[SubtaskId, State]:
    handles = {handle.name: handle for handle in storage.manifest(checkpoint_id, job)}
    ended = _finished(storage, checkpoint_id, handles)
    state: dict[SubtaskId, State] = {}
    for subtask in subtasks:
        name = file_of(subtask)
        if str(subtask) in ended:
            state[subtask] = FINISHED_STATE
            continue
        if name not in handles:
            raise DamagedFile(name, "the manifest does not name it")
        data = storage.read(checkpoint_id, handles[name])
        try:
            state[subtask] = unpack(data, items_max=len(data))
        except ValueError as error:
            raise DamagedFile(name, str(error)) from None
    return state


def _finished(
    storage: CheckpointStorage, checkpoint_id: CheckpointId, handles: dict[str, StateHandle]
) -> tuple[str, ...]:
    """Names of the subtasks that had finished before the checkpoint."""
    if FINISHED not in handles:
        return ()
    try:
        names = unpack(storage.read(checkpoint_id, handles[FINISHED]))
    except ValueError as error:
        raise DamagedFile(FINISHED, str(error)) from None
    return tuple(map(str, names)) if isinstance(names, tuple) else ()
