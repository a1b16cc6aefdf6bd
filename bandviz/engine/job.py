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
from bandviz.engine.coordinator import EXPIRE, TRIGGER, CheckpointCoordinator
from bandviz.engine.declare import declare
from bandviz.engine.deploy import deploy
from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.faults import CORRUPT_CHECKPOINT, KILL, Fault
from bandviz.engine.messages import Acknowledge, Decline, ToCoordinator, ToSubtask, Upload
from bandviz.engine.operators.base import State
from bandviz.engine.restore import file_of, load_state
from bandviz.engine.schedule import Move, Schedule, Timed
from bandviz.engine.state.encoding import Encoding
from bandviz.engine.subtask import Letter, Subtask, UserLogicFailed, shown_state
from bandviz.errors import BandvizError, CommandRejected
from bandviz.events import Entry, Level
from bandviz.events import checkpoint as checkpoint_facts
from bandviz.events import job as facts
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.flow import StallReason, SubtaskStalled
from bandviz.events.job import JobStatus, RunStatus
from bandviz.events.values import pack
from bandviz.graph.execution import ExecutionGraph
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import AggregateSpec, SourceSpec, TopicData, WindowSpec
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import DamagedFile, World

COORDINATOR = "coordinator"
RESTART = "restart job"
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
    ) -> None:
        self.graph = graph
        self.settings = settings
        self.world = world
        self.now_us = 0
        self.attempt = 0
        self.status = JobStatus.CREATED
        self.run: RunStatus | None = None
        self.emitter = Emitter(level)
        self.subtasks: dict[SubtaskId, Subtask] = {}
        self._topics = topics
        self._partition_counts = {topic.name: len(topic.partitions) for topic in topics}
        self._sources = tuple(
            subtask
            for subtask in graph.subtasks
            if isinstance(graph.vertex_of[subtask.vertex].spec, SourceSpec)
        )
        self._coordinator = CheckpointCoordinator(
            settings, world.storage, self.emitter, self, graph.subtasks, self._sources
        )
        self._owners: dict[str, Subtask] = {}
        self._schedule = Schedule(settings.seed)
        self._touched: dict[SubtaskId, None] = {}
        self._messages = 0
        self._restarts = 0
        self._read_to: dict[tuple[SubtaskId, int], int] = {}

    # ------------------------------------------------------------------ the two calls

    def start(self) -> list[Entry]:
        """Step 0: declare the structure and deploy the first attempt, empty."""
        declare(self.emitter, self.graph, self.settings, self._topics)
        self._deploy(CheckpointId(0), {})
        self._coordinator.start(first=True)
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
        kind, owner, ordinal = choice
        of_operator = kind is ChoiceKind.TIMER and owner in self._owners
        if kind is ChoiceKind.DELIVER or kind is ChoiceKind.POLL or of_operator:
            self._run_subtask(self._owners[owner], kind, owner, ordinal)
        elif kind is ChoiceKind.MESSAGE and owner != COORDINATOR:
            subtask = self._owners[owner]
            self.touch(subtask.id)
            subtask.receive()
        else:
            self._run_timed(choice)
        return self._finish_step()

    def faults(self) -> list[Fault]:
        """What can be broken now: any running subtask, any retained checkpoint."""
        if self.run is not None:
            return []
        alive = [subtask for subtask in self.subtasks.values() if not subtask.done]
        return [Fault(KILL, subtask.name) for subtask in alive] + [
            Fault(CORRUPT_CHECKPOINT, str(checkpoint_id))
            for checkpoint_id in self._coordinator.completed
        ]

    def hopeless(self) -> str:
        """Why going on is of no use: no checkpoint completes, so the job will never end."""
        failed = self._coordinator.failed_in_a_row
        if failed < HOPELESS_AFTER:
            return ""
        return f"{failed} checkpoints in a row came to nothing: {self._coordinator.last_failure}"

    def give_up(self, reason: str) -> list[Entry]:
        """Nothing can move, or the step budget is used up: the run is stuck."""
        self._end(RunStatus.STUCK, reason)
        return self._finish_step()

    def clone(self) -> Self:
        """An independent copy, world included; graph, settings, data and buffers are shared."""
        return copy.deepcopy(self)

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
        for move in self._moves():
            if move[2:] == choice:
                return move[0]
        raise CommandRejected(f"'{choice}' is not possible now")

    def _finish_step(self) -> list[Entry]:
        """Find anew what the touched subtasks can do, then close the step."""
        for subtask_id in self._touched:
            subtask = self.subtasks.get(subtask_id)
            if subtask is None:
                continue
            move = min(subtask.moves(), default=None)
            self._schedule.set_best(subtask.name, move)
            if self.emitter.flow:
                works = move is not None and move[2] is not ChoiceKind.MESSAGE
                reason = StallReason.NONE if works else subtask.why_stalled()
                if reason is not subtask.stall:
                    subtask.stall = reason
                    self.emitter.on_flow(SubtaskStalled(subtask=subtask_id, reason=reason))
        self._touched.clear()
        return self.emitter.flush(self.now_us)

    def _run_subtask(self, subtask: Subtask, kind: ChoiceKind, owner: str, ordinal: int) -> None:
        self.touch(subtask.id)
        try:
            if kind is ChoiceKind.POLL:
                subtask.poll(ordinal)
            elif kind is ChoiceKind.TIMER:
                subtask.fire()
            else:
                subtask.deliver(owner)
        except UserLogicFailed as failure:
            self.emitter.drop_records()
            self._fail(subtask.id, "user logic", str(failure))

    def _run_timed(self, choice: Choice) -> None:
        timed = self._schedule.take(choice)
        self.emitter.cause = timed.cause
        if choice.kind is ChoiceKind.UPLOAD:
            self._upload(choice, timed)
        elif choice.kind is ChoiceKind.MESSAGE:
            assert isinstance(timed.payload, (Acknowledge, Decline))
            self._coordinator.on_message(timed.payload)
        elif choice.owner == TRIGGER:
            ended = all(self.subtasks[source].input_ended for source in self._sources)
            self._coordinator.on_trigger_timer(ended)
        elif choice.owner == EXPIRE:
            self._coordinator.on_expire_timer()
        else:
            self._restart()

    # ------------------------------------------------------------------ what subtasks ask

    def touch(self, subtask: SubtaskId) -> None:
        """Its next move must be found anew."""
        self._touched[subtask] = None

    def upload(
        self, subtask: SubtaskId, checkpoint_id: CheckpointId, encoding: Encoding, cause: Identity
    ) -> None:
        """The asynchronous part of a snapshot: a move of its own, later."""
        execution = self.subtasks[subtask]
        due = execution.busy_until_us + self.settings.upload_us + self._transfer_us(encoding)
        choice = Choice(ChoiceKind.UPLOAD, execution.name, checkpoint_id)
        self._schedule.plan(choice, due, Upload(encoding, execution.busy_until_us), cause)

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
        if upload.encoding.done:
            self._store(choice, upload, timed.cause)
            return
        upload.encoding.advance()
        due = self.now_us + self._transfer_us(upload.encoding)
        self._schedule.plan(choice, due, upload, timed.cause)

    def _store(self, choice: Choice, upload: Upload, cause: Identity | None) -> None:
        subtask, checkpoint_id = self._owners[choice.owner], CheckpointId(choice.ordinal)
        name, data = file_of(subtask.id), upload.encoding.data
        try:
            handle = self.world.storage.write(checkpoint_id, name, data)
        except BandvizError:  # the disk's trouble is the checkpoint's, not the program's
            reason = Reason.ASYNC_FAILURE
            self.tell_coordinator(Decline(checkpoint_id, subtask.id, reason), cause)
            return
        cause = self.emitter.control(
            checkpoint_facts.UploadCompleted(
                subtask=subtask.id,
                checkpoint_id=checkpoint_id,
                uploaded_bytes=handle.length,
                duration_us=max(0, self.now_us - upload.began_us),
            )
        )
        self.tell_coordinator(Acknowledge(checkpoint_id, subtask.id, handle), cause)

    def tell_coordinator(self, message: ToCoordinator, cause: Identity | None) -> None:
        """A message to the coordinator takes `rpc_us`."""
        self._messages += 1
        choice = Choice(ChoiceKind.MESSAGE, COORDINATOR, self._messages)
        self._schedule.plan(choice, self.now_us + self.settings.rpc_us, message, cause)

    def tell(self, subtask: SubtaskId, message: ToSubtask, cause: Identity | None) -> None:
        """A message to a subtask takes `rpc_us`; its mailbox is FIFO."""
        self._messages += 1
        due = self.now_us + self.settings.rpc_us
        tie = mix(self.settings.seed, 4_000, self._messages)
        self.subtasks[subtask].mailbox.append(Letter(due, tie, self._messages, message, cause))
        self.touch(subtask)

    def arm(self, timer: str, due_us: int) -> None:
        """One timer of a name at a time."""
        self._schedule.plan(Choice(ChoiceKind.TIMER, timer, 0), due_us)

    def disarm(self, timer: str) -> None:
        """It will not fire."""
        self._schedule.cancel(Choice(ChoiceKind.TIMER, timer, 0))

    def finished(self, subtask: SubtaskId) -> None:
        """A subtask ended well; with the last one the job does."""
        self.emitter.control(facts.SubtaskFinished(subtask=subtask, attempt=self.attempt))
        if all(each.done for each in self.subtasks.values()):
            self._set_status(JobStatus.FINISHED)
            self._end(RunStatus.FINISHED, "")

    # ------------------------------------------------------------------ life

    def _set_status(self, status: JobStatus) -> None:
        self.status = status
        self.emitter.control(facts.JobStatusChanged(status=status, attempt=self.attempt))

    def _end(self, status: RunStatus, reason: str) -> None:
        self.run = status
        self.emitter.control(facts.RunEnded(status=status, reason=reason))
        self._forget_moves()

    def _forget_moves(self) -> None:
        self._schedule.clear()
        self._touched.clear()

    def _break(self, fault: Fault, not_before_us: int) -> list[Entry]:
        if fault not in self.faults():
            raise CommandRejected(f"cannot {fault.name} {fault.target} now")
        self.now_us = max(self.now_us, not_before_us)
        self.emitter.control(facts.FaultInjected(fault=fault.name, target=fault.target))
        if fault.name == KILL:
            self._fail(fault.subtask(), "killed", "the process is gone")
        else:
            self.world.storage.damage(fault.checkpoint(), file_of(self._most_telling()))
        return self._finish_step()

    def _most_telling(self) -> SubtaskId:
        """Whose file a damage is about: the first keyed state, else the last subtask's."""
        keyed = (AggregateSpec, WindowSpec)
        return next(
            (
                s
                for s in self.graph.subtasks
                if isinstance(self.graph.vertex_of[s.vertex].spec, keyed)
            ),
            self.graph.subtasks[-1],
        )

    def _fail(self, victim: SubtaskId, reason: str, detail: str) -> None:
        """One dies; all others of its region (here: the job) are cancelled in the same step.

        Simplification: cancellation takes no time.
        """
        self.emitter.control(
            facts.SubtaskFailed(subtask=victim, attempt=self.attempt, reason=reason, detail=detail)
        )
        for subtask in self.subtasks.values():
            if subtask.id != victim and not subtask.done:
                self.emitter.control(
                    facts.SubtaskCanceled(subtask=subtask.id, attempt=self.attempt)
                )
            if subtask.reader is not None:
                for partition, offset in subtask.reader.offsets.items():
                    self._read_to[subtask.id, partition] = offset
        for subtask in self.subtasks.values():
            for channel in subtask.inputs:
                if channel.queue or channel.held:
                    self.emitter.control(
                        facts.ChannelCleared(
                            channel=channel.id, lost_record_count=channel.records_on_the_way()
                        )
                    )
        self._coordinator.stop()
        self.subtasks, self._owners = {}, {}
        self._forget_moves()
        self._schedule_restart(victim)

    def _schedule_restart(self, victim: SubtaskId) -> None:
        """Restart strategy: fixed delay, so many attempts."""
        if self._restarts >= self.settings.restart_attempts:
            self._set_status(JobStatus.FAILED)
            self._end(RunStatus.FAILED, f"{victim} failed and no restart is left")
            return
        self._restarts += 1
        self._set_status(JobStatus.RESTARTING)
        due = self.now_us + self.settings.restart_delay_us
        self.emitter.control(facts.RestartScheduled(attempt=self.attempt + 1, due_us=due))
        self.arm(RESTART, due)

    def _restart(self) -> None:
        checkpoint_id, state = self._newest_good_checkpoint()
        self._deploy(checkpoint_id, state)
        self._coordinator.start(first=False)

    def _newest_good_checkpoint(self) -> tuple[CheckpointId, dict[SubtaskId, State]]:
        """The latest completed checkpoint; a damaged one is refused and the one before it tried.

        Simplification: Flink fails the restore instead. Ours shows what falling back costs.
        """
        completed = self._coordinator.completed
        while completed:
            checkpoint_id = completed[-1]
            try:
                state = load_state(
                    self.world.storage, checkpoint_id, self.settings.name, self.graph.subtasks
                )
                return checkpoint_id, state
            except DamagedFile as damage:
                completed.pop()
                self._coordinator.discard(checkpoint_id)
                self.emitter.control(
                    facts.CheckpointRefused(
                        checkpoint_id=checkpoint_id, file=damage.file, detail=damage.detail
                    )
                )
        return CheckpointId(0), {}

    def _deploy(self, checkpoint_id: CheckpointId, state: dict[SubtaskId, State]) -> None:
        """A new attempt: fresh objects, filled from the checkpoint (0 = empty)."""
        self.attempt += 1
        if self.attempt > 1:
            self.emitter.control(
                facts.RestoreStarted(checkpoint_id=checkpoint_id, attempt=self.attempt)
            )
        self.subtasks, channels = deploy(
            self.graph, self.settings, self.world, self.emitter, self._partition_counts, self
        )
        self._owners = {subtask.name: subtask for subtask in self.subtasks.values()}
        for channel in channels.values():
            self._owners[channel.name] = self.subtasks[channel.plan.downstream]
        for subtask in self.subtasks.values():
            self.emitter.control(facts.SubtaskDeployed(subtask=subtask.id, attempt=self.attempt))
        for subtask in self.subtasks.values():
            self._restore(subtask, checkpoint_id, state.get(subtask.id))
            self.touch(subtask.id)
        self._set_status(JobStatus.RUNNING)

    def _restore(self, subtask: Subtask, checkpoint_id: CheckpointId, state: State | None) -> None:
        if self.attempt > 1:
            self.emitter.control(
                facts.SubtaskRestored(
                    subtask=subtask.id,
                    checkpoint_id=checkpoint_id,
                    state=shown_state(pack(state)) if state is not None else b"",
                )
            )
        subtask.busy_until_us = self.now_us
        subtask.operator.restore(state)
        reader = subtask.reader
        if reader is None:
            return
        reader.restore(state)
        if self.attempt == 1:
            return
        reader.resume_at(self.now_us)
        for partition, offset in reader.offsets.items():
            self.emitter.control(
                facts.SourceRewound(
                    subtask=subtask.id,
                    topic=reader.spec.topic,
                    partition=partition,
                    from_offset=self._read_to[subtask.id, partition],
                    to_offset=offset,
                )
            )
