"""The ASCII stand-in of every glyph that panels, screens and Textual's own widgets draw with.

One cell stays one cell, so that an ASCII picture has the same shape as the other.
"""

from __future__ import annotations

from typing import Final

_STAND_INS: Final = {
    "─": "-", "━": "=", "╌": "-", "│": "|", "┃": "|", "┆": ":",
    "╭": "+", "╮": "+", "╰": "+", "╯": "+",
    "├": "+", "┤": "+", "┬": "+", "┴": "+", "┼": "+",
    "┌": "+", "┐": "+", "└": "+", "┘": "+", "▔": "-", "▁": "_", "▂": "_", "▃": "_",
    "▄": "#", "▅": "#", "▆": "#", "▇": "#", "▊": "#", "▎": "|", "▍": "|", "▋": "#", "▉": "#",
    "┏": "+", "┓": "+", "┗": "+", "┛": "+",
    "…": ".", "·": ".", "×": "x", "→": ">", "←": "<", "↑": "^", "↓": "v",
    "█": "#", "▌": "|", "▕": "|", "▏": "|", "●": "o", "■": "o", "✓": "+", "✗": "x",
    "’": "'", "“": '"', "”": '"', "–": "-", "—": "-",
}  # fmt: skip
_TABLE: Final = str.maketrans(_STAND_INS)


def to_ascii(text: str) -> str:
    """The same number of characters, all of them ASCII; what has no stand-in becomes `?`."""
    if text.isascii():
        return text
    return text.translate(_TABLE).encode("ascii", "replace").decode("ascii")
