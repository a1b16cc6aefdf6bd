"""Styled text without a terminal: what panels and canvas hand to the widgets.

A style is a *name* out of `STYLES`; themes give it colours. So panels are pure functions that can
be tested as text, and NO_COLOR, light and dark are one table each (`themes.py`). Colour only
repeats what a word, a shape or a letter says already.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STYLES: Final = (
    "text", "muted", "strong", "title", "rule", "key",
    "box", "box_focus", "box_lost", "state", "snapshot",
    "edge", "edge_far", "record", "replay", "watermark", "held",
    "blocked", "failed", "lost", "looking_back", "ok", "warn",
    "public", "hidden", "cut", "caption", "headline", "band", "choice", "choice_on",
    "ckpt1", "ckpt2", "ckpt3", "ckpt4", "ckpt5", "ckpt6",
)  # fmt: skip


class Span(NamedTuple):
    """A run of text in one style. Width is `len(text)`: only single-cell characters come here."""

    text: str
    style: str = "text"


Line = tuple[Span, ...]


def checkpoint_style(checkpoint_id: int) -> str:
    """One hue a checkpoint, six in turn; the id itself is always written beside it."""
    return f"ckpt{(checkpoint_id - 1) % 6 + 1}"


def plain(line: Line) -> str:
    """The text alone, without trailing blanks."""
    return "".join(span.text for span in line).rstrip()


def width(line: Line) -> int:
    """Cells that the line takes."""
    return sum(len(span.text) for span in line)


def fit(line: Line, cells: int) -> Line:
    """Cut or pad with blanks to exactly this many cells."""
    out: list[Span] = []
    room = cells
    for span in line:
        if len(span.text) >= room:
            out.append(Span(span.text[:room], span.style))
            return tuple(out)
        out.append(span)
        room -= len(span.text)
    return (*out, Span(" " * room)) if room else tuple(out)
