"""Failover: who dies with a subtask, whether and when they come back, and from what.

A region, the subtasks connected by channels, fails and restarts as a whole; all others run on.
Pending checkpoints are aborted, the periodic trigger stays armed as long as anybody runs. The
checkpoint's id fences old attempts: all that is pending is aborted, and no id is used twice, so a
late acknowledgement finds nothing to add to. Source: Flink RestartPipelinedRegionFailoverStrategy;
semantics.md 1.3 and 3.10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.engine.coordinator import TRIGGER, CheckpointCoordinator
from bandviz.engine.emitter import Emitter
from bandviz.engine.executions import Executions
from bandviz.engine.remains import Remains
from bandviz.engine.restart import Restarts
from bandviz.engine.restore import Restored, load_state
from bandviz.engine.schedule import Schedule
from bandviz.engine.state.assignment import moves
from bandviz.events import job as facts
from bandviz.events.job import JobStatus, RunStatus
from bandviz.events.rescaling import KeyGroupsAssigned
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import KEYED
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import CheckpointStorage, DamagedFile

RESTART: Final = "restart job"
"""Owner of the timers that end a restart's delay; the ordinal counts the restarts."""


class Lifecycle(Protocol):
    """What failover asks of its job."""

    now_us: int
    attempt: int
    status: JobStatus

    def set_status(self, status: JobStatus) -> None:
        """Say so, if it is another one."""

    def end(self, status: RunStatus, reason: str) -> None:
        """Nothing will happen any more."""


