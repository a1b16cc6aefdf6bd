"""Keys and signs on one page, from two tables."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from bandviz.tui.panels.typeset import beside, blank, text
from bandviz.tui.spans import Line, Span
from bandviz.tui.widgets.lines import Lines

KEYS: Final = (
    ("Enter, PgDn", "go on to the next caption"),
    ("PgUp", "back to the caption before"),
    ("left/right", "one step (. and , too)"),
    ("space", "play or pause"),
    ("+ and -", "faster, slower"),
    ("End", "back to LIVE"),
    ("x", "break it: kill or damage"),
    ("w", "why? the rule behind it"),
    ("v", "change one setting"),
    ("r", "restart from the beginning"),
    ("i", "inspect the box in focus"),
    ("h j k l", "move the focus"),
    ("shift+arrows", "move the picture (or drag)"),
    ("z, wheel", "zoom"),
    ("b", "band line on or off"),
    ("t", "theme"),
    ("Esc", "close, leave the focus"),
    ("q", "leave"),
)
SIGNS: Final = (
    ("c  d", "records on their way", "record"),
    ("d'", "a record read again", "replay"),
    ("[1]", "barrier of checkpoint 1", "ckpt1"),
    (">  #", "gate open, gate closed", "strong"),
    ("BLOCKED", "waits for other barriers", "blocked"),
    ("FAILED", "memory is gone", "failed"),
    ("^", "next record to be read", "strong"),
    ("1", "cut of checkpoint 1", "ckpt1"),
    ("x", "reading had come so far", "lost"),
    ("=  .", "read again, still to be", "replay"),
    ("..", "not there yet", "muted"),
    ("|||", "three rows of this name", "public"),
    ("T1 C1 A1", "triggered, complete, aborted", "ckpt1"),
    ("X  R1", "failure, restored from 1", "failed"),
    ("@", "here you look", "strong"),
)

_COLUMN: Final = 42


def help_lines(cells: int) -> list[Line]:
    """The page: two columns if there is room, else one below the other."""
    keys = [text("KEYS", "title"), *(_row(key, does, "key", 14) for key, does in KEYS)]
    signs = [
        text("SIGNS", "title"),
        *(_row(sign, means, style, 10) for sign, means, style in SIGNS),
    ]
    if cells >= 2 * _COLUMN:
        return beside([(keys, _COLUMN + 2), (signs, _COLUMN - 3)], max(len(keys), len(signs)))
    return [*keys, blank(), *signs]


def _row(sign: str, means: str, style: str, column: int) -> Line:
    return (Span(sign, style), Span(" " * (column - len(sign))), Span(means))


class HelpScreen(ModalScreen[None]):
    """Shown over whatever is there; any of Esc, `?` and `q` closes it."""

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
        self.query_one(Lines).show(help_lines(min(self.size.width, 92) - 4))
