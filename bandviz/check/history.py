"""The effective history: which source records are in the state that survived.

A crash takes the working part away, a restore brings back what the snapshot had frozen. Needs
RECORD events. Ids and values stay packed: equal bytes are equal values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bandviz.check.verdict import Violation
from bandviz.events import Entry, Event
from bandviz.events.checkpoint import CheckpointDiscarded, CheckpointTriggered, SnapshotTaken
from bandviz.events.flow import RecordApplied, WindowFired
from bandviz.events.job import (
    SubtaskCanceled,
    SubtaskDeployed,
    SubtaskFailed,
    SubtaskRestored,
)
from bandviz.events.keyed import StateDropped, TimerFired
from bandviz.events.rescaling import VertexRescaled
from bandviz.events.time import WindowsMerged
from bandviz.events.values import pack, unpack
from bandviz.ids import CheckpointId, SubtaskId

Cell = tuple[bytes, int]
"""(packed key, window start or -1)."""


@dataclass(slots=True)
class Working:
    """Contents of one subtask: every id applied so far, and the accumulators of open cells.

    `known` is False after a restore from a snapshot that nobody saw being taken. `ended`: what it
    held when it finished before the checkpoint that it was restored from; no snapshot holds that
    any more.
    """

    ids: list[bytes] = field(default_factory=list)
    values: dict[Cell, bytes] = field(default_factory=dict)
    known: bool = True
    ended: dict[Cell, bytes] = field(default_factory=dict)

    def copy(self) -> Working:
        """Independent of what comes later."""
        return Working(list(self.ids), dict(self.values), self.known, self.ended)

    def finished(self) -> Working:
        """As it is restored once it has finished: it has nothing more to do, and holds nothing."""
        return Working(list(self.ids), known=self.known, ended=dict(self.held()))

    def held(self) -> Iterable[tuple[Cell, bytes]]:
        """All values, those that no snapshot holds any more included."""
        return {**self.ended, **self.values}.items()


class History:
    """Working and frozen contents of all subtasks."""

    def __init__(self) -> None:
        self.working: dict[SubtaskId, Working] = {}
        self.violations: list[Violation] = []
        self._frozen: dict[tuple[SubtaskId, CheckpointId], Working] = {}
        self._parallelism: dict[str, int] = {}
        """Of vertices that were rescaled."""
        self._taken_with: dict[tuple[str, CheckpointId], int] = {}
        self._dealt: dict[str, list[tuple[Cell, bytes]]] = {}
        self._homes: dict[tuple[str, bytes], SubtaskId | None] = {}
        """(rescaled vertex, packed key) -> who took over its state; None if several did."""
        self.notes: dict[type[Event], Callable[[Entry, Any], None]] = {
            RecordApplied: self._applied,
            WindowFired: self._fired,
            StateDropped: self._dropped,
            TimerFired: self._timer_fired,
            WindowsMerged: self._merged,
            CheckpointTriggered: self._freeze_finished,
            SnapshotTaken: self._freeze,
            SubtaskDeployed: self._empty,
            SubtaskFailed: self._empty,
            SubtaskCanceled: self._empty,
            SubtaskRestored: self._restore,
            CheckpointDiscarded: self._discard,
            VertexRescaled: self._rescale,
        }

    def observe(self, entry: Entry) -> None:
        """Take the next entry."""
        note = self.notes.get(type(entry.event))
        if note is not None:
            note(entry, entry.event)

    def of_vertex(self, uid: str) -> list[Working]:
        """Surviving contents, one part a subtask."""
        return [part for subtask, part in self.working.items() if subtask.vertex == uid]

    def _of(self, subtask: SubtaskId) -> Working:
        return self.working.setdefault(subtask, Working())

    def _applied(self, entry: Entry, event: RecordApplied) -> None:
        part = self._of(event.subtask)
        home = self._homes.get((event.subtask.vertex, event.key))
        if home is not None and home != event.subtask:
            sentence = f"a record went to {event.subtask}, the state of its key to {home}"
            self._accuse("one_home_a_key", entry, sentence)
        part.ids.append(event.lineage)
        part.values[event.key, event.window_start_ms] = event.value

    def _fired(self, _: Entry, event: WindowFired) -> None:
        if not event.kept:
            self._of(event.subtask).values.pop((event.key, event.window_start_ms), None)

    def _dropped(self, _: Entry, event: StateDropped) -> None:
        self._of(event.subtask).values.pop((event.key, event.window_start_ms), None)

    def _timer_fired(self, _: Entry, event: TimerFired) -> None:
        values = self._of(event.subtask).values
        if event.value:
            values[event.key, -1] = event.value
        else:
            values.pop((event.key, -1), None)

    def _merged(self, _: Entry, event: WindowsMerged) -> None:
        for start_ms in event.absorbed_start_ms:
            self._of(event.subtask).values.pop((event.key, start_ms), None)

    def _freeze_finished(self, _: Entry, event: CheckpointTriggered) -> None:
        """Who had finished before the checkpoint is a part of it without a snapshot."""
        for subtask in event.finished:
            self._frozen[subtask, event.checkpoint_id] = self._of(subtask).finished()

    def _freeze(self, entry: Entry, event: SnapshotTaken) -> None:
        part = self._of(event.subtask)
        vertex = event.subtask.vertex
        self._frozen[event.subtask, event.checkpoint_id] = part.copy()
        self._taken_with[vertex, event.checkpoint_id] = self._parallelism.get(vertex, 0)
        if event.state and part.known and _cells(event.state) != part.values:
            sentence = (
                f"the snapshot of {event.subtask} for checkpoint {event.checkpoint_id} "
                "does not hold what had been applied until then"
            )
            self._accuse("snapshot_is_state", entry, sentence)

    def _accuse(self, rule: str, entry: Entry, sentence: str) -> None:
        self.violations.append(Violation.of(rule, entry, sentence))

    def _empty(self, _: Entry, event: SubtaskDeployed | SubtaskFailed | SubtaskCanceled) -> None:
        self.working[event.subtask] = Working()

    def _rescale(self, _: Entry, event: VertexRescaled) -> None:
        self._homes = {place: at for place, at in self._homes.items() if place[0] != event.vertex}
        self._parallelism[event.vertex] = event.to_parallelism

    def _restore(self, entry: Entry, event: SubtaskRestored) -> None:
        if event.checkpoint_id == 0:
            self.working[event.subtask] = Working()
            return
        vertex, at = event.subtask.vertex, event.checkpoint_id
        if self._taken_with.get((vertex, at), 0) != self._parallelism.get(vertex, 0):
            self._take_over(entry, event)
            return
        frozen = self._frozen.get((event.subtask, at), Working(known=False))
        self.working[event.subtask] = frozen.copy()

    def _take_over(self, entry: Entry, event: SubtaskRestored) -> None:
        """A share of what other subtasks had frozen: all shares together are all of that.

        Which records are in which share nobody can say from outside, so the first holds all ids.
        """
        vertex, index = event.subtask
        old = [part for (name, taken), part in self._frozen.items()
               if name.vertex == vertex and taken == event.checkpoint_id]  # fmt: skip
        known = all(part.known for part in old)
        if not event.state:  # too large to tell, or there was nothing
            known = known and not any(part.values for part in old)
        part = self.working[event.subtask] = Working(known=known)
        if known and event.state:
            part.values = _cells(event.state)
        if index == 0:
            self._dealt[vertex] = []
            self._homes = {place: at for place, at in self._homes.items() if place[0] != vertex}
            part.ids = [one for frozen in old for one in frozen.ids]
        dealt = self._dealt.setdefault(vertex, [])
        dealt += part.values.items()
        for key in dict.fromkeys(key for key, _ in part.values):
            self._homes[vertex, key] = None if (vertex, key) in self._homes else event.subtask
        if known and index == self._parallelism[vertex] - 1:
            whole = sorted(item for frozen in old for item in frozen.values.items())
            if sorted(dealt) != whole:
                sentence = (
                    f"the subtasks of {vertex} do not hold together what checkpoint "
                    f"{event.checkpoint_id} held"
                )
                self._accuse("rescaled_state_is_state", entry, sentence)

    def _discard(self, _: Entry, event: CheckpointDiscarded) -> None:
        for place in [place for place in self._frozen if place[1] == event.checkpoint_id]:
            del self._frozen[place]


def _cells(state: bytes) -> dict[Cell, bytes]:
    """Accumulators in a snapshot. Raises ValueError or TypeError on another shape."""
    plain = dict(unpack(state))
    cells: dict[Cell, bytes] = {
        (pack(key), -1): pack(value)
        for section in ("keyed", "rules")
        for key, value in plain.get(section, ())
    }
    for side in ("left", "right"):
        for key, times in plain.get(side, ()):
            cells.update({(pack((side, key)), at): pack(rows) for at, rows in times})
    for key, start_ms, value, _, _ in plain.get("windows", ()):
        cells[pack(key), start_ms] = pack(value)
    for key, windows in plain.get("panes", ()):
        for (start_ms, _), value, *_ in windows:
            cells[pack(key), start_ms] = pack(value)
    return cells
