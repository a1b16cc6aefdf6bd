"""Modal menus: a list of choices, taken with the keyboard or the mouse.

Options are plain text: nothing that comes from data is ever read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bandviz.model.views import (
    CheckpointStatus,
    CheckpointView,
    SubtaskStatus,
    SubtaskView,
    TaskManagerView,
)
from bandviz.tui.panels.words import Names, listed


class Choice(NamedTuple):
    """One line of a menu. `key` is what the menu gives back; `note` stands muted behind `label`."""

    key: str
    label: str
    note: str = ""


class ChoiceMenu(ModalScreen[str | None]):
    """Asks for one of several things; the result is the chosen key, or None after Esc.

    Enter takes the highlighted line, a digit goes to a line, a click takes it.
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
        width: auto; max-width: 100%; height: auto; max-height: 12;
        border: none; padding: 0; background: $surface;
    }
    ChoiceMenu OptionList:focus { border: none; background-tint: $surface 0%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "leave", tooltip="Close the menu and change nothing"),
    ]
    KEYS = "Enter takes it   up/down or 1-9 move   Esc leaves"

    def __init__(self, title: str, options: Sequence[Choice], preselected: str = "") -> None:
        super().__init__()
        self._title = title
        self._options = tuple(options)
        keys = [option.key for option in self._options]
        self._first = keys.index(preselected) if preselected in keys else 0

    def compose(self) -> ComposeResult:
        """Title, list, keys."""
        with Vertical():
            yield Static(Content(self._title), classes="menu--title", markup=False)
            yield OptionList(*self._rows(), markup=False)
            yield Static(Content(self.KEYS), classes="menu--keys", markup=False)

    def _rows(self) -> list[Option]:
        column = max((len(option.label) for option in self._options), default=0)
        rows = []
        for number, option in enumerate(self._options, start=1):
            digit = f"{number}  " if number < 10 else "   "
            line = Content(f"{digit}{option.label.ljust(column)}  {option.note}".rstrip())
            rows.append(Option(line, id=f"option-{number}"))
        return rows

    def on_mount(self) -> None:
        """Highlight what was preselected."""
        menu = self.query_one(OptionList)
        menu.highlighted = self._first if self._options else None
        menu.focus()

    def on_key(self, event: Key) -> None:
        """A digit moves the highlight to that line."""
        if event.character and event.character in "123456789":
            place = int(event.character) - 1
            if place < len(self._options):
                self.query_one(OptionList).highlighted = place
                event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click: give the key back."""
        event.stop()
        self.dismiss(self._options[event.option_index].key)

    def action_leave(self) -> None:
        """Close without a choice."""
        self.dismiss(None)


class Fault(NamedTuple):
    """What to break, as the engine names it: `kill` and a subtask, `lose` and a TaskManager, …"""

    fault: str
    target: str = ""

    @classmethod
    def parse(cls, key: str) -> Fault:
        """From the key that a `BreakMenu` gives back."""
        fault, _, target = key.partition(" ")
        return cls(fault, target)

    def __str__(self) -> str:
        return f"{self.fault} {self.target}".rstrip()


class BreakMenu(ChoiceMenu):
    """What shall break? Enter kills the preselected target; read the result by `Fault.parse`."""

    KEYS = "Enter breaks it   up/down or 1-9 move   Esc leaves"

    def __init__(self, targets: Sequence[Choice], preselected: Fault | None = None) -> None:
        super().__init__("BREAK IT: what shall fail now?", targets, str(preselected or ""))


def break_targets(
    subtasks: Iterable[SubtaskView],
    checkpoints: Iterable[CheckpointView],
    names: Names,
    managers: Iterable[TaskManagerView] = (),
) -> list[Choice]:
    """All that can be broken now: kill what runs, lose a process, damage what is on disk."""
    kills = [
        Choice(str(Fault("kill", str(view.subtask))), f"kill {names(view.subtask)}", _holds(view))
        for view in subtasks
        if view.status is SubtaskStatus.RUNNING
    ]
    losses = [
        Choice(
            str(Fault("lose", manager.name)),
            f"lose {manager.name}",
            f"runs {', '.join(map(names, manager.running))}",
        )
        for manager in managers
        if manager.running
    ]
    damages = [
        Choice(
            str(Fault("corrupt_checkpoint", str(page.checkpoint_id))),
            f"damage checkpoint {page.checkpoint_id}",
            "on disk, complete",
        )
        for page in checkpoints
        if page.status is CheckpointStatus.COMPLETE
    ]
    return kills + losses + damages


def coordinator_targets(subtasks: Iterable[SubtaskView], names: Names) -> list[Choice]:
    """What can go wrong around checkpoints, and what the job can be asked for."""
    running = [view.subtask for view in subtasks if view.status is SubtaskStatus.RUNNING]
    lost = [
        Choice(
            str(Fault("lose_notification", str(name))),
            f"lose the notice to {names(name)}",
            "that a checkpoint is complete",
        )
        for name in running
    ]
    declined = [
        Choice(
            str(Fault("decline_checkpoint", str(name))),
            f"{names(name)} declines",
            "the checkpoint in progress",
        )
        for name in running
    ]
    return lost + declined + [Choice(str(Fault(key)), *words) for key, words in _OTHERS.items()]


_OTHERS: Final = {
    "crash_coordinator": ("kill the JobManager", "it keeps the book of checkpoints"),
    "fail_storage": ("lock the checkpoint storage", "nothing can be written"),
    "repair_storage": ("unlock the checkpoint storage", ""),
    "take_checkpoint": ("ask for a checkpoint", "now, out of turn"),
    "take_savepoint": ("ask for a savepoint", "to keep; the job goes on"),
    "stop_with_savepoint": ("stop with a savepoint", "the job ends behind it"),
    "drain_and_stop": ("drain and stop", "all windows fire, then a savepoint"),
}


def _holds(view: SubtaskView) -> str:
    """What a kill would wipe, in a few words."""
    if view.offsets:
        return "at offset " + ", ".join(str(offset) for _, offset in view.offsets)
    if view.transaction:
        return f"holds transaction {view.transaction.transaction_id}"
    if view.state:
        more = ", …" if view.state_count > 3 else ""
        return f"holds {listed(view.state[:3])}{more}"
    return "holds nothing"
