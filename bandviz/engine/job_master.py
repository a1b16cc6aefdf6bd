"""The JobMaster: the coordinator's timers and messages, what may go wrong around it, and its own
crash and successor.

Source: Flink JobMaster, DefaultLeaderElectionService. Simplification: the successor leads after a
fixed time; the tasks stop with the old one at once.
"""

from __future__ import annotations

from typing import Final, Protocol

from bandviz.engine.coordinator import EXPIRE, TRIGGER, CheckpointCoordinator, JobManager
from bandviz.engine.emitter import Emitter
from bandviz.engine.executions import Executions
from bandviz.engine.failover import Failover, Lifecycle
from bandviz.engine.faults import (
    CORRUPT_CHECKPOINT,
    CRASH_COORDINATOR,
    DECLINE_CHECKPOINT,
    FAIL_STORAGE,
    LOSE_NOTIFICATION,
    REFUSE_NEXT_COMMIT,
    REPAIR_STORAGE,
    REQUESTS,
    Fault,
)
from bandviz.engine.messages import Decline, ToCoordinator
from bandviz.engine.operators.base import State
from bandviz.engine.remains import Remains
from bandviz.engine.restore import file_of, load_state
from bandviz.engine.schedule import Schedule
from bandviz.engine.source_groups import ALIGN, SourceGroups
from bandviz.engine.state.assignment import has_union_state
from bandviz.engine.subtask import Subtask
from bandviz.engine.subtask_checkpoints import Runtime
from bandviz.errors import BandvizError
from bandviz.events import coordinator as facts
from bandviz.events import job as job_facts
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.coordinator import SnapshotKind
from bandviz.events.job import JobStatus, RestoreStarted
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import KEYED
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import CommitAnswer, DamagedFile, World

COORDINATOR: Final = "coordinator"
"""Owner of the messages to the coordinator."""

TAKE_OVER: Final = "take over"


class Cluster(JobManager, Lifecycle, Runtime, Protocol):
    """What the JobMaster asks of its job."""


