"""From paths to glyphs: what runs through each cell, and where labels fit.

Sides of one net join (`├ ┬ ┼`); where two nets cross, the vertical one is drawn whole, so that
`┼` always means "connected".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bandviz.tui.canvas import glyphs
from bandviz.tui.canvas.scene import Cell, ChannelKey, Rect, Wire


def raster(
    paths: Mapping[ChannelKey, Sequence[Cell]], nets: Sequence[Sequence[ChannelKey]]
) -> tuple[dict[Cell, Wire], int, int]:
    """Draw all paths: the wire of each cell, and how often nets cross and (never) overlap."""
    sides: dict[Cell, dict[int, int]] = {}
    for number, channels in enumerate(nets):
        for key in channels:
            path = paths[key]
            last_x, last_y = path[-1]
            x, y = path[0]
            came = glyphs.WEST
            for to_x, to_y in (*path[1:], (last_x + 1, last_y)):
                if to_y == y:
                    goes, enters = glyphs.EAST, glyphs.WEST
                elif to_y > y:
                    goes, enters = glyphs.SOUTH, glyphs.NORTH
                else:
                    goes, enters = glyphs.NORTH, glyphs.SOUTH
                cell = sides.setdefault((x, y), {})
                cell[number] = cell.get(number, 0) | came | goes
                x, y, came = to_x, to_y, enters
    wires: dict[Cell, Wire] = {}
    crossings = overlaps = 0
    for at, cell in sides.items():
        if len(cell) == 1:
            ((number, mask),) = cell.items()
            wires[at] = Wire(glyphs.JOINTS[mask], (number,))
        else:
            on_top = sorted(cell, key=lambda n: (cell[n] != glyphs.UPRIGHT, n))
            clean = sorted(cell.values()) == [glyphs.UPRIGHT, glyphs.LEVEL]
            crossings, overlaps = crossings + clean, overlaps + (not clean)
            wires[at] = Wire(glyphs.JOINTS[cell[on_top[0]]], tuple(on_top))
    return wires, crossings, overlaps


def place_labels(
    wanted: Iterable[tuple[str, Sequence[Cell]]], wires: Mapping[Cell, Wire], boxes: Sequence[Rect]
) -> tuple[tuple[Cell, str], ...]:
    """Each text above the beginning of its path, where it covers nothing; else it is left out."""
    taken: set[Cell] = set(wires)
    out: list[tuple[Cell, str]] = []
    for text, path in wanted:
        for x, y in path[1 : max(1, len(path) - len(text))]:
            cells = [(x + i, y - 1) for i in range(-1, len(text) + 1)]
            ends = (cells[0], cells[-1])
            boxed = any(box.holds(*cell) for box in boxes for cell in ends)
            if y > 0 and not boxed and taken.isdisjoint(cells):
                taken.update(cells)
                out.append(((x, y - 1), text))
                break
    return tuple(out)
