"""Checkpoint plans: a case of Flink's through our plan calculator."""

from __future__ import annotations

from typing import Final

from bandviz.engine.checkpoint_plan import calculate_plan
from bandviz.graph.execution import all_to_all, pointwise
from bandviz.ids import SubtaskId
from tests.conformance.case_format import Case, answers, lookup

_PATTERNS: Final = {"pointwise": pointwise, "all_to_all": all_to_all}


def run(case: Case) -> Case:
    """Names are vertex and index: `T0`."""
    vertices = case["vertices"]
    subtasks = [
        SubtaskId(uid, index)
        for uid, vertex in vertices.items()
        for index in range(vertex["parallelism"])
    ]
    predecessors: dict[SubtaskId, list[SubtaskId]] = {subtask: [] for subtask in subtasks}
    for edge in case.get("edges", ()):
        sender, receiver = edge["from"], edge["to"]
        connect = lookup(_PATTERNS, edge["pattern"], "the pattern")
        pairs = connect(vertices[sender]["parallelism"], vertices[receiver]["parallelism"])
        for upstream, downstream in pairs:
            predecessors[SubtaskId(receiver, downstream)].append(SubtaskId(sender, upstream))
    finished = [
        SubtaskId(uid, index)
        for uid, vertex in vertices.items()
        for index in vertex.get("finished", ())
    ]
    plan = calculate_plan(subtasks, predecessors, finished)
    found = {
        "trigger": [_name(subtask) for subtask in plan.trigger],
        "wait_for": [_name(subtask) for subtask in plan.wait_for],
        "commit_to": [_name(subtask) for subtask in plan.wait_for],
        "finished": [_name(subtask) for subtask in plan.finished],
        "fully_finished": list(plan.fully_finished),
    }
    return answers(found, case)


def _name(subtask: SubtaskId) -> str:
    return f"{subtask.vertex}{subtask.index}"
