"""Reading a checkpoint back: verified bytes to plain state, a base and its increments a subtask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from bandviz.engine.in_flight import IN_FLIGHT
from bandviz.engine.operators.base import State
from bandviz.engine.state.assignment import assign, check_fit, has_union_state
from bandviz.engine.state.changelog import rebuilt
from bandviz.engine.state.channel_state import LaneRow, move_in_flight
from bandviz.errors import BandvizError
from bandviz.events.values import pack, unpack
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import JobVertex
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


class Restored(NamedTuple):
    """State by subtask; one without an entry starts empty. `rescaled`: parallelism with which it
    was taken, by uid, where the job has another one now.
    """

    state: dict[SubtaskId, State]
    rescaled: dict[str, int]


def load_state(
    storage: CheckpointStorage,
    checkpoint_id: CheckpointId,
    settings: RunSettings,
    graph: ExecutionGraph,
    subtasks: tuple[SubtaskId, ...],
) -> Restored:
    """State of these subtasks, or nothing at all. Raises DamagedFile at the first bad file, and
    BandvizError for a sound checkpoint that the job cannot take over.
    """
    try:
        taken = storage.vertices(checkpoint_id, settings.name)
        files = _Files(storage, checkpoint_id, settings.name)
    except BandvizError as error:
        raise DamagedFile("storage", error.message) from None
    stateful = {name.rpartition("-")[0] for name in files.handles}
    check_fit(
        taken, graph.vertex_of, stateful=stateful, allow_non_restored=settings.allow_non_restored
    )
    try:
        found = _load(files, {old.uid: old.parallelism for old in taken}, graph, subtasks)
    except BandvizError as error:
        raise DamagedFile("storage", error.message) from None
    for task in graph.tasks:
        _check_chain(task, found.state)
    return found


def _check_chain(task: tuple[SubtaskId, ...], state: Mapping[SubtaskId, State]) -> None:
    """A task ends as a whole. Source: Flink VertexFinishedStateChecker."""
    ended = [name for name in task if state.get(name) is FINISHED_STATE]
    if 0 < len(ended) < len(task):
        other = next(name for name in task if name not in ended)
        raise BandvizError(
            f"{ended[0]} had finished when the checkpoint was taken and {other} had not, "
            "and now they are one task",
            "restore it without chaining",
        )


def _load(
    files: _Files,
    parallelism: dict[str, int],
    graph: ExecutionGraph,
    subtasks: tuple[SubtaskId, ...],
) -> Restored:
    found = Restored({}, {})
    in_flight: list[LaneRow] = []
    for uid in dict.fromkeys(subtask.vertex for subtask in subtasks):
        vertex, old = graph.vertex_of[uid], parallelism.get(uid)
        most = vertex.max_parallelism
        names = [subtask for subtask in subtasks if subtask.vertex == uid]
        if old == vertex.parallelism:
            found.state.update({name: files.state_of(name, most) for name in names})
            in_flight += [row for name in names for row in found.state[name].get(IN_FLIGHT, ())]
            if has_union_state(vertex):
                _share_union(files, names, found.state, vertex)
        elif old is not None:
            parts = [files.state_of(SubtaskId(uid, index), most) for index in range(old)]
            ended = all(part is FINISHED_STATE for part in parts)
            parts = [{} if part is FINISHED_STATE else part for part in parts]
            in_flight += [row for part in parts for row in part.pop(IN_FLIGHT, ())]
            new = assign(parts, vertex.parallelism, most)
            found.state.update(
                {name: FINISHED_STATE if ended else new[name.index] for name in names}
            )
            found.rescaled[uid] = old
    if found.rescaled:
        for state in found.state.values():
            state.pop(IN_FLIGHT, None)
        for name, rows in move_in_flight(in_flight, parallelism, graph).items():
            found.state[name][IN_FLIGHT] = tuple(rows)
    return found


def _share_union(
    files: _Files, names: Sequence[SubtaskId], state: dict[SubtaskId, State], vertex: JobVertex
) -> None:
    """Everybody gets everybody's, also of those that run on; one that had finished needs none."""
    all_of_them = [SubtaskId(vertex.uid, index) for index in range(vertex.parallelism)]
    parts = [files.state_of(name, vertex.max_parallelism) for name in all_of_them]
    shared = assign(parts, vertex.parallelism, vertex.max_parallelism)
    for name in names:
        if state[name] is not FINISHED_STATE:
            state[name] = shared[name.index]


class _Files:
    """The files of one checkpoint. Raises DamagedFile at a bad one."""

    def __init__(self, storage: CheckpointStorage, checkpoint_id: CheckpointId, job: str) -> None:
        self.handles: dict[str, list[StateHandle]] = {}
        """The files of a part, a base and its increments in order."""
        for handle in storage.manifest(checkpoint_id, job):
            self.handles.setdefault(handle.name, []).append(handle)
        self._storage = storage
        self._checkpoint_id = checkpoint_id
        self._ended = _finished(storage, checkpoint_id, self.handles)

    def state_of(self, subtask: SubtaskId, max_parallelism: int) -> State:
        """Verified, decoded and put together."""
        if str(subtask) in self._ended:
            return FINISHED_STATE
        name = file_of(subtask)
        if name not in self.handles:
            raise DamagedFile(name, "the manifest does not name it")
        files = [self._storage.read(self._checkpoint_id, file) for file in self.handles[name]]
        try:
            parts: list[State] = [unpack(data, items_max=len(data)) for data in files]
            return rebuilt(parts, max_parallelism)
        except ValueError as error:
            raise DamagedFile(name, str(error)) from None


def _finished(
    storage: CheckpointStorage, checkpoint_id: CheckpointId, handles: dict[str, list[StateHandle]]
) -> tuple[str, ...]:
    """Names of the subtasks that had finished before the checkpoint."""
    if FINISHED not in handles:
        return ()
    try:
        names = unpack(storage.read(checkpoint_id, handles[FINISHED][0]))
    except ValueError as error:
        raise DamagedFile(FINISHED, str(error)) from None
    return tuple(map(str, names)) if isinstance(names, tuple) else ()
