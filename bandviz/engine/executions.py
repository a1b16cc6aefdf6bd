"""The executions that live now: built fresh, filled from a checkpoint, stopped and forgotten.

Attempts are numbered for each subtask by itself. Rules of this file: nothing of an old attempt is
reused; what was stopped leaves no object, no move and no element behind. Who fails with whom, and
when they come back, is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bandviz.engine.deploy import deploy
from bandviz.engine.emitter import Emitter
from bandviz.engine.in_flight import record_count, restored, without_in_flight
from bandviz.engine.operators.base import Operator, State, TaskFailed
from bandviz.engine.restore import FINISHED_STATE
from bandviz.engine.schedule import Schedule
from bandviz.engine.subtask import Subtask
from bandviz.engine.subtask_checkpoints import Runtime, shown_state
from bandviz.events import checkpoint as checkpoint_facts
from bandviz.events import job as facts
from bandviz.events.checkpoint import InFlightSide
from bandviz.events.values import pack
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import TopicData
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import World


class Executions:
    """Tasks by their first operator, in the order of the graph; `owners` finds them by the name in
    a choice. Attempts and lives are told of every operator.
    """

    def __init__(
        self,
        graph: ExecutionGraph,
        settings: RunSettings,
        topics: tuple[TopicData, ...],
        world: World,
        emitter: Emitter,
        schedule: Schedule,
        runtime: Runtime,
    ) -> None:
        self.subtasks: dict[SubtaskId, Subtask] = {}
        self.owners: dict[str, Subtask] = {}
        self.attempts = dict.fromkeys(graph.subtasks, 0)
        self._graph = graph
        self._settings = settings
        self._partition_counts = {topic.name: len(topic.partitions) for topic in topics}
        self._world = world
        self._emitter = emitter
        self._schedule = schedule
        self._runtime = runtime
        self.read_to: dict[tuple[str, int], int] = {}
        """(source, partition) -> where its last execution had come to."""

    def rescale(self, graph: ExecutionGraph) -> None:
        """Nobody lives: from now on the job is this graph. New subtasks have the attempts of those
        beside them.
        """
        before = self.attempts
        self._graph = graph
        self.attempts = {
            name: before.get(name, before[SubtaskId(name.vertex, 0)]) for name in graph.subtasks
        }

    def deploy(
        self,
        wanted: Collection[SubtaskId],
        checkpoint_id: CheckpointId,
        state: dict[SubtaskId, State],
    ) -> tuple[SubtaskId, TaskFailed] | None:
        """New executions of these, which do not live now; checkpoint 0: empty.

        Returns who could not take over its state, if one could not; those behind it stay empty.
        """
        fresh, channels = deploy(
            self._graph,
            self._settings,
            self._world,
            self._emitter,
            self._partition_counts,
            self._runtime,
            wanted,
        )
        alive = self.subtasks | fresh
        self.subtasks = {task[0]: alive[task[0]] for task in self._graph.tasks if task[0] in alive}
        self.owners.update({subtask.name: subtask for subtask in fresh.values()})
        for channel in channels.values():
            self.owners[channel.name] = fresh[channel.plan.downstream]
        for name in (name for subtask in fresh.values() for name in subtask.operators):
            self.attempts[name] += 1
            self._emitter.control(facts.SubtaskDeployed(subtask=name, attempt=self.attempts[name]))
        for task, subtask in fresh.items():
            subtask.busy_until_us = self._runtime.now_us
            subtask.set_clock()
            for operator in reversed(subtask.operator.members):
                name = operator.context.subtask
                try:
                    self._restore(subtask, operator, checkpoint_id, state.get(name))
                except TaskFailed as failure:
                    return name, failure
            self._runtime.touch(task)
        for side in (InFlightSide.INPUT, InFlightSide.OUTPUT):
            for subtask in fresh.values():
                for name in subtask.operators:
                    self._put_back(subtask, name, checkpoint_id, side, state.get(name))
        return None

    def _put_back(
        self,
        subtask: Subtask,
        operator: SubtaskId,
        checkpoint_id: CheckpointId,
        side: InFlightSide,
        state: State | None,
    ) -> None:
        """Data in flight: first what was unread at the receivers, then what senders had queued."""
        for lane, elements in restored(state, side):
            channel, positions = subtask.put_back(lane, elements)
            self._emitter.control(
                checkpoint_facts.InFlightRestored(
                    subtask=operator,
                    channel=channel.id,
                    checkpoint_id=checkpoint_id,
                    side=side,
                    positions=positions,
                    record_count=record_count(elements),
                )
            )

    def _restore(
        self,
        subtask: Subtask,
        operator: Operator,
        checkpoint_id: CheckpointId,
        state: State | None,
    ) -> None:
        name = operator.context.subtask
        again = self.attempts[name] > 1 or checkpoint_id > 0
        own = None if state is None else without_in_flight(state)
        kept = None if state is FINISHED_STATE else own
        if again:
            self._emitter.control(
                facts.SubtaskRestored(
                    subtask=name,
                    checkpoint_id=checkpoint_id,
                    state=shown_state(pack(kept)) if kept is not None else b"",
                )
            )
        operator.context.restored = checkpoint_id
        operator.restore(kept)
        reader = subtask.reader
        if reader is None or reader.context is not operator.context:
            return
        reader.restore(state)
        if not again:
            return
        reader.resume_at(self._runtime.now_us, fresh=state is None)
        for partition, offset in reader.offsets.items():
            self._emitter.control(
                facts.SourceRewound(
                    subtask=subtask.id,
                    topic=reader.spec.topic,
                    partition=partition,
                    from_offset=self.read_to.get((subtask.id.vertex, partition), 0),
                    to_offset=offset,
                )
            )

    def stop(self, doomed: Iterable[SubtaskId], failed: Collection[SubtaskId]) -> None:
        """These end now; whoever did not fail is cancelled, and what was on the way is lost.

        Simplification: cancellation takes no time.
        """
        gone = [self.subtasks.pop(name) for name in doomed if name in self.subtasks]
        for subtask in gone:
            for name in subtask.operators if not subtask.done else ():
                if name not in failed:
                    attempt = self.attempts[name]
                    self._emitter.control(facts.SubtaskCanceled(subtask=name, attempt=attempt))
            if subtask.reader is not None:
                for partition, offset in subtask.reader.offsets.items():
                    self.read_to[subtask.id.vertex, partition] = offset
            self._schedule.forget(subtask.name)
        for subtask in gone:
            del self.owners[subtask.name]
            for channel in subtask.inputs:
                del self.owners[channel.name]
                if channel.queue or channel.held:
                    self._emitter.control(
                        facts.ChannelCleared(
                            channel=channel.id, lost_record_count=channel.records_on_the_way()
                        )
                    )
