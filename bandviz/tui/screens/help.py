"""Keys and signs on one page: the registry of actions, and a table of what is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from bandviz.tui.actions import ACTIONS, STRIPS, Action
from bandviz.tui.panels.typeset import beside, blank, joined, text, wrap
from bandviz.tui.spans import Line, Span
from bandviz.tui.widgets.lines import Lines

SIGNS: Final = (
    ("c  d", "records on their way", "record"),
    ("c'", "second reading of a record", "replay"),
    ("[1]", "barrier of checkpoint 1", "ckpt1"),
    (">1>", "the same, overtaking", "ckpt1"),
    (">1]", "forced aligned: in line", "ckpt1"),
    ("[1]!", "the receiver knows of it", "ckpt1"),
    ("c+", "record that it took along", "ckpt1"),
    ("<1>", "checkpoint given up", "warn"),
    ("t1  #1", "transaction to commit, so many", "record"),
    ("~", "watermark", "watermark"),
    ("■", "end of the data", "muted"),
    (">", "open gate", "strong"),
    ("#", "closed gate", "strong"),
    ("over", "nothing comes any more", "muted"),
    ("BLOCKED", "waits for other barriers", "blocked"),
    ("FAILED", "memory is gone", "failed"),
    ("tm1", "taskmanager-1 runs it", "muted"),
    ("^", "next record to be read", "strong"),
    ("1", "cut of checkpoint 1", "ckpt1"),
    ("x", "reading had come so far", "lost"),
    ("=  .", "read again, still to be", "replay"),
    ("..", "not there yet", "muted"),
    ("|||", "three rows of this name", "public"),
    ("T1 C1 A1", "triggered, complete, aborted", "ckpt1"),
    ("X  R1", "failure, restored from 1", "failed"),
    ("!", "other break, write bounced", "warn"),
    ("@", "here you look", "strong"),
)

_KEY_NAMES: Final = {
    "enter": "Enter", "escape": "Esc", "pagedown": "PgDn", "pageup": "PgUp", "end": "End",
    "home": "Home", "full_stop": ".", "comma": ",", "question_mark": "?", "plus": "+",
    "minus": "-", "f1": "F1", "f8": "F8",
}  # fmt: skip
_TWO_COLUMNS: Final = 84


def help_lines(cells: int) -> list[Line]:
    """The page: two columns with short words if there is room, else one column with long ones."""
    two = cells >= _TWO_COLUMNS
    column = (cells - 1) // 2 if two else cells - 1
    keys = [line for row in key_rows(brief=two) for line in means(*row, "key", 14, column)]
    strips = [
        line for row in key_rows(STRIPS, brief=two) for line in means(*row, "key", 14, column)
    ]
    signs = [line for row in SIGNS for line in means(*row, 11, column)]
    lines: list[Line] = []
    for title, rows in (("KEYS", keys), ("SIGNS", signs), ("KEYS ON THE STRIPS (K)", strips)):
        lines += [*([blank()] if lines else []), text(f" {title}", "title")]
        half = -(-len(rows) // 2) if two else len(rows)
        columns = [(rows[:half], column), (rows[half:], column)]
        lines += beside(columns if two else columns[:1], half)
    return lines


def key_rows(actions: Sequence[Action] = ACTIONS, *, brief: bool) -> list[tuple[str, str]]:
    """(keys, what they do) of every action; those that do the same share a row."""
    rows: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    for each in actions:
        names = [_KEY_NAMES.get(key, key) for key in each.keys.split(",")]
        rows.setdefault(each.help, []).extend(names)
        words[each.help] = each.label if brief and each.help not in words else each.help
    return [(" ".join(names), words[does]) for does, names in rows.items()]


def means(sign: str, words: str, style: str, indent: int, cells: int) -> list[Line]:
    """A sign and its meaning; more words than fit go on below, indented."""
    first, *more = wrap(text(words), cells - indent)
    head: Line = (Span(sign.ljust(indent), style), *first)
    return [head, *(joined(text(" " * indent), line) for line in more)]


class Page(NamedTuple):
    """The page behind `?` on one screen: what one sees there, its signs, its keys."""

    title: str
    about: str
    signs: tuple[tuple[str, str, str], ...]
    actions: Sequence[Action]

    def lines(self, cells: int) -> list[Line]:
        """One column."""
        keys = [(*row, "key") for row in key_rows(self.actions, brief=False)]
        parts = [
            (self.title, wrap(text(self.about), cells - 2)),
            ("SIGNS", [line for row in self.signs for line in means(*row, 11, cells - 1)]),
            ("KEYS", [line for row in keys for line in means(*row, 14, cells - 1)]),
        ]
        lines: list[Line] = []
        for title, rows in parts:
            lines += [*([blank()] if lines else []), text(f" {title}", "title")]
            lines += [joined(text(" "), row) for row in rows]
        return lines


class HelpScreen(ModalScreen[None]):
    """Shown over whatever is there; any of Esc, `?` and `q` closes it.

    `page` makes its lines for a width.
    """

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: 92; max-width: 100%; height: auto; max-height: 100%;
        border: round $accent; background: $surface; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "dismiss", "close", tooltip="Close this page"),
    ]

    def __init__(self, page: Callable[[int], list[Line]] = help_lines) -> None:
        super().__init__()
        self._page = page

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        page = VerticalScroll()
        page.border_title = "help"
        page.border_subtitle = "up/down scroll, Esc closes"
        with page:
            yield Lines()

    def on_mount(self) -> None:
        """Draw for the window as it is."""
        self.query_one(VerticalScroll).focus()
        self.on_resize()

    def on_resize(self) -> None:
        """A narrow window has one column."""
        self.query_one(Lines).show(self._page(min(self.size.width, 92) - 6))
