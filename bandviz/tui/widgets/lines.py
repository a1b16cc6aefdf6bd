"""A text region that costs little: it draws a list of `Line` and repaints only what changed.

Line API: no layout, no markup, no Rich renderable. All panels are shown by this one widget.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from bandviz.tui.spans import Line, width
from bandviz.tui.themes import styles_of


class Lines(Widget):
    """Shows lines from the top; what is longer or wider than the widget is cut."""

    DEFAULT_CSS = "Lines { width: 1fr; height: auto; }"

    def __init__(
        self,
        lines: Sequence[Line] = (),
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._lines = tuple(lines)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown now."""
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the text; only rows that differ are painted again."""
        old, new = self._lines, tuple(lines)
        if old == new:
            return
        self._lines = new
        if len(old) != len(new) and self.styles.is_auto_height:
            self.refresh(layout=True)
            return
        rows = range(max(len(old), len(new)))
        changed = [row for row in rows if old[row : row + 1] != new[row : row + 1]]
        self.refresh(*[Region(0, row, self.size.width, 1) for row in changed])

    def render_line(self, y: int) -> Strip:
        """One row of the widget, exactly as wide as it is."""
        styles = styles_of(self.app)
        line = self._lines[y] if y < len(self._lines) else ()
        segments = [Segment(text, styles[name]) for text, name in line]
        return Strip(segments).adjust_cell_length(self.size.width, styles["text"])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many rows as there are lines."""
        return len(self._lines)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """As wide as the longest line."""
        return max(map(width, self._lines), default=0)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Without the ANSI translation: no style here names an ANSI colour."""
        return [each for each in super().get_line_filters() if type(each) is not ANSIToTruecolor]
