"""A session: a person in front of a run, live or recorded.

It owns the cursor, the pace, the branches and the guesses. The one unit of wall time is the
argument of `tick`; everything else is virtual. With the cursor in the past, steps and play follow
the recording; only a command branches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from bandviz.check.judge import Judge
from bandviz.check.lineage import RecordLedger
from bandviz.check.verdict import Verdict
from bandviz.engine.faults import Fault
from bandviz.errors import CommandRejected
from bandviz.events import Event, Level
from bandviz.events import checkpoint as facts
from bandviz.events.job import CheckpointRefused, RestoreStarted, RunStatus, SubtaskFailed
from bandviz.ids import SubtaskId
from bandviz.model.facts import Dirty
from bandviz.model.narrator import Caption
from bandviz.model.run import RunModel
from bandviz.model.views import STATEFUL
from bandviz.scenario.patterns import Pattern, Watcher
from bandviz.scenario.plan import Plan
from bandviz.session import telling
from bandviz.session.compare import Length, Side, run_through, side, sinks_of
from bandviz.session.facts import Facts
from bandviz.session.guesses import Guess, Guesses
from bandviz.session.moments import Moment, moments_of
from bandviz.session.opening import other_variant
from bandviz.session.run import Run
from bandviz.timeline.cursor import Cursor
from bandviz.timeline.timeline import Timeline
from bandviz.trace.commands import CommandRecord


class Unit(Enum):
    """By what a step goes."""

    MOVE = "move"
    HOP = "barrier hop"
    CHECKPOINT = "checkpoint"


UNIT_EVENTS: Final[dict[Unit, frozenset[type[Event]]]] = {
    Unit.HOP: frozenset({facts.BarrierEmitted, facts.BarrierArrived}),
    Unit.CHECKPOINT: frozenset(
        {facts.CheckpointTriggered, facts.CheckpointCompleted, facts.CheckpointAborted}
    ),
}

SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 50.0, 200.0)
BUDGET_S: Final = 0.008
"""Wall time that one tick may spend on the engine."""
PATIENCE_S: Final = 1.0
"""What is to be done at once takes at most this long; the rest goes on by ticks."""
STEP_S: Final = 0.35
"""A single step takes at most this long on screen."""


LOUD: Final[frozenset[type[Event]]] = frozenset({SubtaskFailed, RestoreStarted, CheckpointRefused})
"""What the caption speaks of even on the way to the next beat."""


class Goal(Enum):
    """Why the run is moving."""

    NONE = "paused"
    PLAY = "playing"
    BEAT = "to the next beat"
    MOVE = "one move"
    HOP = "one barrier hop"
    CHECKPOINT = "one checkpoint"


class Branch(NamedTuple):
    """One future. `run` is None for a recording; `fork_index`: where it left its parent; 0 for the
    first.
    """

    name: str
    run: Run | None
    fork_index: int
    guesses: Guesses


class Session:
    """Drives one plan, or shows one recording (`run` is None then and nothing can be broken)."""

    def __init__(
        self,
        plan: Plan,
        timeline: Timeline | None = None,
        commands: Sequence[CommandRecord] = (),
    ) -> None:
        """`timeline` and `commands` are those of a recording."""
        self.plan = plan
        self.speed = 1.0
        self.goal = Goal.NONE
        self.breakpoints: list[Pattern] = []
        self._guesses = Guesses(plan.questions)
        self._recorded = timeline
        self._commands = tuple(commands)
        self._moments: list[Moment] = []
        self._watchers: list[Watcher] = []
        self._verdict: Verdict | None = None
        self._last = telling.NOTHING
        self._jumped = False
        self._base: Side | None = None
        self._forked: tuple[tuple[int, int], Run] | None = None
        self._length = Length(plan) if timeline is None else None
        run = Run(plan) if timeline is None else None
        if timeline is not None:
            self._moments = moments_of(plan, timeline)
        self.branches = [Branch("1", run, 0, self._guesses)]
        self._use(0)

    # ------------------------------------------------------------------ where we are

    @property
    def run(self) -> Run | None:
        """The live run of the active branch; None if that is the recording."""
        return self.branches[self.active].run

    @property
    def timeline(self) -> Timeline:
        """All entries there are so far."""
        run = self.run
        if run is not None:
            return run.timeline
        assert self._recorded is not None
        return self._recorded

    @property
    def model(self) -> RunModel:
        """The model at the cursor."""
        return self.cursor.model

    @property
    def moving(self) -> bool:
        """A goal is being followed."""
        return self.goal is not Goal.NONE

    @property
    def live(self) -> bool:
        """The cursor is at the newest entry."""
        return self.cursor.at_end

    @property
    def newest_us(self) -> int:
        """When the newest entry happened."""
        return self.timeline.entry(len(self.timeline) - 1).time_us

    @property
    def moments(self) -> list[Moment]:
        """Beats reached so far, in order."""
        return self.run.moments if self.run is not None else self._moments

    @property
    def ended(self) -> RunStatus | None:
        """How the run ended, if the cursor stands behind its end."""
        return self.model.job.run if self.cursor.at_end else None

    def moment(self) -> Moment | None:
        """The beat that stands exactly here, if one does."""
        here = [one for one in self.moments if one.index == self.cursor.index]
        passed = [one for one in here if one.at_us <= self.view_us]
        return passed[-1] if passed else None

    def verdict(self) -> Verdict | None:
        """What the judge says; only at the end of a run."""
        if self.ended is None:
            return None
        if self._verdict is None:
            self._verdict = self._judged(len(self.timeline)).verdict()
        return self._verdict

    def lineage(self) -> RecordLedger:
        """What has become of each source record by the moment of the cursor."""
        return self._judged(self.cursor.index).lineage()

    def _judged(self, stop: int) -> Judge:
        """A judge that has heard so many entries."""
        judge = Judge()
        for entry in self.timeline.entries(0, stop):
            judge.observe(entry)
        return judge

    def sides(self) -> tuple[Side, ...]:
        """At the end of a variant: this run and the unchanged one, both by the same judge."""
        verdict, variant = self.verdict(), self.plan.settings.variant
        if verdict is None or not variant or self.run is None:
            return ()
        if self._base is None:
            base = other_variant(self.plan, "")
            folded = run_through(base)
            if folded is None:
                return ()
            self._base = side("unchanged", folded, sinks_of(base))
        said = Facts(self.model, verdict)
        tallies = tuple((sink, said("tally", sink)) for sink in sinks_of(self.plan))
        return (self._base, Side(f"with {variant}", verdict, tallies))

    def end_us(self, budget_s: float = BUDGET_S) -> int:
        """Where a time row should end: the length of the undisturbed story, as far as measured.

        Measuring runs the story beside this one, a budget of wall time at each call.
        """
        if self._length is not None:
            self._length.advance_for(budget_s)
            return self._length.us
        if self._recorded:
            return self._recorded.entry(len(self._recorded) - 1).time_us
        return 0

    def facts(self) -> Facts:
        """Facts at the cursor."""
        return Facts(self.model, self.verdict(), self.plan.words.record)

    def _use(self, branch: int) -> None:
        self.active = branch
        self._guesses = self.branches[branch].guesses
        self.cursor: Cursor[RunModel, Dirty] = Cursor(self.timeline, RunModel, Dirty)
        self._verdict = None
        self._last = telling.NOTHING
        self._watchers = [Watcher(pattern) for pattern in self.breakpoints]
        self.view_us = 0
        self._stood = (0, -1)
        """Place and time of the last stop: beats up to there have been seen."""
        self.goal = Goal.NONE
        self._rate = self.speed

    # ------------------------------------------------------------------ moving on

    def tick(self, elapsed_s: float, *, budget_s: float = BUDGET_S) -> Dirty:
        """So much wall time has passed. Returns what may look different; empty if nothing moved.

        Virtual time that does not fit the budget is not made up for: a slow machine plays slower.
        """
        if self.goal is Goal.NONE:
            return Dirty(0)
        target = self.view_us + int(elapsed_s * 1_000_000 * self._rate)
        return self._run_to(target, perf_counter() + budget_s) | Dirty.TIME

    def finish_motion(self) -> Dirty:
        """Do at once what the present goal is about (a person pressed on, or wants no motion)."""
        deadline = perf_counter() + PATIENCE_S
        dirty = Dirty(0)
        while self.goal not in (Goal.NONE, Goal.PLAY) and perf_counter() < deadline:
            dirty |= self._run_to(None, deadline)
        return dirty

    def _run_to(self, target_us: int | None, deadline: float) -> Dirty:
        """Take entries whose time has come, until the goal is met or the budget is spent."""
        dirty = Dirty(0)
        while self.moving:
            beat_us, next_us = self._beat_us(), self._next_us()
            coming = next_us if beat_us is None else beat_us
            if coming is None:
                self.goal = Goal.NONE
            elif target_us is not None and coming > target_us:
                self.view_us = max(self.view_us, target_us)
                break
            elif beat_us is not None:
                self._stop_at_beat(beat_us)
            else:
                dirty |= self._move()
            if perf_counter() > deadline:
                break
        return dirty

    def _beat_us(self) -> int | None:
        """When the next beat stands, if it comes before the next move."""
        if self.live and self.run is not None:
            return self.run.beat_us()
        if self.goal not in (Goal.BEAT, Goal.PLAY):
            return None
        here = [one for one in self.moments if one.index == self.cursor.index]
        return min(
            (one.at_us for one in here if (one.index, one.at_us) > self._stood), default=None
        )

    def _stop_at_beat(self, beat_us: int) -> None:
        """Pause at a beat, and at all that stand at the same time."""
        self.view_us = max(self.view_us, beat_us)
        self._stood = (self.cursor.index, beat_us)
        run = self.run
        if self.live and run is not None:
            while run.beat_us() == beat_us:
                run.reach_beat(self.facts())
        here = [one for one in self.moments if (one.index, one.at_us) == self._stood]
        for moment in here:
            self._guesses.reached(moment.beat, self.facts())
        if here:
            self.goal = Goal.NONE

    def _next_us(self) -> int | None:
        if not self.live:
            return self.timeline.entry(self.cursor.index).time_us
        return self.run.next_us() if self.run is not None else None

    def _move(self) -> Dirty:
        """One step forward, in the recording or live; may meet the goal."""
        before = self.cursor.index
        self._jumped = False
        run = self.run
        if self.live and run is not None:
            run.advance()
            dirty = self.cursor.seek_end()
        else:
            dirty = self.cursor.seek(self._end_of_step(before))
        self.view_us = max(self.view_us, self.model.time_us)
        events = [
            entry.event
            for entry in self.timeline.entries(before, self.cursor.index)
            if entry.event.level is Level.CONTROL
        ]
        if any(type(event) in LOUD for event in events):
            self._last = telling.of_step(self._place(), steps=1) or self._last
        if self._meets_goal(events) or self._hits_breakpoint(events):
            self.goal = Goal.NONE
            self.view_us = self.model.time_us
        return dirty

    def _meets_goal(self, events: list[Event]) -> bool:
        if self.goal is Goal.MOVE:
            return True
        if self.goal is Goal.HOP:
            return any(type(event) in UNIT_EVENTS[Unit.HOP] for event in events)
        if self.goal is Goal.CHECKPOINT:
            return any(type(event) in UNIT_EVENTS[Unit.CHECKPOINT] for event in events)
        return False

    def _hits_breakpoint(self, events: list[Event]) -> bool:
        hits = [watcher.observe(event) for event in events for watcher in self._watchers]
        return any(hits)

    def _end_of_step(self, index: int) -> int:
        return self.timeline.index_of_step(self.timeline.entry(index).step + 1)

    # ------------------------------------------------------------------ commands: time

    def begin(self) -> None:
        """Make the first move, which declares and deploys; stop at a beat that stands there."""
        if self.cursor.index == 0 and self._next_us() is not None:
            self.goal = Goal.MOVE
            self._move()
            self.goal = Goal.BEAT
            beat_us = self._beat_us()
            if beat_us is not None and beat_us <= self.view_us:
                self._stop_at_beat(beat_us)
            self.goal = Goal.NONE

    def play(self) -> None:
        """Run freely at the chosen speed, up to the next beat or breakpoint."""
        self._stood = (self.cursor.index, self.view_us)
        self.goal = Goal.PLAY
        self._rate = self.speed

    def pause(self) -> None:
        """Stand still."""
        self.goal = Goal.NONE

    def next_beat(self) -> None:
        """Go on to the next beat; pressed again on the way, jump there."""
        if self.goal is Goal.BEAT:
            self.finish_motion()
            return
        self._stood = (self.cursor.index, self.view_us)
        self.goal = Goal.BEAT
        self._rate = max(self.speed, 1.0)

    def previous_beat(self) -> Dirty:
        """Look back to the beat before."""
        here = (self.cursor.index, self.view_us)
        earlier = [one for one in self.moments if (one.index, one.at_us) < here]
        if not earlier:
            return Dirty(0)
        dirty = self.seek(earlier[-1].index)
        self.view_us = earlier[-1].at_us
        self._stood = (self.cursor.index, self.view_us)
        return dirty

    def step_forward(self, unit: Unit = Unit.MOVE) -> None:
        """One unit on, with a small motion."""
        self.finish_motion()
        next_us = self._next_us()
        if next_us is None:
            return
        self.goal = {Unit.MOVE: Goal.MOVE, Unit.HOP: Goal.HOP, Unit.CHECKPOINT: Goal.CHECKPOINT}[
            unit
        ]
        span_s = max(0, next_us - self.view_us) / 1_000_000
        self._rate = max(1.0, span_s / STEP_S) if unit is Unit.MOVE else max(self.speed, 2.0)

    def step_back(self, unit: Unit = Unit.MOVE) -> Dirty:
        """One unit back: a seek in the recording, nothing is undone in the job."""
        index = self.cursor.index
        if index == 0:
            return Dirty(0)
        if unit is Unit.MOVE:
            step = self.timeline.entry(index - 1).step
            return self.seek(self.timeline.index_of_step(step))
        types: Collection[type[Event]] = UNIT_EVENTS[unit]
        start = self.timeline.index_of_step(self.timeline.entry(index - 1).step)
        found = self.timeline.previous_index(start, types)
        return self.seek(self._end_of_step(found) if found is not None else 0)

    def seek(self, index: int) -> Dirty:
        """Look at another place; the job stays where it is."""
        self.goal = Goal.NONE
        self._jumped = True
        first = self.timeline.index_of_step(1)
        dirty = self.cursor.seek(max(first, min(index, len(self.timeline))))
        self.view_us = self.model.time_us
        self._stood = (self.cursor.index, self.view_us)
        return dirty | Dirty.TIME

    def seek_time(self, time_us: int) -> Dirty:
        """Look at the last moment that is not later than this virtual time."""
        low, high = 0, len(self.timeline)
        while low < high:
            middle = (low + high) // 2
            if self.timeline.entry(middle).time_us <= time_us:
                low = middle + 1
            else:
                high = middle
        step_end = self._end_of_step(low - 1) if low else 0
        return self.seek(step_end)

    def go_live(self) -> Dirty:
        """Back to the newest entry."""
        return self.seek(len(self.timeline))

    def faster(self, by: int) -> float:
        """Change the speed by so many notches; returns it."""
        at = SPEEDS.index(self.speed) if self.speed in SPEEDS else SPEEDS.index(1.0)
        self.speed = SPEEDS[max(0, min(at + by, len(SPEEDS) - 1))]
        if self.goal is Goal.PLAY:
            self._rate = self.speed
        return self.speed

    # ------------------------------------------------------------------ commands: the job

    def faults(self) -> list[Fault]:
        """What can be broken or asked for at the cursor. In the past: what could, after branching.

        Of all rescalings, those by one subtask.
        """
        run = self.run
        if run is None or not self.cursor.index:
            return []
        job = run.job if self.live else self._fork().job
        return [*job.faults(), *job.rescalings()]

    def victim(self) -> SubtaskId | None:
        """The likeliest victim: named by the beat, else the first subtask with keyed state."""
        moment = self.moment()
        if moment is not None and moment.beat.victim is not None:
            return moment.beat.victim
        for vertex in self.model.vertices.values():
            if vertex.kind in STATEFUL:
                return SubtaskId(vertex.vertex, 0)
        return next(iter(self.model.subtasks), None)

    def break_now(self, fault: Fault) -> Dirty:
        """Break something at the cursor; from a past point this opens a branch."""
        self.pause()
        run = self.run
        if run is None:
            raise CommandRejected("a recording cannot be broken", "open its scenario instead")
        if not self.live:
            index = self.cursor.index
            fork = self._fork()
            self._forked = None
            self._branch(fork, index)
            run = fork
        run.command(fault, at_us=min(self.view_us, run.next_us() or self.view_us))
        dirty = self.cursor.seek_end()
        self.view_us = self.model.time_us
        beat_us = run.beat_us()
        if beat_us is not None and beat_us <= self.view_us:
            self._stop_at_beat(beat_us)
        return dirty | Dirty.TIME

    def _branch(self, run: Run, index: int) -> None:
        name = str(len(self.branches) + 1)
        self.branches.append(Branch(name, run, index, Guesses(self.plan.questions)))
        self._use(len(self.branches) - 1)

    def done(self) -> list[CommandRecord]:
        """What was done to this run, and what its script will still do."""
        run = self.run
        if run is None:
            return list(self._commands)
        if run.ended is None:
            run = run.replay(run.steps - 1)
            while run.ended is None:
                run.advance()
        return run.commands

    def open_branch(self, run: Run, step: int) -> Dirty:
        """A future that was run already; look at where it parts from this one, before `step`."""
        index = run.timeline.index_of_step(step)
        self._branch(run, index)
        return self.seek(index)

    def _fork(self) -> Run:
        """The run anew up to the cursor; kept, for a menu asks before the person decides."""
        assert self.run is not None
        place = (self.active, self.cursor.index)
        if self._forked is None or self._forked[0] != place:
            step = self.timeline.entry(self.cursor.index - 1).step
            self._forked = (place, self.run.replay(step))
        return self._forked[1]

    def switch_branch(self, branch: int) -> Dirty:
        """Show another future, as far as it has come."""
        self._use(branch)
        return self.go_live()

    def origin(self, branch: Branch) -> str:
        """Where a branch left its parent, and by what."""
        if branch.run is None:
            return "the recording"
        if not branch.fork_index:
            return "the first"
        forked = branch.run.timeline.entry(branch.fork_index)
        done = [
            f"{one.kind} {one.target}" for one in branch.run.commands if one.step == forked.step
        ]
        what = done[0] if done else "without what was done there"
        return f"from {forked.time_us / 1_000_000:.1f} s: {what}"

    def toggle_breakpoint(self, pattern: Pattern) -> bool:
        """Set it, or take it away; True if it is set now."""
        if pattern in self.breakpoints:
            self.breakpoints.remove(pattern)
        else:
            self.breakpoints.append(pattern)
        self._watchers = [Watcher(each) for each in self.breakpoints]
        return pattern in self.breakpoints

    def save(self, path: Path) -> None:
        """Write the active branch as a recording. Raises TraceError."""
        if self.run is None:
            raise CommandRejected("this is a recording already")
        self.run.save(path)

    # ------------------------------------------------------------------ words

    def caption(self, *, brief: bool = False) -> Caption:
        """What to say here: the beat's words if one stands here, else the judge's or narrator's.

        On the way to the next beat the last words stay.
        """
        moment, verdict, zoo = self.moment(), self.verdict(), self.plan.zoo
        if moment is not None and not (zoo and verdict is not None):
            self._last = telling.of_moment(
                moment.beat, self.facts(), self._place(), zoo=zoo, brief=brief
            )
        elif verdict is not None and self.ended is not None:
            self._last = telling.of_ending(self.ended, verdict)
        elif not self.moving:
            steps = telling.STEPS_BACK if self._jumped else 1
            told = telling.of_step(self._place(), steps=steps)
            self._last = telling.by_the_rules(told, zoo) if told is not None else self._last
        return self._last

    def why(self) -> str:
        """The rule behind what is told here, with Flink's name for it."""
        moment = self.moment()
        return telling.reason(self._place(), moment.beat if moment is not None else None)

    def _place(self) -> telling.Place:
        return telling.Place(self.timeline, self.cursor.index, self.model)

    def guess(self) -> Guess | None:
        """The question that is open here, or is answered here."""
        moment = self.moment()
        return self._guesses.at(moment.beat) if moment is not None else None

    def answer(self, option: int) -> bool:
        """Lock a guess; False if nothing is asked here or it was answered before."""
        guess = self.guess()
        return guess is not None and self._guesses.answer(guess, option)
