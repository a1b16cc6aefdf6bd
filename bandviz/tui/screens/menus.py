"""Modal menus: a list of choices, taken with the keyboard or the mouse.

Options are plain text: nothing that comes from data is ever read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option


class Choice(NamedTuple):
    """One line of a menu. `key` is what the menu gives back; `note` stands muted behind `label`.

    Neighbours of one `group` stand under its name. One that is not `possible` cannot be taken; its
    note says why.
    """

    key: str
    label: str
    note: str = ""
    group: str = ""
    possible: bool = True


class ChoiceMenu(ModalScreen[str | None]):
    """Asks for one of several things; the result is the chosen key, or None after Esc.

    Enter takes the highlighted line, a digit goes to a line, a click takes it. If the menu
    `SEARCHES`, other characters narrow it down to lines that hold them.
    """

    DEFAULT_CSS = """
    ChoiceMenu, BreakMenu { align: center middle; background: $background 60%; }
    ChoiceMenu > Vertical {
        width: auto; min-width: 40; max-width: 90%; height: auto; max-height: 90%;
        border: round $accent; background: $surface; padding: 0 1;
    }
    ChoiceMenu Static { width: auto; max-width: 100%; }
    ChoiceMenu .menu--title { text-style: bold; margin-bottom: 1; }
    ChoiceMenu .menu--keys { color: $foreground-muted; margin-top: 1; }
    ChoiceMenu OptionList {
        width: auto; max-width: 100%; height: auto; max-height: 60vh;
        border: none; padding: 0; background: $surface;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    ChoiceMenu OptionList:focus { border: none; background-tint: $surface 0%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "leave", tooltip="Close the menu and change nothing"),
    ]
    KEYS = "Enter takes it   up/down or 1-9 move   Esc leaves"
    SEARCHES: ClassVar[bool] = False

    def __init__(self, title: str, options: Sequence[Choice], preselected: str = "") -> None:
        super().__init__()
        self._title = title
        self._options = tuple(options)
        self._shown = self._options
        self._preselected = preselected
        self._sought = ""

    def compose(self) -> ComposeResult:
        """Title, list, keys."""
        with Vertical():
            yield Static(Content(self._title), classes="menu--title", markup=False)
            yield OptionList(markup=False)
            yield Static(Content(self.KEYS), classes="menu--keys", markup=False)

    def on_mount(self) -> None:
        """Highlight what was preselected."""
        self._show()
        self.query_one(OptionList).focus()

    def _show(self) -> None:
        """The lines that hold what is sought, under the names of their groups."""
        sought = self._sought.lower()
        self._shown = tuple(
            one for one in self._options if sought in f"{one.label} {one.note}".lower()
        )
        menu = self.query_one(OptionList)
        menu.styles.min_width = menu.size.width  # it keeps its shape while one searches
        menu.clear_options()
        menu.add_options(self._rows())
        taken = [place for place, one in enumerate(self._shown) if one.possible]
        first = next((p for p in taken if self._shown[p].key == self._preselected), None)
        if first is None and taken:
            first = taken[0]
        menu.highlighted = None if first is None else menu.get_option_index(f"option-{first}")
        title = f"{self._title}   {self._sought}_" if self._sought else self._title
        self.query_one(".menu--title", Static).update(Content(title))

    def _rows(self) -> list[Option]:
        column = max((len(option.label) for option in self._options), default=0)
        rows: list[Option] = []
        number, group = 0, ""
        for place, option in enumerate(self._shown):
            if option.group != group:
                group = option.group
                rows.append(Option(Content(group), disabled=True))
            number += option.possible
            digit = f"{number}  " if option.possible and number < 10 else "   "
            line = f"{digit}{option.label.ljust(column)}  {option.note}".rstrip()
            id_ = f"option-{place}"
            rows.append(Option(Content(line), id=id_, disabled=not option.possible))
        return rows

    def on_key(self, event: Key) -> None:
        """A digit moves the highlight to that line; what else is typed is sought, if anything."""
        letter = event.character or ""
        if letter and letter in "123456789":
            taken = [place for place, one in enumerate(self._shown) if one.possible]
            if int(letter) <= len(taken):
                menu = self.query_one(OptionList)
                menu.highlighted = menu.get_option_index(f"option-{taken[int(letter) - 1]}")
        elif self.SEARCHES and (event.key == "backspace" or event.is_printable):
            if letter == "q" and not self._sought:
                return
            self._sought = self._sought[:-1] if event.key == "backspace" else self._sought + letter
            self._show()
        else:
            return
        event.stop()
        event.prevent_default()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click: give the key back."""
        event.stop()
        place = str(event.option_id).rpartition("-")[2]
        self.dismiss(self._shown[int(place)].key)

    def action_leave(self) -> None:
        """First what is sought goes; then close without a choice."""
        if self._sought:
            self._sought = ""
            self._show()
        else:
            self.dismiss(None)
