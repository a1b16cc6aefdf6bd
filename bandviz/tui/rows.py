"""How the rows of the play screen are shared out among its regions."""

from __future__ import annotations

from typing import Final

SMALLEST: Final = (64, 20)
"""Columns and rows below which nothing can be shown in a useful way."""
_WIDE: Final = 90
_TALL: Final = 26


class Rows:
    """Heights of the regions; MEMORY takes what the others leave."""

    def __init__(self, width: int, height: int) -> None:
        self.rule = 1 if width >= _WIDE and height >= _TALL else 0
        rest = height - 6 - self.rule
        self.caption = max(4, min(8, -(-rest // 4)))
        self.disk = max(4, min(14, rest * 3 // 10 + self.rule))
        self.memory = max(3, rest - self.caption - self.disk)
        self.inspector = self.disk + self.rule + self.caption
