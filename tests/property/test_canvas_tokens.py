"""Random tokens on a path, and random marks on a row."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from bandviz.tui.canvas.runs import Mark, Runs
from bandviz.tui.canvas.tokens import Token, line_up
from bandviz.tui.spans import Line, Span

TEXTS = st.sampled_from(("c", "d", "d'", "[1]", "[12]"))
FRACTIONS = st.integers(-2, 22).map(lambda twentieths: twentieths / 20)


@given(st.lists(st.tuples(FRACTIONS, TEXTS), max_size=12), st.integers(1, 40), st.integers(0, 12))
def test_tokens_stay_on_their_track_in_order_and_apart(
    given_tokens: list[tuple[float, str]], cells: int, gate: int
) -> None:
    first, last = min(1, cells - 1), max(0, cells - 1 - gate)
    assume(first <= last)
    tokens = [Token(0, at, text) for at, text in given_tokens]
    placed = line_up(tokens, cells, first, last)
    for (ahead, _, _, _), (behind, text, _, _) in pairwise(placed):
        assert behind + len(text) <= ahead
    if placed:
        assert placed[0][0] + len(placed[0][1]) - 1 <= last
        assert placed[-1][0] >= first
    length = sum(len(token.text) for token in tokens)
    if length + len(tokens) - 1 <= last - first + 1:
        assert [text for _, text, _, _ in placed] == [token.text for token in tokens]
        assert all(b + len(text) < a for (a, *_), (b, text, *_) in pairwise(placed))


@given(st.lists(st.tuples(st.integers(5, 35), TEXTS), max_size=6, unique_by=lambda t: t[0] // 5))
def test_tokens_that_are_in_nobodys_way_stand_where_they_are(wanted: list[tuple[int, str]]) -> None:
    wanted.sort(reverse=True)
    tokens = [Token(0, at / 50, text) for at, text in wanted]
    wish = [(at - (len(text) - 1) // 2, text) for at, text in wanted]
    assume(all(b + len(text) < a for (a, _), (b, text) in pairwise(wish)))
    assert [(start, text) for start, text, _, _ in line_up(tokens, 51, 1, 49)] == wish


@st.composite
def rows_under_marks(draw: st.DrawFn) -> tuple[Line, list[Mark]]:
    styles = st.sampled_from(("edge", "box", "text"))
    line = tuple(
        Span("-" * draw(st.integers(1, 8)), draw(styles)) for _ in range(draw(st.integers(1, 8)))
    )
    width, marks, at = sum(len(span.text) for span in line), [], draw(st.integers(0, 6))
    while at < width:
        text = draw(TEXTS)[: width - at]
        marks.append(Mark(at, text, draw(st.sampled_from(("record", "edge")))))
        at += len(text) + draw(st.integers(0, 9))
    return line, marks


@given(rows_under_marks())
def test_a_row_under_marks_is_the_row_painted_cell_by_cell(row: tuple[Line, list[Mark]]) -> None:
    line, marks = row
    cells = [(char, style) for text, style in line for char in text]
    for x, text, style in marks:
        cells[x : x + len(text)] = [(char, style) for char in text]
    runs = Runs(line, Span).under(marks)
    assert [(char, style) for text, style in runs for char in text] == cells
    assert all(run.text for run in runs)
