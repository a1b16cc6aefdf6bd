"""The twin screen: two runs side by side, scrolling together; n leads to the next difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.worker import get_current_worker

from bandviz.lab.twin import Mark, Twin
from bandviz.tui.panels.twin import Shown, body, differing, foot, heading, heads
from bandviz.tui.spans import Line, Span
from bandviz.tui.widgets.lines import Lines

_TALL = 26


class TwinScreen(Screen[bool]):
    """Compares in the background, then shows. Enter: true, the right one is to be played."""

    DEFAULT_CSS = "TwinScreen > Vertical { height: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,right", "move(1)", "On", tooltip="The next row"),
        Binding("up,k,left", "move(-1)", "Back", tooltip="The row before"),
        Binding("pagedown,space", "page(1)", "Page on", tooltip="A page on"),
        Binding("pageup", "page(-1)", "Page back", tooltip="A page back"),
        Binding("home", "move(-1_000_000)", "First", tooltip="The first row"),
        Binding("end", "move(1_000_000)", "Last", tooltip="The last row"),
        Binding("n", "difference(1)", "Next", tooltip="The next difference"),
        Binding("N,p", "difference(-1)", "Before", tooltip="The difference before"),
        Binding("f", "parting", "Parting", tooltip="Where the two part"),
        Binding("d,tab", "results", "Results", tooltip="What differs in the end"),
        Binding("enter", "close(True)", "Play", tooltip="Play the right one"),
        Binding("escape,q", "close(False)", "Leave", tooltip="Back"),
    ]
    ALLOW_IN_MAXIMIZED_VIEW = ""

    def __init__(self, story: str, compare: Callable[[], Twin]) -> None:
        super().__init__()
        self._story = story
        self._compare = compare
        self.both: Twin | None = None
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

    @work(thread=True, exit_on_error=True)
    def _run_both(self) -> None:
        both = self._compare()
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._compared, both)

    def _compared(self, both: Twin) -> None:
        self.both, self._cursor = both, both.first or 0
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Another window, other columns."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.size
        panel = self.query_one("#twin", Lines)
        both = self.both
        if both is None:
            panel.show([(Span(" Both are run from their start ...", "strong"),)])
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
        panel.show([*above, *middle, *blank, rule, *under, *rest, self._keys(width)])

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

    def _keys(self, width: int) -> Line:
        other = "the story" if self._results else "results"
        shown = [
            ("n/p", "differences"), ("d", other), ("Enter", "play >"), ("q", "back"),
            ("f", "parting"), ("up/down PgUp/PgDn", "scroll"),
        ]  # fmt: skip
        spans: list[Span] = [Span(" ")]
        room = width - 1
        for key, does in shown:
            room -= len(key) + 1 + len(does)
            if room < 0:
                break
            room -= 3
            spans += [Span(key, "key"), Span(f" {does}   ")]
        return tuple(spans)

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

    def action_close(self, play: bool) -> None:
        """Leave; `play`: the right one is to be played."""
        if self.both is not None or not play:
            self.dismiss(play)
