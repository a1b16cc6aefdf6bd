"""Witnesses: of a run that breaks a claim, the smallest one that we find, and how to have it again.

Shrinking looks at runs only: a shorter input is kept if the same oracle accuses some run of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from bandviz.engine.choices import Choice
from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.errors import BandvizError, InvariantViolation
from bandviz.events import Entry, Level
from bandviz.graph.specs import PartitionData, TopicData
from bandviz.lab.campaign import Violation, plan_of, policy_of
from bandviz.lab.claims import accusations
from bandviz.lab.policies import EARLIEST, Policy
from bandviz.lab.sweep import Stretch, collecting_later, crash_runs, undisturbed
from bandviz.lab.trial import Trial
from bandviz.lab.zoo import loose
from bandviz.scenario.build import plan_of_text
from bandviz.scenario.load import parse
from bandviz.scenario.plan import Plan
from bandviz.scenario.reader import plain
from bandviz.scenario.varied import write
from bandviz.session.run import Run, header_of
from bandviz.text import LINE, door
from bandviz.trace.commands import ChoiceRecord, CommandRecord
from bandviz.trace.writer import Writer

BUDGET: Final = 60_000
"""Steps that may be spent on the input of a witness, and again on its moves: some seconds each."""

Runs = Callable[[Plan, Policy], Iterator[Trial]]
"""All runs of a plan that are worth a look, the undisturbed one first."""
Accuse = Callable[[Trial], Mapping[str, str]]
"""What each oracle that accuses a run says of it."""
Row = tuple[int, int, int]
"""Topic, partition, offset."""


@dataclass(frozen=True, slots=True)
class Guided:
    """The earliest move, but for those that are named, each at its step."""

    choices: tuple[tuple[int, Choice], ...] = ()

    def pick(self, job: Job) -> Choice | None:
        """None if there is none."""
        wanted = dict(self.choices).get(job.emitter.step)
        return wanted if wanted in job.choices() else job.earliest()


class Witness(NamedTuple):
    """A run, by all that one has to supply. `breaks`, `choices`: with the step that each makes.

    `plan.zoo` says which engine it was.
    """

    plan: Plan
    breaks: tuple[tuple[int, Fault], ...]
    choices: tuple[tuple[int, Choice], ...]
    sentence: str

    @property
    def events(self) -> int:
        """What it takes to see it: records of the input, faults, moves off the default schedule."""
        return len(_rows(self.plan)) + len(self.breaks) + len(self.choices)

    def run(self) -> Trial:
        """The run again."""
        with loose(self.plan.zoo):
            return rerun(self.plan, Guided(self.choices), self.breaks)


@dataclass(slots=True)
class _Noting:
    """Notes where a policy leaves the default."""

    policy: Policy
    left: list[tuple[int, Choice]] = field(default_factory=list)

    def pick(self, job: Job) -> Choice | None:
        choice = self.policy.pick(job)
        if choice is not None and choice != job.earliest():
            self.left.append((job.emitter.step, choice))
        return choice


def shrunk(
    plan: Plan, policy: Policy, seen: Trial, oracle: str, runs: Runs, accuse: Accuse
) -> Witness:
    """From a run of `plan` that `oracle` accuses to a small one that it accuses as well.

    First the input is cut from its end, then single records are left out, then moves are made by
    default again.
    """
    search = _Search(oracle, runs, accuse, bool(seen.breaks))
    found = _Found(plan, policy, seen)
    if policy != EARLIEST:
        found = search(plan, EARLIEST) or found
    search.left = BUDGET
    found = _cut(search, found)
    for row in reversed(_rows(found.plan)):
        found = search(_without(found.plan, row), found.policy) or found
    breaks = tuple(found.trial.breaks)
    noted = rerun(found.plan, _Noting(found.policy), breaks).policy
    assert isinstance(noted, _Noting)
    choices = _fewer(search, found.plan, breaks, tuple(noted.left))
    told = accuse(rerun(found.plan, Guided(choices), breaks))
    return Witness(found.plan, breaks, choices, told.get(oracle, ""))


class _Found(NamedTuple):
    plan: Plan
    policy: Policy
    trial: Trial


def _cut(search: _Search, found: _Found) -> _Found:
    """By halves, so long as it helps."""
    low, high = 0, 1 + max((row[2] for row in _rows(found.plan)), default=0)
    while low + 1 < high:
        middle = (low + high) // 2
        less = search(_first(found.plan, middle), found.policy)
        low, high, found = (low, middle, less) if less else (middle, high, found)
    return found


@dataclass(slots=True)
class _Search:
    """Looks for an accused run, as long as the budget lasts."""

    oracle: str
    runs: Runs
    accuse: Accuse
    broken: bool
    left: int = BUDGET

    def __call__(self, plan: Plan, policy: Policy) -> _Found | None:
        """One of the runs of this plan; the undisturbed one only, if that was enough so far."""
        try:
            for trial in self.runs(plan, policy) if self.left > 0 else ():
                if self.sees(trial):
                    return _Found(plan, policy, trial)
                if not self.broken or self.left <= 0:
                    break
        except InvariantViolation:
            pass
        return None

    def sees(self, trial: Trial) -> bool:
        self.left -= trial.step
        return self.oracle in self.accuse(trial)


def _fewer(
    search: _Search,
    plan: Plan,
    breaks: Sequence[tuple[int, Fault]],
    choices: tuple[tuple[int, Choice], ...],
) -> tuple[tuple[int, Choice], ...]:
    """Leaves out the last ones, then ever smaller stretches: delta debugging."""
    search.left = BUDGET
    low, high = -1, len(choices)
    while low + 1 < high and search.left > 0:
        middle = (low + high) // 2
        if search.sees(rerun(plan, Guided(choices[:middle]), breaks)):
            high = middle
        else:
            low = middle
    choices = choices[:high]
    size = len(choices) // 2
    while size:
        start = 0
        while start < len(choices) and search.left > 0:
            less = choices[:start] + choices[start + size :]
            if search.sees(rerun(plan, Guided(less), breaks)):
                choices = less
            else:
                start += size
        size //= 2
    return choices


def all_runs(
    plan: Plan, policy: Policy, *, kills: int = 1, fault: str = KILL, every: int = 1
) -> Iterator[Trial]:
    """The undisturbed run, and each with so many kills, or with another fault in their place, at
    each so many steps. Raises InvariantViolation.
    """
    base = Trial(plan, policy)
    base.finish()
    yield base
    for crashed in crash_runs(Stretch(plan, policy, 1, base.step, every), kills, fault):
        yield crashed.trial


def accused(trial: Trial, *, mode: str) -> dict[str, str]:
    """What the mode's oracles say against it, by oracle."""
    told = accusations(mode, trial.judged(), trial.job)
    return {one.oracle: one.sentence for one in told}


