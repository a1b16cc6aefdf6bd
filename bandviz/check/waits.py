"""Who waits for whom, in a run that does not come to its end.

That a subtask stands still it says itself; for what, and who would have to bring it, stands in the
gates, channels and checkpoints of the book. Source: trust.md 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final, NamedTuple

from bandviz.check.book import NO_CHECKPOINT, Book, Fate, Lane
from bandviz.events.flow import StallReason
from bandviz.ids import CheckpointId, SubtaskId

SHOWN: Final = 4
"""Most waits that a sentence names."""


class Wait(NamedTuple):
    """`who` cannot go on without `what`, which only `whom` can bring."""

    who: SubtaskId
    what: str
    whom: SubtaskId | None

    def __str__(self) -> str:
        return f"{self.who} waits for {self.what}"


def who_waits(book: Book) -> str:
    """The circle, if there is one; else those who wait for somebody that does not wait."""
    waits = waits_of(book)
    circle = _circle(waits)
    if circle:
        return f"in a circle: {_said(circle)}"
    waiting = {wait.who for wait in waits}
    return _said([wait for wait in waits if wait.whom not in waiting])


def _said(waits: list[Wait]) -> str:
    more = f"; and {len(waits) - SHOWN} more" if len(waits) > SHOWN else ""
    return "; ".join(map(str, waits[:SHOWN])) + more


def _circle(waits: list[Wait]) -> list[Wait]:
    needs: dict[SubtaskId, list[SubtaskId]] = {}
    for wait in waits:
        needs.setdefault(wait.who, []).extend([wait.whom] if wait.whom is not None else [])
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        ring = error.args[1][::-1]  # there, who is waited for comes first
        return [
            next(wait for wait in waits if (wait.who, wait.whom) == pair) for pair in pairwise(ring)
        ]
    return []


def waits_of(book: Book) -> list[Wait]:
    """All of them, subtask by subtask."""
    tasks = _Tasks(book)
    return [wait for who, why in book.stalls.items() for wait in tasks.waits(who, why)]


class _Tasks:
    """Lanes by the task at either end: the operators of a chain are one, named by the first."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._head = {
            lane.downstream: lane.upstream for lane in book.lanes.values() if lane.chained
        }
        self._lanes = [lane for lane in book.lanes.values() if not lane.chained]

    def _task_of(self, subtask: SubtaskId) -> SubtaskId:
        while subtask in self._head:
            subtask = self._head[subtask]
        return subtask

    def waits(self, who: SubtaskId, why: StallReason) -> Iterator[Wait]:
        """What one subtask waits for, by the reason that it gives."""
        inputs = [lane for lane in self._lanes if lane.downstream == who and not lane.ended]
        match why:
            case StallReason.BLOCKED:
                yield from self._for_barriers(who, inputs)
            case StallReason.BACK_PRESSURED:
                for lane in self._lanes:
                    if self._task_of(lane.upstream) == who and lane.full:
                        yield Wait(who, f"credit on {lane}", lane.downstream)
            case StallReason.NO_INPUT:
                for lane in inputs:
                    if not lane.waiting:
                        yield Wait(who, f"input on {lane}", self._task_of(lane.upstream))
            case StallReason.WAITS_FOR_FINAL_CHECKPOINT:
                yield from self._for_checkpoint(who)
            case StallReason.AHEAD:
                yield Wait(who, "slower sources of its group", None)

    def _for_barriers(self, who: SubtaskId, inputs: list[Lane]) -> Iterator[Wait]:
        held = [lane for lane in inputs if lane.blocked]
        if not held:
            for lane in inputs:
                if lane.waiting:
                    what = f"what is held at the sender's end of {lane}"
                    yield Wait(who, what, self._task_of(lane.upstream))
            return
        number = max(_holds_for(lane) for lane in held)
        missing = [lane for lane in inputs if lane.barriers.get(number, -1) in (-1, *lane.waiting)]
        for lane in missing:
            if lane.blocked:
                yield Wait(who, f"barrier {number} on {lane}, which it holds back itself", who)
            else:
                yield Wait(who, f"barrier {number} on {lane}", self._task_of(lane.upstream))
        if not missing:
            names = ", ".join(map(str, held))
            what = f"itself: it holds back {names}, though every barrier {number} is here"
            yield Wait(who, what, who)

    def _for_checkpoint(self, who: SubtaskId) -> Iterator[Wait]:
        pending = [n for n, record in self._book.checkpoints.items() if record.fate is Fate.PENDING]
        if not pending:
            yield Wait(who, "a checkpoint, and none is in progress", None)
            return
        record = self._book.checkpoints[pending[-1]]
        for other in record.expected:
            if other not in record.acknowledged and other != who:
                what = f"checkpoint {pending[-1]}, which lacks {other}"
                yield Wait(who, what, self._task_of(other))


def _holds_for(lane: Lane) -> CheckpointId:
    """The checkpoint for whose alignment it is held back."""
    found = [number for number, at in lane.barriers.items() if at == lane.blocked_at]
    return found[-1] if found else NO_CHECKPOINT
