"""What every operator offers to its subtask."""

from __future__ import annotations

from typing import Any, Protocol

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.ids import NO_CHECKPOINT, CheckpointId, SubtaskId

State = dict[str, Any]
"""Plain values, as `SnapshotTaken.state` describes them; packs with `events.values`. In a snapshot
that was just taken a keyed section may still be a `FrozenTable`: it is put in order later.
"""


class TaskFailed(Exception):  # noqa: N818 - names the fact
    """Operator `victim` cannot go on: its task fails. `reason` is a word, `detail` for people."""

    def __init__(self, victim: SubtaskId, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.victim = victim
        self.reason = reason
        self.detail = detail


class Poison(Protocol):
    """See `engine.poison`."""

    def taken(self, subtask: SubtaskId, buffer: RecordBuffer) -> None:
        """User logic gets these records. Raises ValueError if the one is among them."""


class Context:
    """Who the operator is, where its events and its side outputs go. The same object for all parts
    of an operator's subtask.
    """

    __slots__ = (
        "emitter", "now_us", "parallelism", "poison", "restored", "sides", "subtask",
        "tracks_changes", "wants_whole",
    )  # fmt: skip

    def __init__(
        self,
        subtask: SubtaskId,
        emitter: Emitter,
        *,
        parallelism: int = 1,
        tracks_changes: bool = False,
    ) -> None:
        self.subtask = subtask
        self.emitter = emitter
        self.parallelism = parallelism
        self.restored = NO_CHECKPOINT
        """The checkpoint that the job came back from; 0: it began empty."""
        self.poison: Poison | None = None
        """A record on which user logic raises."""
        self.tracks_changes = tracks_changes
        """Keyed tables keep account of what changes between snapshots."""
        self.wants_whole = True
        """The snapshot that is being taken needs all entries, not only those that changed."""
        self.now_us = 0
        """Processing time: when the present move happens."""
        self.sides: list[tuple[str, RecordBuffer]] = []

    def side(self, tag: str, buffer: RecordBuffer) -> None:
        """Send records to the side output of this tag, ahead of what the call returns."""
        self.sides.append((tag, buffer))


class Operator:
    """A stateless pass-through; subclasses override what they need.

    Invariant: `snapshot` returns values that nothing changes later (copies, immutable parts).
    """

    runs_user_logic = True
    """An exception out of it is the user's; out of a sink it is ours."""
    writes_outside = False
    """Rows that come in go to the outside world at once, public or not."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def members(self) -> tuple[Operator, ...]:
        """The operators that run in its task: itself, if it is no chain."""
        return (self,)

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Work off a buffer of input edge `port`; the result goes to all outputs but the side ones.

        Raises what user logic raises.
        """
        return buffer

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Event time rose to this."""
        return None

    def next_timer_us(self) -> int | None:
        """When the earliest processing-time timer is due; None without any."""
        return None

    def on_timer(self, now_us: int) -> RecordBuffer | None:
        """Processing time has come to `next_timer_us`: fire what is due."""
        return None

    def end_of_data(self) -> None:
        """No record will come any more (the maximal watermark has come before)."""

    def prepare_barrier(self, checkpoint_id: CheckpointId) -> RecordBuffer | None:
        """The last that goes out ahead of the barrier (Flink's prepareSnapshotPreBarrier)."""
        return None

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """State at the barrier."""
        return {}

    def restore(self, state: State | None) -> None:
        """Take over a snapshot; None = start empty. Called once per attempt, before any record."""

    def notify_aborted(self, checkpoint_id: CheckpointId) -> None:
        """The checkpoint was given up; what was prepared for it goes on with the next one."""

    def notify_complete(self, checkpoint_id: CheckpointId) -> None:
        """The checkpoint is complete and durable."""
