"""Data in flight, out and in again: what a restore puts back is what was stored, in its order.

Who is restored puts back all of it in the same step, unless it fails there. Contents are told at
RECORD level; where one of them was not, nothing is said of it. A rescaled job has other channels:
of what goes into them, the replay tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final, NamedTuple

from bandviz.check.effective import Buffer
from bandviz.check.verdict import Violation
from bandviz.events import Entry, Event
from bandviz.events.checkpoint import (
    CheckpointTriggered,
    InFlightPersisted,
    InFlightRestored,
    InFlightSide,
)
from bandviz.events.job import SubtaskCanceled, SubtaskFailed, SubtaskRestored
from bandviz.events.rescaling import VertexRescaled
from bandviz.ids import ChannelId, CheckpointId, SubtaskId

Content = Buffer | int | None
"""Records, a watermark or whether idle; None if it was not told."""

PUT_BACK: Final = "put_back_as_stored"


class Part(NamedTuple):
    """Of a checkpoint, what a subtask stored of one side of a channel."""

    subtask: SubtaskId
    channel: ChannelId
    checkpoint_id: CheckpointId
    side: InFlightSide


class InFlight:
    """`look`: what lies at a position of a channel by now."""

    HEARS: ClassVar[tuple[type[Event], ...]] = (
        CheckpointTriggered, InFlightPersisted, InFlightRestored, VertexRescaled,
        SubtaskRestored, SubtaskFailed, SubtaskCanceled,
    )  # fmt: skip

    def __init__(self, look: Callable[[ChannelId, int], Content]) -> None:
        self._look = look
        self._stored: dict[Part, list[Content]] = {}
        self._untold: list[tuple[list[Content], int, ChannelId, int]] = []
        """(where it goes, at which place, channel, position) of what this step has yet to tell."""
        self._back: dict[SubtaskId, tuple[Entry, CheckpointId]] = {}
        """Who was restored in this step, and from what."""
        self._put_back: dict[Part, tuple[Entry, tuple[int, ...]]] = {}
        self.violations: list[Violation] = []

    def observe(self, entry: Entry) -> None:
        """Take the next entry."""
        match entry.event:
            case InFlightPersisted() as event:
                self._keep(event)
            case InFlightRestored() as event:
                self._put_back[_part(event)] = entry, event.positions
            case SubtaskRestored(subtask=subtask, checkpoint_id=number):
                self._back[subtask] = entry, number
            case SubtaskFailed(subtask=subtask) | SubtaskCanceled(subtask=subtask):
                self._back.pop(subtask, None)
            case CheckpointTriggered(checkpoint_id=number):  # a number may be given out again
                self._stored = {
                    part: kept
                    for part, kept in self._stored.items()
                    if part.checkpoint_id != number
                }
            case _:
                self._stored = {}

    def _keep(self, event: InFlightPersisted) -> None:
        """Looked at now, for this step may read it; what this step sends is told at its end."""
        kept = self._stored.setdefault(_part(event), [])
        for position in event.positions:
            found = self._look(event.channel, position)
            if found is None:
                self._untold.append((kept, len(kept), event.channel, position))
            kept.append(found)

    def settle(self) -> None:
        """The step is over: what was put back must be what was stored."""
        for kept, place, channel, position in self._untold:
            kept[place] = self._look(channel, position)
        if self._back or self._put_back:
            self.violations += [*self._otherwise(), *self._missing()]
            self._back, self._put_back = {}, {}
        self._untold = []

    def _otherwise(self) -> Iterator[Violation]:
        for part, (entry, positions) in self._put_back.items():
            there: list[Any] = [self._look(part.channel, one) for one in positions]
            stored = self._stored.get(part)
            if stored is None or None in stored or None in there or stored == there:
                continue
            yield Violation.of(
                PUT_BACK,
                entry,
                f"{part.subtask} put back {len(there)} elements in flight ({part.side.value}) of "
                f"checkpoint {part.checkpoint_id} otherwise than the {len(stored)} were stored",
            )

    def _missing(self) -> Iterator[Violation]:
        for part, stored in self._stored.items():
            entry, number = self._back.get(part.subtask, (None, None))
            if entry is not None and number == part.checkpoint_id and part not in self._put_back:
                yield Violation.of(
                    PUT_BACK,
                    entry,
                    f"{part.subtask} came back without the {len(stored)} elements in flight "
                    f"({part.side.value}) that checkpoint {number} holds of it",
                )


def _part(event: InFlightPersisted | InFlightRestored) -> Part:
    return Part(event.subtask, event.channel, event.checkpoint_id, event.side)
