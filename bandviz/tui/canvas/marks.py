"""From tokens to the text that they lay over each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from itertools import pairwise
from typing import NamedTuple

from bandviz.tui.canvas.runs import Mark
from bandviz.tui.canvas.scene import Cell, ChannelKey
from bandviz.tui.canvas.tokens import Token, line_up

Marks = dict[int, list[Mark]]
"""By row, from left to right; none lies over another."""


class Track(NamedTuple):
    """Where the tokens of a channel run: between two cells of its path, inclusive."""

    path: tuple[Cell, ...]
    first: int
    last: int
    far: bool
    """Outside of the spotlight: tokens lose their colour."""


def marks(
    tokens: Iterable[Token],
    tracks: Mapping[ChannelKey, Track],
    solid: Set[Cell],
    draw: Callable[[str], str],
) -> Marks:
    """What the tokens cover; `solid` cells stay free, `draw` gives a text its final characters."""
    by_channel: dict[ChannelKey, list[Token]] = {}
    for token in tokens:
        by_channel.setdefault(token.channel, []).append(token)
    out: Marks = {}
    for channel, queue in by_channel.items():
        path, first, last, far = tracks[channel]
        for start, text, style, _ in line_up(queue, len(path), first, last):
            x, y = path[start]
            if len(text) > 1 and path[start + len(text) - 1] != (x + len(text) - 1, y):
                x, y, text = _across(path[start + (len(text) - 1) // 2], text, solid)
            out.setdefault(y, []).append(Mark(x, draw(text), "muted" if far else style))
    return {y: _without_overlap(row) for y, row in out.items()}


def _across(middle: Cell, text: str, solid: Set[Cell]) -> tuple[int, int, str]:
    """Where a text begins that stands over a trunk or a bend, cut where a box would be covered."""
    x, y = middle
    x -= (len(text) - 1) // 2
    free = [(x + i, y) not in solid for i in range(len(text))]
    first = free.index(True)
    return x + first, y, text[first : first + sum(free)]


def _without_overlap(row: list[Mark]) -> list[Mark]:
    """Marks from left to right. Where channels share a wire, longer texts (barriers) lie on top."""
    row.sort()
    if all(a.x + len(a.text) <= b.x for a, b in pairwise(row)):
        return row
    cells: dict[int, Mark] = {}
    for x, text, style in sorted(row, key=lambda mark: len(mark.text)):
        cells.update((at, Mark(at, char, style)) for at, char in enumerate(text, x))
    return sorted(cells.values())
