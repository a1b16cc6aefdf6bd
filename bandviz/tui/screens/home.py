"""The first screen: what bandviz is, in two lines, and the stories to choose from."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bandviz.tui.screens.help import HelpScreen

ABOUT = (
    "Exactly-once stream processing, seen from inside: watch checkpoint barriers cross a "
    "running job, kill any part of it, and see what a rewind brings back. Nothing to set up."
)
_WIDTH_MAX = 96
_PADDING = 4
_OTHER_ROWS = 4
"""The name, the keys, and a blank row below and above the list."""
_MARGINS = 9
"""Cells of a row that padding, border and scroll bar take."""
KEYS = "Enter start   up/down or 1-9 choose   ? help   q leave"


class HomeEntry(NamedTuple):
    """A story that can be started. `name` is its file's name, `minutes` how long it takes."""

    number: int
    name: str
    title: str
    summary: str
    minutes: int


class HomeScreen(Screen[None]):
    """Lists the stories, the first one highlighted; posts `Chosen` for the one that is started."""

    class Chosen(Message):
        """The person wants this story."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    DEFAULT_CSS = """
    HomeScreen { align: center middle; }
    HomeScreen > Vertical {
        width: 100%; max-width: 96; height: auto; max-height: 100%; padding: 0 2;
    }
    HomeScreen Static { width: 100%; height: auto; }
    HomeScreen .home--name { text-style: bold; color: $accent; }
    HomeScreen .home--about { margin-bottom: 1; }
    HomeScreen .home--keys { color: $foreground-muted; margin-top: 1; }
    HomeScreen OptionList {
        height: auto; border: round $border-blurred; padding: 0 1;
        scrollbar-size-vertical: 1;
        background: $surface;
    }
    HomeScreen OptionList:focus { border: round $accent; background-tint: $surface 0%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "help", tooltip="Keys and signs"),
        Binding("q", "app.quit", "leave", tooltip="Leave bandviz"),
    ]

    def __init__(self, entries: Sequence[HomeEntry]) -> None:
        super().__init__()
        self._entries = tuple(entries)

    def compose(self) -> ComposeResult:
        """Name, two lines, list, keys."""
        with Vertical():
            yield Static(Content("bandviz"), classes="home--name", markup=False)
            yield Static(Content(ABOUT), classes="home--about", markup=False)
            yield OptionList(markup=False)
            yield Static(Content(KEYS), classes="home--keys", markup=False)

    def on_mount(self) -> None:
        """The list has the keyboard."""
        self.query_one(OptionList).focus()

    def on_resize(self) -> None:
        """Set the rows for the width there is now."""
        menu = self.query_one(OptionList)
        room = min(self.size.width, _WIDTH_MAX)
        about = textwrap.wrap(ABOUT, room - _PADDING)
        menu.styles.max_height = max(4, self.size.height - len(about) - _OTHER_ROWS)
        cells = room - _MARGINS
        highlighted = menu.highlighted or 0
        menu.clear_options()
        menu.add_options(Option(_row(entry, cells), id=entry.name) for entry in self._entries)
        menu.highlighted = highlighted if self._entries else None

    def on_key(self, event: Key) -> None:
        """A digit highlights the story of that number."""
        numbers = [str(entry.number) for entry in self._entries]
        if event.character in numbers:
            self.query_one(OptionList).highlighted = numbers.index(event.character)
            event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click starts the story."""
        event.stop()
        self.post_message(self.Chosen(self._entries[event.option_index].name))

    def action_help(self) -> None:
        """Show keys and signs."""
        self.app.push_screen(HelpScreen())


def _row(entry: HomeEntry, cells: int) -> Content:
    """Title on the left, duration on the right; the summary below, indented."""
    start = "  (start here)" if entry.number == 1 else ""
    name, minutes = f"  {entry.name}{start}", f"{entry.minutes} min"
    used = len(f"{entry.number}  {entry.title}{name}{minutes}")
    gap = " " * max(2, cells - used)
    indent = "   "
    below = textwrap.wrap(entry.summary, cells, initial_indent=indent, subsequent_indent=indent)
    head = Content.assemble(f"{entry.number}  ", (entry.title, "bold"), name, gap, minutes)
    return Content("\n").join([head, *map(Content, below)])
