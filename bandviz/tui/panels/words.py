"""How panels speak: the words a story may choose, and figures as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from bandviz.ids import SubtaskId
from bandviz.model.memory import CONTENTS_MAX
from bandviz.model.views import LateCounts, Pairs, SubtaskView

Names = Callable[[SubtaskId], str]
"""What a subtask is called on the screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A story's own words: votes instead of records, ballot boxes instead of source logs."""

    record: str = "record"
    logs: str = "SOURCE LOGS"
    album: str = "CHECKPOINTS (the photo album)"
    board: str = "OUTPUT, as the public sees it"


def names_of(subtasks: Iterable[SubtaskView]) -> Names:
    """`count` for the sole subtask of a vertex, else `count[0]`."""
    sole = {view.subtask for view in subtasks if view.sole}
    return lambda subtask: subtask.vertex if subtask in sole else str(subtask)


def clock(time_us: int) -> str:
    """Virtual time in seconds, cut to tenths: `3.2 s`."""
    seconds, tenths = divmod(time_us // 100_000, 10)
    return f"{seconds}.{tenths} s"


def listed(pairs: Pairs, separator: str = ", ", *, short: bool = False) -> str:
    """`cats 3, dogs 3`; `short` abbreviates names of our own where cells are few."""
    return separator.join(f"{short_name(name) if short else name} {value}" for name, value in pairs)


def short_name(name: str) -> str:
    """A name of our own abbreviated; one from the data stays as it is."""
    return _SHORT.get(name, name)


def quantity(pairs: Pairs) -> str:
    """How many there are; views of what was stored or lost hold so many of them at most."""
    return str(len(pairs)) if len(pairs) < CONTENTS_MAX else f"{CONTENTS_MAX} or more"


def manager_tag(name: str) -> str:
    """`tm1` for taskmanager-1, as Flink's people write it."""
    return name.replace("taskmanager-", "tm")


def late_words(late: LateCounts) -> tuple[str, str]:
    """`late: 2 fired again, 1 dropped`, and shorter."""
    fates = {"fired again": late.admitted, "aside": late.diverted, "dropped": late.dropped}
    told = ", ".join(f"{count} {fate}" for fate, count in fates.items() if count)
    return f"late: {told}", f"{sum(late)} late"


_SHORT: Final[dict[str, str]] = {"transaction": "txn"}
