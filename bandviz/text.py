"""The one door for text from outside: files, recordings, data rows, exception texts.

Whatever leaves `door` can be printed on a terminal: no escape sequence, no bidi control, no
zero-width or combining flood, bounded length. Nothing else makes a `SafeText`.
"""

from __future__ import annotations

import unicodedata
from typing import Final, NewType

SafeText = NewType("SafeText", str)

NAME: Final = 64
LABEL: Final = 200
LINE: Final = 1_000

_FILLERS: Final = frozenset(
    "\u3164\u115f\u1160\uffa0\u2800\u034f"
    + "".join(map(chr, range(0x180B, 0x1810)))
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_MARKS: Final = ("Mn", "Me")  # not by combining class: that is 0 for many that stack
_WIDE: Final = ("W", "F")
"""Two cells wide. All panels count one cell a character, so these are shown as a box."""
_MARKS_IN_A_ROW: Final = 2


def door(text: str, limit: int = LABEL) -> SafeText:
    """Make `text` printable and at most `limit` characters long (cut with an ellipsis)."""
    if not (text.isascii() and text.isprintable()):
        text = _visible(text[: limit * 4 + 4])
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return SafeText(text)


def _visible(text: str) -> str:
    out: list[str] = []
    marks = 0
    for char in text:
        if char not in _FILLERS and unicodedata.category(char) in _MARKS:
            marks += 1
            if marks <= _MARKS_IN_A_ROW:
                out.append(char)
            continue
        marks = 0
        code = ord(char)
        if char in _FILLERS:
            out.append("·")
        elif char.isprintable():
            out.append("□" if unicodedata.east_asian_width(char) in _WIDE else char)
        elif code < 0x20:
            out.append(chr(0x2400 + code))
        else:
            out.append("�")
    return "".join(out)
