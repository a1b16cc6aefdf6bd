"""The lineage ledger in words: a table of records that fared alike, and the story of one.

Screen and report share it, so that both say the same.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from bandviz.check.lineage import LineageRow, RecordLedger, Whereabouts, totals
from bandviz.model.words import listed, value_text
from bandviz.text import LINE, NAME, SafeText, door

HEADS: Final = ("records", "read", "applied", "visible")
_LOST: Final = (Whereabouts.NEVER, Whereabouts.LOST, Whereabouts.SKIPPED)


def cells_text(counts: Iterable[int | None]) -> str:
    """`1`; one number a vertex if there are several, `?` where nobody knows."""
    return "/".join("?" if one is None else str(one) for one in counts) or "-"


def total_cells(ledger: RecordLedger) -> tuple[str, str, str, str]:
    """The last line of the table, under `HEADS`."""
    rows = ledger.rows
    read = sum(row.read for row in rows)
    applied, visible = totals(ledger.applied()), totals(ledger.visible())
    return str(len(rows)), str(read), cells_text(applied), cells_text(visible)


def legend(ledger: RecordLedger) -> SafeText:
    """What the columns speak of."""
    applied = f"applied to the state of {'/'.join(ledger.stateful)}" if ledger.stateful else ""
    visible = f"visible on {'/'.join(ledger.sinks)} to a read_committed reader"
    return door(", ".join(filter(None, ("read by all attempts together", applied, visible))), LINE)


def table(ledger: RecordLedger, width: int) -> list[SafeText]:
    """Records that fared alike share a line; the totals stand below."""
    alike: dict[tuple[str, ...], list[LineageRow]] = {}
    for row in ledger.rows:
        fared = (str(row.read), cells_text(row.applied), cells_text(row.visible), row.now)
        alike.setdefault(fared, []).append(row)
    body = [
        (str(len(rows)), *fared[:3], f"{fared[3]}: {which(rows)}") for fared, rows in alike.items()
    ]
    body = [(*HEADS, "now"), *body, (*total_cells(ledger), "in all")]
    columns = [max(len(cells[place]) for cells in body) for place in range(len(HEADS))]
    lines = textwrap.wrap(f"LEDGER: {legend(ledger)}", width)
    for *cells, text in body:
        head = "  ".join(cell.rjust(size) for cell, size in zip(cells, columns, strict=True))
        indent = " " * (len(head) + 4)
        lines += textwrap.wrap(
            text, max(width, len(indent) + 20), initial_indent=f"  {head}  ",
            subsequent_indent=indent,
        )  # fmt: skip
    return [door(line, LINE) for line in lines]


def which(rows: Sequence[LineageRow]) -> SafeText:
    """`north 0-2 7, south 3`: offsets of each log, neighbours as a range."""
    said = []
    for log, part in groupby(rows, key=lambda row: row.log):
        said.append(f"{log} {' '.join(_ranges([row.record.offset for row in part]))}")
    return door(", ".join(said), LINE)


def _ranges(offsets: Sequence[int]) -> list[str]:
    """`0-2`, `7`; offsets rise."""
    ends = [place for place, at in enumerate(offsets) if at + 1 not in offsets[place + 1 :][:1]]
    starts = [0, *(place + 1 for place in ends[:-1])]
    return [
        str(offsets[first]) if first == last else f"{offsets[first]}-{offsets[last]}"
        for first, last in zip(starts, ends, strict=True)
    ]


def name_of(row: LineageRow) -> SafeText:
    """`north 3`."""
    return door(f"{row.log} {row.record.offset}", NAME)


def values_of(row: LineageRow) -> SafeText:
    """What the record says."""
    return door(value_text(row.row), NAME)


def story(ledger: RecordLedger, row: LineageRow) -> SafeText:
    """One record in a sentence or two."""
    name = f"{name_of(row)} ({values_of(row)})" if row.row else name_of(row)
    if not row.read:
        skipped = any(word is Whereabouts.SKIPPED for word, _ in row.places)
        why = "and never will be: its source goes on behind it" if skipped else "yet"
        return door(f"{name} has not been read {why}.", LINE)
    said = [f"{name} was {_done('read', row.read)}"]
    said += [
        f"{_done('applied', count)} to the state of {uid}"
        for uid, count in zip(ledger.stateful, row.applied, strict=True)
    ]
    said += [
        f"{_done('shown', count)} on {uid}"
        for uid, count in zip(ledger.sinks, row.visible, strict=True)
    ]
    return door(f"{listed(said, len(said))}. It is now {row.now}.{_moral(row)}", LINE)


def _moral(row: LineageRow) -> str:
    applied, visible = (
        max((one or 0 for one in each), default=0) for each in (row.applied, row.visible)
    )
    if visible > 1:
        return " The public sees it more than once."
    if applied > 1:
        return " It counts more than once."
    if any(word in _LOST for word, _ in row.places):
        return " It is missing, for good."
    if row.read > 1 and applied == 1:
        return " Read again and applied once: the state had gone back with the offset."
    return ""


def _done(what: str, count: int | None) -> str:
    if count is None:
        return f"{what} nobody knows how often"
    often = {1: "once", 2: "twice"}.get(count, f"{count} times")
    return f"{what} {often}" if count else f"never {what}"
