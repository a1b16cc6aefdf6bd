"""The job: its clock, its moves, its life over crash and restart.

`choices()` lists the enabled moves; `step(choice)` makes one and returns what happened.
`earliest()` is the default policy's pick and equals `min` over the moves. A crash drops every
volatile object; the next attempt is built from the graph and from what storage returns, nothing
else.
"""

from __future__ import annotations

import copy
from typing import Self

from bandviz.engine.choices import Choice, ChoiceKind, mix
from bandviz.engine.declare import declare, declare_graph
from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.executions import Executions
from bandviz.engine.faults import (
    KILL,
    LOSE,
    ON_OPERATORS,
    POISON,
    RAISE_ONCE,
    REQUESTS,
    RESCALE,
    ZOMBIE,
    Fault,
)
from bandviz.engine.job_master import COORDINATOR, JobMaster
from bandviz.engine.messages import (
    Acknowledge,
    Decline,
    NotifyComplete,
    Parts,
    ToCoordinator,
    ToSubtask,
    Upload,
)
from bandviz.engine.operators.base import TaskFailed
from bandviz.engine.poison import Poisons
from bandviz.engine.remains import Remains
from bandviz.engine.rescaling import forward_groups, rescaled
from bandviz.engine.restore import file_of
from bandviz.engine.schedule import Move, Schedule, Timed
from bandviz.engine.sinks.expiry import expire
from bandviz.engine.state.assignment import stored
from bandviz.engine.state.encoding import Encoding
from bandviz.engine.subtask import Letter, Subtask
from bandviz.engine.user_logic import UserLogicFailed
from bandviz.engine.zombies import Zombies
from bandviz.errors import BandvizError, CommandRejected
from bandviz.events import Entry, Level
from bandviz.events import checkpoint as checkpoint_facts
from bandviz.events import job as facts
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.flow import SubtaskStalled
from bandviz.events.job import JobStatus, RunStatus
from bandviz.events.rescaling import VertexRescaled
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.graph.slots import task_managers
from bandviz.graph.specs import SinkSpec, TopicData
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import StoredVertex, World

BROKER = "broker's clock"
HOPELESS_AFTER = 200


