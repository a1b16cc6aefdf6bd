"""Rows of values in columns, under one line of short heads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from bandviz.tui.panels.typeset import clip, joined, text
from bandviz.tui.spans import Line

_HEAD_LEAST: Final = 3
_MORE: Final = " …"
_FIGURE: Final = frozenset("0123456789.,+-e→")


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], cells: int, style: str
) -> tuple[Line, list[Line]]:
    """(head line, one line a row). Columns without room go from the right, and ` …` says so."""
    columns = list(zip_longest(*rows, fillvalue="")) if rows else []
    columns += [("",) * len(rows)] * (len(heads) - len(columns))
    names = [*heads, *[""] * (len(columns) - len(heads))]
    widths, gap = _widths(names, columns, cells)
    kept = list(zip(names, columns, widths, strict=False))
    figures = [_are_figures(column) for _, column, _ in kept]
    end = text(_MORE, "muted") if len(widths) < len(columns) else ()

    def row(values: Sequence[str], style: str) -> Line:
        set_out = [
            value[:width].rjust(width) if right else value[:width].ljust(width)
            for value, width, right in zip(values, widths, figures, strict=True)
        ]
        return clip(joined(text((" " * gap).join(set_out), style), end), cells)

    head = row([short(name, width) for name, _, width in kept], "muted")
    shown = [column for _, column, _ in kept]
    lines = [row(values, style) for values in zip(*shown, strict=True)]
    return head, lines or [()] * len(rows)


def short(name: str, cells: int) -> str:
    """A field's name where cells are few: `mean_delay`, `mean delay`, `mean…`, `mea`."""
    words = name.removesuffix("_ms").removesuffix("_start").split("_")
    whole = " ".join(words)
    if len(whole) <= cells:
        return whole
    if len(words) > 1 and len(words[0]) < cells:
        return f"{words[0]}…"
    return f"{whole[: cells - 1]}…" if cells > _HEAD_LEAST else whole[:cells]


def _widths(
    names: Sequence[str], columns: Sequence[Sequence[str]], cells: int
) -> tuple[list[int], int]:
    """Widths of the columns that are kept, and the gap between them."""
    whole = [len(short(name, len(name))) for name in names]
    least = [
        max([min(length, _HEAD_LEAST), *map(len, column)])
        for length, column in zip(whole, columns, strict=True)
    ]
    for kept in range(len(least), 0, -1):
        room = cells - (len(_MORE) if kept < len(least) else 0)
        for gap in (2, 1):
            spare = room - sum(least[:kept]) - gap * (kept - 1)
            if spare >= 0:
                return _grown(least[:kept], whole, spare), gap
    return [max(0, cells)][: len(least)], 0


def _grown(least: Sequence[int], whole: Sequence[int], spare: int) -> list[int]:
    """Spare cells go to the heads, from the left."""
    widths = []
    for width, wanted in zip(least, whole, strict=False):
        more = min(spare, max(0, wanted - width))
        widths.append(width + more)
        spare -= more
    return widths


def _are_figures(column: Sequence[str]) -> bool:
    return any(column) and all(_FIGURE.issuperset(value) for value in column)
