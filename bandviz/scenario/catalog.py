"""The scenarios that come with bandviz, and how a person names one on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bandviz.scenario.files import read_named
from bandviz.scenario.findings import RefusedScenario, SourceText, nearest, plain_finding
from bandviz.scenario.reader import BYTES_MAX, plain, read_tree
from bandviz.text import LABEL, LINE, SafeText, door

_PACKAGE: Final = Path(__file__).parent.parent
_SHORT_NAME: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the home screen."""

    name: str
    order: int
    title: SafeText
    summary: SafeText
    minutes: int
    path: Path


def folder() -> Path:
    """Where the shipped scenarios are: inside the wheel, or beside the package in a checkout."""
    inside = _PACKAGE / "_scenarios"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


def names() -> list[str]:
    """Short names, that is file names without `.yaml`, in alphabetical order."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def entries() -> list[Entry]:
    """All shipped scenarios by their `order`. Only heads are looked at, not whole schemas."""
    found = [_entry(folder() / f"{name}.yaml") for name in names()]
    return sorted(found, key=lambda entry: (entry.order, entry.name))


def resolve(name_or_path: str) -> Path:
    """A shipped scenario by its short name, else a path. Raises ScenarioError for neither."""
    if name_or_path in names():
        return folder() / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if not _SHORT_NAME.fullmatch(name_or_path) or path.exists():
        return path
    hint = nearest(name_or_path, names())
    sentence = "no shipped scenario and no file has this name"
    raise RefusedScenario([plain_finding(name_or_path, sentence, hint)])


def _entry(path: Path) -> Entry:
    head = plain(read_tree(SourceText(path.name, read_named(path, BYTES_MAX))))
    return Entry(
        name=path.stem,
        order=int(head.get("order", 1_000)),
        title=door(str(head.get("title", path.stem)), LABEL),
        summary=door(str(head.get("summary", "")), LINE),
        minutes=int(head.get("minutes", 5)),
        path=path,
    )
