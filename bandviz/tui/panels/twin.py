"""Two runs beside each other: what each tells, locked row by row; below, the row one looks at.

Wide windows have two columns with the times between them, narrow ones a line for each run.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bandviz.lab.twin import Account, Mark, Row, Told, Twin
from bandviz.text import NAME, door
from bandviz.tui.panels.typeset import clip, text, wrap
from bandviz.tui.spans import Line, Span, fit

WIDE: Final = 90
_TIME: Final = 6
_MIDDLE: Final = 2 * _TIME + 3
_VERDICTS: Final = {True: "EXACTLY ONCE", False: "NOT exactly once"}
_PARTING: Final = "here they part"


class Shown(NamedTuple):
    """A line of the body, and the row that it belongs to."""

    row: int
    line: Line


def heads(both: Twin, width: int) -> list[Line]:
    """Whose column is whose, with what the judge says of each."""
    if width < WIDE:
        return [clip(_head("<", both.a), width), clip(_head(">", both.b), width)]
    column = _column(width)
    middle = Span(f"{'s':>{_TIME}}   {'s':<{_TIME}}", "muted")
    return [(*fit(_head("<", both.a), column + 1), middle, *fit(_head(">", both.b), column))]


def _head(mark: str, one: Account) -> Line:
    holds = one.result["verdict"]["holds"]
    word = _VERDICTS.get(holds, "UNDETERMINED")
    style = "ok" if holds is True else "warn"
    return (Span(f" {mark} ", "muted"), Span(one.label, "strong"), Span("  "), Span(word, style))


def body(both: Twin, width: int, cursor: int) -> list[Shown]:
    """All rows. The one under the cursor has an @ before it."""
    shown = []
    for place, row in enumerate(both.rows):
        if place == both.first:
            rule = f"── {_PARTING} ".ljust(width, "─")
            shown.append(Shown(place, text(rule[:width], "warn")))
        here = place == cursor
        lines = [_beside(row, width, here)] if width >= WIDE else _stacked(row, width, here)
        shown += [Shown(place, line) for line in lines]
    return shown


def differing(both: Twin, width: int) -> list[Line]:
    """What differs in the end, each thing with a line for each run."""
    lines: list[Line] = []
    for note in (*both.a.notes, *both.b.notes):
        lines.append(text(f" {note}", "warn"))
    for one in both.differences:
        lines.append(text(f" {one.what}", "strong"))
        for mark, words in (("<", one.a), (">", one.b)):
            head: Line = (Span(f"  {mark} ", "muted"),)
            rows = wrap(text(words or "-"), max(width - 5, 10))
            lines += [(*(head if not at else text("    ")), *line) for at, line in enumerate(rows)]
    return [clip(line, width) for line in lines] or [text(" Their results are the same.")]


def foot(both: Twin, cursor: int, width: int, rows: int) -> list[Line]:
    """The row under the cursor in full, and the rule behind it."""
    if not both.rows:
        return []
    row = both.rows[cursor]
    lines: list[Line] = []
    if row.mark is Mark.SAME:
        here, there = _clock(row.a), _clock(row.b)
        when = f" (at {here} s and at {there} s)" if here != there else ""
        lines += wrap(text(f"= {row.a.line if row.a else ''}{when}", "headline"), width - 2)
    else:
        for mark, told in (("<", row.a), (">", row.b)):
            if told is not None:
                words = f"{mark} {told.line}"
            elif row.elsewhere is not None:
                words = f"{mark} here it comes at {_clock(row.elsewhere)} s"
            else:
                words = f"{mark} it does not happen here"
            lines += wrap(text(words, "headline" if told else "muted"), width - 2)
    told = row.b or row.a
    if told is not None and told.why:
        lines += wrap(text(told.why, "caption"), width - 2)
    return [(Span(" "), *line) for line in lines[:rows]]


def _beside(row: Row, width: int, here: bool) -> Line:
    column = _column(width)
    same = row.mark is Mark.SAME
    style = "strong" if here else "muted" if same else "text"
    return (
        Span("@" if here else " ", "strong"),
        *fit(clip(text(row.a.line if row.a else "", style), column), column),
        Span(f"{_clock(row.a):>{_TIME}} ", "muted"),
        Span(row.mark.value, "muted" if same else "warn"),
        Span(f" {_clock(row.b):<{_TIME}}", "muted"),
        *fit(clip(text(row.b.line if row.b else "", style), column), column),
    )


def _stacked(row: Row, width: int, here: bool) -> list[Line]:
    if row.mark is Mark.SAME:
        return [_narrow("=", row.a, width, here)]
    sides = [("<", row.a), (">", row.b)]
    return [_narrow(mark, told, width, here) for mark, told in sides if told is not None]


def _narrow(mark: str, told: Told | None, width: int, here: bool) -> Line:
    same = mark == Mark.SAME.value
    style = "strong" if here else "muted" if same else "text"
    words = told.line if told else ""
    return clip(
        (
            Span("@" if here else " ", "strong"),
            Span(f"{_clock(told):>{_TIME}} ", "muted"),
            Span(f"{mark} ", "muted" if same else "warn"),
            Span(words, style),
        ),
        width,
    )


def _clock(told: Told | None) -> str:
    """Seconds, cut to tenths as everywhere."""
    if told is None:
        return ""
    tenths = told.time_us // 100_000
    return f"{tenths // 10}.{tenths % 10}"


def _column(width: int) -> int:
    return (width - 1 - _MIDDLE) // 2


def heading(both: Twin, story: str, width: int) -> Line:
    """What is compared."""
    return clip(
        (Span(" TWIN  ", "title"), Span(door(story, NAME), "strong"), Span(f"  {both.cause}")),
        width,
    )