def witness_of(found: Violation) -> Witness:
    """A small run that breaks the same claim of the same mode."""
    policy = policy_of(found.schedule)
    plan = patient(plan_of(found.scenario, found.mode, found.schedule), policy)
    breaks = [(step, Fault(KILL, target)) for step, target in found.kills]
    seen, accuse = rerun(plan, policy, breaks), partial(accused, mode=found.mode)
    runs = partial(all_runs, kills=len(breaks))
    with collecting_later():
        return shrunk(plan, policy, seen, next(iter(accuse(seen))), runs, accuse)


def patient(plan: Plan, policy: Policy) -> Plan:
    """Goes on as long as a run that nothing disturbs, and some more."""
    steps = undisturbed(plan, policy).step
    return replace(plan, settings=replace(plan.settings, max_steps=4 * steps + 200))


def rerun(plan: Plan, policy: Policy, breaks: Sequence[tuple[int, Fault]]) -> Trial:
    """To its end, each fault at its step, if it is possible then."""
    trial, due = Trial(plan, policy), dict(breaks)
    while trial.ended is None:
        fault = due.get(trial.step)
        if fault is not None and trial.job.allows(fault):
            trial.inject(fault)
        else:
            trial.advance()
    return trial


# ------------------------------------------------------------------------------------- the input


def _rows(plan: Plan) -> list[Row]:
    return [
        (t, p, offset)
        for t, topic in enumerate(plan.topics)
        for p, part in enumerate(topic.partitions)
        for offset in range(len(part.rows))
    ]


def _first(plan: Plan, count: int) -> Plan:
    """So many records of each partition at most."""
    return _keeping(plan, [row for row in _rows(plan) if row[2] < count])


def _without(plan: Plan, left_out: Row) -> Plan:
    return _keeping(plan, [row for row in _rows(plan) if row != left_out])


