"""The door: whatever comes through it can be printed on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.text import LABEL, LINE, NAME, door


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cats 3, dogs 2", "cats 3, dogs 2"),
        ("", ""),
        ("Zürich 東京 — ✓", "Zürich □□ — ✓"),
        ("\x1b[2J", "␛[2J"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\tb\r\nc\0", "a␉b␍␊c␀"),
        ("\x7f", "�"),
        ("\x9b2J", "�2J"),
        ("\x9d52;c;x\x9c", "�52;c;x�"),
        ("gnp.\u202etxt", "gnp.�txt"),
        ("\u2066a\u2069", "�a�"),
        ("a\u200bb\u200dc\ufeffd", "a�b�c�d"),
        ("\ud800", "�"),
        ("\u2028\u2029", "��"),
        ("\ue000\U0010ffff", "��"),
        ("\u3164\u115f\u2800\uffa0", "····"),
        ("a\u034fb\ufe0fc\u180bd", "a·b·c·d"),
        ("e\u0301", "e\u0301"),
        ("e\u0301" * 9, "e\u0301" * 9),
        ("Z" + "\u0301" * 50 + "!", "Z\u0301\u0301!"),
        ("Z" + "\u0489" * 50 + "!", "Z\u0489\u0489!"),
        ("Z" + "\U000e0100" * 50 + "!", "Z\U000e0100\U000e0100!"),
        ("[bold]x[/]", "[bold]x[/]"),
    ],
)
def test_what_a_terminal_would_obey_becomes_visible(text: str, shown: str) -> None:
    assert door(text) == shown


@pytest.mark.parametrize("limit", [1, 2, NAME, LABEL, LINE])
@pytest.mark.parametrize("letter", ["x", "ü", "\x1b", "\u0301"])
def test_long_text_is_cut_with_an_ellipsis(limit: int, letter: str) -> None:
    shown = door("a" + letter * 100_000, limit)
    assert len(shown) <= limit
    assert shown.endswith("…") == (letter != "\u0301" or limit < 3)


def test_text_of_exactly_the_limit_is_whole() -> None:
    assert door("ü" * NAME, NAME) == "ü" * NAME


def test_every_character_that_comes_through_is_printable() -> None:
    assert [code for code in range(0x110000) if not door(chr(code)).isprintable()] == []


@given(st.text(st.characters(codec=None)), st.integers(1, 30))
def test_door_is_printable_short_and_never_stacks_marks(text: str, limit: int) -> None:
    shown = door(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    marks = "".join("m" if unicodedata.category(char) in ("Mn", "Me") else " " for char in shown)
    assert "mmm" not in marks


@given(st.text(st.characters(codec=None)))
def test_door_lets_its_own_text_pass(text: str) -> None:
    assert door(door(text)) == door(text)


def test_wide_characters_take_one_cell_like_all_others() -> None:
    assert door("猫 a 👩") == "□ a □"
