"""A box with several operators in it: a chain, named and told in the order of its calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bandviz.model.views import STATEFUL, SubtaskView
from bandviz.tui.panels.boxes import boxes
from bandviz.tui.panels.words import Names
from bandviz.tui.spans import Line, Span

_TELLING: Final = ("source", "writer", "sink", *STATEFUL)
"""Kinds with something to remember; the others give way to them where rows are few."""
_LEAST: Final = 10
"""Cells that a line needs beside the name of its operator."""
_GAP: Final = 2
_PREFIXES: Final = {"source": "Source: ", "sink": "Sink: "}


def chain_title(chain: Sequence[SubtaskView]) -> str:
    """`Source: clicks -> parse -> Sink: out`, as Flink calls it; an operator alone by its uid."""
    if len(chain) == 1:
        return chain[0].subtask.vertex
    names = (f"{_PREFIXES.get(view.kind, '')}{view.subtask.vertex}" for view in chain)
    return " -> ".join(names)


def task_names(chains: Iterable[Sequence[SubtaskView]]) -> Names:
    """Of tasks by their first operators: the title of the box, and which lane if it has several."""
    names = {}
    for chain in chains:
        first = chain[0]
        lane = "" if first.sole else f"[{first.subtask.index}]"
        names[first.subtask] = f"{chain_title(chain)}{lane}"
    return lambda task: names.get(task, str(task))


def name_cells(chain: Sequence[SubtaskView]) -> int:
    """Cells that the names of a chain's operators take beside their lines."""
    return max(len(view.subtask.vertex) for view in chain) + _GAP if len(chain) > 1 else 0


def task_lines(
    chain: Sequence[SubtaskView],
    width: int,
    height: int,
    narrow: bool,
    names: Names,
    focus: str | None,
) -> list[Line]:
    """At most `height` lines of at most `width` cells, each operator behind its name; the name in
    focus stands out. An operator alone needs no name.
    """
    if len(chain) == 1:
        return boxes(chain[0], width, height, narrow, names)
    lead = name_cells(chain)
    lead = lead if width - lead >= _LEAST else 0
    lines: list[Line] = []
    spare = 0
    for view, rows in zip(chain, _shares(chain, height), strict=True):
        told = boxes(view, width - lead, rows + spare, narrow, names) if rows else []
        spare += rows - len(told)
        name = view.subtask.vertex if lead else ""
        style = "headline" if view.subtask.vertex == focus else "muted"
        marks = [Span(name.ljust(lead), style), *[Span(" " * lead, style)] * height]
        lines += [(mark, *line) if lead else line for mark, line in zip(marks, told, strict=False)]
    return lines


def _shares(chain: Sequence[SubtaskView], height: int) -> list[int]:
    """Rows of each operator: one for each first, then what is left to those that remember."""
    places = sorted(range(len(chain)), key=lambda place: chain[place].kind not in _TELLING)
    shares = [0] * len(chain)
    for place in places[:height]:
        shares[place] = 1
    telling = [place for place in sorted(places) if chain[place].kind in _TELLING] or [0]
    for row in range(height - sum(shares)):
        shares[telling[row % len(telling)]] += 1
    return shares
