"""The script of a scenario at work: which beats and faults have come due.

It watches CONTROL entries and answers with virtual times; it moves nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bandviz.events import Entry, Level
from bandviz.scenario.patterns import Watcher
from bandviz.scenario.plan import Beat, ScriptedFault


class Due(NamedTuple):
    """Something whose time has been fixed."""

    due_us: int
    item: Beat | ScriptedFault


class Director:
    """Watches one run. `disarm` when a person breaks something: from then on the story is
    theirs.
    """

    def __init__(self, beats: Sequence[Beat], faults: Sequence[ScriptedFault]) -> None:
        self._beats = [(Watcher(beat.pattern), beat) for beat in beats]
        self._faults = [(Watcher(fault.pattern), fault) for fault in faults]
        self._due_beats: list[Due] = []
        self._due_faults: list[Due] = []
        self.armed = True

    def observe(self, entries: Sequence[Entry]) -> None:
        """Take note of what happened."""
        for entry in entries:
            if entry.event.level is not Level.CONTROL:
                break
            for watcher, beat in self._beats:
                if watcher.observe(entry.event):
                    self._due_beats.append(Due(entry.time_us + beat.pattern.after_us, beat))
            for watcher, fault in self._faults:
                if watcher.observe(entry.event) and self.armed:
                    self._due_faults.append(Due(entry.time_us + fault.pattern.after_us, fault))

    def next_beat(self, horizon_us: int | None) -> Beat | None:
        """The next beat that is due before the run would pass `horizon_us` (None: run over)."""
        due = _pop(self._due_beats, horizon_us)
        return due.item if due is not None and isinstance(due.item, Beat) else None

    def beat_us(self) -> int | None:
        """When the next beat comes, if its event has come."""
        return min((due.due_us for due in self._due_beats), default=None)

    def fault_us(self) -> int | None:
        """When the next scripted fault comes, if its event has come."""
        return min((due.due_us for due in self._due_faults), default=None)

    def next_fault(self, horizon_us: int | None) -> tuple[int, ScriptedFault] | None:
        """The same for faults, with the time to apply it."""
        due = _pop(self._due_faults, horizon_us)
        if due is None or not isinstance(due.item, ScriptedFault):
            return None
        return due.due_us, due.item

    def matched(self) -> tuple[Beat, ...]:
        """Beats whose pattern has come."""
        return tuple(beat for watcher, beat in self._beats if _fired(watcher))

    def unmatched(self) -> tuple[str, ...]:
        """Beats and faults that never came, in sentences; a fault may also have come too late."""
        beats = [
            f"beat '{beat.id}' never came" for watcher, beat in self._beats if not _fired(watcher)
        ]
        faults = [
            f"fault '{fault.name} {fault.target}' never came"
            for watcher, fault in self._faults
            if not _fired(watcher)
        ]
        late = [
            f"fault '{due.item.name} {due.item.target}' came due after the end"
            for due in self._due_faults
            if isinstance(due.item, ScriptedFault)
        ]
        return (*beats, *faults, *late)

    def disarm(self) -> None:
        """No scripted fault any more, nor what was to be said right before one."""
        self.armed = False
        self._due_faults.clear()
        self._due_beats = [due for due in self._due_beats if not due.item.pattern.after_us]


def _fired(watcher: Watcher) -> bool:
    return watcher.seen >= watcher.pattern.nth


def _pop(dues: list[Due], horizon_us: int | None) -> Due | None:
    if not dues:
        return None
    first = min(range(len(dues)), key=lambda at: dues[at].due_us)
    if horizon_us is not None and dues[first].due_us > horizon_us:
        return None
    return dues.pop(first)
