"""Which tasks begin a checkpoint, which must acknowledge it, which have finished before it.

A running task without a running predecessor is told to begin; all others learn it by barrier.
Source: Flink DefaultCheckpointPlanCalculator and DefaultCheckpointPlan; semantics.md 1.2.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bandviz.ids import SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPlan:
    """All in the order of the graph. `fully_finished` are vertices."""

    trigger: tuple[SubtaskId, ...]
    wait_for: tuple[SubtaskId, ...]
    finished: tuple[SubtaskId, ...] = ()
    fully_finished: tuple[str, ...] = ()

    def partly_finished(self, vertices: Collection[str]) -> tuple[str, ...]:
        """Those of the vertices of which some subtasks have finished and some have not.

        One with union list state must not be among them: what its finished subtasks had
        contributed to everybody's state would be missing.
        """
        done = {subtask.vertex for subtask in self.finished}
        return tuple(v for v in vertices if v in done and v not in self.fully_finished)


def calculate_plan(
    subtasks: Sequence[SubtaskId],
    predecessors: Mapping[SubtaskId, Collection[SubtaskId]],
    finished: Collection[SubtaskId],
) -> CheckpointPlan:
    """The plan while these have finished; `predecessors` are the senders of a task's channels."""
    running = [subtask for subtask in subtasks if subtask not in finished]
    vertices = dict.fromkeys(subtask.vertex for subtask in subtasks)
    alive = {subtask.vertex for subtask in running}
    return CheckpointPlan(
        trigger=tuple(
            subtask
            for subtask in running
            if all(sender in finished for sender in predecessors.get(subtask, ()))
        ),
        wait_for=tuple(running),
        finished=tuple(subtask for subtask in subtasks if subtask in finished),
        fully_finished=tuple(vertex for vertex in vertices if vertex not in alive),
    )
