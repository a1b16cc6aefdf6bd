"""The strips of a kill-anywhere sweep: what a kill at each moment comes to, and one of them told.

        time 0s ────────────T1──────C1──────────
> at_least_once ....................DDDDDDDDDDDD
   exactly_once ................................
                                    ^ count killed at 3.5 s (step 34)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bandviz.lab.strips import LETTERS, Strip, axis, column_of, told
from bandviz.lab.sweep import Cell, Outcome
from bandviz.model.words import many
from bandviz.tui.panels.caption import measure
from bandviz.tui.panels.typeset import clip, wrap
from bandviz.tui.panels.words import clock
from bandviz.tui.spans import Line, Span, checkpoint_style

STYLES: Final = {
    Outcome.LOST: "lost",
    Outcome.DUPLICATE: "warn",
    Outcome.STUCK: "lost",
    Outcome.WRONG: "lost",
    Outcome.UNDETERMINED: "muted",
    Outcome.EXACT: "ok",
}
MEANINGS: Final = {
    Outcome.LOST: "lost: something is missing for good",
    Outcome.DUPLICATE: "duplicate: something counts twice",
    Outcome.STUCK: "stuck: the run does not come to its end",
    Outcome.WRONG: "wrong: all there once, but a row, state or rule is wrong",
    Outcome.UNDETERMINED: "undetermined: the judge cannot say",
    Outcome.EXACT: "exact: everything counts once",
}
_TIME: Final = "time 0s"
_ABOVE: Final = 2
"""Rows above the first strip: rule and time."""
_BAR: Final = Span("│", "rule")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stands: a strip, a task, and a step of the run."""

    strip: int = 0
    target: str = ""
    step: int = 0


def cell_at(strips: Sequence[Strip], place: Place) -> Cell | None:
    """The cell of this task that is the last one up to the step, else its first one."""
    mine = _row_of(strips, place)
    before = [cell for cell in mine if (cell.step, cell.target) == (place.step, place.target)]
    before = before or [cell for cell in mine if cell.step <= place.step]
    return before[-1] if before else mine[0] if mine else None


def moved(strips: Sequence[Strip], place: Place, by: int) -> Place:
    """So many cells on in time, as far as there are any."""
    mine, here = _row_of(strips, place), cell_at(strips, place)
    if here is None:
        return place
    there = mine[max(0, min(mine.index(here) + by, len(mine) - 1))]
    return Place(place.strip, there.target, there.step)


def changed(strips: Sequence[Strip], place: Place, sign: int) -> Place:
    """On in time to the next cell that came to something else."""
    mine, here = _row_of(strips, place), cell_at(strips, place)
    if here is None:
        return place
    at = mine.index(here)
    ahead = mine[at + 1 :] if sign > 0 else mine[:at][::-1]
    there = next((cell for cell in ahead if cell.outcome is not here.outcome), here)
    return Place(place.strip, there.target, there.step)


def turned(strips: Sequence[Strip], place: Place, by: int) -> Place:
    """To another task, and behind the last one to the next strip; the step stays."""
    here = cell_at(strips, place)
    if here is None:
        return place
    rows = [(number, target) for number, strip in enumerate(strips) for target in _targets(strip)]
    if strips[place.strip].every > 1:  # tasks take turns in one row
        number = max(0, min(place.strip + by, len(strips) - 1))
        return Place(number, here.target, here.step)
    at = rows.index((place.strip, here.target))
    return Place(*rows[max(0, min(at + by, len(rows) - 1))], here.step)


def worst(strips: Sequence[Strip]) -> Place:
    """The first cell of the worst outcome: where a person wants to look."""
    rank = list(LETTERS)
    found = [
        (rank.index(cell.outcome), number, cell)
        for number, strip in enumerate(strips)
        for cell in strip.cells
    ]
    if not found:
        return Place()
    _, number, cell = min(found, key=lambda each: each[0])
    return Place(number, cell.target, cell.step)


def _targets(strip: Strip) -> list[str]:
    return list(dict.fromkeys(cell.target for cell in strip.cells))


