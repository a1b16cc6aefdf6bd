"""ASCII for everything on the screen, borders and scroll bars included: one filter for the app."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from bandviz.tui.glyphs import to_ascii


class AsciiOnly(LineFilter):
    """To be added to what `App.get_line_filters` returns when `--ascii` was asked for."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The same cells, all of them ASCII."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(to_ascii(segment.text), segment.style)
            for segment in segments
        ]