class Job:
    """A running job. Everything in it is plain data, so `clone()` is a deep copy."""

    def __init__(
        self,
        graph: ExecutionGraph,
        settings: RunSettings,
        topics: tuple[TopicData, ...],
        world: World,
        level: Level = Level.RECORD,
        restore_from: CheckpointId | None = None,
    ) -> None:
        """`restore_from`: a retained checkpoint or savepoint to begin with, instead of empty."""
        self.graph = graph
        self.settings = settings
        self.world = world
        self.now_us = 0
        self.attempt = 0
        self.status = JobStatus.CREATED
        self.run: RunStatus | None = None
        self.emitter = Emitter(level)
        self._topics = topics
        self._restore_from = restore_from
        self._task_managers = task_managers(graph, settings)
        self._schedule = Schedule(settings.seed)
        self._executions = Executions(
            graph, settings, topics, world, self.emitter, self._schedule, self
        )
        self._master = JobMaster(
            graph, settings, world, self.emitter, self._schedule, self._executions, self
        )
        self._failover = self._master.failover
        self._poisons = Poisons()
        self._zombies = Zombies(self._schedule)
        self._touched: dict[SubtaskId, None] = {}
        self._messages = 0
        self._broker_due_us: int | None = None
        self._sink_of = {
            vertex.spec.topic: vertex.uid
            for vertex in graph.job.vertices
            if isinstance(vertex.spec, SinkSpec)
        }

    @property
    def subtasks(self) -> dict[SubtaskId, Subtask]:
        """The executions that live now, in the order of the graph."""
        return self._executions.subtasks

    # ------------------------------------------------------------------ the two calls

    def start(self) -> list[Entry]:
        """Step 0: declare the structure and deploy the first attempt.

        Raises BandvizError if what it shall begin with cannot be restored.
        """
        declare(self.emitter, self.graph, self.settings, self._topics)
        self.attempt = 1
        start_from = self._restore_from or CheckpointId(0)
        state = self._master.adopt(start_from) if start_from else {}
        self._executions.deploy(self.graph.subtasks, start_from, state)
        self.set_status(JobStatus.RUNNING)
        self._master.start()
        return self._finish_step()

    def resume(self, remains: Remains) -> list[Entry]:
        """The first step of a process that takes over: all is lost but what `remains`."""
        self.now_us, self.attempt = remains.now_us, remains.attempt
        self.emitter.step = remains.step
        self._master.resume(remains)
        return self._finish_step()

    def choices(self) -> list[Choice]:
        """The enabled moves that are ready within `reorder_us` of the earliest, default first."""
        moves = sorted(self._moves())
        earliest = max(self.now_us, moves[0][0]) if moves else 0
        horizon = earliest + self.settings.reorder_us
        return [Choice(*move[2:]) for move in moves if move[0] <= horizon]

    def earliest(self) -> Choice | None:
        """The default pick; None when nothing can move any more."""
        move = self._schedule.peek()
        return Choice(*move[2:]) if move is not None else None

    def next_us(self) -> int | None:
        """When the default pick would happen."""
        move = self._schedule.peek()
        return max(self.now_us, move[0]) if move is not None else None

    def step(self, choice: Choice, *, not_before_us: int = 0) -> list[Entry]:
        """Make one move. Raises CommandRejected, changing nothing, if it is not enabled now."""
        if choice.kind is ChoiceKind.FAULT:
            return self._break(Fault.of(choice), not_before_us)
        ready_us = self._ready_at(choice)
        self.now_us = max(self.now_us, ready_us, not_before_us)
        kind, owner, _ = choice
        subtask = self._executions.owners.get(owner)
        if subtask is not None and kind is not ChoiceKind.UPLOAD:
            self._run_subtask(subtask, choice)
        else:
            self._run_timed(choice)
        return self._finish_step()

    def faults(self) -> list[Fault]:
        """What can be broken or asked for now."""
        if self.run is not None:
            return []
        managers = [name for name in self._task_managers if self._running_on(name)]
        return [
            *(Fault(KILL, task.name) for task in self.subtasks.values() if not task.done),
            *(Fault(LOSE, name) for name in managers),
            *self._mishaps(),
            *self._master.faults(),
        ]

    def _mishaps(self) -> list[Fault]:
        """What can go wrong in or behind a single task."""
        subtasks = self.subtasks.values()
        found = [Fault(ZOMBIE, str(name)) for name in self._zombies.possible(subtasks)]
        if self.settings.lineage:
            for name in self._poisons.possible(subtasks):
                found += [Fault(POISON, str(name)), Fault(RAISE_ONCE, str(name))]
        return found

    def _mishap(self, fault: Fault) -> None:
        """One of `_mishaps`."""
        victim = fault.subtask()
        task = self.subtasks[self.graph.task_of[victim]]
        if fault.name == ZOMBIE:
            self._zombies.leave(task)
            self._failover.fail([victim], "unreachable", "it may still be alive")
        else:
            self._poisons.put(task, victim, lasting=fault.name == POISON)

    def _running_on(self, task_manager: str) -> list[SubtaskId]:
        running = self.running()
        return [name for name in self._task_managers[task_manager] if name in running]

    def rescalings(self) -> list[Fault]:
        """One subtask more or less of each operator, as far as that fits now; those that forward
        edges join go together.
        """
        near = [
            Fault(RESCALE, ",".join(f"{uid}={parallelism + by}" for uid in uids))
            for uids, parallelism in forward_groups(self.graph.job)
            for by in (1, -1)
        ]
        return [fault for fault in near if self.allows(fault)]

    def allows(self, fault: Fault) -> bool:
        """Whether it is possible now: one of `faults()`, or a rescaling that fits."""
        if fault.name != RESCALE:
            return self._of_task(fault) in self.faults()
        try:
            self._rescaled(fault)
        except CommandRejected:
            return False
        return True

    def _of_task(self, fault: Fault) -> Fault:
        """What strikes an operator of a chain strikes its task, unless it is about the operator."""
        if fault.name in ON_OPERATORS:
            return fault
        first = {str(name): str(task) for name, task in self.graph.task_of.items()}
        return fault._replace(target=first.get(fault.target, fault.target))

    def give_up(self, reason: str) -> list[Entry]:
        """Nothing can move, or the step budget is used up: the run is stuck."""
        self.end(RunStatus.STUCK, reason)
        return self._finish_step()

    def clone(self) -> Self:
        """An independent copy, world included; graph, settings, data and buffers are shared."""
        return copy.deepcopy(self)

    def hopeless(self) -> str:
        """Why going on is of no use: no checkpoint completes, so the job will never end."""
        coordinator = self._master.coordinator
        failed = coordinator.failed_in_a_row
        if failed < HOPELESS_AFTER:
            return ""
        return f"{failed} checkpoints in a row came to nothing: {coordinator.last_failure}"

    # ------------------------------------------------------------------ moves

    def _moves(self) -> list[Move]:
        moves = [*self._schedule.timed_moves()]
        for subtask in self.subtasks.values():
            moves.extend(subtask.moves())
        return moves

    def _ready_at(self, choice: Choice) -> int:
        move = self._schedule.peek()
        if move is not None and move[2:] == choice:
            return move[0]
        owner = self._executions.owners.get(choice.owner)
        moves = [*self._schedule.timed_moves()]
        if owner is not None:
            moves += owner.moves()
        for move in moves:
            if Choice(*move[2:]) == choice:
                return move[0]
        raise CommandRejected(f"'{choice}' is not possible now")

    def _finish_step(self) -> list[Entry]:
        """Find anew what the touched subtasks can do, then close the step."""
        for subtask_id in self._touched:
            subtask = self.subtasks.get(subtask_id)
            if subtask is None:
                continue
            moves = subtask.moves()
            self._schedule.set_best(subtask.name, min(moves, default=None))
            if self.emitter.flow:
                reason = subtask.why_stalled(moves)
                if reason is not subtask.stall:
                    subtask.stall = reason
                    self.emitter.on_flow(SubtaskStalled(subtask=subtask_id, reason=reason))
        self._touched.clear()
        due_us = self.world.broker.next_expiry_us() if self.run is None else None
        if due_us != self._broker_due_us:
            self._wait_for_broker(due_us)
        return self.emitter.flush(self.now_us)

    def _wait_for_broker(self, due_us: int | None) -> None:
        """The world has a clock of its own: it goes on while the job is down."""
        self._broker_due_us = due_us
        if due_us is None:
            self.disarm(BROKER)
        else:
            self.arm(BROKER, due_us)

    def _run_subtask(self, subtask: Subtask, choice: Choice) -> None:
        self.touch(subtask.id)
        try:
            subtask.make(choice)
        except UserLogicFailed as failure:
            self.emitter.drop_records()
            self._failover.fail([failure.victim], "user logic", str(failure), failure.trace)
        except TaskFailed as failure:
            self._failover.fail([failure.victim], failure.reason, failure.detail)

    def _run_timed(self, choice: Choice) -> None:
        timed = self._schedule.take(choice)
        self.emitter.cause = timed.cause
        if choice.kind is ChoiceKind.UPLOAD:
            self._upload(choice, timed)
        elif choice.kind is ChoiceKind.MESSAGE:
            assert isinstance(timed.payload, (tuple, Decline))
            self._master.receive(timed.payload)
        elif choice.owner == BROKER:
            expire(self.world.broker, self.now_us, self._sink_of, self.emitter)
        elif not self._zombies.act(choice.owner):
            self._master.fire(choice.owner, choice.ordinal)
            self._poisons.lay_before(self.subtasks.values())
            self._zombies.wake(self.subtasks, self.now_us + self.settings.rpc_us)

    # ------------------------------------------------------------------ what subtasks ask

    def touch(self, subtask: SubtaskId) -> None:
        """The next move of its task must be found anew."""
        self._touched[self.graph.task_of[subtask]] = None

    def upload(
        self, subtask: SubtaskId, checkpoint_id: CheckpointId, parts: Parts, cause: Identity
    ) -> None:
        """The asynchronous part of a snapshot: a move of its own, later."""
        execution = self.subtasks[subtask]
        transfer_us = sum(map(self._transfer_us, parts.values()))
        due = execution.busy_until_us + self.settings.upload_us + transfer_us
        choice = Choice(ChoiceKind.UPLOAD, execution.name, checkpoint_id)
        self._schedule.plan(choice, due, Upload(parts, execution.busy_until_us), cause)

    def _transfer_us(self, encoding: Encoding) -> int:
        """Simulated time for the bytes alone; they are known once encoding is done."""
        return len(encoding.data) // 1024 * self.settings.upload_us_per_kib

    def cancel_upload(self, subtask: SubtaskId, checkpoint_id: CheckpointId) -> None:
        """The checkpoint was given up."""
        self._schedule.cancel(Choice(ChoiceKind.UPLOAD, str(subtask), checkpoint_id))

    def _upload(self, choice: Choice, timed: Timed) -> None:
        """A large state is encoded first, a slice a move; then its bytes take their time."""
        upload = timed.payload
        assert isinstance(upload, Upload)
        encoding = next((each for each in upload.parts.values() if not each.done), None)
        if encoding is None:
            self._store(choice, upload, timed.cause)
            return
        encoding.advance()
        due = self.now_us + self._transfer_us(encoding)
        self._schedule.plan(choice, due, upload, timed.cause)

    def _store(self, choice: Choice, upload: Upload, cause: Identity | None) -> None:
        """A file for each operator, so that a job that chains otherwise finds its state too."""
        task, checkpoint_id = self._executions.owners[choice.owner], CheckpointId(choice.ordinal)
        job, storage, done = self.settings.name, self.world.storage, []
        for name, encoding in upload.parts.items():
            try:
                handle = storage.write(checkpoint_id, file_of(name), encoding.data)
            except BandvizError:  # the disk's trouble is the checkpoint's, not the program's
                decline = Decline(job, checkpoint_id, task.id, Reason.ASYNC_FAILURE)
                self.tell_coordinator(decline, cause)
                return
            cause = self.emitter.control(
                checkpoint_facts.UploadCompleted(
                    subtask=name,
                    checkpoint_id=checkpoint_id,
                    uploaded_bytes=handle.length,
                    duration_us=max(0, self.now_us - upload.began_us),
                )
            )
            ended = task.checkpoints.is_final(checkpoint_id)
            done.append(Acknowledge(job, checkpoint_id, name, handle, encoding.base, ended))
        self.tell_coordinator(tuple(done), cause)

    def output_taken(self, subtask: SubtaskId) -> None:
        """A receiver took elements out of this subtask's output queue, or came to their end."""
        self.subtasks[self.graph.task_of[subtask]].on_output_taken()

    def tell_coordinator(self, message: ToCoordinator, cause: Identity | None) -> None:
        """A message to the coordinator takes `rpc_us`."""
        self._messages += 1
        choice = Choice(ChoiceKind.MESSAGE, COORDINATOR, self._messages)
        self._schedule.plan(choice, self.now_us + self.settings.rpc_us, message, cause)

    def tell(self, subtask: SubtaskId, message: ToSubtask, cause: Identity | None) -> None:
        """A message to a task takes `rpc_us`; its mailbox is FIFO. Nobody reads it if none lives
        there, and it is sent once to all operators of a chain: to the first.
        """
        execution = self.subtasks.get(subtask)
        if execution is None:
            return
        self._messages += 1
        due = self.now_us + self.settings.rpc_us
        if isinstance(message, NotifyComplete):
            due += self.settings.notification_us
        tie = mix(self.settings.seed, 4_000, self._messages)
        execution.mailbox.append(Letter(due, tie, self._messages, message, cause))
        self.touch(subtask)

    def arm(self, timer: str, due_us: int, ordinal: int = 0) -> None:
        """One timer of a name and ordinal at a time."""
        self._schedule.plan(Choice(ChoiceKind.TIMER, timer, ordinal), due_us)

    def disarm(self, timer: str, ordinal: int = 0) -> None:
        """It will not fire."""
        self._schedule.cancel(Choice(ChoiceKind.TIMER, timer, ordinal))

    def running(self) -> tuple[SubtaskId, ...]:
        """All operators of executions that have not finished."""
        return tuple(
            name
            for subtask in self.subtasks.values()
            if not subtask.done
            for name in subtask.operators
        )

    def is_running(self, subtask: SubtaskId) -> bool:
        """An execution lives, and has not finished."""
        execution = self.subtasks.get(self.graph.task_of[subtask])
        return execution is not None and not execution.done

    def has_finished(self, subtask: SubtaskId) -> bool:
        """It has done all its work and ended well."""
        execution = self.subtasks.get(self.graph.task_of[subtask])
        return execution is not None and execution.done

    def vertices(self) -> tuple[StoredVertex, ...]:
        """The operators, as a checkpoint remembers them."""
        return tuple(map(stored, self.graph.job.vertices))

    def fail_over(self, reason: str) -> None:
        """The whole job starts again from its latest checkpoint."""
        self._failover.fail_job(reason)

    def finished(self, subtask: SubtaskId) -> None:
        """A subtask ended well; with the last one the job does."""
        for name in self.subtasks[subtask].operators:
            attempt = self._executions.attempts[name]
            self.emitter.control(facts.SubtaskFinished(subtask=name, attempt=attempt))
        ended = [each.done for each in self.subtasks.values()]
        if len(ended) == len(self.graph.tasks) and all(ended):
            self._master.coordinator.stop(Reason.COORDINATOR_SHUTDOWN)
            self.set_status(JobStatus.FINISHED)
            self.end(RunStatus.FINISHED, "")

    # ------------------------------------------------------------------ life

    def set_status(self, status: JobStatus) -> None:
        """Say so, if it is another one."""
        if status is self.status:
            return
        self.status = status
        self.emitter.control(facts.JobStatusChanged(status=status, attempt=self.attempt))

    def end(self, status: RunStatus, reason: str) -> None:
        """Nothing will happen any more."""
        self.run = status
        self.emitter.control(facts.RunEnded(status=status, reason=reason))
        self._schedule.clear()
        self._touched.clear()
        self._broker_due_us = None

    def _rescale(self, fault: Fault, not_before_us: int) -> list[Entry]:
        """Stop everybody, declare the new graph, come back from the latest checkpoint."""
        wanted, old, graph = fault.parallelism(), self.graph, self._rescaled(fault)
        self.now_us = max(self.now_us, not_before_us)
        self._executions.stop(old.subtasks, ())
        self._master.coordinator.stop()
        self.graph = graph
        self._task_managers = task_managers(self.graph, self.settings)
        for uid, parallelism in wanted.items():
            self.emitter.control(
                VertexRescaled(
                    vertex=uid,
                    from_parallelism=old.vertex_of[uid].parallelism,
                    to_parallelism=parallelism,
                )
            )
        declare_graph(self.emitter, self.graph, self.settings, self._topics)
        self._master.rescale(self.graph)
        return self._finish_step()

    def _rescaled(self, fault: Fault) -> ExecutionGraph:
        """The graph that there would be. Raises CommandRejected."""
        if self.status is not JobStatus.RUNNING or any(map(self.has_finished, self.subtasks)):
            raise CommandRejected("a job is rescaled while all of its tasks run")
        return rescaled(self.graph, fault.parallelism(), self.settings)

    def _break(self, fault: Fault, not_before_us: int) -> list[Entry]:
        if fault.name == RESCALE:
            return self._rescale(fault, not_before_us)
        fault = self._of_task(fault)
        if fault not in self.faults():
            raise CommandRejected(f"cannot {fault.name} {fault.target} now")
        self.now_us = max(self.now_us, not_before_us)
        if fault.name not in REQUESTS:
            self.emitter.control(facts.FaultInjected(fault=fault.name, target=fault.target))
        if fault.name == KILL:
            self._failover.fail([fault.subtask()], "killed", "the process is gone")
        elif fault.name == LOSE:
            lost = self._running_on(fault.target)
            self._failover.fail(lost, "TaskManager lost", f"{fault.target} is gone")
        elif fault.name in ON_OPERATORS:
            self._mishap(fault)
        else:
            self._master.apply(fault)
        return self._finish_step()
