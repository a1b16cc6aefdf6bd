"""Elements on their way: where along a path each token stands.

Tokens of a channel come in FIFO order, the next to be delivered first. They keep their places where
they can, and else make room for each other: those that are due queue up before the in-port, those
held back stand at the sender's end. If all together are too long, single characters are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bandviz.tui.canvas.scene import ChannelKey


@dataclass(frozen=True, slots=True)
class Token:
    """An element in a channel: at `fraction` of its way, 0 at the sender and 1 at the in-port."""

    channel: ChannelKey
    fraction: float
    text: str
    style: str = "record"


Placed = tuple[int, str, str, int]
"""(first cell, as an index into the path; text; style; how many tokens it counts or 0)."""


def line_up(tokens: Sequence[Token], cells: int, first: int, last: int) -> list[Placed]:
    """Give tokens their cells of a path with so many, between `first` and `last` inclusive.

    None overlaps another. An empty cell lies between two if there is room.
    """
    placed = [(_start(token, cells), token.text, token.style, 0) for token in tokens]
    room = last - first + 1
    while (spare := room - sum([len(text) for _, text, _, _ in placed])) < 0:
        if not _fold(placed):
            del placed[-1]
    gap = 1 if len(placed) - 1 <= spare else 0
    end = last + 1
    for index, (start, text, style, folded) in enumerate(placed):
        if start + len(text) > end:
            start = end - len(text)
            placed[index] = (start, text, style, folded)
        end = start - gap
    if end + gap < first:
        _push_up(placed, first, gap)
    return placed


def _start(token: Token, cells: int) -> int:
    """The first cell of a text whose middle stands at the token's fraction of the path."""
    return int(token.fraction * (cells - 1) + 0.5) - (len(token.text) - 1) // 2


def _push_up(placed: list[Placed], first: int, gap: int) -> None:
    """Move those that stand before the first cell, and whoever is then in their way."""
    for index in range(len(placed) - 1, -1, -1):
        start, text, style, folded = placed[index]
        if start >= first:
            return
        placed[index] = (first, text, style, folded)
        first += len(text) + gap


def _fold(placed: list[Placed]) -> bool:
    """Count one more of the last single characters instead of showing it; False if none is left."""
    for index in range(len(placed) - 1, -1, -1):
        if not _single(placed[index]):
            continue
        if index + 1 < len(placed) and (folded := placed[index + 1][3]):
            first, count = index, folded + 1
        elif index > 0 and _single(placed[index - 1]):
            first, count = index - 1, 2
        else:
            continue
        placed[first : first + 2] = [(placed[first][0], f"+{count}", "muted", count)]
        return True
    return False


def _single(placed: Placed) -> bool:
    return len(placed[1]) == 1
