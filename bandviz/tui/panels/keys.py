"""The key row: what can be pressed now, the least important keys giving way in a narrow window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple

from bandviz.tui.spans import Line, Span


class KeyContext(Enum):
    """What the person is in the middle of."""

    LIVE = "live"
    PLAYING = "playing"
    QUESTION = "question"
    LOOKING_BACK = "looking back"
    ENDED = "ended"
    STRIPS = "strips"
    CUTS = "cuts"
    LEDGER = "ledger"
    TWIN = "twin"
    RESULTS = "results of twins"


class _Key(NamedTuple):
    """`rank` 0 is kept to the last."""

    key: str
    does: str
    rank: int


_LAB: Final = (
    _Key("K", "kill anywhere", 8),
    _Key("C", "cuts", 9),
    _Key("L", "ledger", 10),
    _Key("W", "twin", 11),
    _Key("o", "what if not", 12),
)
"""Named where there is room: all of it is on the help page."""

KEYS: Final[dict[KeyContext, tuple[_Key, ...]]] = {
    KeyContext.LIVE: (
        _Key("Enter", "go on", 0),
        _Key("left/right", "step", 1),
        _Key("space", "play", 3),
        _Key("x", "break it", 2),
        _Key("w", "why?", 5),
        _Key("r", "restart", 7),
        *_LAB,
        _Key("?", "help", 4),
        _Key("q", "leave", 6),
    ),
    KeyContext.PLAYING: (
        _Key("Enter", "jump there", 0),
        _Key("space", "pause", 1),
        _Key("x", "break it", 2),
        _Key("s/f", "slower, faster", 4),
        _Key("?", "help", 3),
        _Key("q", "leave", 5),
    ),
    KeyContext.QUESTION: (
        _Key("a b c", "answer", 0),
        _Key("Enter", "skip", 1),
        _Key("left/right", "step", 3),
        _Key("?", "help", 2),
        _Key("q", "leave", 4),
    ),
    KeyContext.LOOKING_BACK: (
        _Key("End", "back to LIVE", 0),
        _Key("left/right", "step", 1),
        _Key("PgUp/PgDn", "beats", 4),
        _Key("x", "break it here", 2),
        _Key("w", "why?", 5),
        *_LAB,
        _Key("?", "help", 3),
        _Key("q", "leave", 6),
    ),
    KeyContext.ENDED: (
        _Key("v", "change one setting", 0),
        _Key("r", "restart", 1),
        _Key("left/right", "look back", 2),
        _Key("w", "why?", 4),
        *_LAB,
        _Key("?", "help", 3),
        _Key("q", "leave", 5),
    ),
    KeyContext.STRIPS: (
        _Key("left/right", "move", 0),
        _Key("up/down", "task", 1),
        _Key("PgUp/PgDn", "other outcome", 6),
        _Key("Enter", "open", 2),
        _Key("y", "copy", 5),
        _Key("s", "save as text", 7),
        _Key("?", "help", 4),
        _Key("Esc", "close", 3),
    ),
    KeyContext.CUTS: (
        _Key("left/right", "move", 0),
        _Key("up/down", "row", 1),
        _Key("c", "barriers' cut", 2),
        _Key("a", "all here", 5),
        _Key("m", "lines", 6),
        _Key("?", "help", 3),
        _Key("q", "back", 4),
    ),
    KeyContext.LEDGER: (
        _Key("up/down", "move", 0),
        _Key("PgUp/PgDn", "page", 4),
        _Key("n", "next wrong", 1),
        _Key("?", "help", 3),
        _Key("Esc", "close", 2),
    ),
    KeyContext.TWIN: (
        _Key("n/p", "differences", 0),
        _Key("d", "results", 1),
        _Key("Enter", "play >", 2),
        _Key("f", "parting", 5),
        _Key("up/down", "scroll", 6),
        _Key("PgUp/PgDn", "page", 7),
        _Key("?", "help", 4),
        _Key("q", "back", 3),
    ),
    KeyContext.RESULTS: (
        _Key("d", "the story", 0),
        _Key("up/down", "scroll", 1),
        _Key("PgUp/PgDn", "page", 5),
        _Key("f", "parting", 6),
        _Key("Enter", "play >", 2),
        _Key("?", "help", 4),
        _Key("q", "back", 3),
    ),
}


def keys(
    context: KeyContext,
    width: int,
    *,
    hidden: frozenset[str] = frozenset(),
    step: str = "",
    leave: str = "leave",
) -> list[Line]:
    """One row. Gaps of three blanks, of two where that saves a key.

    `hidden`: keys that do nothing here, such as `v` where there are no variants. `step`: by what
    the arrows go, such as `hop`; it is shown as long as no key gives way for it. `leave`: what
    leaving is called; another name than usual is kept to the last.
    """
    usable = [
        each._replace(does=leave, rank=0) if each.does == "leave" != leave else each
        for each in KEYS[context]
        if each.key not in hidden
    ]
    for shown in _fewer_and_fewer(usable, step):
        for gap in (3, 2):
            if 1 + sum(len(f"{k.key} {k.does}") for k in shown) + gap * (len(shown) - 1) <= width:
                return [_row(shown, gap)]
    return [()]


def _fewer_and_fewer(usable: Sequence[_Key], step: str) -> Iterator[list[_Key]]:
    by_rank = sorted(usable, key=lambda each: each.rank)
    for least in range(len(by_rank), 0, -1):
        shown = [each for each in usable if each in by_rank[:least]]
        if step:
            yield [
                each._replace(does=f"step ({step})") if each.does == "step" else each
                for each in shown
            ]
        yield shown


def _row(shown: list[_Key], gap: int) -> Line:
    spans = [Span(" ")]
    for place, each in enumerate(shown):
        blanks = " " * gap if place else ""
        spans += [Span(blanks), Span(each.key, "key"), Span(f" {each.does}")]
    return tuple(span for span in spans if span.text)
