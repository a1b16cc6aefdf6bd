"""The twin screen: two runs side by side, scrolling together; n leads to the next difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.worker import get_current_worker

from bandviz.errors import BandvizError
from bandviz.lab.twin import Mark, Twin
from bandviz.tui.actions import TWIN, bindings
from bandviz.tui.panels.keys import KeyContext, keys
from bandviz.tui.panels.twin import Shown, body, differing, foot, heading, heads
from bandviz.tui.panels.typeset import joined, text, wrap
from bandviz.tui.screens.help import HelpScreen, Page
from bandviz.tui.spans import Line, Span
from bandviz.tui.widgets.lines import Lines

_TALL: Final = 26
PAGE: Final = Page(
    "TWO RUNS",
    "Both begin alike and differ in one thing. Their stories are locked line by line, by what "
    "happens and to whom, not by the clock: a run that is only later is not another one. The line "
    "where they part is where the one difference shows first; below it stands the rule behind it.",
    (
        ("=", "happens in both", "muted"),
        ("~", "happens in both, with another outcome", "warn"),
        ("<", "only in the left one, or not here in the right one", "warn"),
        (">", "only in the right one, or not here in the left one", "warn"),
        ("@", "the row that is told in full below", "strong"),
    ),
    TWIN,
)


class TwinScreen(Screen[bool]):
    """Compares in the background, then shows. Enter: true, the right one is to be played."""

    DEFAULT_CSS = "TwinScreen > Vertical { height: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = bindings(TWIN, "twin")
    ALLOW_IN_MAXIMIZED_VIEW = ""

    def __init__(self, story: str, compare: Callable[[], Twin]) -> None:
        super().__init__()
        self._story = story
        self._compare = compare
        self.both: Twin | None = None
        self._why_not: BandvizError | None = None
        self._cursor = 0
        self._top = 0
        self._results = False

    def compose(self) -> ComposeResult:
        """Everything is lines."""
        with Vertical():
            yield Lines(id="twin")

    def on_mount(self) -> None:
        """Both runs are run in another thread: a long one takes a second or two."""
        self._draw()
        self._run_both()

    @work(thread=True)
    def _run_both(self) -> None:
        try:
            found: Twin | BandvizError = self._compare()
        except BandvizError as error:
            found = error
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._compared, found)

    def _compared(self, found: Twin | BandvizError) -> None:
        if isinstance(found, Twin):
            self.both, self._cursor = found, found.first or 0
        else:
            self._why_not = found
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Another window, other columns."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.size
        panel = self.query_one("#twin", Lines)
        both = self.both
        if both is None:
            panel.show(self._waiting(width))
            return
        above = [heading(both, self._story, width), *heads(both, width)]
        below = 0 if self._results else 6 if height >= _TALL else 4
        room = max(height - len(above) - below - 2, 3)
        if self._results:
            shown = differing(both, width)
            self._top = max(0, min(self._top, len(shown) - room))
            middle, under = shown[self._top : self._top + room], []
        else:
            lines = body(both, width, self._cursor)
            self._follow(lines, room)
            middle = [each.line for each in lines[self._top : self._top + room]]
            under = foot(both, self._cursor, width, below)
        rule: Line = (Span("─" * width, "rule"),)
        blank: list[Line] = [()] * max(0, room - len(middle))
        rest: list[Line] = [()] * (below - len(under))
        panel.show([*above, *middle, *blank, rule, *under, *rest, *self._keys(width)])

    def _follow(self, lines: list[Shown], room: int) -> None:
        """Scroll so that the row under the cursor is in sight, a little away from the edge."""
        mine = [at for at, each in enumerate(lines) if each.row == self._cursor]
        if not mine:
            return
        spare = min(2, room // 4)
        if mine[0] - spare < self._top:
            self._top = mine[0] - spare
        elif mine[-1] + spare >= self._top + room:
            self._top = mine[-1] + spare - room + 1
        self._top = max(0, min(self._top, len(lines) - room))

    def _waiting(self, width: int) -> list[Line]:
        """Before there is anything to compare, or instead of it."""
        if self._why_not is None:
            return [text(" Both are run from their start ...", "strong")]
        words = wrap(text(f"No comparison: {self._why_not}.", "strong"), width - 2)
        return [*(joined(text(" "), line) for line in words), (), text(" q back", "key")]

    def _keys(self, width: int) -> list[Line]:
        return keys(KeyContext.RESULTS if self._results else KeyContext.TWIN, width)

    # ------------------------------------------------------------------ actions

    def action_move(self, by: int) -> None:
        """Rows, or lines of the results."""
        if self.both is None:
            return
        if self._results:
            self._top = max(0, self._top + by)
        else:
            self._cursor = max(0, min(self._cursor + by, len(self.both.rows) - 1))
        self._draw()

    def action_page(self, way: int) -> None:
        """Half a window, so that what one reads stays in sight."""
        self.action_move(way * max(self.size.height // 2, 1))

    def action_difference(self, way: int) -> None:
        """The next row that is not the same in both."""
        if self.both is None or self._results:
            return
        rows, at = self.both.rows, self._cursor + way
        while 0 <= at < len(rows) and rows[at].mark is Mark.SAME:
            at += way
        if 0 <= at < len(rows):
            self._cursor = at
            self._draw()

    def action_parting(self) -> None:
        """Where they part."""
        if self.both is not None and self.both.first is not None:
            self._cursor, self._results = self.both.first, False
            self._draw()

    def action_results(self) -> None:
        """The story, or what differs in the end."""
        self._results, self._top = not self._results, 0
        self._draw()

    def action_help(self) -> None:
        """Keys and signs."""
        self.app.push_screen(HelpScreen(PAGE.lines))

    def action_close(self, play: bool) -> None:
        """Leave; `play`: the right one is to be played."""
        if self.both is not None or not play:
            self.dismiss(play)