def _row_of(strips: Sequence[Strip], place: Place) -> list[Cell]:
    """The cells that left and right lead along: of one task, or of all where they take turns."""
    if place.strip >= len(strips):
        return []
    strip = strips[place.strip]
    target = place.target or next((cell.target for cell in strip.cells), "")
    return [cell for cell in strip.cells if strip.every > 1 or cell.target == target]


class _Grid:
    """Where the cells of some strips stand in a window: `indent` cells of labels, then `room`."""

    def __init__(self, strips: Sequence[Strip], width: int) -> None:
        self.indent = 4 + max(len(_TIME), *(len(strip.label) for strip in strips))
        self.room = width - self.indent - 1
        self.end_us = max(strip.end_us for strip in strips)

    def column(self, cell: Cell) -> int:
        """From the end of the labels."""
        return column_of(cell.time_us, self.end_us, self.room)


def pointed(strips: Sequence[Strip], place: Place, x: int, y: int, width: int) -> Place | None:
    """The place under a cell of the panel, of the worst outcome there; None outside of the strips.

    Of several the task where one stands, at `place`, comes first. A column without a step shows the
    step before it, so that is the one.
    """
    number = y - _ABOVE
    if not 0 <= number < len(strips):
        return None
    grid, rank = _Grid(strips, width), list(LETTERS)
    before = [cell for cell in strips[number].cells if grid.column(cell) <= x - grid.indent]
    if x < grid.indent or not before:
        return None
    column = max(map(grid.column, before))
    cell = min(
        (cell for cell in before if grid.column(cell) == column),
        key=lambda cell: (rank.index(cell.outcome), cell.target != place.target),
    )
    return Place(number, cell.target, cell.step)


def strips_panel(
    strips: Sequence[Strip], place: Place, record: str, width: int, height: int, took_s: float = 0
) -> list[Line]:
    """Exactly `height` rows, one fewer than the window gives to it: the keys come below.

    `record` is the story's word. `took_s`: the sweep is done, and took so long.
    """
    if not strips:
        return _filled([_rule("", width)], height)
    grid, cell = _Grid(strips, width), cell_at(strips, place)
    at = None if cell is None else grid.column(cell)
    lines = [_rule(_legend(strips), width), _axis(strips[place.strip], grid)]
    for number, strip in enumerate(strips):
        lines.append(_row(strip, grid, at if number == place.strip else None))
    counted = _counted(strips, grid.indent, width, took_s)
    if cell is not None and at is not None:
        lines.append(_pointer(strips[place.strip], cell, grid.indent + at, width))
    else:
        lines.append(())
    rows = height - len(lines)
    words = wrap(_sentence(cell, record), measure(width))
    words = words[:rows]
    if len(words) + len(counted) < rows:
        words.append(())
    lines += [(_BAR, *line) for line in words]
    return _filled([*lines, *counted[max(0, len(words) + len(counted) - rows) :]], height)


def _filled(lines: list[Line], height: int) -> list[Line]:
    return [*lines, *[()] * (height - len(lines))][:height]


def _rule(legend: str, width: int) -> Line:
    head, tail = "── KILL ANYWHERE ", f" {legend} ──" if legend else ""
    between = width - len(head) - len(tail)
    return clip((Span(head, "title"), Span("─" * between, "rule"), Span(tail, "text")), width)


def _legend(strips: Sequence[Strip]) -> str:
    seen = {outcome for strip in strips for outcome in strip.count()}
    return "  ".join(f"{letter} {what.value}" for what, letter in LETTERS.items() if what in seen)


def _axis(strip: Strip, grid: _Grid) -> Line:
    spans = [Span(f"{_TIME:>{grid.indent - 1}} ", "muted")]
    for piece in re.split(r"([TC]\d+)", axis(strip.marks, grid.end_us, grid.room)):
        style = checkpoint_style(int(piece[1:])) if piece[:1] in ("T", "C") else "rule"
        spans.append(Span(piece.replace("-", "─"), style))
    return tuple(span for span in spans if span.text)


