"""Every single failure, at every step, in every mode, on several schedules: does each claim hold?

A campaign is a list of batches, each a stretch of one run. Batches know nothing of each other, so
they go to any core, and what is done stays done when a campaign is interrupted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from bandviz.check.sometimes import (
    ABORTED,
    BLOCKED,
    COMMITTED_AGAIN,
    FROM_SECOND,
    FULL_CHANNEL,
    OVERTAKEN,
    PERSISTED,
    PERSISTED_LATE,
    REWOUND,
    UNTOLD,
    met_in,
)
from bandviz.errors import BandvizError
from bandviz.lab.claims import broken_claim
from bandviz.lab.modes import ALIGNED, UNALIGNED, changes_for
from bandviz.lab.policies import EARLIEST, Pct, Policy, RandomWalk
from bandviz.lab.pool import each
from bandviz.lab.sweep import CHUNK, Stretch, collecting_later, crash_runs, stretches, undisturbed
from bandviz.scenario.build import build
from bandviz.scenario.catalog import resolve
from bandviz.scenario.load import Scenario, load
from bandviz.scenario.plan import Plan
from bandviz.scenario.varied import values_of, varied

REORDER_US: Final = 400_000
"""So near to the earliest a move must be to overtake it, on all schedules but the first."""
HORIZON: Final = 150
"""Steps among which PCT looks for its change points."""
MUST_MEET: Final[Mapping[str, Sequence[str]]] = {
    ALIGNED: (BLOCKED, ABORTED, UNTOLD, COMMITTED_AGAIN, REWOUND, FROM_SECOND),
    UNALIGNED: (OVERTAKEN, PERSISTED, PERSISTED_LATE, FULL_CHANNEL),
}
"""By mode. What no single kill can bring about is left to other campaigns."""


class Batch(NamedTuple):
    """Some crash runs; `name` is the same whenever the same campaign is made again."""

    scenario: str
    mode: str
    schedule: int
    stretch: Stretch
    kills: int = 1

    @property
    def name(self) -> str:
        """Unique within a campaign."""
        part = self.stretch
        return f"{self.scenario} {self.mode} {self.schedule} {part.first}-{part.last} x{self.kills}"


class Violation(NamedTuple):
    """A run that broke a claim, and how to have it again."""

    scenario: str
    mode: str
    schedule: int
    kills: tuple[tuple[int, str], ...]
    """(step, target) of each."""
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        kills = [{"step": step, "target": target} for step, target in self.kills]
        return {**self._asdict(), "kills": kills}


@dataclass(slots=True)
class Tally:
    """What came of a batch, or of many."""

    runs: int = 0
    violations: list[Violation] = field(default_factory=list)
    sometimes: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """One more batch."""
        self.runs += other.runs
        self.violations += other.violations
        self.sometimes += other.sometimes

    def missed(self, modes: Sequence[str]) -> list[str]:
        """What these modes must have met, and did not: such a campaign is void."""
        wanted = (situation for mode in modes for situation in MUST_MEET.get(mode, ()))
        return [one for one in dict.fromkeys(wanted) if not self.sometimes[one]]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {
            "runs": self.runs,
            "violations": [list(one) for one in self.violations],
            "sometimes": dict(sorted(self.sometimes.items())),
        }


def tally_of(told: Mapping[str, Any]) -> Tally:
    """From what `to_json` made of it."""
    found = [
        Violation(scenario, mode, schedule, tuple((step, target) for step, target in kills), why)
        for scenario, mode, schedule, kills, why in told["violations"]
    ]
    return Tally(int(told["runs"]), found, Counter(told["sometimes"]))


def policy_of(schedule: int) -> Policy:
    """0 is what a session plays; the others are drawn, half of them by PCT."""
    if not schedule:
        return EARLIEST
    return Pct(schedule, 3, HORIZON) if schedule % 2 else RandomWalk(schedule)


def plan_of(scenario: str, mode: str, schedule: int, variant: str = "") -> Plan:
    """A scenario in a mode, with as much freedom as a schedule wants. Raises BandvizError."""
    return plan_in(load(resolve(scenario)), mode, schedule, variant)


def plan_in(
    source: Scenario, mode: str, schedule: int, variant: str = "", vary: Sequence[str] = ()
) -> Plan:
    """The same of a scenario that is loaded. `vary` sets fields, of each the first value that it
    names. Raises BandvizError.
    """
    more = {path: values[0] for path, values in map(values_of, vary)}
    plan = build(varied(source, {**changes_for(source, mode), **more}, variant))
    if not schedule:
        return plan
    return replace(plan, settings=replace(plan.settings, reorder_us=REORDER_US))


def batches_of(scenario: str, modes: Sequence[str], schedules: int, kills: int = 1) -> list[Batch]:
    """Every step of one scenario. Raises BandvizError."""
    found = []
    for mode in modes:
        for schedule in range(schedules):
            plan, policy = plan_of(scenario, mode, schedule), policy_of(schedule)
            steps = undisturbed(plan, policy).step
            parts = stretches(plan, steps, policy, CHUNK if kills == 1 else 1)
            found += [Batch(scenario, mode, schedule, part, kills) for part in parts]
    return found


def hold(batch: Batch) -> Tally:
    """Run and judge it; what a worker does."""
    tally = Tally()
    with collecting_later():
        for run in crash_runs(batch.stretch, batch.kills):
            tally.runs += 1
            tally.sometimes.update(met_in(run.trial.heard))
            why = broken_claim(batch.mode, run.trial.judged(), run.trial.job)
            if why:
                kills = tuple((kill.step, kill.target) for kill in run.kills)
                found = Violation(batch.scenario, batch.mode, batch.schedule, kills, why)
                tally.violations.append(found)
    return tally


class Named(Protocol):
    """A batch of any kind."""

    @property
    def name(self) -> str:
        """Unique within a campaign, and the same whenever it is made again."""


class Result(Protocol):
    """What came of a batch."""

    runs: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`, from which it can be made again."""


