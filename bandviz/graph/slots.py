"""Slots and TaskManagers: which process runs which subtask.

Slots are shared as Flink shares them: slot i holds subtask i of every operator, so the job needs as
many as its highest parallelism. TaskManagers are filled one after the other.
"""

from __future__ import annotations

from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.ids import SubtaskId


def task_managers(graph: ExecutionGraph, settings: RunSettings) -> dict[str, tuple[SubtaskId, ...]]:
    """Name -> the subtasks in its slots; empty if the run declares none."""
    each = settings.slots_each
    return {
        f"taskmanager-{number + 1}": tuple(
            subtask for subtask in graph.subtasks if subtask.index // each == number
        )
        for number in range(settings.task_managers)
    }
