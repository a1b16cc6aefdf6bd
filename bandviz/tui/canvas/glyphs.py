"""The characters that wires are drawn with, and their stand-ins on a plain ASCII terminal."""

from __future__ import annotations

from typing import Final

from bandviz.tui import glyphs

NORTH: Final = 1
EAST: Final = 2
SOUTH: Final = 4
WEST: Final = 8
UPRIGHT: Final = NORTH | SOUTH
LEVEL: Final = EAST | WEST

JOINTS: Final = {
    UPRIGHT: "│", LEVEL: "─",
    NORTH | EAST: "└", NORTH | WEST: "┘", SOUTH | EAST: "┌", SOUTH | WEST: "┐",
    UPRIGHT | EAST: "├", UPRIGHT | WEST: "┤", LEVEL | NORTH: "┴", LEVEL | SOUTH: "┬",
    UPRIGHT | LEVEL: "┼",
}  # fmt: skip
"""The glyph of a wire by the sides it leaves a cell through. `┼` always means "connected"."""

OPEN: Final = ">"
BACK: Final = "<"
CLOSED: Final = "#"
MANY: Final = "×"

_OF_THE_CANVAS: Final = str.maketrans({**dict.fromkeys("┌┐└┘", "+"), "╌": ".", "┆": ":"})
"""A lost border is dotted here: a dash would look like a whole one."""


def to_ascii(text: str) -> str:
    """The same number of cells in ASCII; what has no stand-in becomes `?`."""
    return text if text.isascii() else glyphs.to_ascii(text.translate(_OF_THE_CANVAS))
