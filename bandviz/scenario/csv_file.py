"""CSV with a header, read strictly: a row that does not fit is named by its line, never guessed."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Final, NamedTuple

from bandviz.functions.rows import Fields, Row
from bandviz.scenario.findings import Finding, plain_finding
from bandviz.scenario.reader import Path
from bandviz.text import NAME, door

CELL_MAX: Final = 1_000
BROKEN_MAX: Final = 5

_INT: Final = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_WANTED: Final = {int: "a whole number", float: "a number", str: "a shorter text"}


class Record(NamedTuple):
    """A row with the place to complain about: a line of the data file, or a path in the tree."""

    values: Row
    line: int
    path: Path


class CsvTable(NamedTuple):
    """What was read, and the first few things that were wrong."""

    fields: Fields
    records: list[Record]
    findings: list[Finding]


def read_csv(text: str, name: str) -> CsvTable:
    """Rows in order. A column is what its first data row is: whole numbers, numbers or text."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    fields: Fields = ()
    records: list[Record] = []
    findings: list[Finding] = []

    def complain(sentence: str) -> None:
        findings.append(plain_finding(name, sentence, line=max(reader.line_num, 1)))

    try:
        fields = tuple(next(reader, ()))
        if not _is_header(fields):
            complain("a header with the names of the columns is expected")
            return CsvTable((), records, findings)
        kinds: list[type] = []
        for cells in reader:
            if not kinds and len(cells) == len(fields):
                kinds = [_kind(cell) for cell in cells]
            sentence = _misfit(fields, cells, kinds)
            if not sentence:
                values = tuple(kind(cell) for kind, cell in zip(kinds, cells, strict=True))
                records.append(Record(values, reader.line_num, ()))
                continue
            complain(sentence)
            if len(findings) == BROKEN_MAX:
                break
    except csv.Error as error:
        complain(f"not CSV: {error}")
    return CsvTable(fields, records, findings)


def _is_header(fields: Fields) -> bool:
    names = [name for name in fields if name and door(name, NAME) == name]
    return bool(names) and len(dict.fromkeys(names)) == len(fields)


def _kind(cell: str) -> type:
    if _INT.fullmatch(cell):
        return int
    return float if _FLOAT.fullmatch(cell) else str


def _misfit(fields: Fields, cells: list[str], kinds: list[type]) -> str:
    """What is wrong with a row; empty if it fits."""
    if len(cells) != len(fields):
        return f"{len(fields)} cells are expected, not {len(cells)}"
    for name, cell, kind in zip(fields, cells, kinds, strict=True):
        if kind is int:
            fits = _INT.fullmatch(cell) is not None
        elif kind is float:
            fits = _FLOAT.fullmatch(cell) is not None and math.isfinite(float(cell))
        else:
            fits = len(cell) <= CELL_MAX
        if not fits:
            return f"column '{name}': {_WANTED[kind]} is expected, not '{door(cell, NAME)}'"
    return ""
