"""Strips: the outcomes of a sweep over the time of the run, a column for a stretch of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from bandviz.events.checkpoint import CheckpointCompleted, CheckpointTriggered
from bandviz.lab.sweep import Cell, Outcome, stretches, sweep, undisturbed
from bandviz.lab.trial import Trial
from bandviz.lab.vary import Varied
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


class Mark(NamedTuple):
    """A trigger (`T1`) or a completion (`C1`) in the run that nothing disturbs."""

    time_us: int
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One run's cells; `label` says what is special about it, `end_us` is when it was over."""

    label: SafeText
    end_us: int
    marks: tuple[Mark, ...]
    cells: tuple[Cell, ...]

    def count(self) -> dict[Outcome, int]:
        """How many runs came to what, worst first."""
        found = Counter(cell.outcome for cell in self.cells)
        return {outcome: found[outcome] for outcome in LETTERS if found[outcome]}

    def columns(self, width: int, end_us: int = 0) -> list[Outcome | None]:
        """The worst outcome of each column; `end_us`: the axis, if it is longer than the run.

        Between two steps nothing changes, so a column without a step shows the step before it.
        None: this part of the run is not explored, or it was over.
        """
        axis_us = max(end_us, self.end_us, 1)
        row: list[Outcome | None] = [None] * width
        for cell in self.cells:
            at = column_of(cell.time_us, axis_us, width)
            shown = row[at]
            if shown is None or _RANK[cell.outcome] < _RANK[shown]:
                row[at] = cell.outcome
        last = column_of(self.end_us, axis_us, width)
        for at in range(1, last + 1):
            row[at] = row[at] or row[at - 1]
        return row


def column_of(time_us: int, axis_us: int, width: int) -> int:
    """Where a moment stands on an axis that ends at `axis_us`."""
    return min(time_us, axis_us) * (width - 1) // axis_us


def strip_of(label: SafeText, base: Trial, cells: Sequence[Cell]) -> Strip:
    """The strip of a run; `base` is the one that nothing disturbed."""
    return Strip(label, base.job.now_us, _marks(base), tuple(cells))


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
    lines = [title, "time".ljust(margin) + _axis(strips[0].marks, end_us, room)]
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


def _axis(marks: Sequence[Mark], end_us: int, width: int) -> str:
    """A mark whose place is taken is left out."""
    row = ["-"] * width
    free = 0
    for mark in marks:
        at = column_of(mark.time_us, end_us, width)
        if at >= free and at + len(mark.text) <= width:
            row[at : at + len(mark.text)] = mark.text
            free = at + len(mark.text) + 1
    return "".join(row)


def swept(plans: Sequence[Varied], workers: int) -> list[Strip]:
    """The strips of some plans, all of their runs spread over the workers."""
    bases = [undisturbed(one.plan) for one in plans]
    parts = [stretches(one.plan, base.step) for one, base in zip(plans, bases, strict=True)]
    cells = sweep([part for many in parts for part in many], workers)
    return [
        strip_of(one.label, base, [cell for _ in many for cell in next(cells)])
        for one, base, many in zip(plans, bases, parts, strict=True)
    ]