def _keeping(plan: Plan, rows: Sequence[Row]) -> Plan:
    def part_of(part: PartitionData, offsets: Sequence[int]) -> PartitionData:
        times, ready = part.times_ms, part.available_us
        return replace(
            part,
            rows=tuple(part.rows[at] for at in offsets),
            times_ms=None if times is None else tuple(times[at] for at in offsets),
            available_us=None if ready is None else tuple(ready[at] for at in offsets),
        )

    def topic_of(t: int, topic: TopicData) -> TopicData:
        parts = [
            part_of(part, [row[2] for row in rows if row[:2] == (t, p)])
            for p, part in enumerate(topic.partitions)
        ]
        return replace(topic, partitions=tuple(parts))

    return replace(plan, topics=tuple(topic_of(t, one) for t, one in enumerate(plan.topics)))


# ------------------------------------------------------------------------------------- as files


def save(witness: Witness, folder: Path, name: str) -> list[Path]:
    """A recording, and a scenario that leads to it if one can say so: not without the moves that
    left the default, nor if its fault falls between two moments that have names. Nothing of a run
    that the engine stopped itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        trial = witness.run()
    except InvariantViolation:
        return []
    text = _text(witness, trial.heard, name)
    plan = replace(witness.plan, text=text) if text else witness.plan
    recording = folder / f"{name}.bvt"
    _record(witness._replace(plan=plan), trial, recording)
    if not text:
        return [recording]
    scenario = folder / f"{name}.yaml"
    scenario.write_text(text, encoding="utf-8")
    return [scenario, recording]


def _record(witness: Witness, trial: Trial, path: Path) -> None:
    times = {entry.step: entry.time_us for entry in trial.heard}
    with Writer.create(path, header_of(witness.plan), overwrite=True) as writer:
        for step, fault in witness.breaks:
            writer.command(CommandRecord(step, fault.name, fault.target, times[step], True))
        for step, choice in witness.choices:
            writer.choice(ChoiceRecord(step, choice.kind.value, choice.owner, choice.ordinal))
        writer.add(trial.heard)


def _text(witness: Witness, heard: Sequence[Entry], name: str) -> str:
    """Empty if no scenario comes to the same run."""
    try:
        faults = [_when(heard, step) | _what(fault) for step, fault in witness.breaks]
        tree = plain(parse(witness.plan.text, name=name).root)
        for key in ("beats", "questions", "variants", "parts", "teaches", "words", "checks"):
            tree.pop(key, None)
        settings = witness.plan.settings
        tree |= {"name": name, "faults": faults, "seed": settings.seed}
        tree["topics"] = [
            _topic(told, data)
            for told, data in zip(tree["topics"], witness.plan.topics, strict=True)
        ]
        text = f"# {door(witness.sentence, LINE)}\n{write(tree)}"
        plan = replace(plan_of_text(text), zoo=witness.plan.zoo)
    except (BandvizError, LookupError):
        return ""
    return text if _leads_to(plan, heard) else ""


def _leads_to(plan: Plan, heard: Sequence[Entry]) -> bool:
    """Whether the script brings about the same events, at whatever times."""
    with loose(plan.zoo):
        run = Run(plan)
        while run.ended is None and len(run.timeline) <= len(heard):
            run.advance()
    told = run.timeline.entries(0, len(run.timeline))
    return _after_start(told) == _after_start(heard)


def _after_start(entries: Iterable[Entry]) -> list[Any]:
    return [entry.event for entry in entries if entry.step]


def _when(heard: Sequence[Entry], step: int) -> dict[str, Any]:
    """The last event before this step that a script can wait for, and how much later it is."""
    counts: Counter[type] = Counter()
    last, now_us, then_us = None, 0, 0
    for entry in heard:
        if entry.step >= step:
            break
        now_us = entry.time_us
        if entry.event.level is Level.CONTROL:
            counts[type(entry.event)] += 1
            last, then_us = entry, entry.time_us
            behind = entry.step + 1 < step
    if last is None:
        raise LookupError(step)
    kind = type(last.event)
    later = -(-(now_us - then_us + 1) // 1_000) if behind else 0
    return {"on": kind.__name__, "nth": counts[kind], "after_ms": later}


def _what(fault: Fault) -> dict[str, Any]:
    if "=" in fault.target:
        pairs = (each.split("=") for each in fault.target.split(","))
        return {fault.name: {uid: int(count) for uid, count in pairs}}
    target = fault.target
    return {fault.name: int(target) if target.isdigit() else target or True}


def _topic(told: Mapping[str, Any], data: TopicData) -> dict[str, Any]:
    kept = {key: value for key, value in told.items() if key not in ("file", "partition_by")}
    parts = [
        {"label": part.label, "rows": [row[0] if len(row) == 1 else list(row) for row in part.rows]}
        for part in data.partitions
    ]
    return kept | {"fields": list(data.fields), "partitions": parts}
