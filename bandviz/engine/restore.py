"""Reading a checkpoint back: verified bytes to plain state, one file a subtask."""

from __future__ import annotations

from bandviz.engine.operators.base import State
from bandviz.errors import BandvizError
from bandviz.events.values import unpack
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import CheckpointStorage, DamagedFile


def file_of(subtask: SubtaskId) -> str:
    """Name of a subtask's file in a checkpoint."""
    return f"{subtask.vertex}-{subtask.index}"


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
    state: dict[SubtaskId, State] = {}
    for subtask in subtasks:
        name = file_of(subtask)
        if name not in handles:
            raise DamagedFile(name, "the manifest does not name it")
        data = storage.read(checkpoint_id, handles[name])
        try:
            state[subtask] = unpack(data, items_max=len(data))
        except ValueError as error:
            raise DamagedFile(name, str(error)) from None
    return state
