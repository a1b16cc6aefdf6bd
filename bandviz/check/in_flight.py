"""Data in flight, out and in again: what a restore puts back is what was stored, in its order.

Contents are told at RECORD level; where one of them was not, nothing is said. A rescaled job has
other channels: of what goes into them, the replay tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from bandviz.check.effective import Buffer
from bandviz.check.verdict import Violation
from bandviz.events import Entry, Event
from bandviz.events.checkpoint import (
    CheckpointTriggered,
    InFlightPersisted,
    InFlightRestored,
    InFlightSide,
)
from bandviz.events.rescaling import VertexRescaled
from bandviz.ids import ChannelId, CheckpointId
from bandviz.text import LINE, door

Content = Buffer | int | None
"""Records, a watermark or whether idle; None if it was not told."""
Lane = tuple[ChannelId, CheckpointId, InFlightSide]


class InFlight:
    """`look`: what lies at a position of a channel by now."""

    HEARS: ClassVar[tuple[type[Event], ...]] = (
        CheckpointTriggered, InFlightPersisted, InFlightRestored, VertexRescaled,
    )  # fmt: skip

    def __init__(self, look: Callable[[ChannelId, int], Content]) -> None:
        self._look = look
        self._stored: dict[Lane, list[Content]] = {}
        self._untold: list[tuple[list[Content], int, ChannelId, int]] = []
        """(where it goes, at which place, channel, position) of what this step has yet to tell."""
        self._put_back: list[InFlightRestored] = []
        self.violations: list[Violation] = []

    def observe(self, entry: Entry) -> None:
        """Take the next entry."""
        match entry.event:
            case InFlightPersisted() as event:
                self._keep(event)
            case InFlightRestored() as event:
                self._put_back.append(event)
            case CheckpointTriggered(checkpoint_id=number):  # a number may be given out again
                self._stored = {
                    lane: kept for lane, kept in self._stored.items() if lane[1] != number
                }
            case _:
                self._stored = {}

    def _keep(self, event: InFlightPersisted) -> None:
        """Looked at now, for this step may read it; what this step sends is told at its end."""
        lane = (event.channel, event.checkpoint_id, event.side)
        kept = self._stored.setdefault(lane, [])
        for position in event.positions:
            found = self._look(event.channel, position)
            if found is None:
                self._untold.append((kept, len(kept), event.channel, position))
            kept.append(found)

    def settle(self, last: Entry) -> None:
        """The step is over with this entry: what was put back must be what was stored."""
        if not self._untold and not self._put_back:
            return
        for kept, place, channel, position in self._untold:
            kept[place] = self._look(channel, position)
        for event in self._put_back:
            lane = (event.channel, event.checkpoint_id, event.side)
            there: list[Any] = [self._look(event.channel, one) for one in event.positions]
            stored = self._stored.get(lane)
            if stored is None or None in stored or None in there or stored == there:
                continue
            sentence = (
                f"{event.subtask} put back {len(there)} elements in flight ({event.side.value}) of "
                f"checkpoint {event.checkpoint_id} otherwise than the {len(stored)} were stored"
            )
            at = (last.step, last.k)
            self.violations.append(Violation("put_back_as_stored", at, door(sentence, LINE)))
        self._untold, self._put_back = [], []
