"""What a reducer is, and the regions that reducers return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bandviz.model.facts import Dirty, RunFacts
from bandviz.model.views import MarkView

Reducer = Callable[[RunFacts, Any], Dirty]

NOTHING: Final = Dirty.NOTHING
STRUCTURE: Final = Dirty.STRUCTURE
JOB: Final = Dirty.JOB
SUBTASKS: Final = Dirty.SUBTASKS
CHANNELS: Final = Dirty.CHANNELS
CHECKPOINTS: Final = Dirty.CHECKPOINTS
BOARDS: Final = Dirty.BOARDS
READING: Final = Dirty.SUBTASKS | Dirty.TAPES | Dirty.JOB
PARTS: Final = Dirty.SUBTASKS | Dirty.CHECKPOINTS | Dirty.JOB
CUT: Final = PARTS | Dirty.TAPES
FATE: Final = CUT | Dirty.TIME
OUTPUT: Final = Dirty.SUBTASKS | Dirty.BOARDS
CRASH: Final = Dirty.EVERYTHING & ~Dirty.STRUCTURE


FAULT_MARK: Final = "!"


def mark_crash(model: RunFacts) -> None:
    """A crash on the time row, in place of the fault that led to it in the same step."""
    if model.marks[-1:] == [MarkView(model.time_us, FAULT_MARK, model.step)]:
        model.marks.pop()
    model.marks.append(MarkView(model.time_us, "X", model.step))


def nothing(_model: RunFacts, _event: Any) -> Dirty:
    """For facts that no view shows: the narrator tells them from the entry alone."""
    return NOTHING
