"""One place in a timeline, and the model as of there.

The guarantee: seek = scan. Whatever way the cursor took, its model is that of applying entries
0 .. index - 1 in order to a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Flag
from functools import reduce
from operator import or_
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from bandviz.events import Entry
from bandviz.timeline.keyframes import Keyframes
from bandviz.timeline.timeline import Timeline

SPACING: Final = 512
"""Entries from one keyframe to the next, where they are dense."""

D = TypeVar("D", bound=Flag)
D_co = TypeVar("D_co", bound=Flag, covariant=True)


class Model(Protocol[D_co]):
    """What a cursor can lead along a timeline."""

    def apply(self, entry: Entry) -> D_co:
        """Take the next entry; returns the regions that it changed."""
        ...

    def copy(self) -> Self:
        """An independent model of the same instant."""
        ...


M = TypeVar("M", bound="Model[Any]")


class Cursor(Generic[M, D]):
    """Owns one model and moves it. `dirty` is the type that the model's `apply` returns.

    The timeline may grow; the cursor stays where it is until it is told to move. An exception from
    the timeline or the model leaves it at a keyframe before the trouble.
    """

    def __init__(self, timeline: Timeline, factory: Callable[[], M], dirty: type[D]) -> None:
        self.timeline = timeline
        self.model = factory()
        self.index = 0
        self._nothing = dirty(0)
        self._everything = ~dirty(0)
        self._keyframes = Keyframes(self.model.copy())

    @property
    def at_end(self) -> bool:
        """Whether every entry there is has been applied."""
        return self.index == len(self.timeline)

    def seek(self, index: int) -> D:
        """Move to where entries 0 .. index - 1 have been applied.

        Returns the regions that may look different: of a walk forward those that its entries
        changed, of a jump all. Raises IndexError outside 0 .. len(timeline).
        """
        if not 0 <= index <= len(self.timeline):
            raise IndexError(f"no place {index} in {len(self.timeline)} entries")
        changed = self._nothing
        nearest, model = self._keyframes.before(index)
        if index < self.index or nearest > self.index + SPACING:
            self.index, self.model = nearest, model.copy()
            changed = self._everything
        try:
            while self.index < index:
                changed |= self._walk(min(index, self.index + SPACING))
        except BaseException:
            self.index, model = self._keyframes.before(self.index)
            self.model = model.copy()
            raise
        return changed

    def seek_end(self) -> D:
        """Move behind the last entry."""
        return self.seek(len(self.timeline))

    def survey(self) -> bool:
        """Prepare one more keyframe behind the last; False if there are not entries enough.

        The cursor does not move. Called in idle time, it makes the first far seek as fast as any.
        """
        last = self._keyframes.last
        if last + SPACING > len(self.timeline):
            return False
        model = self._keyframes.before(last)[1].copy()
        for entry in self.timeline.entries(last, last + SPACING):
            model.apply(entry)
        self._keyframes.add(last + SPACING, model, self.index)
        return True

    def _walk(self, stop: int) -> D:
        """Apply the entries up to `stop`, at most SPACING of them."""
        entries = self.timeline.entries(self.index, stop)
        regions = dict.fromkeys(map(self.model.apply, entries))
        self.index = stop
        if stop - self._keyframes.before(stop)[0] >= SPACING:
            self._keyframes.add(stop, self.model.copy(), stop)
        return reduce(or_, regions, self._nothing)
