"""What every operator offers to its subtask."""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.ids import CheckpointId, SubtaskId

State = dict[str, Any]
"""Plain values, as `SnapshotTaken.state` describes them; packs with `events.values`."""


class Context:
    """Who the operator is and where its events go. The same object for all parts of a subtask."""

    __slots__ = ("emitter", "subtask")

    def __init__(self, subtask: SubtaskId, emitter: Emitter) -> None:
        self.subtask = subtask
        self.emitter = emitter


class Operator:
    """A stateless pass-through; subclasses override what they need.

    Invariant: `snapshot` returns values that nothing changes later (copies, immutable parts).
    """

    runs_user_logic = True
    """An exception out of it is the user's; out of a sink it is ours."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def process(self, buffer: RecordBuffer, watermark_ms: int) -> RecordBuffer | None:
        """Work off a buffer; the result goes to all outputs. Raises what user logic raises."""
        return buffer

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Event time rose to this."""
        return None

    def end_of_data(self) -> None:
        """No record will come any more (the maximal watermark has come before)."""

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """State at the barrier."""
        return {}

    def restore(self, state: State | None) -> None:
        """Take over a snapshot; None = start empty. Called once per attempt, before any record."""

    def notify_complete(self, checkpoint_id: CheckpointId) -> None:
        """The checkpoint is complete and durable."""
