"""Elements on their way: where along a path each token stands.

Tokens of a channel come in FIFO order, the next to be delivered first. They keep their places where
they can, and else make room for each other: those that are due queue up before the in-port, those
held back stand at the sender's end. If all together are too long, single characters are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bandviz.tui.canvas.scene import ChannelKey


@dataclass(frozen=True, slots=True)
class Token:
    """An element in a channel: at `fraction` of its way, 0 at the sender and 1 at the in-port."""

    channel: ChannelKey
    fraction: float
    text: str
    style: str = "record"


class Placed(NamedTuple):
    """A text and the index of its first cell on the path; `folded` tokens if it counts them."""

    start: int
    text: str
    style: str
    folded: int = 0


def line_up(tokens: Sequence[Token], cells: int, first: int, last: int) -> list[Placed]:
    """Give tokens their cells of a path with so many, between `first` and `last` inclusive.

    None overlaps another. An empty cell lies between two if there is room.
    """
    placed = [Placed(_start(token, cells), token.text, token.style) for token in tokens]
    end = last + 1
    for start, text, _, _ in placed:
        if start + len(text) > end:
            return _make_room(placed, first, last)
        end = start - 1
    return placed if end + 1 >= first else _make_room(placed, first, last)


def _make_room(placed: list[Placed], first: int, last: int) -> list[Placed]:
    """Move them apart, each as little as may be, and count what has no room."""
    room = last - first + 1
    while (length := _length(placed)) > room:
        if not _fold(placed):
            del placed[-1]
    gap = 1 if length + len(placed) - 1 <= room else 0
    starts, end = [], last + 1
    for each in placed:
        starts.append(min(each.start, end - len(each.text)))
        end = starts[-1] - gap
    begin = first
    for index in range(len(placed) - 1, -1, -1):
        starts[index] = max(starts[index], begin)
        begin = starts[index] + len(placed[index].text) + gap
    return [Placed(at, *each[1:]) for each, at in zip(placed, starts, strict=True)]


def _start(token: Token, cells: int) -> int:
    """The first cell of a text whose middle stands at the token's fraction of the path."""
    fraction = min(1.0, max(0.0, token.fraction))
    return int(fraction * (cells - 1) + 0.5) - (len(token.text) - 1) // 2


def _length(placed: Sequence[Placed]) -> int:
    return sum([len(each.text) for each in placed])


def _fold(placed: list[Placed]) -> bool:
    """Count one more of the last single characters instead of showing it; False if none is left."""
    for index in range(len(placed) - 1, -1, -1):
        if not _single(placed[index]):
            continue
        if index + 1 < len(placed) and placed[index + 1].folded:
            first, count = index, placed[index + 1].folded + 1
        elif index > 0 and _single(placed[index - 1]):
            first, count = index - 1, 2
        else:
            continue
        placed[first : first + 2] = [Placed(placed[first].start, f"+{count}", "muted", count)]
        return True
    return False


def _single(placed: Placed) -> bool:
    return len(placed.text) == 1
