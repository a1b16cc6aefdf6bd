"""Collects the events of one step and puts them into envelopes.

CONTROL entries are numbered as they happen; FLOW and RECORD follow behind them, so that identities
do not depend on the recording level. Callers ask `flow` and `record` before they build such an
event.
"""

from __future__ import annotations

from bandviz.events import Entry, Event, Level

Identity = tuple[int, int]
"""(step, k) of a CONTROL entry."""


class Emitter:
    """The mouth of the engine."""

    __slots__ = ("_control", "_flow", "_record", "cause", "flow", "level", "record", "step")

    def __init__(self, level: Level) -> None:
        self.level = level
        self.flow = level >= Level.FLOW
        self.record = level >= Level.RECORD
        self.step = 0
        self.cause: Identity | None = None
        self._control: list[Event] = []
        self._flow: list[Event] = []
        self._record: list[Event] = []

    def control(self, event: Event) -> Identity:
        """Emit a CONTROL event; returns its identity, to be handed on as a cause."""
        self._control.append(event)
        return (self.step, len(self._control) - 1)

    def next_identity(self) -> Identity:
        """What the next CONTROL event of this step will be called."""
        return (self.step, len(self._control))

    def on_flow(self, event: Event) -> None:
        """Emit a FLOW event; only if `flow`."""
        self._flow.append(event)

    def on_record(self, event: Event) -> None:
        """Emit a RECORD event; only if `record`."""
        self._record.append(event)

    def drop_records(self) -> None:
        """What this step said of single records is void: their subtask died over them."""
        self._record = []

    def flush(self, time_us: int) -> list[Entry]:
        """The entries of this step; the next one begins."""
        events = self._control
        if self._flow:
            events = events + self._flow
            self._flow = []
        if self._record:
            events = events + self._record
            self._record = []
        step, cause = self.step, self.cause
        entries = [Entry(step, k, time_us, cause, event) for k, event in enumerate(events)]
        self._control = []
        self.cause = None
        self.step = step + 1
        return entries
