"""Kill anywhere, on the screen: the strips of a sweep fill up below while the job stands above.

The runs are other processes' work. A thread waits for them; this screen only paints what came.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, redirect_stderr
from functools import partial
from multiprocessing import resource_tracker
from sys import __stderr__
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.worker import get_current_worker

from bandviz.lab.opened import opened
from bandviz.lab.pool import cores
from bandviz.lab.strips import LETTERS, Strip, block, command_of, growing, title_of
from bandviz.lab.vary import by_mode
from bandviz.scenario import catalog
from bandviz.scenario.plan import Plan
from bandviz.session.words import zoo_line
from bandviz.tui.actions import STRIPS, bindings
from bandviz.tui.names import free_name
from bandviz.tui.panels.keys import KeyContext, keys
from bandviz.tui.panels.strips import (
    MEANINGS,
    STYLES,
    Place,
    cell_at,
    changed,
    moved,
    pointed,
    strips_panel,
    turned,
    worst,
)
from bandviz.tui.rows import SMALLEST, Rows
from bandviz.tui.screens.help import HelpScreen, Page
from bandviz.tui.spans import Span
from bandviz.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from bandviz.tui.app import BandvizApp

_ROWS: Final = 9
"""Beside the strips and their counts: rule, time, pointer, words, keys."""

PAGE: Final = Page(
    "KILL ANYWHERE",
    "The same run once for each task and each moment, with that one kill and nothing else broken. "
    "A letter says what such a run comes to in the end; where several tasks share a column, the "
    "worst of them. A click on a letter goes there, a second one opens that run.",
    (
        ("T1 C1", "checkpoint 1 triggered, complete", "ckpt1"),
        *((LETTERS[what], words, STYLES[what]) for what, words in MEANINGS.items()),
        ("^", "the kill that is told of below", "strong"),
    ),
    STRIPS,
)


class StripsScreen(ModalScreen[None]):
    """One sweep. Esc ends it and closes."""

    DEFAULT_CSS = """
    StripsScreen { align: left bottom; background: transparent; }
    StripsScreen > Lines { width: 100%; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(STRIPS, "strips")

    def __init__(self, plan: Plan, workers: int = 0) -> None:
        super().__init__()
        self._plan = plan
        self._vary, self._plans = by_mode(plan)
        self._workers = workers or cores()
        self.strips: Sequence[Strip] = ()
        self.place: Place | None = None
        """Where the person went; before, the worst that was found."""
        self.took_s = 0.0
        self._said = ""

    def compose(self) -> ComposeResult:
        """One region, at the bottom."""
        yield Lines()

    def on_mount(self) -> None:
        """Begin."""
        # A worker process is born with the terminal's own stderr, not with Textual's stand-in.
        with redirect_stderr(__stderr__):
            resource_tracker.ensure_running()
        self._sweep()

    @work(thread=True, exclusive=True)
    def _sweep(self) -> None:
        worker, began = get_current_worker(), monotonic()
        with closing(growing(self._plans, self._workers, every=0)) as found:
            for strips in found:
                if worker.is_cancelled:
                    return
                self.app.call_from_thread(self._grown, strips)
        self.app.call_from_thread(self._done, monotonic() - began)

    def _grown(self, strips: Sequence[Strip]) -> None:
        self.strips = strips
        self._paint()

    def _done(self, took_s: float) -> None:
        self.took_s = took_s
        self._paint()

    # ------------------------------------------------------------------ drawing

    def on_resize(self, event: events.Resize) -> None:
        """The panel has what lies below MEMORY; less of it, if that is enough."""
        rows = Rows(event.size.width, event.size.height)
        below = event.size.height - 3 - rows.memory
        self.query_one(Lines).styles.height = min(below, _ROWS + 2 * len(self._plans))
        self._paint()

    def _paint(self) -> None:
        if not self.is_attached:  # closed while the last runs were under way
            return None
        width, height = self.app.size
        lines = self.query_one(Lines)
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return lines.show([])
        rows = int(lines.styles.height.value) if lines.styles.height else 0
        record = self._plan.words.record
        shown = strips_panel(self.strips, self._here(), record, width, rows - 1, self.took_s)
        below = [(Span(f" {self._said}"[:width], "strong"),)] if self._said else None
        lines.show([*shown, *(below or keys(KeyContext.STRIPS, width))])
        return None

    def _here(self) -> Place:
        return worst(self.strips) if self.place is None else self.place

    # ------------------------------------------------------------------ actions

    def _go(self, place: Place) -> None:
        self.place, self._said = place, ""
        self._paint()

    def on_click(self, event: events.Click) -> None:
        """A click on a letter goes there; where one stands already, it opens that run."""
        at, here = event.get_content_offset(self.query_one(Lines)), self._here()
        if at is None:
            return
        place = pointed(self.strips, here, at.x, at.y, self.size.width)
        if place is not None and place == here:
            self.action_open()
        elif place is not None:
            self._go(place)

    def action_move(self, by: int) -> None:
        """Another moment."""
        self._go(moved(self.strips, self._here(), by))

    def action_turn(self, by: int) -> None:
        """Another task or strip."""
        self._go(turned(self.strips, self._here(), by))

    def action_change(self, sign: int) -> None:
        """To the next other outcome."""
        self._go(changed(self.strips, self._here(), sign))

    def action_open(self) -> None:
        """Watch the run of this cell."""
        place = self._here()
        cell = cell_at(self.strips, place)
        if cell is not None:
            app = cast("BandvizApp", self.app)
            label, plan = self._plans[place.strip]
            app.play_over(
                partial(opened, plan, cell), label if self._vary else plan.settings.variant
            )

    def action_copy(self) -> None:
        """The text goes to the terminal's clipboard."""
        if self._complete():
            self.app.copy_to_clipboard("\n".join(self.text()) + "\n")
            self._say("copied; if your terminal does not pass it on, s writes it to a file")

    def action_save(self) -> None:
        """The text goes to a file here."""
        if not self._complete():
            return None
        path = free_name(f"{self._plan.settings.name}-strips", ".txt")
        try:
            path.write_text("\n".join(self.text()) + "\n", encoding="utf-8")
        except OSError as error:
            return self._say(f"cannot save it here: {error.strerror}")
        return self._say(f"saved {path}")

    def action_help(self) -> None:
        """Keys and signs."""
        self.app.push_screen(HelpScreen(PAGE.lines))

    def action_close(self) -> None:
        """End what is still under way."""
        self.workers.cancel_node(self)
        self.dismiss()

    def _complete(self) -> bool:
        if not self.took_s:
            self._say("the sweep is still running")
        return bool(self.took_s)

    def _say(self, words: str) -> None:
        self._said = words
        self._paint()

    def text(self) -> list[str]:
        """The strips as text, with what repeats them."""
        settings, every = self._plan.settings, self.strips[0].every
        shipped = settings.name in catalog.names()
        command = command_of(
            settings.name if shipped else f"{settings.name}.yaml",
            self._vary,
            variant=settings.variant,
            seed=settings.seed,
            every=every,
            zoo=self._plan.zoo,
        )
        told = block(title_of(self._plan, every), self.strips, command)
        return [zoo_line(self._plan.zoo), *told] if self._plan.zoo else list(told)
