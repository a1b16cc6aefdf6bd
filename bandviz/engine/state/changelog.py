"""The state backend `changelog`: what changed since a checkpoint, and state put together again.

A subtask's part of a checkpoint is a chain of files: a base with all state, then increments. In an
increment a keyed section has only the rows that changed, in the order of writing, and `REMOVED`
names the keys that went, by section; all other sections are whole. Source: Flink
RocksIncrementalSnapshotStrategy (increments since a completed checkpoint),
ChangelogKeyedStateBackend (bases now and then).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bandviz.engine.operators.base import State
from bandviz.engine.state.frozen import GONE, NO_KEY_GROUPS, Changes, FrozenTable
from bandviz.ids import NO_CHECKPOINT, CheckpointId

REMOVED: Final = "~removed"
"""Section of an increment: (keyed section, keys that it lost), for each keyed section in it."""


_STEPS_MAX: Final = 16
"""Of so many snapshots the changes are remembered; a part that would need more is a base."""


class _Step(NamedTuple):
    """What changed between two snapshots, by keyed section. `taken`: for the later one."""

    taken: CheckpointId
    changes: dict[str, Changes]


class Changelog:
    """A subtask's memory of what changed since snapshots that increments may build on.

    It begins empty with each attempt, whose first part is therefore a base.
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []

    def knows(self, checkpoint_id: CheckpointId) -> bool:
        """An increment can build on this one."""
        return any(step.taken == checkpoint_id for step in self._steps)

    def part(
        self, state: State, checkpoint_id: CheckpointId, base: CheckpointId
    ) -> tuple[State, CheckpointId]:
        """What to store of a snapshot, and the checkpoint that it builds on: 0 for all of it.

        From now on nobody builds on what is older than `base`.
        """
        tables = {
            name: section.changes
            for name, section in state.items()
            if isinstance(section, FrozenTable) and section.changes is not None
        }
        if not tables:
            return state, NO_CHECKPOINT
        builds = self.knows(base)
        while builds and self._steps[0].taken != base:
            del self._steps[0]
        self._steps = [*self._steps[1 - _STEPS_MAX :], _Step(checkpoint_id, tables)]
        self._steps[0] = _Step(self._steps[0].taken, {})
        if not builds:
            return state, NO_CHECKPOINT
        return self._increment(state), base

    def forget(self, checkpoint_id: CheckpointId) -> None:
        """It was given up, nobody builds on it: its changes belong to the next step."""
        for place, step in enumerate(self._steps[:-1]):
            if step.taken == checkpoint_id:
                later = self._steps[place + 1]
                self._steps[place : place + 2] = [_Step(later.taken, _joined([step, later]))]

    def _increment(self, state: State) -> State:
        """The first step is the base itself: what led to it is of no use."""
        removed = []
        stored = dict(state)
        for name, rows in sorted(_joined(self._steps).items()):
            gone = [key for key, value in rows.items() if value is GONE]
            for key in gone:
                del rows[key]
            stored[name] = FrozenTable(rows, NO_KEY_GROUPS)
            removed.append((name, gone))
        stored[REMOVED] = removed
        return stored


def _joined(steps: Sequence[_Step]) -> dict[str, Changes]:
    """What changed in all of them; a later change hides an earlier one."""
    joined: dict[str, Changes] = {}
    for step in steps:
        for name, changes in step.changes.items():
            joined.setdefault(name, {}).update(changes)
    return joined


def rebuilt(parts: Sequence[State], max_parallelism: int) -> State:
    """The state that a base and its increments, in order, stand for. Raises ValueError."""
    base, *increments = parts
    if REMOVED in base or any(REMOVED not in part for part in increments):
        raise ValueError("not a base and its increments")
    if not increments:
        return base
    removed = [dict(part[REMOVED]) for part in increments]
    state = {name: section for name, section in increments[-1].items() if name != REMOVED}
    for name in removed[-1]:
        table = dict(base[name])
        for part, gone in zip(increments, removed, strict=True):
            table.update(part[name])
            for key in gone[name]:
                table.pop(key, None)  # it may have come and gone since the part before
        state[name] = tuple(FrozenTable(table, max_parallelism).rows())
    return state
