"""Strips: the outcomes of a sweep over the time of the run, a column for a stretch of time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final, NamedTuple

from bandviz.events.checkpoint import CheckpointCompleted, CheckpointTriggered
from bandviz.graph.execution import unroll
from bandviz.lab.sweep import CHUNK, Cell, Outcome, stretches, sweep, undisturbed
from bandviz.lab.trial import Trial
from bandviz.lab.vary import Varied
from bandviz.scenario.plan import Plan
from bandviz.text import SafeText, door

LETTERS: Final = {
    Outcome.LOST: "L",
    Outcome.DUPLICATE: "D",
    Outcome.STUCK: "S",
    Outcome.WRONG: "W",
    Outcome.UNDETERMINED: "?",
    Outcome.EXACT: ".",
}
"""One sign an outcome, in the order of gravity."""
_RANK: Final = {outcome: rank for rank, outcome in enumerate(LETTERS)}
WIDTH: Final = 72
MOVES: Final = 200_000
"""What a sweep that has to end soon may spend, some 10,000 a second and core."""
PIECES: Final = 16
"""Work to hand out of a long run: each worker plays it anew up to where its piece begins."""


class Mark(NamedTuple):
    """A trigger (`T1`) or a completion (`C1`) in the run that nothing disturbs."""

    time_us: int
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One run's cells; `label` says what is special about it, `end_us` is when it was over.

    `every`: of so many steps, one is explored. `whole`: no cell is still to come.
    """

    label: SafeText
    end_us: int
    marks: tuple[Mark, ...]
    cells: tuple[Cell, ...]
    every: int = 1
    whole: bool = True

    def count(self) -> dict[Outcome, int]:
        """How many runs came to what, worst first."""
        found = Counter(cell.outcome for cell in self.cells)
        return {outcome: found[outcome] for outcome in LETTERS if found[outcome]}

    def columns(self, width: int, end_us: int = 0) -> list[Outcome | None]:
        """The worst outcome of each column; `end_us`: the axis, if it is longer than the run.

        Between two steps nothing changes, so a column without a step shows the step before it,
        unless steps are left out. None: this is not explored, or the run was over.
        """
        axis_us = max(end_us, self.end_us, 1)
        row: list[Outcome | None] = [None] * width
        for cell in self.cells:
            at = column_of(cell.time_us, axis_us, width)
            shown = row[at]
            if shown is None or _RANK[cell.outcome] < _RANK[shown]:
                row[at] = cell.outcome
        if self.every == 1 and self.cells:
            until_us = self.end_us if self.whole else self.cells[-1].time_us
            for at in range(1, column_of(until_us, axis_us, width) + 1):
                row[at] = row[at] or row[at - 1]
        return row


def column_of(time_us: int, axis_us: int, width: int) -> int:
    """Where a moment stands on an axis that ends at `axis_us`."""
    return min(time_us, axis_us) * (width - 1) // axis_us


def _marks(base: Trial) -> tuple[Mark, ...]:
    found = []
    for entry in base.heard:
        match entry.event:
            case CheckpointTriggered(checkpoint_id=number):
                found.append(Mark(entry.time_us, f"T{number}"))
            case CheckpointCompleted(checkpoint_id=number):
                found.append(Mark(entry.time_us, f"C{number}"))
    return tuple(found)


def block(title: str, strips: Sequence[Strip], command: str, width: int = WIDTH) -> list[SafeText]:
    """Plain text made for pasting: the strips over one axis, what they count, how to repeat it."""
    margin = max([len("time"), *(len(strip.label) for strip in strips)]) + 1
    room = max(16, width - margin)
    end_us = max(strip.end_us for strip in strips)
    lines = [title, "time".ljust(margin) + axis(strips[0].marks, end_us, room)]
    for strip in strips:
        row = "".join(LETTERS[one] if one else " " for one in strip.columns(room, end_us))
        lines.append(f"{strip.label:<{margin}}{row.rstrip()}")
    for strip in strips:
        counted = ", ".join(f"{count} {what.value}" for what, count in strip.count().items())
        lines.append(f"{strip.label:<{margin}}{len(strip.cells)} runs: {counted}")
    seen = {outcome for strip in strips for outcome in strip.count()}
    key = "   ".join(f"{letter} {what.value}" for what, letter in LETTERS.items() if what in seen)
    lines += [key, command]
    return [door(line, 4 * WIDTH) for line in lines]


def axis(marks: Sequence[Mark], end_us: int, width: int) -> str:
    """The time above the strips; a mark whose place is taken is left out."""
    row = ["-"] * width
    free = 0
    for mark in marks:
        at = column_of(mark.time_us, end_us, width)
        if at >= free and at + len(mark.text) <= width:
            row[at : at + len(mark.text)] = mark.text
            free = at + len(mark.text) + 1
    return "".join(row)


def title_of(plan: Plan, every: int) -> str:
    """What the strips of a plan show."""
    settings = plan.settings
    return f"{settings.name}, seed {settings.seed}: {told(every)}"


def told(every: int) -> str:
    """How much is tried, in words."""
    steps = "each step" if every == 1 else f"one step in {every}"
    return f"each task killed at {steps}, one run each"


def command_of(
    scenario: str, vary: Sequence[str], *, variant: str, seed: int | None, every: int, zoo: str = ""
) -> str:
    """What prints the same strips again."""
    parts = ["bandviz sweep", scenario, *(f"--vary {one}" for one in vary)]
    parts += [f"--variant {variant}"] if variant else []
    parts += [f"--seed {seed}"] if seed is not None else []
    parts += [f"--every {every}"] if every > 1 else []
    parts += [f"--zoo {zoo}"] if zoo else []
    return " ".join(parts)


def growing(plans: Sequence[Varied], workers: int, every: int = 1) -> Generator[list[Strip]]:
    """The strips of some plans, from empty to whole, all growing from left to right.

    `every` 0: as few steps are left out as some ten seconds on two cores allow.
    """
    bases = [undisturbed(one.plan) for one in plans]
    every = every or affordable(plans, bases)
    parts = [
        stretches(one.plan, base.step, chunk=max(CHUNK, base.step // PIECES), every=every)
        for one, base in zip(plans, bases, strict=True)
    ]
    strips = [
        Strip(one.label, base.job.now_us, _marks(base), (), every, whole=False)
        for one, base in zip(plans, bases, strict=True)
    ]
    yield list(strips)
    turns = [
        (place, part)
        for turn in zip_longest(*parts)
        for place, part in enumerate(turn)
        if part is not None
    ]
    last = dict(turns)
    with closing(sweep([part for _, part in turns], workers)) as found:
        for (place, part), cells in zip(turns, found, strict=True):
            known = strips[place]
            whole = part is last[place]
            strips[place] = replace(known, cells=(*known.cells, *cells), whole=whole)
            yield list(strips)


def affordable(plans: Sequence[Varied], bases: Sequence[Trial]) -> int:
    """One step in how many can be tried with `MOVES` moves, if a run takes as many as its base."""
    moves = sum(
        base.step**2 * len(unroll(one.plan.graph).subtasks)
        for one, base in zip(plans, bases, strict=True)
    )
    return -(-moves // MOVES)


def swept(plans: Sequence[Varied], workers: int, every: int = 1) -> list[Strip]:
    """The strips of some plans, all of their runs spread over the workers."""
    return deque(growing(plans, workers, every), maxlen=1)[0]
