"""The time row: what happened when, and where the viewer is.

time 0s ────────────T1─────────C1─────────────────X────R1──────@
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.model.views import MarkView
from bandviz.tui.spans import Line, Span, checkpoint_style

_HEAD: Final = " time 0s "
_RANK: Final = "XRCAT!"
"""Failures keep their cell first; a trigger and a fault of another kind give way."""
_NUDGE: Final = 4


def time_row(
    marks: Sequence[MarkView], now_us: int, end_us: int, width: int, cursor: int | None = None
) -> list[Line]:
    """One row over `[0, end_us]`. The line is drawn up to `now_us`, the end of what has happened.

    `cursor` is where the viewer looks when that is not now. A mark whose cells are taken moves at
    most four cells to the right, else it is left out; `@` takes the next cell that is free. The
    last cell is kept for it.
    """
    cells = width - len(_HEAD) - 1
    if cells <= 0:
        return [(Span(_HEAD[:width], "muted"),)]
    axis_us = max(end_us, now_us, 1)
    row: list[tuple[str, str] | None] = [None] * cells
    for at, words in _placed(marks, axis_us, cells):
        row[at : at + len(words)] = [(char, _style(words)) for char in words]
    here = (now_us if cursor is None else cursor) * (cells - 1) // axis_us
    at = next(cell for cell in range(here, cells) if row[cell] is None)
    row[at] = ("@", "strong")
    drawn = max(now_us * (cells - 1) // axis_us, at)
    spans = [Span(_HEAD, "muted")]
    for cell, content in enumerate(row):
        line = ("─", "rule") if cell <= drawn else (" ", "text")
        char, style = content or line
        if spans[-1].style == style:
            spans[-1] = Span(spans[-1].text + char, style)
        else:
            spans.append(Span(char, style))
    return [tuple(spans)]


def _placed(marks: Sequence[MarkView], axis_us: int, cells: int) -> list[tuple[int, str]]:
    """(cell, text) in the order of time; the less important of two neighbours gives way.

    At the right end marks move left instead, away from the last cell.
    """
    placed: list[tuple[int, str]] = []
    for mark in sorted(marks, key=lambda mark: mark.time_us):
        cell = mark.time_us * (cells - 1) // axis_us
        while True:
            at = max(cell, placed[-1][0] + len(placed[-1][1])) if placed else cell
            if at <= cell + _NUDGE:
                placed.append((at, mark.text))
                break
            if not placed or _rank(mark.text) >= _rank(placed[-1][1]):
                break
            placed.pop()
    end = cells - 1
    for place, (at, words) in reversed(list(enumerate(placed))):
        end = min(at, end - len(words))
        placed[place] = (end, words)
    return [(at, words) for at, words in placed if at >= 0]


def time_at(column: int, now_us: int, end_us: int, width: int) -> int | None:
    """The time that a column of the row stands for; None outside the axis."""
    cells = width - len(_HEAD) - 1
    cell = column - len(_HEAD)
    if not 0 <= cell < cells:
        return None
    return max(end_us, now_us, 1) * cell // max(1, cells - 1)


def _rank(mark: str) -> int:
    return _RANK.find(mark[:1]) % (len(_RANK) + 1)


def _style(mark: str) -> str:
    if mark[:1] == "X":
        return "failed"
    return checkpoint_style(int(mark[1:])) if mark[1:].isdecimal() and mark[1:] != "0" else "warn"
