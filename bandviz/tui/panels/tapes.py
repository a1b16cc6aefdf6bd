"""Source logs as tapes: the records of a partition, and under them the reading marks.

    north  c d c c c c d d
                1====^...x

A cut stands in the gap before the first record that is not in the checkpoint; `^`, `x`, `=` and `.`
stand under the records they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bandviz.model.views import TapeView
from bandviz.tui.panels.typeset import blank, clip_all, text
from bandviz.tui.spans import Line, Span, checkpoint_style, width

_CUTS_SHOWN = 3


def tape_lines(tapes: Sequence[TapeView], cells: int, rows: int, *, tight: bool) -> list[Line]:
    """Two rows a tape if they all fit, else one row of figures each."""
    if not tapes or rows <= 0:
        return []
    label_cells = max(len(tape.label) for tape in tapes) + (1 if tight else 2)
    if 2 * len(tapes) <= rows:
        pairs = [_drawn(tape, label_cells, cells) for tape in tapes]
        return [line for pair in pairs for line in pair]
    lines = [_in_figures(tape, label_cells, tight=tight) for tape in tapes]
    if any(width(line) > cells for line in lines):
        lines = [_in_figures(tape, label_cells, tight=True) for tape in tapes]
        lines = [line if width(line) <= cells else line[:-2] for line in lines]
    if len(lines) > rows:
        lines = [*lines[: rows - 1], text(f"… and {len(lines) - rows + 1} more logs", "muted")]
    return clip_all(lines, cells, rows)


def legend(tapes: Sequence[TapeView], record: str, cells: int) -> Line:
    """What the marks mean, only those that can be seen now; empty if there is no room for it."""
    cuts = [cut for tape in tapes for cut in tape.cuts[-_CUTS_SHOWN:]]
    number = max((checkpoint_id for checkpoint_id, _ in cuts), default=None)
    if any(_is_down(tape) for tape in tapes):
        choices = [f"x = was to be read next   {number or '1'} = cut", "x = was to be read next"]
        choices = choices if number else choices[1:]
    elif any(_rereads(tape) for tape in tapes):
        choices = ["= read again   . to be read again", "= read again  . still to be"]
    elif number is None:
        choices = [f"^ = next {record}"]
    else:
        cut = f"{number} = cut of ckpt {number}"
        choices = [f"{cut}   ^ = next {record}", f"{number} cut of ckpt, ^ next {record}"]
    return next((text(each, "muted") for each in choices if len(each) <= cells), blank())


def _is_down(tape: TapeView) -> bool:
    return tape.next_offset is None and tape.crash_offset is not None


def _rereads(tape: TapeView) -> bool:
    return (
        tape.next_offset is not None
        and tape.reread_from is not None
        and tape.crash_offset is not None
        and tape.next_offset < tape.crash_offset
    )


class _Window(NamedTuple):
    """The stretch of a tape that is shown: `slots` offsets from `start`, each `pitch` cells."""

    start: int
    slots: int
    pitch: int
    label_cells: int

    def cell(self, offset: int) -> int:
        return self.label_cells + (offset - self.start) * self.pitch


def _drawn(tape: TapeView, label_cells: int, cells: int) -> tuple[Line, Line]:
    pitch = max((len(label) for label in tape.records), default=1) + 1
    slots = (cells - label_cells) // pitch
    if len(tape.records) <= slots:
        window = _Window(0, slots, pitch, label_cells)
        return _records(tape, window, ""), _marks(tape, window, cells)
    offset_cells = len(str(len(tape.records))) + 2
    window = _paged(tape, (cells - label_cells - offset_cells - 1) // pitch, pitch)
    window = window._replace(label_cells=label_cells + offset_cells)
    first = f"{window.start}:".rjust(offset_cells - 1) + " "
    return _records(tape, window, first), _marks(tape, window, cells)


def _paged(tape: TapeView, slots: int, pitch: int) -> _Window:
    """Turns pages by half a window, so that the tape stands still while the mark moves."""
    slots = max(slots, 2)
    anchor = tape.next_offset if tape.next_offset is not None else tape.crash_offset or 0
    half = slots // 2
    start = max(0, (anchor // half - 1) * half)
    return _Window(min(start, max(0, len(tape.records) + 1 - slots)), slots, pitch, 0)


def _records(tape: TapeView, window: _Window, first: str) -> Line:
    label = tape.label.ljust(window.label_cells - len(first))
    shown = tape.records[window.start : window.start + window.slots]
    spans = [Span(label), Span(first, "muted")]
    read = tape.next_offset if tape.next_offset is not None else tape.crash_offset or 0
    for place, record in enumerate(shown):
        style = "record" if window.start + place < read else "text"
        spans.append(Span(record.ljust(window.pitch), style))
    if window.start + window.slots < len(tape.records):
        spans.append(Span("…", "muted"))
    return tuple(span for span in spans if span.text)


def _marks(tape: TapeView, window: _Window, cells: int) -> Line:
    row: list[tuple[str, str]] = [(" ", "text")] * cells

    def put(cell: int, mark: str, style: str) -> None:
        for place, char in enumerate(mark):
            if window.label_cells - 1 <= cell + place < cells:
                row[cell + place] = (char, style)

    crash, again, reading = tape.crash_offset, tape.reread_from, tape.next_offset
    if reading is not None and crash is not None and again is not None and reading < crash:
        for cell in range(window.cell(again), window.cell(reading)):
            put(cell, "=", "replay")
        for cell in range(window.cell(reading) + 1, window.cell(crash)):
            put(cell, ".", "muted")
    for checkpoint_id, offset in tape.cuts[-_CUTS_SHOWN:]:
        mark = str(checkpoint_id)
        put(window.cell(offset) - len(mark), mark, checkpoint_style(checkpoint_id))
    if crash is not None and (reading is None or reading < crash):
        put(window.cell(crash), "x", "lost")
    if reading is not None:
        put(window.cell(reading), "^", "strong")
    return _runs(row)


def _runs(row: Sequence[tuple[str, str]]) -> Line:
    spans: list[Span] = []
    for char, style in row:
        if spans and spans[-1].style == style:
            spans[-1] = Span(spans[-1].text + char, style)
        else:
            spans.append(Span(char, style))
    return tuple(spans)


def _in_figures(tape: TapeView, label_cells: int, *, tight: bool) -> Line:
    reading, crash = tape.next_offset, tape.crash_offset
    figures: list[Span] = []
    if reading is not None:
        of = "/" if tight else " of "
        figures.append(Span(f"^ {reading}{of}{len(tape.records)}", "strong"))
    if crash is not None and (reading is None or reading < crash):
        figures.append(Span(f"x {crash}", "lost"))
    for number, offset in tape.cuts[-1:]:
        cut = f"[{number}] {offset}" if tight else f"ckpt {number}: {offset}"
        figures.append(Span(cut, checkpoint_style(number)))
    spans = [Span(tape.label.ljust(label_cells))]
    for place, figure in enumerate(figures):
        spans += [*([Span("  ")] if place else []), figure]
    return tuple(spans)
