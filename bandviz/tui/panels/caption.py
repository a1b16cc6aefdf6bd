"""What just happened and why, the marching-band line, and now and then a guess.

Short of rows, headline and text run together, then the band line goes, then the text is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bandviz.tui.panels.typeset import clip_all, joined, text, wrap
from bandviz.tui.spans import Line, Span, fit, width

_BAR = Span("│", "rule")
_LETTERS = "abcdefgh"


_WIDE = 110
_MEASURE = 104
"""Cells of a line in a window wider than `_WIDE`: longer ones are hard to read."""


def measure(width: int) -> int:
    """Cells of a line of caption, without the bar before it, in a window of this width."""
    return _MEASURE if width > _WIDE else width - 2


@dataclass(frozen=True, slots=True)
class Question:
    """A guess to be made before the run goes on; at most eight options."""

    ask: str
    options: tuple[str, ...]


def caption(
    headline: str,
    body: str,
    band: str,
    question: Question | None,
    answered: int | None,
    width: int,
    height: int,
    show_band: bool,
) -> list[Line]:
    """At most `height` rows. `answered` is the ordinal of the option that was chosen."""
    cells = measure(width)
    asked = _asked(question, answered, cells, height) if question else []
    band_lines = wrap(text(f"Band: {band}", "band"), cells) if band and show_band else []
    room = height - len(asked)
    lines = _told(headline, body, [] if asked else band_lines, cells, room)
    return [joined((_BAR,), line) for line in [*lines, *asked]]


def _told(headline: str, body: str, band: list[Line], cells: int, room: int) -> list[Line]:
    head, rest = text(headline, "headline"), text(body, "caption")
    apart = [*wrap(head, cells), *wrap(rest, cells)]
    together = wrap(joined(head, text(" "), rest), cells)
    for lines in (apart + band, together + band, apart, together):
        if len(lines) <= room:
            return lines
    return _cut(headline, body, cells, room) if room > 0 else []


def _cut(headline: str, body: str, cells: int, room: int) -> list[Line]:
    """As many whole sentences as have room; if not even the headline has, as much of it as has."""
    sentences = body.split(". ")
    for kept in range(len(sentences) - 1, -1, -1):
        told = "".join(f" {sentence}." for sentence in sentences[:kept])
        line = (Span(headline, "headline"), Span(told, "caption"), Span(" …", "muted"))
        lines = wrap(line, cells)
        if len(lines) <= room:
            return lines
    return clip_all([*lines[: room - 1], joined(lines[room - 1], text(" …", "muted"))], cells, room)


def _asked(question: Question, answered: int | None, cells: int, height: int) -> list[Line]:
    ask = "YOUR GUESS: " if answered is None else "YOU GUESSED: "
    lines = wrap((Span(ask, "strong"), Span(question.ask, "headline")), cells)
    options = [_option(place, words, answered) for place, words in enumerate(question.options)]
    rows = _in_columns(options, cells)
    if len(rows) + len(lines) > height:
        rows = wrap(joined(*options), cells)
    return [*lines, *rows]


def _option(place: int, words: str, answered: int | None) -> Line:
    chosen = place == answered
    mark = "> " if chosen else "  "
    style = "choice_on" if chosen else "choice"
    return (Span(mark, "key"), Span(_LETTERS[place], "key"), Span("  ", "text"), Span(words, style))


def _in_columns(options: Sequence[Line], cells: int) -> list[Line]:
    """Side by side if they have room, else one below the other."""
    widest = max(map(width, options))
    for indent, column in ((3, max(27, widest + 1)), (3, widest + 2), (0, widest + 1)):
        if indent + column * (len(options) - 1) + width(options[-1]) <= cells:
            padded = [fit(option, column) for option in options[:-1]]
            return [joined(text(" " * indent), *padded, options[-1])]
    return [joined(text("   "), option) for option in options]