class Failover:
    """The failure side of one job, over all attempts."""

    def __init__(
        self,
        graph: ExecutionGraph,
        settings: RunSettings,
        storage: CheckpointStorage,
        emitter: Emitter,
        schedule: Schedule,
        executions: Executions,
        coordinator: CheckpointCoordinator,
        job: Lifecycle,
    ) -> None:
        self._graph = graph
        self._settings = settings
        self._storage = storage
        self._emitter = emitter
        self._schedule = schedule
        self._executions = executions
        self._coordinator = coordinator
        self._job = job
        self._restarts = Restarts(settings.restart, settings.seed)
        self._waiting: dict[int, tuple[SubtaskId, ...]] = {}
        """Restart number -> who comes back with it."""

    def fail(self, victims: Sequence[SubtaskId], reason: str, detail: str, trace: str = "") -> None:
        """These die in one step with all of their tasks, and their regions with them."""
        executions = self._executions
        struck = self._graph.with_their_tasks(victims)
        for victim in struck:
            self._emitter.control(
                facts.SubtaskFailed(
                    subtask=victim,
                    attempt=executions.attempts[victim],
                    reason=reason,
                    detail=detail,
                    trace=trace,
                )
            )
        doomed = self._graph.regions_of(struck)
        executions.stop(doomed, struck)
        if all(subtask.done for subtask in executions.subtasks.values()):
            self._coordinator.stop()
        else:
            self._coordinator.abort_pending()
        self._schedule_restart(f"{victims[0]} failed", doomed)

    def fail_job(self, reason: str) -> None:
        """The job as a whole fails, through no fault of a task: all that live are cancelled."""
        doomed = self._graph.regions_of(self._executions.subtasks)
        self._executions.stop(doomed, ())
        self._coordinator.stop()
        self._schedule_restart(reason, doomed)

    def lose_leader(self) -> None:
        """The coordinator has died: all tasks stop, and wait for the next one to lead."""
        self._executions.stop(tuple(self._executions.subtasks), ())
        for number in self._waiting:
            self._schedule.cancel(Choice(ChoiceKind.TIMER, RESTART, number))
        self._waiting = {0: self._graph.subtasks}
        self._job.set_status(JobStatus.RESTARTING)

    def rescale(self, graph: ExecutionGraph) -> None:
        """Nobody lives: from now on the job is this graph, and it comes back before long."""
        self._graph = graph
        self._waiting = {0: graph.subtasks}
        self._job.set_status(JobStatus.RESTARTING)
        due = self._job.now_us + self._settings.rescale_us
        self._emitter.control(facts.RestartScheduled(attempt=self._job.attempt + 1, due_us=due))
        self._schedule.plan(Choice(ChoiceKind.TIMER, RESTART, 0), due)

    def follow(self, coordinator: CheckpointCoordinator) -> None:
        """A new coordinator leads: the job comes back from what it knows."""
        self._coordinator = coordinator
        self.restart(0)

    def take_over(self, remains: Remains) -> None:
        """The process of all executions was lost, and this is another: all come back at once.

        The restart strategy has seen nothing yet.
        """
        for subtask in remains.running:
            self._emitter.control(
                facts.SubtaskFailed(
                    subtask=subtask,
                    attempt=remains.attempts[subtask],
                    reason="process lost",
                    detail="another process goes on",
                    trace="",
                )
            )
        for channel, count in remains.in_flight.items():
            self._emitter.control(facts.ChannelCleared(channel=channel, lost_record_count=count))
        self._executions.attempts.update(remains.attempts)
        self._executions.read_to.update(remains.read_to)
        self._job.set_status(JobStatus.RESTARTING)
        self._waiting = {0: self._graph.subtasks}
        self.restart(0)

    def _schedule_restart(self, cause: str, doomed: tuple[SubtaskId, ...]) -> None:
        job = self._job
        due = self._restarts.due_us(job.now_us)
        if due is None:
            job.set_status(JobStatus.FAILED)
            job.end(RunStatus.FAILED, f"{cause} and no restart is left")
            return
        job.set_status(JobStatus.RESTARTING)
        number = len(self._restarts.failed_us)
        self._waiting[number] = doomed
        attempt = job.attempt + len(self._waiting)
        self._emitter.control(facts.RestartScheduled(attempt=attempt, due_us=due))
        self._schedule.plan(Choice(ChoiceKind.TIMER, RESTART, number), due)

    def restart(self, number: int) -> None:
        """The delay is over: the region comes back, from the newest checkpoint that is sound."""
        wanted = self._waiting.pop(number)
        checkpoint_id, found = self._newest_good_checkpoint(wanted)
        self._job.attempt += 1
        self._emitter.control(
            facts.RestoreStarted(
                checkpoint_id=checkpoint_id, attempt=self._job.attempt, subtasks=wanted
            )
        )
        self.tell_moves(checkpoint_id, found)
        refused = self._executions.deploy(wanted, checkpoint_id, found.state)
        if refused is not None:
            victim, failure = refused
            self.fail([victim], failure.reason, failure.detail)
            return
        if self._waiting:
            return
        self._job.set_status(JobStatus.RUNNING)
        if not self._schedule.planned(Choice(ChoiceKind.TIMER, TRIGGER, 0)):
            self._coordinator.start(first=False)

    def _newest_good_checkpoint(
        self, wanted: tuple[SubtaskId, ...]
    ) -> tuple[CheckpointId, Restored]:
        """The latest completed checkpoint; a damaged one is refused and the one before it tried.

        Simplification: Flink fails the restore instead. Ours shows what falling back costs.
        """
        for checkpoint_id in reversed(self._coordinator.completed):
            try:
                found = load_state(
                    self._storage, checkpoint_id, self._settings, self._graph, wanted
                )
                return checkpoint_id, found
            except DamagedFile as damage:
                self._coordinator.refuse(checkpoint_id)
                self._emitter.control(
                    facts.CheckpointRefused(
                        checkpoint_id=checkpoint_id, file=damage.file, detail=damage.detail
                    )
                )
        return CheckpointId(0), Restored({}, {})

    def tell_moves(self, checkpoint_id: CheckpointId, found: Restored) -> None:
        """Which blocks of key groups went to whom."""
        for uid, old in found.rescaled.items():
            vertex = self._graph.vertex_of[uid]
            new = [found.state[SubtaskId(uid, index)] for index in range(vertex.parallelism)]
            for move in (
                moves(old, vertex.max_parallelism, new) if isinstance(vertex.spec, KEYED) else ()
            ):
                self._emitter.control(
                    KeyGroupsAssigned(
                        subtask=SubtaskId(uid, move.to_index),
                        checkpoint_id=checkpoint_id,
                        from_subtask=SubtaskId(uid, move.from_index),
                        first_key_group=move.first,
                        last_key_group=move.last,
                        entry_count=move.entry_count,
                    )
                )
