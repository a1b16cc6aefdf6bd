"""One subtask by itself, with real channels on both sides, for cases that speak of one task."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from bandviz.engine.channel import Channel
from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.engine.elements import RecordBuffer, StreamElement
from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.messages import Parts, ToCoordinator, ToSubtask
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.output import Output
from bandviz.engine.schedule import Move
from bandviz.engine.subtask import Letter, Subtask
from bandviz.events import Event, Level
from bandviz.graph.execution import ChannelPlan
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import JobEdge, Partitioner
from bandviz.ids import ChannelId, CheckpointId, SubtaskId

TASK = SubtaskId("task", 0)


class Recording(Operator):
    """Passes records on and notes what its subtask does with it, in order."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.records: list[tuple[Any, ...]] = []
        self.calls: list[tuple[str, int]] = []

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        self.records.extend(buffer.values)
        return None

    def prepare_barrier(self, checkpoint_id: CheckpointId) -> RecordBuffer | None:
        self.calls.append(("pre_barrier_hook", checkpoint_id))
        return None

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        self.calls.append(("sync_snapshot", checkpoint_id))
        return {}

    def notify_complete(self, checkpoint_id: CheckpointId) -> None:
        self.calls.append(("notify_complete", checkpoint_id))

    def notify_aborted(self, checkpoint_id: CheckpointId) -> None:
        self.calls.append(("notify_aborted", checkpoint_id))


def channel_plan(number: int, upstream: SubtaskId, downstream: SubtaskId) -> ChannelPlan:
    return ChannelPlan(
        channel=ChannelId(number),
        edge=number,
        upstream=upstream,
        downstream=downstream,
        index=number,
        port=0,
        latency_us=0,
        capacity=1_000,
        credit=0,
        overtakes=True,
    )


@dataclass
class Harness:
    """A `Runtime` for one subtask, whose time and messages the case decides."""

    settings: RunSettings
    channels: int
    now_us: int = 0
    uploads: list[tuple[CheckpointId, Identity]] = field(default_factory=list)
    cancelled: list[CheckpointId] = field(default_factory=list)
    told: list[ToCoordinator] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.emitter = Emitter(Level.RECORD)
        self.operator = Recording(Context(TASK, self.emitter))
        self.inputs = [
            Channel(channel_plan(n, SubtaskId("up", n), TASK), 0, 0) for n in range(self.channels)
        ]
        down = SubtaskId("down", 0)
        self.output = Channel(channel_plan(self.channels, TASK, down), 0, 0)
        edge = JobEdge(upstream="task", downstream="down", partitioner=Partitioner.REBALANCE)
        self.subtask = Subtask(
            self.operator.context,
            0,
            0,
            self.operator,
            self.inputs,
            [Output(edge, (), [self.output], 128)],
            None,
            self,
        )

    # -- what the subtask asks of its job

    def touch(self, subtask: SubtaskId) -> None: ...

    def upload(
        self, subtask: SubtaskId, checkpoint_id: CheckpointId, parts: Parts, cause: Identity
    ) -> None:
        self.uploads.append((checkpoint_id, cause))

    def cancel_upload(self, subtask: SubtaskId, checkpoint_id: CheckpointId) -> None:
        self.cancelled.append(checkpoint_id)

    def tell_coordinator(self, message: ToCoordinator, cause: Identity | None) -> None:
        self.told.append(message)

    def output_taken(self, subtask: SubtaskId) -> None: ...

    def finished(self, subtask: SubtaskId) -> None: ...

    # -- what the case does

    def hold(self, held: bool) -> None:
        """A back-pressured subtask takes no records: its output has no room."""
        self.output.capacity = 0 if held else 1_000

    def put(self, channel: int, element: StreamElement) -> int:
        position, _ = self.inputs[channel].put(element, self.now_us, None)
        return position

    def due(self) -> Move | None:
        """The move that comes first now: what goes ahead, then elements in order of arrival."""
        ready = [move for move in self.subtask.moves() if move[0] <= self.now_us]
        return min(ready, key=self._rank, default=None)

    def _rank(self, move: Move) -> tuple[bool, int]:
        kind, name = move[2], move[3]
        if kind is not ChoiceKind.DELIVER:
            return False, 0
        channel = next(one for one in self.inputs if one.name == name)
        return True, self.arrived[channel.id, channel.queue[0].position]

    arrived: dict[tuple[ChannelId, int], int] = field(default_factory=dict)
    """Index of the input event that brought this element."""

    def make(self, move: Move) -> list[Event]:
        self.subtask.make(Choice(*move[2:]))
        return self.flush()

    def send(self, message: ToSubtask) -> list[Event]:
        """A message from the coordinator, handled at once."""
        self.subtask.mailbox.append(Letter(self.now_us, 0, 1, message, None))
        (move,) = [one for one in self.subtask.moves() if one[2] is ChoiceKind.MESSAGE]
        return self.make(move)

    def flush(self) -> list[Event]:
        return [entry.event for entry in self.emitter.flush(self.now_us)]


def with_plan(channel: Channel, **changes: Any) -> Channel:
    """The same channel, fresh, with another plan."""
    return Channel(replace(channel.plan, **changes), 0, 0)
