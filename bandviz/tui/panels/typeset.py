"""Setting lines: clip, wrap, spread, and columns side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from bandviz.tui.spans import Line, Span, fit, width

GAP = 2
"""Least number of blanks between two parts of a row."""


def text(content: str, style: str = "text") -> Line:
    """A line of one style."""
    return (Span(content, style),)


def blank() -> Line:
    """An empty line."""
    return ()


def joined(*lines: Line) -> Line:
    """One line after the other in the same row."""
    return tuple(span for line in lines for span in line)


def clip(line: Line, cells: int) -> Line:
    """At most this many cells; a cut shows as an ellipsis."""
    if width(line) <= cells:
        return line
    if cells <= 0:
        return ()
    kept = fit(line, cells - 1)
    return (*kept, Span("…", kept[-1].style if kept else "text"))


def one_of(cells: int, style: str, *choices: str) -> Line:
    """The first choice that has room, else the last one."""
    return text(next((each for each in choices if len(each) <= cells), choices[-1]), style)


def clip_all(lines: Sequence[Line], cells: int, rows: int) -> list[Line]:
    """At most so many rows of at most so many cells."""
    return [clip(line, cells) for line in lines[: max(rows, 0)]]


def wrap(line: Line, cells: int) -> list[Line]:
    """Break at blanks; runs of blanks become one. A word longer than a row is cut."""
    rows: list[list[Span]] = []
    used = cells
    for word in _words(line):
        length = width(word)
        if used + 1 + length > cells:
            rows.append(list(clip(word, cells)))
            used = min(length, cells)
        else:
            rows[-1] += [Span(" ", word[0].style), *word]
            used += 1 + length
    return [_merged(row) for row in rows]


def _words(line: Line) -> list[Line]:
    """Stretches without blanks; one may run over several spans, as `1` and `:` in `ckpt 1:`."""
    words: list[list[Span]] = [[]]
    for span in line:
        for place, piece in enumerate(re.split(r"\s+", span.text)):
            if place:
                words.append([])
            if piece:
                words[-1].append(Span(piece, span.style))
    return [tuple(word) for word in words if word]


def _merged(row: Sequence[Span]) -> Line:
    """Neighbours of one style as one span."""
    return tuple(
        Span("".join(span.text for span in spans), style)
        for style, spans in groupby(row, key=lambda span: span.style)
    )


def fits(parts: Sequence[Line], cells: int) -> bool:
    """Whether the parts have room in one row, with a blank before and a gap between them."""
    return 1 + sum(map(width, parts)) + GAP * (len(parts) - 1) <= cells


def spread(parts: Sequence[Line], cells: int, gap_max: int) -> Line:
    """A row from margin to margin: the last part ends at the right, spare room is put in gaps.

    Gaps are equal and at most `gap_max`; the first one takes what is left.
    """
    if len(parts) == 1:
        return clip((Span(" "), *parts[0]), cells)
    spare = max(cells - 1 - sum(map(width, parts)), len(parts) - 1)
    gap = min(gap_max, spare // (len(parts) - 1))
    first = spare - gap * (len(parts) - 2)
    out: list[Span] = [Span(" "), *parts[0], Span(" " * first)]
    for part in parts[1:-1]:
        out += [*part, Span(" " * gap)]
    return clip((*out, *parts[-1]), cells)


def first_fit(candidates: Sequence[Sequence[Line]], cells: int, gap_max: int) -> Line:
    """Spread the richest candidate that has room; the last one is cut if need be."""
    for parts in candidates:
        if fits(parts, cells):
            return spread(parts, cells, gap_max)
    return spread(candidates[-1], cells, gap_max)


def beside(columns: Sequence[tuple[Sequence[Line], int]], rows: int) -> list[Line]:
    """Columns (lines, cells) side by side, behind a margin of one blank."""
    out: list[Line] = []
    for row in range(rows):
        spans: list[Span] = [Span(" ")]
        for lines, cells in columns:
            spans += fit(clip(lines[row], cells) if row < len(lines) else (), cells)
        out.append(tuple(spans))
    return out
