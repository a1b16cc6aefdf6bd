"""A row under marks: cut where they lie, the same objects elsewhere."""

from __future__ import annotations

import pytest

from bandviz.tui.canvas.runs import Mark, Runs
from bandviz.tui.spans import Span

ROW = (Span("aaaa", "a"), Span("bb", "b"), Span("cccc", "c"))


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("", "aaaa|bb|cccc"),
        ("1:x", "a|x|aa|bb|cccc"),
        ("0:x 9:y", "x|aaa|bb|ccc|y"),
        ("4:xy", "aaaa|xy|cccc"),
        ("3:wxyz", "aaa|wxyz|ccc"),
        ("1:x 2:y", "a|x|y|a|bb|cccc"),
        ("2:x 7:y", "aa|x|a|bb|c|y|cc"),
        ("0:0123456789", "0123456789"),
    ],
)
def test_marks_lie_over_the_row(marks: str, expected: str) -> None:
    parts = [mark.split(":") for mark in marks.split()]
    runs = Runs(ROW, Span).under([Mark(int(x), text, "m") for x, text in parts])
    assert "|".join(run.text for run in runs) == expected
    assert all({run.style} == {char if char in "abc" else "m" for char in run.text} for run in runs)


def test_what_no_mark_cuts_is_not_made_again() -> None:
    made: list[str] = []

    def brush(text: str, style: str) -> Span:
        made.append(text)
        return Span(text, style)

    runs = Runs((*ROW, *ROW), brush)
    made.clear()
    runs.under([Mark(1, "x", "m")])
    assert made == ["a", "x", "aa", "cccc"]
