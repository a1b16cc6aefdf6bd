"""The DISK region: source logs, checkpoints, output; side by side in this order at every size."""

from __future__ import annotations

from collections.abc import Sequence

from bandviz.model.views import BoardView, CheckpointView, TapeView
from bandviz.tui.panels.album import album_lines
from bandviz.tui.panels.board import board_lines
from bandviz.tui.panels.tapes import legend, tape_lines
from bandviz.tui.panels.typeset import beside, text
from bandviz.tui.panels.words import Names, Words
from bandviz.tui.spans import Line, fit, plain

_WIDE = 96


def disk(
    tapes: Sequence[TapeView],
    checkpoints: Sequence[CheckpointView],
    boards: Sequence[BoardView],
    names: Names,
    width: int,
    height: int,
    words: Words | None = None,
) -> list[Line]:
    """Exactly `height` rows. Below 96 columns there are no headings; the rows say what they are."""
    says = words or Words()
    tight = width < _WIDE
    left, middle, right = _columns(width, says)
    body = height if tight else height - 1
    if not tapes and not boards:  # accounts read no logs and show nothing
        head = [] if tight else [text(says.album, "title")]
        album = album_lines(checkpoints, names, width - 1, body, tight=tight)
        return beside([([*head, *album], width - 1)], height)
    tape_rows = tape_lines(tapes, left - 1, body, tight=tight)
    album = album_lines(checkpoints, names, middle - 1, body, tight=tight)
    board = board_lines(boards, right, body, tight=tight)
    if len(tape_rows) < body and not tight:
        tape_rows += [legend(tapes, says.record, left - 1)]
    columns = [(tape_rows, left), (album, middle), (board, right)]
    if not tight:
        heads = (says.logs, says.album, says.board)
        columns = [
            ([text(head, "title"), *lines], cells)
            for head, (lines, cells) in zip(heads, columns, strict=True)
        ]
    rows = beside(columns, height)
    return _with_legend(rows, tapes, says.record, left, width) if tight else rows


def _columns(width: int, words: Words) -> tuple[int, int, int]:
    if width < _WIDE:
        left = (width * 3) // 8
        middle = (width * 11) // 32
        return left, middle, width - 1 - left - middle
    right = max(28, len(words.board)) + (width - 100) // 4
    middle = 36 + (width - 100) // 4
    return width - 1 - middle - right, middle, right


def _with_legend(
    rows: list[Line], tapes: Sequence[TapeView], record: str, left: int, width: int
) -> list[Line]:
    """In a narrow window the legend has the last row right of the tapes, if that is empty."""
    if len(plain(rows[-1])) > left:
        return rows
    return [*rows[:-1], (*fit(rows[-1], left + 1), *legend(tapes, record, width - left - 1))]