class JobMaster:
    """One at a time leads; `coordinator` is the leader's."""

    def __init__(
        self,
        graph: ExecutionGraph,
        settings: RunSettings,
        world: World,
        emitter: Emitter,
        schedule: Schedule,
        executions: Executions,
        job: Cluster,
    ) -> None:
        self._graph = graph
        self._settings = settings
        self._world = world
        self._emitter = emitter
        self._schedule = schedule
        self._executions = executions
        self._job = job
        self.coordinator = self._elect()
        self._groups = SourceGroups(executions, schedule, job)
        self.failover = Failover(
            graph,
            settings,
            world.storage,
            emitter,
            schedule,
            executions,
            self.coordinator,
            job,
        )

    def start(self) -> None:
        """The first attempt runs."""
        self.coordinator.start(first=True)
        self._groups.start()

    def _elect(self) -> CheckpointCoordinator:
        """A coordinator that knows what the high-availability store holds, if there is one."""
        return CheckpointCoordinator(
            self._settings,
            self._world.storage,
            self._world.pointer if self._settings.high_availability else None,
            self._emitter,
            self._job,
            self._graph.predecessors,
            [vertex.uid for vertex in self._graph.job.vertices if has_union_state(vertex)],
        )

    def adopt(self, checkpoint_id: CheckpointId) -> dict[SubtaskId, State]:
        """State of a checkpoint or savepoint that a person names; ids go on behind it.

        Raises BandvizError if it cannot be restored.
        """
        storage, subtasks = self._world.storage, self._graph.subtasks
        try:
            found = load_state(storage, checkpoint_id, self._settings, self._graph, subtasks)
        except DamagedFile as damage:
            sentence = f"checkpoint {checkpoint_id} cannot be restored: {damage}"
            raise BandvizError(sentence, "name one that this job has completed") from None
        self.coordinator.adopt(checkpoint_id)
        self._emitter.control(RestoreStarted(checkpoint_id=checkpoint_id, attempt=1, subtasks=()))
        self.failover.tell_moves(checkpoint_id, found)
        return found.state

    def rescale(self, graph: ExecutionGraph) -> None:
        """Nobody lives: from now on the job is this graph."""
        self._graph = graph
        self._executions.rescale(graph)
        self.coordinator.rescale(graph.predecessors)
        self.failover.rescale(graph)

    def receive(self, message: ToCoordinator) -> None:
        """A task's answer has come."""
        if isinstance(message, Decline):
            self.coordinator.on_decline(message)
            return
        for each in message:
            self.coordinator.on_acknowledge(each)

    def fire(self, timer: str, ordinal: int) -> None:
        """One of the timers of coordinator, leader election or restart strategy is due."""
        if timer == TRIGGER:
            self.coordinator.on_trigger_timer()
        elif timer == EXPIRE:
            self.coordinator.on_expire_timer(CheckpointId(ordinal))
        elif timer == TAKE_OVER:
            self._take_over()
        elif timer == ALIGN:
            self._groups.announce()
        else:
            self.failover.restart(ordinal)

    # ------------------------------------------------------------------ faults and requests

    def faults(self) -> list[Fault]:
        """What can go wrong around the coordinator and in the world, and what can be asked for."""
        alive = [each for each in self._executions.subtasks.values() if not each.done]
        found = [Fault(CORRUPT_CHECKPOINT, str(one)) for one in self.coordinator.completed]
        found += [
            Fault(LOSE_NOTIFICATION, subtask.name) for subtask in alive if subtask.awaits_notice()
        ]
        found += [
            Fault(DECLINE_CHECKPOINT, subtask.name)
            for subtask in alive
            if self.coordinator.awaits(subtask.id) is not None
        ]
        found += [Fault(REFUSE_NEXT_COMMIT, str(one)) for one in self._world.broker.undecided()]
        found.append(Fault(REPAIR_STORAGE if self._world.storage.failing else FAIL_STORAGE))
        if self._job.status is JobStatus.RUNNING:
            found += [Fault(CRASH_COORDINATOR), *map(Fault, REQUESTS)]
        return found

    def apply(self, fault: Fault) -> None:
        """One of `faults()`."""
        match fault.name:
            case name if name in REQUESTS:
                self._request(REQUESTS[name])
            case name if name in (FAIL_STORAGE, REPAIR_STORAGE):
                self._world.storage.fail_writes(name == FAIL_STORAGE)
            case name if name == CORRUPT_CHECKPOINT:
                self._world.storage.damage(fault.checkpoint(), file_of(self._most_telling()))
            case name if name == REFUSE_NEXT_COMMIT:
                self._world.broker.refuse_next_commit(fault.transaction(), CommitAnswer.FAILED)
            case name if name == LOSE_NOTIFICATION:
                self._lose_notification(self._executions.subtasks[fault.subtask()])
            case name if name == DECLINE_CHECKPOINT:
                self._decline(fault.subtask())
            case _:
                self._crash()

    def _request(self, kind: SnapshotKind) -> None:
        """A job that is to stop takes no other checkpoint any more, so that only this savepoint's
        output is committed.
        """
        if kind.stops:
            self.coordinator.stop(Reason.COORDINATOR_SUSPENDED)
        self.coordinator.request(kind)

    def _most_telling(self) -> SubtaskId:
        """Whose file a damage is about: the first keyed state, else the last subtask's."""
        return next(
            (
                s
                for s in self._graph.subtasks
                if isinstance(self._graph.vertex_of[s.vertex].spec, KEYED)
            ),
            self._graph.subtasks[-1],
        )

    def _lose_notification(self, subtask: Subtask) -> None:
        self._emitter.control(
            facts.NotificationLost(subtask=subtask.id, checkpoint_id=subtask.lose_notice())
        )
        self._job.touch(subtask.id)

    def _decline(self, subtask: SubtaskId) -> None:
        """The task fails its part in a way that only it sees, and says so."""
        checkpoint_id = self.coordinator.awaits(subtask)
        assert checkpoint_id is not None
        message = Decline(self._settings.name, checkpoint_id, subtask, Reason.DECLINED)
        self._job.tell_coordinator(message, self._emitter.next_identity())

    # ------------------------------------------------------------------ leadership

    def _crash(self) -> None:
        """All that the coordinator held in memory is gone, and what was on its way to it."""
        self._emitter.control(facts.CoordinatorCrashed(pending=self.coordinator.pending))
        self.coordinator.stop(Reason.COORDINATOR_SUSPENDED)
        self._schedule.forget(COORDINATOR)
        self.failover.lose_leader()
        self._job.arm(TAKE_OVER, self._job.now_us + self._settings.takeover_us)

    def resume(self, remains: Remains) -> None:
        """Lead in a new process. The one before had promised nothing that the world does not hold.

        Where no high-availability store is used, or a person wants an older one, the checkpoint to
        start from is adopted as a savepoint is.
        """
        adopted = remains.adopted
        self._emitter.control(
            job_facts.ProcessLost(process=remains.process, adopted=adopted or CheckpointId(0))
        )
        self.coordinator.give_up(remains.pending)
        if adopted is not None:
            self.coordinator.adopt(adopted)
        self._recovered()
        self.failover.take_over(remains)
        self._groups.start()

    def _take_over(self) -> None:
        """A new leader: it begins with what the store holds, or with nothing."""
        self.coordinator = self._elect()
        self._recovered()
        self.failover.follow(self.coordinator)

    def _recovered(self) -> None:
        self._emitter.control(
            facts.CoordinatorRecovered(
                completed=self.coordinator.completed,
                next_checkpoint_id=self.coordinator.next_id,
            )
        )
