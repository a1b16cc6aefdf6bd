"""The result of a run as one plain JSON value, folded from its entries; docs/result.md describes
it.
"""

from __future__ import annotations

from typing import Any, Final

from bandviz.check.judge import Judge
from bandviz.check.verdict import Verdict
from bandviz.errors import TraceError
from bandviz.events import Entry, Event, job
from bandviz.events import checkpoint as facts
from bandviz.events.sink import RowsVisible
from bandviz.events.structure import RunDeclared, VertexDeclared
from bandviz.events.values import json_value, unpack
from bandviz.ids import SubtaskId
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.model.specs import aggregates_of
from bandviz.model.views import STATEFUL
from bandviz.model.words import moment_text, value_text
from bandviz.trace.digest import RunDigest


class ResultFold:
    """Feed it every entry once; `result()` may be asked at any time."""

    def __init__(self) -> None:
        self.model = RunModel()
        self.judge = Judge()
        self._digest = RunDigest()
        self._checkpoints: dict[int, dict[str, Any]] = {}
        self._restores: list[dict[str, Any]] = []
        self._outputs: dict[str, list[Any]] = {}
        self._run: RunDeclared | None = None
        self._status = "running"
        self._steps = 0
        self._time_us = 0
        self._attempt = 0

    def observe(self, entry: Entry) -> None:
        """Take one entry."""
        self.model.apply(entry)
        self.judge.observe(entry)
        self._digest.update(entry)
        self._steps, self._time_us = entry.step, entry.time_us
        fold = _FOLDS.get(type(entry.event))
        if fold is not None:
            try:
                fold(self, entry.event)
            except (LookupError, TypeError, ValueError):  # its checksum is right, its sense is not
                name = type(entry.event).__name__
                raise TraceError(f"step {entry.step}: {name} makes no sense here") from None

    def verdict(self) -> Verdict:
        """What the judge says."""
        return self.judge.verdict()

    def result(self) -> dict[str, Any]:
        """Everything but `checks`, which need the scenario."""
        run, money = self._run, self.judge.money()
        return {
            "scenario": run.scenario if run else "",
            "variant": run.variant if run else "",
            "seed": run.seed if run else 0,
            "run_id": self._digest.hexdigest(),
            "status": self._status,
            "steps": self._steps,
            "time_ms": _ms(self._time_us),
            "restarts": max(0, self._attempt - 1),
            "processes": self.model.job.process,
            "checkpoints": [
                page | {"money": money[page["id"]]} if page["id"] in money else page
                for page in self._checkpoints.values()
            ],
            "restores": self._restores,
            "outputs": {
                sink: {"visible": shown, "visible_count": len(shown)}
                for sink, rows in self._outputs.items()
                for shown in [rows or self._table(sink)]
            },
            "state": self._state(),
            "verdict": self.verdict().to_json(),
        }

    def _table(self, sink: str) -> list[Any]:
        """Rows of a sink that upserts; none for others."""
        board = self.model.boards.get(sink)
        return list(map(json_value, board.table.values())) if board is not None else []

    def _state(self) -> dict[str, dict[str, Any]]:
        keyed = [
            view.subtask for view in selectors.subtask_views(self.model) if view.kind in STATEFUL
        ]
        return {str(subtask): _keyed(self.model, subtask) for subtask in keyed}

    # ------------------------------------------------------------------ folds

    def _declare(self, event: RunDeclared) -> None:
        self._run = event

    def _vertex(self, event: VertexDeclared) -> None:
        if event.kind == "sink":
            self._outputs.setdefault(event.vertex, [])

    def _triggered(self, event: facts.CheckpointTriggered) -> None:
        self._checkpoints[event.checkpoint_id] = {
            "id": event.checkpoint_id,
            "kind": event.kind.value,
            "status": "in progress",
            "trigger_ms": _ms(self._time_us),
            "end_ms": None,
            "alignment_ms": 0,
            "bytes": 0,
            "unaligned": False,
            "in_flight": 0,
            "full_bytes": 0,
        }

    def _aligned(self, event: facts.AlignmentCompleted) -> None:
        page = self._checkpoints.get(event.checkpoint_id)
        if page is not None:
            page["alignment_ms"] = max(page["alignment_ms"], _ms(event.duration_us))

    def _snapshot(self, event: facts.SnapshotTaken) -> None:
        page = self._checkpoints.get(event.checkpoint_id)
        if page is not None and event.unaligned:
            page["unaligned"] = True

    def _persisted(self, event: facts.InFlightPersisted) -> None:
        page = self._checkpoints.get(event.checkpoint_id)
        if page is not None:
            page["in_flight"] += event.record_count

    def _completed(self, event: facts.CheckpointCompleted) -> None:
        self._close(event.checkpoint_id, "completed")
        page = self._checkpoints[event.checkpoint_id]
        page["bytes"], page["full_bytes"] = event.checkpointed_bytes, event.full_bytes

    def _aborted(self, event: facts.CheckpointAborted) -> None:
        self._close(event.checkpoint_id, f"aborted: {event.reason.value}")

    def _discarded(self, event: facts.CheckpointDiscarded) -> None:
        self._checkpoints[event.checkpoint_id]["status"] = "discarded"

    def _refused(self, event: job.CheckpointRefused) -> None:
        self._checkpoints[event.checkpoint_id]["status"] = "damaged"

    def _close(self, checkpoint_id: int, status: str) -> None:
        page = self._checkpoints[checkpoint_id]
        page["status"], page["end_ms"] = status, _ms(self._time_us)

    def _restoring(self, event: job.RestoreStarted) -> None:
        self._restores.append(
            {"checkpoint_id": event.checkpoint_id, "at_ms": _ms(self._time_us), "rewound": {}}
        )

    def _rewound(self, event: job.SourceRewound) -> None:
        rewound = self._restores[-1]["rewound"].setdefault(event.subtask.vertex, {})
        rewound[str(event.partition)] = [event.from_offset, event.to_offset]

    def _visible(self, event: RowsVisible) -> None:
        self._outputs[event.sink].extend(map(json_value, unpack(event.rows)))

    def _job_status(self, event: job.JobStatusChanged) -> None:
        self._attempt = event.attempt

    def _ended(self, event: job.RunEnded) -> None:
        self._status = event.status.value