N = TypeVar("N", bound=Named)
R = TypeVar("R", bound=Result)


_NO_LOG: Final = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a file raises that is something else."""


class Log(Generic[R]):
    """What is done, a line a batch: a campaign that is begun again leaves these out."""

    def __init__(self, path: Path, campaign: str, read: Callable[[Mapping[str, Any]], R]) -> None:
        """Opens or makes it; `read` makes a result out of its plain values. Raises BandvizError if
        it belongs to another campaign.
        """
        self.done: dict[str, R] = {}
        self._path, self._read_result = path, read
        if path.exists() and path.stat().st_size:
            self._read(campaign)
        else:
            path.write_text(json.dumps({"campaign": campaign}) + "\n", encoding="utf-8")

    @property
    def runs(self) -> int:
        """Of all that is done."""
        return sum(one.runs for one in self.done.values())

    def _read(self, campaign: str) -> None:
        try:
            first, *lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
            if json.loads(first)["campaign"] != campaign:
                raise BandvizError(
                    f"{self._path.name} belongs to another campaign", "name another file"
                )
            whole = [line for line in lines if line.endswith("\n")]
            told = map(json.loads, whole)
            self.done = {one["batch"]: self._read_result(one) for one in told}
        except _NO_LOG as error:
            raise BandvizError(f"{self._path.name} is no log of a campaign: {error}") from None
        if [*whole, first[-1:]] != [*lines, "\n"]:  # it was interrupted in the middle of a line
            mended = "".join([first.removesuffix("\n"), "\n", *whole])
            self._path.write_text(mended, encoding="utf-8")

    def write(self, name: str, result: R) -> None:
        """One batch is done."""
        self.done[name] = result
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"batch": name, **result.to_json()}) + "\n")


def campaign(
    batches: Sequence[N], work: Callable[[N], R], log: Log[R], workers: int
) -> Iterator[R]:
    """One result a batch: first those that are in the log, then the others as they come."""
    left = [one for one in batches if one.name not in log.done]
    yield from [log.done[one.name] for one in batches if one.name in log.done]
    for batch, result in zip(left, each(work, left, workers), strict=True):
        log.write(batch.name, result)
        yield result
