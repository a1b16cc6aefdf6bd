"""One run: a job, its script, its timeline. What a headless report and a screen both drive.

The truth for re-running is the plan, the seed and the list of commands with their steps; `replay`
makes the same run again up to a step, which is how a branch begins.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter, eq
from pathlib import Path

from bandviz import __version__
from bandviz.engine.advance import advance
from bandviz.engine.faults import RESCALE, Fault
from bandviz.engine.job import Job
from bandviz.engine.network import Network
from bandviz.engine.rescaling import rescaled
from bandviz.errors import CommandRejected, InvariantViolation, require
from bandviz.events import Entry, Level
from bandviz.events.job import RunStatus
from bandviz.graph.execution import ExecutionGraph, unroll
from bandviz.ids import CheckpointId
from bandviz.model.run import RunModel
from bandviz.scenario.plan import Beat, Plan, ScriptedFault
from bandviz.session.director import Director
from bandviz.session.facts import Facts
from bandviz.session.moments import Moment, moments_of
from bandviz.session.remains import KEPT, chosen, remains_of, with_status
from bandviz.session.store import Store
from bandviz.text import door
from bandviz.timeline.timeline import Timeline
from bandviz.trace.commands import CommandRecord
from bandviz.trace.header import Header
from bandviz.trace.writer import Writer
from bandviz.world import memory_world

_step_of = attrgetter("step")


class Run:
    """A live run. `advance` makes one move; scripted faults are among the moves."""

    def __init__(
        self, plan: Plan, *, level: Level = Level.RECORD, store: Store | None = None
    ) -> None:
        self.plan = plan
        self.level = level
        self.timeline = Timeline()
        self.moments: list[Moment] = []
        self.commands: list[CommandRecord] = []
        self.steps = 0
        self._store = store
        self.job = self._machine()
        self._director = Director(plan.beats, plan.faults)
        self._writer: Writer | None = None
        self._begun = False
        self._missed: list[ScriptedFault] = []

    def _machine(self) -> Job | Network:
        plan, store = self.plan, self._store
        if plan.traffic is not None:
            return Network(unroll(plan.graph), plan.settings, plan.traffic, self.level)
        world = memory_world(plan.topics) if store is None else store.world(plan.topics, plan.graph)
        return Job(self._graph(), plan.settings, plan.topics, world, self.level)

    def _graph(self) -> ExecutionGraph:
        """As the plan has it, or as a lost process had rescaled it."""
        graph = unroll(self.plan.graph, chaining=self.plan.settings.chaining)
        past = self._store.past if self._store is not None else None
        for record in past.commands if past is not None else ():
            if record.kind == RESCALE:
                wanted = Fault(record.kind, record.target).parallelism()
                graph = rescaled(graph, wanted, self.plan.settings)
        return graph

    @property
    def ended(self) -> RunStatus | None:
        """How it ended; None while it goes on."""
        return self.job.run

    def record(self, path: Path, *, overwrite: bool = False) -> None:
        """Write all entries to a recording: those there are, and those to come."""
        self._writer = self._written(path, overwrite=overwrite)

    def save(self, path: Path) -> None:
        """A recording of the run as far as it has come. Raises TraceError."""
        self._written(path, overwrite=False).close()

    def _written(self, path: Path, *, overwrite: bool) -> Writer:
        writer = Writer.create(path, header_of(self.plan, self.level), overwrite=overwrite)
        for command in self.commands:
            writer.command(command)
        writer.add(list(self.timeline.entries(0, len(self.timeline))))
        return writer

    def close(self) -> None:
        """End the recording, if there is one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close(complete=self.ended is not None)
        if self._store is not None:
            self._store.close(ended=self.ended is not None)

    def resume(self, past: RunModel, wanted: CheckpointId | None = None) -> list[Entry]:
        """Go on where a lost process left the store; `past` is the model of what it told.

        Goes back to checkpoint `wanted`, else to the newest. Returns nothing if the run had ended
        or had not begun. Raises CommandRejected if there is no such checkpoint to go back to, and
        BandvizError if it is damaged.
        """
        assert self._store is not None
        assert isinstance(self.job, Job)
        remembers = self.plan.settings.high_availability
        try:
            adopted = chosen(past, wanted, remembers=remembers)
        except CommandRejected as error:
            place = door(str(self._store.root))
            raise CommandRejected(f"{place}: {error.message}", error.hint) from None
        if wanted is not None:
            self._store.require_whole(wanted)
        remains = remains_of(past, adopted)
        self._begun = past.run is not None
        self._follow(remains.now_us)
        self.job.run = past.job.run
        if self.ended is not None:
            self._store.show()
            return []
        self._store.go_on(with_status(past, *KEPT))
        if not self._begun:
            return []
        return self._take(self.job.resume(remains))

    def _follow(self, now_us: int) -> None:
        """Take the story up where it stood: what was told and broken is not so again."""
        assert self._store is not None
        assert self._store.past is not None
        self.timeline = Timeline.of(self._store.past)
        self.commands = list(self._store.past.commands)
        self.moments = moments_of(self.plan, self.timeline)
        broken = {record.step: record for record in self.commands}
        for step, entries in groupby(self.timeline.entries(0, len(self.timeline)), _step_of):
            self.steps = step + 1
            if step in broken:
                self._director.next_fault(broken[step].time_us)
            self._director.observe(list(entries))
        while self._director.next_beat(now_us) is not None:
            pass

    def next_us(self) -> int | None:
        """When the next move will happen, the script's fault included; None: the run is over."""
        if not self._begun:
            return 0
        times = [
            each for each in (self.job.next_us(), self._director.fault_us()) if each is not None
        ]
        return max(self.job.now_us, min(times)) if times and self.ended is None else None

    def beat_us(self) -> int | None:
        """When the next beat stands, if that is before the next move."""
        due, move = self._director.beat_us(), self.next_us()
        return due if due is not None and (move is None or due <= move) else None

    def reach_beat(self, said: Facts) -> Beat | None:
        """The beat, if any, that comes before the next move. Each comes once.

        One whose `given` does not hold is passed over: the story went another way.
        """
        while (due := self.beat_us()) is not None:
            beat = self._director.next_beat(due)
            if beat is not None and said.hold(beat):
                self.moments.append(Moment(len(self.timeline), due, beat))
                return beat
        return None

    def advance(self) -> list[Entry]:
        """Make one move: the script's fault if one is due, else the default choice."""
        if not self._begun:
            self._begun = True
            return self._take(self.job.start())
        if self.ended is not None:
            return []
        due = self._director.next_fault(self.job.next_us())
        if due is not None:
            if self.job.allows(fault_of(due[1])):
                return self.command(fault_of(due[1]), at_us=due[0], by_hand=False)
            self._missed.append(due[1])
        return self._default_move()

    def _default_move(self) -> list[Entry]:
        try:
            entries = advance(self.job, self.job.earliest())
        except InvariantViolation as error:
            if not self.plan.zoo:
                raise
            entries = self.job.give_up(f"the broken engine noticed it itself: {error}")
        return self._take(entries)

    def command(self, fault: Fault, *, at_us: int = 0, by_hand: bool = True) -> list[Entry]:
        """Break something now. Raises CommandRejected.

        By hand: the story is the person's from now on, the script breaks nothing more.
        """
        step = self.job.emitter.step
        time_us = max(at_us, self.job.now_us)
        record = CommandRecord(step, fault.name, fault.target, time_us, by_hand)
        entries = self.job.step(fault.choice, not_before_us=at_us)
        if by_hand:
            self._director.disarm()
        self.commands.append(record)
        if self._writer is not None:
            self._writer.command(record)
        if self._store is not None:
            self._store.command(record)
        return self._take(entries)

    def _take(self, entries: list[Entry]) -> list[Entry]:
        self.steps += 1
        self.timeline.append(entries)
        self._director.observe(entries)
        if self._store is not None:
            self._store.keep(entries)
        if self._writer is not None:
            self._writer.add(entries)
        if self.ended is not None:
            self.close()
        return entries

    def unmatched(self) -> tuple[str, ...]:
        """What the script waited for in vain: its beats and faults are wrong, or the run is."""
        missed = [f"fault '{one.name} {one.target}' was not possible" for one in self._missed]
        told = {moment.beat.id for moment in self.moments}
        passed = [
            f"beat '{beat.id}' was passed over: what is `given` did not hold"
            for beat in self._director.matched()
            if beat.id not in told
        ]
        return (*self._director.unmatched(), *passed, *missed)

    def replay(self, step: int) -> Run:
        """The same run again, on a world of its own, up to and with this step.

        Only the recorded commands break something on the way. Raises InvariantViolation if the
        entries are not the same.
        """
        again = Run(self.plan, level=self.level)
        commands = {record.step: record for record in self.commands}
        while again.job.emitter.step <= step and again.ended is None:
            while (due := again.beat_us()) is not None:
                again._director.next_beat(due)
            record = commands.get(again.job.emitter.step)
            if record is not None:
                again._director.next_fault(record.time_us)
                fault = Fault(record.kind, record.target)
                again.command(fault, at_us=record.time_us, by_hand=record.by_hand)
            elif again._begun:
                again._default_move()
            else:
                again.advance()
        length = len(again.timeline)
        again.moments = [moment for moment in self.moments if moment.index <= length]
        stood = max((one.at_us for one in again.moments if one.index == length), default=-1)
        while (due := again.beat_us()) is not None and due <= stood:
            again._director.next_beat(due)  # it was told, and is not told twice
        same = all(map(eq, again.timeline.entries(0, length), self.timeline.entries(0, length)))
        require(same, "a run repeats itself", f"up to step {step}")
        return again


def fault_of(scripted: ScriptedFault) -> Fault:
    """The engine's fault for one of the script."""
    return Fault(scripted.name, scripted.target)


def header_of(plan: Plan, level: Level = Level.RECORD) -> Header:
    """What a recording of this plan says about itself."""
    settings = plan.settings
    return Header(
        engine_version=__version__,
        scenario_name=settings.name,
        scenario_text=plan.text,
        variant=settings.variant,
        seed=settings.seed,
        policy="earliest",
        level=level,
        capabilities=("barriers", "records", "state", "transactions"),
        zoo=plan.zoo,
    )
