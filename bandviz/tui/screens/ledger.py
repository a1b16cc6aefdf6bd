"""The lineage ledger of one moment: a line for each source record; one of them tells its story."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from bandviz.check.lineage import LineageRow, RecordLedger
from bandviz.session.lineage import (
    HEADS,
    cells_text,
    legend,
    name_of,
    story,
    total_cells,
    values_of,
)
from bandviz.tui.actions import LEDGER, bindings
from bandviz.tui.panels.keys import KeyContext, keys
from bandviz.tui.panels.typeset import clip, clip_all, text, wrap
from bandviz.tui.screens.help import HelpScreen, Page
from bandviz.tui.spans import Line, Span, fit, plain
from bandviz.tui.widgets.lines import Lines

STORY_ROWS: Final = 4
_WITH_VALUES: Final = 84
_VALUES: Final = 24
ABOUT: Final = (
    "Each source record has its line: how often sources read it, in all attempts together; how "
    "often it is in the state that survives; how often a read_committed reader sees it; and where "
    "it is now. To be read twice is no harm, if it is applied and visible once."
)
PAGE: Final = Page(
    "THE LEDGER",
    ABOUT,
    (
        (">", "the record that is told of below", "strong"),
        ("!", "it is lost, or there twice", "warn"),
        ("1/0", "one number for each operator or sink", "text"),
        ("?", "not recorded", "muted"),
    ),
    LEDGER,
)


class Columns:
    """How wide the columns are, for all records alike. `cells`: of the window."""

    def __init__(self, ledger: RecordLedger, cells: int) -> None:
        self._ledger, self._cells = ledger, cells
        rows = ledger.rows
        said = max((len(values_of(row)) for row in rows), default=0) if cells >= _WITH_VALUES else 0
        sums = total_cells(ledger)[1:]
        self._name = max([len(f"{sums[0]} records"), *(len(name_of(row)) for row in rows)])
        self._values = min(said, _VALUES)
        self._counts = [
            max(len(head), len(total)) for head, total in zip(HEADS[1:], sums, strict=True)
        ]

    def _line(self, first: str, values: str, counts: tuple[str, ...], now: str, style: str) -> Line:
        spans = [Span(f"{first.ljust(self._name)}  ", style)]
        if self._values:
            shown = clip(text(values, style), self._values)
            spans += [*fit(shown, self._values), Span("  ", style)]
        for count, size in zip(counts, self._counts, strict=True):
            spans.append(Span(f"{count.rjust(size)}  ", style))
        return clip((*spans, Span(now, style)), self._cells)

    def heads(self) -> Line:
        """Their names."""
        return self._line("  record", "", HEADS[1:], "now", "title")

    def totals(self) -> Line:
        """Sums over all records."""
        records, *sums = total_cells(self._ledger)
        return self._line(f"  {records} in all", "", tuple(sums), "", "strong")

    def record(self, row: LineageRow, *, here: bool) -> Line:
        """One record; `here`: the cursor stands on it."""
        style = "choice_on" if here else "warn" if row.wrong else "text" if row.read else "muted"
        counts = (str(row.read), cells_text(row.applied), cells_text(row.visible))
        mark = "> " if here else "! " if row.wrong else "  "
        return self._line(f"{mark}{name_of(row)}", values_of(row), counts, row.now, style)


class LedgerScreen(ModalScreen[None]):
    """Shown over the play screen. It does not follow the run: it is of the moment it was asked."""

    DEFAULT_CSS = """
    LedgerScreen { align: center middle; background: $background 60%; }
    LedgerScreen > Vertical {
        width: 116; max-width: 100%; height: 100%;
        border: round $accent; background: $surface; padding: 0 1;
    }
    LedgerScreen #records { height: 1fr; }
    LedgerScreen #story { height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(LEDGER, "ledger")

    def __init__(self, ledger: RecordLedger, when: str) -> None:
        super().__init__()
        self._ledger, self._when = ledger, when
        self._here = self._top = 0

    @property
    def here(self) -> int:
        """The record under the cursor, from 0."""
        return self._here

    def compose(self) -> ComposeResult:
        """Heads, records, totals, story."""
        with Vertical():
            for name in ("heads", "records", "totals", "story"):
                yield Lines(id=name)

    def on_mount(self) -> None:
        """Draw once sizes are known."""
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Another width has other columns."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        rows, body = self._ledger.rows, self.query_one("#records", Lines)
        cells, height = body.size
        self._top = max(min(self._top, self._here), self._here - max(height, 1) + 1)
        place = f"{self._here + 1 if rows else 0} of {len(rows)}"
        page = self.query_one(Vertical)
        page.border_title = f"ledger at {self._when}, record {place}"
        hidden = frozenset() if any(row.wrong for row in rows) else frozenset({"n"})
        (footer,) = keys(KeyContext.LEDGER, cells, hidden=hidden)
        page.border_subtitle = plain(footer).strip()
        columns = Columns(self._ledger, cells)
        shown = enumerate(rows[self._top : self._top + height], start=self._top)
        body.show([columns.record(row, here=place == self._here) for place, row in shown])
        self.query_one("#heads", Lines).show([columns.heads()])
        self.query_one("#totals", Lines).show([columns.totals()])
        said = wrap(text(str(legend(self._ledger)), "muted"), cells)
        if rows:
            told = wrap(text(str(story(self._ledger, rows[self._here]))), cells)
            said = [(), *clip_all(told, cells, STORY_ROWS)]
        self.query_one("#story", Lines).show(said)

    def action_to(self, place: int) -> None:
        """Put the cursor on a record; -1 is the last."""
        last = len(self._ledger.rows) - 1
        self._here = last if place < 0 else max(0, min(place, last))
        self._draw()

    def action_by(self, records: int) -> None:
        """So many records on."""
        self.action_to(max(0, self._here + records))

    def action_page(self, pages: int) -> None:
        """A window of records on."""
        self.action_by(pages * max(1, self.query_one("#records", Lines).size.height - 1))

    def action_next_wrong(self) -> None:
        """To the next record that is lost or there twice, from the start again behind the last."""
        rows = self._ledger.rows
        behind = [*range(self._here + 1, len(rows)), *range(self._here + 1)]
        self.action_to(next((place for place in behind if rows[place].wrong), self._here))

    def action_help(self) -> None:
        """What the columns mean."""
        self.app.push_screen(HelpScreen(PAGE.lines))

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a record."""
        if event.widget is not None and event.widget.id == "records":
            self.action_to(self._top + event.y)

    def on_mouse_scroll_down(self) -> None:
        """The wheel moves as the arrows do."""
        self.action_by(3)

    def on_mouse_scroll_up(self) -> None:
        """The wheel moves as the arrows do."""
        self.action_by(-3)
