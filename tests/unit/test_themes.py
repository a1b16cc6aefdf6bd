"""Colours that can be told apart and read, and looks that need none."""

from __future__ import annotations

from itertools import combinations

import pytest
from rich.color import Color
from rich.style import Style

from bandviz.tui import themes
from bandviz.tui.glyphs import to_ascii
from bandviz.tui.spans import STYLES

COLOURED = (themes.DARK, themes.LIGHT)
INVERSE = ("blocked", "failed", "looking_back")


def luminance(colour: Color | None) -> float:
    assert colour is not None
    assert colour.triplet is not None
    parts = [part / 255 for part in colour.triplet]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(style: Style) -> float:
    dark, light = sorted((luminance(style.color), luminance(style.bgcolor)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", COLOURED)
@pytest.mark.parametrize("name", STYLES)
def test_every_style_can_be_read(theme: str, name: str) -> None:
    assert contrast(themes.styles(theme)[name]) >= 4.5


@pytest.mark.parametrize("theme", COLOURED)
def test_checkpoint_hues_differ_from_one_another(theme: str) -> None:
    hues = [themes.HUES[theme][f"ckpt{number}"] for number in range(1, 7)]
    for one, other in combinations(hues, 2):
        a, b = Color.parse(one).triplet, Color.parse(other).triplet
        assert a is not None
        assert b is not None
        assert max(abs(x - y) for x, y in zip(a, b, strict=True)) >= 28, (one, other)


@pytest.mark.parametrize("theme", COLOURED)
@pytest.mark.parametrize("name", INVERSE)
def test_alarms_are_inverse(theme: str, name: str) -> None:
    ground = Color.parse(themes.HUES[theme]["ground"])
    assert themes.styles(theme)[name].color == ground
    assert themes.styles(themes.PLAIN)[name].reverse


def test_without_colour_no_style_has_one() -> None:
    for style in themes.styles(themes.PLAIN).values():
        assert style.color is None
        assert style.bgcolor is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("╭─ count ─╮", "+- count -+"),
        ("┆ FAILED ┆", ": FAILED :"),
        ("3 of 9…", "3 of 9."),
        ("Zürich 東", "Z?rich ?"),
    ],
)
def test_ascii_has_one_character_for_each(text: str, expected: str) -> None:
    assert to_ascii(text) == expected