def _row(strip: Strip, grid: _Grid, at: int | None) -> Line:
    """`at`: the column of the cell where one stands; None if one does not stand in this strip."""
    mark = " >" if at is not None else "  "
    spans = [Span(f"{mark}{strip.label:>{grid.indent - 3}} ", "text" if at is None else "strong")]
    for column, outcome in enumerate(strip.columns(grid.room, grid.end_us)):
        letter = LETTERS[outcome] if outcome else " "
        style = "choice_on" if column == at else STYLES[outcome] if outcome else "text"
        if spans[-1].style == style:
            spans[-1] = Span(spans[-1].text + letter, style)
        else:
            spans.append(Span(letter, style))
    return tuple(spans)


def _pointer(strip: Strip, cell: Cell, column: int, width: int) -> Line:
    words = f"{_task(strip, cell)} killed at {clock(cell.time_us)} (step {cell.step})"
    if column + 2 + len(words) < width:
        return (Span(" " * column), Span("^", "strong"), Span(f" {words}", "strong"))
    lead = max(0, column - len(words) - 1)
    return (Span(" " * lead), Span(f"{words} ", "strong"), Span("^", "strong"))


def _counted(strips: Sequence[Strip], indent: int, width: int, took_s: float) -> list[Line]:
    lines: list[Line] = []
    for strip in strips:
        counts = ", ".join(f"{count} {what.value}" for what, count in strip.count().items())
        words = f"{len(strip.cells)} runs: {counts or 'none yet'}"
        lines.append(clip((Span(f"{strip.label:>{indent - 1}} ", "muted"), Span(words)), width))
    total = sum(len(strip.cells) for strip in strips)
    state = f"{total} runs in {took_s:.1f} s" if took_s else "still running"
    state += f": {told(strips[0].every)}"
    lines.append(clip((Span(" "), Span(state, "muted")), width))
    return lines


def _task(strip: Strip, cell: Cell) -> str:
    """`count` if there is no other one, else `count[0]`."""
    uid = cell.target.partition("[")[0]
    mates = [one for one in _targets(strip) if one.partition("[")[0] == uid]
    return uid if len(mates) == 1 else cell.target


def _sentence(cell: Cell | None, record: str) -> Line:
    """What the kill comes to, and why; the first words are the outcome's."""
    if cell is None:
        return (Span("The first runs are under way."),)
    back = "The job does not come back."
    if cell.restored:
        back = f"Back to checkpoint {cell.restored}: the sources read on from its offsets."
    elif cell.restored is not None:
        back = "No checkpoint was complete: the job starts again from nothing."
    head, why = _words(cell, record)
    style = STYLES[cell.outcome]
    return (
        Span(f"{cell.outcome.value.upper()}: ", style), Span(f"{head} ", "headline"),
        Span(f"{back} {why}", "caption"),
    )  # fmt: skip


def _words(cell: Cell, record: str) -> tuple[str, str]:
    """What became of the records, and the reason."""
    match cell.outcome:
        case Outcome.EXACT:
            return (
                f"every {record} counts once.",
                f"The job has forgotten each {record} that it reads again, and no other: nothing "
                "is lost, nothing counts twice.",
            )
        case Outcome.DUPLICATE:
            head = f"{many(cell.duplicated, record)} would count twice."
            if cell.state == "exact":
                return head, "The state is right, but rows shown before the crash are shown again."
            place = f"checkpoint {cell.restored}" if cell.restored else "the job"
            return (
                head if cell.duplicated else f"{cell.why}.",
                f"But the state in {place} already holds what lies behind these offsets: it is "
                "read and counted again.",
            )
        case Outcome.LOST:
            head = f"{many(cell.lost, record)} would be missing" + (
                f", {cell.duplicated} there twice." if cell.duplicated else "."
            )
            if cell.state == "exact":
                return head, "The state counts them, but no reader will ever see them."
            return head, "What the sources do not read again is forgotten for good."
    return f"{cell.why or 'the run does not come to its end'}.", ""
