"""Style names of `spans.STYLES` as colours: one table of hues a theme, one of looks for all.

Every hue has a contrast of at least 4.5 to 1 on its background (a test computes it), and the six
checkpoint hues stay apart for colour-blind eyes (after Okabe and Ito). Without colour, bold,
inverse and underline say it; what a style means is always written as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from rich.style import Style
from textual.app import App
from textual.theme import Theme

from bandviz.tui.spans import STYLES

DARK: Final = "bandviz-dark"
LIGHT: Final = "bandviz-light"
PLAIN: Final = "bandviz-plain"
"""No colour at all: for NO_COLOR. The app must then be made with `ansi_color=True`, or Textual
turns colours into greys instead of leaving them out."""

HUES: Final[dict[str, dict[str, str]]] = {
    DARK: {
        "ground": "#10151c", "raised": "#1a222c", "text": "#d9e0e8", "strong": "#ffffff",
        "muted": "#8d99a6", "line": "#8d99a6", "accent": "#7cc4f2", "alarm": "#ff8a73",
        "good": "#5fd0a5", "care": "#f2c14e", "again": "#d3a6f0",
        "ckpt1": "#56b4e9", "ckpt2": "#e69f00", "ckpt3": "#2fc79a",
        "ckpt4": "#f0e442", "ckpt5": "#e392bf", "ckpt6": "#f0804a",
    },
    LIGHT: {
        "ground": "#fbfaf6", "raised": "#ece9e1", "text": "#20262d", "strong": "#000000",
        "muted": "#5d6772", "line": "#5d6772", "accent": "#00588f", "alarm": "#a82a12",
        "good": "#00684c", "care": "#7a5200", "again": "#6d3a94",
        "ckpt1": "#00609c", "ckpt2": "#8a5500", "ckpt3": "#006b50",
        "ckpt4": "#6a6000", "ckpt5": "#9c2f73", "ckpt6": "#ab3c00",
    },
}  # fmt: skip

_LOOKS: Final[dict[str, tuple[str, str]]] = {
    "text": ("text", ""), "muted": ("muted", ""), "strong": ("strong", "bold"),
    "title": ("strong", "bold"), "rule": ("line", ""), "key": ("accent", "bold"),
    "box": ("text", ""), "box_focus": ("accent", "bold"), "box_lost": ("muted", ""),
    "state": ("strong", "bold"), "snapshot": ("text", ""),
    "edge": ("line", ""), "edge_far": ("muted", ""), "record": ("strong", "bold"),
    "replay": ("again", "bold"), "watermark": ("muted", ""), "held": ("care", ""),
    "blocked": ("care", "inverse"), "failed": ("alarm", "inverse"), "lost": ("alarm", ""),
    "looking_back": ("again", "inverse"), "ok": ("good", "bold"), "warn": ("care", "bold"),
    "public": ("strong", "bold"), "hidden": ("muted", ""), "cut": ("accent", ""),
    "caption": ("text", ""), "headline": ("strong", "bold"), "band": ("muted", ""),
    "choice": ("text", ""), "choice_on": ("accent", "inverse"),
    **{f"ckpt{n}": (f"ckpt{n}", "bold") for n in range(1, 7)},
}  # fmt: skip

_CURSOR_WITHOUT_COLOUR: Final = "bold underline"
"""Not inverse: Textual 8.2 drops that when it styles a component, and the cursor would be lost."""
_UNDERLINED_WITHOUT_COLOUR: Final = {"box_focus", "replay", "choice_on"}


@cache
def styles(theme: str) -> Mapping[str, Style]:
    """A Rich style for each name; `theme` is one of the three above."""
    if theme == PLAIN:
        return {name: Style(**_plain(name, _LOOKS[name][1])) for name in STYLES}
    hues = HUES[theme]
    out = {}
    for name in STYLES:
        hue, look = _LOOKS[name]
        front, back = hues[hue], hues["ground"]
        if look == "inverse":
            front, back = back, front
        out[name] = Style(color=front, bgcolor=back, bold=bool(look) or None)
    return out


def _plain(name: str, look: str) -> dict[str, Any]:
    return {
        "bold": bool(look) or None,
        "reverse": look == "inverse" or None,
        "underline": name in _UNDERLINED_WITHOUT_COLOUR or None,
    }


def styles_of(app: App[Any]) -> Mapping[str, Style]:
    """Styles that fit the app's present theme, also one that is not ours."""
    theme = app.current_theme
    if theme.name in (DARK, LIGHT, PLAIN):
        return styles(theme.name)
    if theme.ansi:
        return styles(PLAIN)
    return styles(DARK if theme.dark else LIGHT)


def register(app: App[Any]) -> None:
    """Make the three themes known to the app; choosing one is up to it."""
    for name in (DARK, LIGHT):
        app.register_theme(_coloured(name))
    app.register_theme(_without_colour())


def _coloured(name: str) -> Theme:
    hues = HUES[name]
    return Theme(
        name=name,
        dark=name == DARK,
        primary=hues["accent"],
        secondary=hues["again"],
        accent=hues["accent"],
        warning=hues["care"],
        error=hues["alarm"],
        success=hues["good"],
        foreground=hues["text"],
        background=hues["ground"],
        surface=hues["ground"],
        panel=hues["raised"],
        variables={
            "block-cursor-background": hues["accent"],
            "block-cursor-foreground": hues["ground"],
            "block-cursor-text-style": "bold",
            "border": hues["accent"],
            "border-blurred": hues["line"],
        },
    )


def _without_colour() -> Theme:
    default = "ansi_default"
    return Theme(
        name=PLAIN,
        ansi=True,
        primary=default,
        secondary=default,
        accent=default,
        warning=default,
        error=default,
        success=default,
        foreground=default,
        background=default,
        surface=default,
        panel=default,
        boost=default,
        variables={
            "ansi-background": default,
            "ansi-foreground": default,
            "block-cursor-background": default,
            "block-cursor-foreground": default,
            "block-cursor-text-style": _CURSOR_WITHOUT_COLOUR,
            "block-cursor-blurred-text-style": _CURSOR_WITHOUT_COLOUR,
            "border": default,
            "border-blurred": default,
            "input-cursor-background": default,
            "input-cursor-foreground": default,
            "input-cursor-text-style": "reverse",
            "input-selection-background": default,
            "input-selection-foreground": default,
            "screen-selection-background": default,
            "screen-selection-foreground": default,
        },
    )