def fold(entries: Any) -> ResultFold:
    """The fold over a whole recording."""
    folded = ResultFold()
    for entry in entries:
        folded.observe(entry)
    return folded


def _ms(time_us: int) -> float | int:
    return time_us / 1_000 if time_us % 1_000 else time_us // 1_000


def _keyed(model: RunModel, subtask: SubtaskId) -> dict[str, Any]:
    """Results by key, numbers as numbers; empty if single records were not recorded."""
    if not model.job.sees_records:
        return {}
    functions = [function for _, function in aggregates_of(model.vertices[subtask.vertex].spec)]
    found = {}
    for (key, start_ms), packed in sorted(model.subtasks[subtask].keyed.items()):
        values = unpack(packed)
        results = values
        if functions:
            results = [one.result(value) for one, value in zip(functions, values, strict=True)]
        name = value_text(unpack(key)) + (f" {moment_text(start_ms)}" if start_ms >= 0 else "")
        found[name] = json_value(results[0] if functions and len(results) == 1 else results)
    return found


_FOLDS: Final[dict[type[Event], Any]] = {
    RunDeclared: ResultFold._declare,
    VertexDeclared: ResultFold._vertex,
    facts.CheckpointTriggered: ResultFold._triggered,
    facts.SnapshotTaken: ResultFold._snapshot,
    facts.InFlightPersisted: ResultFold._persisted,
    facts.AlignmentCompleted: ResultFold._aligned,
    facts.CheckpointCompleted: ResultFold._completed,
    facts.CheckpointAborted: ResultFold._aborted,
    facts.CheckpointDiscarded: ResultFold._discarded,
    job.CheckpointRefused: ResultFold._refused,
    job.RestoreStarted: ResultFold._restoring,
    job.SourceRewound: ResultFold._rewound,
    RowsVisible: ResultFold._visible,
    job.JobStatusChanged: ResultFold._job_status,
    job.RunEnded: ResultFold._ended,
}
