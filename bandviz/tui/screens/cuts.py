"""The cut playground: one place on each row of the run, and what that picture is worth.

The judge's rule decides, panels draw and tell; the screen holds the places and the keys.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import Screen

from bandviz.check.cuts import SpaceTime
from bandviz.errors import CommandRejected
from bandviz.ids import SubtaskId
from bandviz.model import selectors
from bandviz.session.session import Session
from bandviz.tui.actions import CUTS, bindings
from bandviz.tui.panels.chain import task_names
from bandviz.tui.panels.cut_words import RULE, SIGNS, Told
from bandviz.tui.panels.header import rule
from bandviz.tui.panels.keys import KeyContext, keys
from bandviz.tui.panels.space_time import Axis, Sight, diagram, height_of
from bandviz.tui.panels.typeset import first_fit, text
from bandviz.tui.panels.words import Names, clock
from bandviz.tui.rows import SMALLEST
from bandviz.tui.screens.help import HelpScreen, Page
from bandviz.tui.spans import Line, Span
from bandviz.tui.widgets.lines import Lines

_FEW: Final = 25
"""Messages of an attempt up to which all lines are drawn to begin with."""
_TALL: Final = 26
_MEASURE: Final = 104
_SAID: Final = (6, 10)
"""Rows of the verdict: at least, and as many as are left for it before the diagram grows."""
PAGE: Final = Page("WHAT IS A CUT?", RULE, SIGNS, CUTS)


class CutScreen(Screen[None]):
    """Opened over the play screen, on a space that holds at least one task."""

    DEFAULT_CSS = "CutScreen > Vertical { height: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = bindings(CUTS, "cuts")

    def __init__(
        self,
        space: SpaceTime,
        step: int,
        names: Names,
        *,
        record: str,
        mode: str,
        story: str,
        ascii_only: bool,
    ) -> None:
        """`step` of the run: where everybody stands to begin with. `record`, `mode`: see `Told`."""
        super().__init__()
        self.cut = space.cut_at(step)
        self._space = space
        self._names = names
        self._story = story
        self._ascii_only = ascii_only
        self._told = Told(space, names, record, mode)
        self._tasks = list(space.histories)
        self._row = 0
        self._every = sum(len(track.buffers) for track in space.tracks.values()) <= _FEW
        self._axis: Axis | None = None

    @property
    def chosen(self) -> SubtaskId:
        """The row that the arrows move on."""
        return self._tasks[self._row]

    def compose(self) -> ComposeResult:
        """The diagram above, what is to be said below."""
        with Vertical():
            for name in ("title", "diagram", "rule", "verdict", "keys"):
                yield Lines(id=name)

    def on_resize(self, event: events.Resize) -> None:
        """Share out the rows anew; the verdict has what the diagram leaves."""
        width, height = event.size
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return self._too_small()
        ruled = int(height >= _TALL)
        rest = height - 2 - ruled
        drawn = height_of(self._space, rest - max(_SAID[0], min(_SAID[1], height // 3)))
        for name, rows in (("diagram", drawn), ("rule", ruled), ("verdict", rest - drawn)):
            self.query_one(f"#{name}").styles.height = rows
        self._rows = drawn, rest - drawn
        self._axis = Axis(self._space, self._names, width)
        self._show()
        return None

    def _too_small(self) -> None:
        self._axis = None
        for panel in self.query(Lines):
            panel.show([])
        self._put("title", [text("make the window larger", "strong")])

    def _show(self, answer: str = "") -> None:
        """Draw all; `answer` takes the place of the keys until the next one is pressed."""
        if self._axis is None:
            return
        width = self.size.width
        finding = self._space.judged(self.cut)
        sight = Sight(
            cut=self.cut, finding=finding, chosen=self.chosen, names=self._names,
            every=self._every, ascii_only=self._ascii_only,
        )  # fmt: skip
        drawn, told = self._rows
        cells = min(width - 2, _MEASURE)
        self._put("title", [self._title(width)])
        self._put("diagram", diagram(self._space, self._axis, sight, drawn))
        self._put("rule", [rule("", width)])
        lines = self._told.verdict(self.cut, finding, self.chosen, cells, told)
        self._put("verdict", [(Span(" "), *line) for line in lines])
        said = [text(f" {answer}", "strong")] if answer else keys(KeyContext.CUTS, width)
        self._put("keys", said)

    def _title(self, width: int) -> Line:
        history = self._space.histories[self.chosen]
        title = text(f"{self._story}   CUT PLAYGROUND", "title")
        attempt = f"attempt {history.attempt}"
        long, short = f"{attempt}, from {clock(history.begin_us)}", attempt
        return first_fit([[title, text(each, "muted")] for each in (long, short)], width, 8)

    def _put(self, name: str, lines: list[Line]) -> None:
        self.query_one(f"#{name}", Lines).show(lines)

    # ------------------------------------------------------------------ actions

    def action_move(self, by: int) -> None:
        """Move the place on the chosen row."""
        last = len(self._space.histories[self.chosen].moves)
        self.cut[self.chosen] = max(0, min(last, self.cut[self.chosen] + by))
        self._show()

    def action_place(self, end: int) -> None:
        """To the start of the row (0) or to its end (-1)."""
        self.cut[self.chosen] = len(self._space.histories[self.chosen].moves) if end else 0
        self._show()

    def action_choose(self, by: int) -> None:
        """Choose another row."""
        self._row = max(0, min(len(self._tasks) - 1, self._row + by))
        self._show()

    def action_found(self) -> None:
        """The cut of the oldest checkpoint, or of the next one if a cut of barriers is shown."""
        found = self._space.found
        if not found:
            return self._show("in this attempt no barriers have come to everybody yet")
        here = self._space.finder(self.cut)
        place = found.index(here) + 1 if here is not None else 0
        self.cut = self._space.cut_of(found[place % len(found)])
        self._show()
        return None

    def action_all_here(self) -> None:
        """Everybody at the instant of the last move inside on this row."""
        moves, count = self._space.histories[self.chosen].moves, self.cut[self.chosen]
        if moves:
            step = moves[count - 1].step if count else moves[0].step - 1
            self.cut = self._space.cut_at(step)
        self._show()

    def action_lines(self) -> None:
        """All lines, or those that matter."""
        self._every = not self._every
        self._show()

    def action_help(self) -> None:
        """What a cut is."""
        self.app.push_screen(HelpScreen(PAGE.lines))


def playground(session: Session, record: str, *, ascii_only: bool) -> CutScreen:
    """On the attempts that the session looks at. `record`: the story's word for one.

    Raises TraceError if the recording is not a story, CommandRejected if nothing has been declared.
    """
    timeline = session.timeline
    space = SpaceTime.at(timeline.entries(0, len(timeline)), session.cursor.index)
    if not space.histories:
        raise CommandRejected("there are no tasks yet that a cut could go through")
    model, plan = session.model, session.plan
    names = task_names(selectors.task_views(model))
    mode = model.run.mode if model.run is not None else ""
    if model.is_network:  # one transfer is many coins, and no mode is promised
        record, mode = "transfer", ""
    return CutScreen(
        space, model.step, names, record=record, mode=mode, story=plan.settings.title,
        ascii_only=ascii_only,
    )  # fmt: skip
