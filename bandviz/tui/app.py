"""The app: home, play, themes. Screens own their keys; this class only moves between them."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from bandviz.errors import BandvizError
from bandviz.lab.twin import of_plans
from bandviz.lab.vary import Varied
from bandviz.scenario import catalog
from bandviz.scenario.build import load_plan
from bandviz.scenario.plan import Plan, with_zoo
from bandviz.session.opening import Opened, other_variant
from bandviz.session.session import Session
from bandviz.text import LABEL, door
from bandviz.tui.guardian import install_exit_signals
from bandviz.tui.panels.words import Words
from bandviz.tui.screens.home import HomeEntry, HomeScreen
from bandviz.tui.screens.play import PlayScreen
from bandviz.tui.screens.twin import TwinScreen
from bandviz.tui.themes import DARK, LIGHT, PLAIN, register
from bandviz.tui.widgets.ascii_only import AsciiOnly


class BandvizApp(App[int]):
    """bandviz on a terminal. `opened` None: begin at home, or with two runs side by side."""

    TITLE = "bandviz"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "stop", "Leave", show=False, priority=True, tooltip="End bandviz"),
    ]

    def __init__(
        self,
        opened: Opened | None = None,
        *,
        motion: str = "full",
        ascii_only: bool = False,
        theme: str = "dark",
        step: int | None = None,
        twin: tuple[Varied, Varied, str] | None = None,
    ) -> None:
        plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=plain)
        self._opened = opened
        live = opened is not None and opened.timeline is None
        self._zoo = opened.plan.zoo if opened is not None and live else ""  # of this process
        self._step = step
        self._twin = twin
        self._motion = motion
        self._ascii_only = ascii_only
        register(self)
        self.theme = PLAIN if plain else LIGHT if theme == "light" else DARK

    def on_mount(self) -> None:
        """Signals lead to a normal end; then the first screen."""
        install_exit_signals(self)
        if self._twin is not None:
            a, b, cause = self._twin
            self.play(b.plan)
            compare = partial(of_plans, a, b, cause)
            self.push_screen(TwinScreen(b.plan.settings.title, compare))
        elif self._opened is None:
            self.go_home()
        else:
            self._show(self._begun, self._opened.plan.settings.variant)
            if self._opened.note:
                self.notify(door(str(self._opened.note), LABEL), markup=False, timeout=10)

    def _begun(self) -> Session:
        """What the command line named, from its start or where it asked for."""
        opened = self._opened
        assert opened is not None
        session = Session(opened.plan, opened.timeline, opened.commands)
        if self._step is not None:
            session.seek(session.timeline.index_of_step(self._step + 1))
        return session

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """None of Textual's own: every action here has its own line in the palette."""
        return ()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """With `--ascii` everything on the screen goes through one translation."""
        filters = super().get_line_filters()
        return [*filters, AsciiOnly()] if self._ascii_only else filters

    def action_stop(self) -> None:
        """Ctrl-C: a normal end, whatever is open."""
        self.exit(0)

    def go_home(self) -> None:
        """The list of stories."""
        entries = [
            HomeEntry(number, each.name, each.title, each.summary, each.minutes)
            for number, each in enumerate(catalog.entries(), start=1)
        ]
        self._replace(HomeScreen(entries))

    def on_home_screen_chosen(self, message: HomeScreen.Chosen) -> None:
        """A story was chosen."""
        try:
            plan = with_zoo(load_plan(message.name), self._zoo)
        except BandvizError as error:
            self.notify(door(error.message, LABEL), severity="error", markup=False)
            return
        self.play(plan)

    def play(self, plan: Plan) -> None:
        """Begin a run from its start."""
        self._show(partial(Session, plan), plan.settings.variant)

    def play_variant(self, plan: Plan, variant: str) -> None:
        """The same scenario with one field different, or as it is."""
        try:
            other = other_variant(plan, variant)
        except BandvizError as error:
            self.notify(door(error.message, LABEL), severity="error", markup=False)
            return
        self.play(other)

    @property
    def nested(self) -> bool:
        """The run on the screen lies over another one."""
        return len(self.screen_stack) > 2

    def play_over(self, begun: Callable[[], Session], label: str) -> None:
        """A run that one comes back from; `label` says what is special about it."""
        self.push_screen(self._player(begun, label, nested=True))

    def restart(self, player: PlayScreen) -> None:
        """The same again: a story from its start, a run of the strips from its kill."""
        self._show(player.begun, player.label)

    def leave_play(self) -> None:
        """From a story back to the list; from a run over another one, back to that."""
        if self.nested:
            self.pop_screen()
        else:
            self.go_home()

    def toggle_theme(self) -> None:
        """Dark to light and back."""
        self.theme = LIGHT if self.theme == DARK else DARK

    def words_of(self, plan: Plan) -> Words:
        """The story's own words."""
        said = plan.words
        return Words(record=said.record, logs=said.logs, album=said.album, board=said.board)

    def _show(self, begun: Callable[[], Session], label: str) -> None:
        self._replace(self._player(begun, label, nested=self.nested))

    def _player(self, begun: Callable[[], Session], label: str, *, nested: bool) -> PlayScreen:
        return PlayScreen(
            begun, label, nested=nested, motion=self._motion, ascii_only=self._ascii_only
        )

    def _replace(self, screen: HomeScreen | PlayScreen) -> None:
        gc.collect()
        if len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)
