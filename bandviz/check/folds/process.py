"""The keyed process function: user logic with state and timers.

Event-time timers fire when the watermark comes to them. Which processing-time timers fire, and
when, is a fact of the run; they must have been set, and must be over.
"""

from __future__ import annotations

from typing import Any, ClassVar

from bandviz.check.folds.base import Behind, Fold, Item, Key, Made, Moment, Site
from bandviz.events.values import pack
from bandviz.functions.process import ProcessFunction, StateDescriptor, TimeDomain
from bandviz.functions.registry import from_spec
from bandviz.functions.rows import FunctionError, Row

Timer = tuple[TimeDomain, int, bytes]
"""(domain, time in ms, packed key)."""


class ProcessFold(Fold):
    """`cells`: (key, name of state) -> value, where it is not the initial one. `timers`: timer ->
    key. `origins`: key -> the records since its last row by timer.
    """

    held: ClassVar[tuple[str, ...]] = ("cells", "timers", "origins")
    ordered: ClassVar[bool] = False

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.cells: dict[tuple[Any, str], Any] = {}
        self.timers: dict[Timer, Any] = {}
        self.origins: dict[Any, Behind] = {}
        function = from_spec(dict(site.spec["function"]))
        assert isinstance(function, ProcessFunction)
        self.function = function
        self._logic = function.bind(site.fields())
        self._key = Key(site, site.spec["key"])

    def take(self, port: int, item: Item, at: Moment) -> list[Made]:
        """Rows have time and id of the record."""
        key = self._key.of(item.row)
        if self.function.domain is not None:
            self.origins[key] = self.origins.get(key, Behind()).plus(item)
        call = _Call(self, key, at, item.time_ms)
        self._logic.on_element(call, item.row)
        return [Made(item.with_row((*self._key.columns(key), *row)), tag) for tag, row in call.out]

    def rise(self, at: Moment) -> list[Made]:
        """Event-time timers, by time; one may set another that is due as well."""
        made: list[Made] = []
        while due := [
            timer
            for timer in self.timers
            if timer[0] is TimeDomain.EVENT and timer[1] <= at.watermark_ms
        ]:
            made += self._fire(min(due, key=lambda timer: timer[1:]), at)
        return made

    def fire(self, key: bytes, time_ms: int, at: Moment) -> list[Made]:
        """A processing-time timer. Raises ValueError if it was not set, or is not over."""
        timer = (TimeDomain.PROCESSING, time_ms, key)
        if timer not in self.timers or time_ms * 1_000 > at.now_us:
            raise ValueError(f"a timer fired at {time_ms} ms that was not due")
        return self._fire(timer, at)

    def _fire(self, timer: Timer, at: Moment) -> list[Made]:
        domain, time_ms, _ = timer
        key = self.timers.pop(timer)
        event = domain is TimeDomain.EVENT
        call = _Call(self, key, at, time_ms if event else None)
        self._logic.on_timer(call, time_ms)
        if not call.out:
            return []
        lineage = self.site.result(key, time_ms, self.origins.pop(key, Behind()))
        return [
            Made(Item((*self._key.columns(key), *row), time_ms if event else None, lineage), tag)
            for tag, row in call.out
        ]

    def owner_of(self, name: str, cell: Any, value: Any) -> Any:
        """In the cell, but of a timer the value."""
        return {"cells": cell[0], "timers": value, "origins": cell}[name]

    def state(self) -> dict[str, Any]:
        """Values by key, in the order of declaration."""
        states = self.function.states
        keys = dict.fromkeys(key for key, _ in self.cells)
        return {
            "keyed": [
                (key, tuple(self.cells.get((key, one.name), one.initial) for one in states))
                for key in keys
            ]
        }


class _Call:
    """One call of the function: `functions.process.ProcessContext`."""

    def __init__(self, fold: ProcessFold, key: Any, at: Moment, event_time_ms: int | None) -> None:
        self.key = key
        self.watermark_ms = at.watermark_ms
        self.out: list[tuple[str, Row]] = []
        self._fold = fold
        self._now_ms = at.now_us // 1_000
        self._event_time_ms = event_time_ms

    def time(self, domain: TimeDomain) -> int:
        """In ms."""
        if domain is TimeDomain.PROCESSING:
            return self._now_ms
        if self._event_time_ms is None:
            raise FunctionError("process: its input has no event time")
        return self._event_time_ms

    def get(self, state: StateDescriptor) -> Any:
        """What was put, or the initial value."""
        return self._fold.cells.get((self.key, state.name), state.initial)

    def put(self, state: StateDescriptor, value: Any) -> None:
        """For this key."""
        if value == state.initial:
            self.clear(state)
        else:
            self._fold.cells[self.key, state.name] = value

    def clear(self, state: StateDescriptor) -> None:
        """Forget it."""
        self._fold.cells.pop((self.key, state.name), None)

    def set_timer(self, domain: TimeDomain, time_ms: int) -> None:
        """For this key; one of a time is enough."""
        self._fold.timers[domain, time_ms, pack(self.key)] = self.key

    def delete_timer(self, domain: TimeDomain, time_ms: int) -> None:
        """If there is one."""
        self._fold.timers.pop((domain, time_ms, pack(self.key)), None)

    def emit(self, row: Row) -> None:
        """On the main output."""
        self.out.append(("", row))

    def side(self, tag: str, row: Row) -> None:
        """On a side output."""
        self.out.append((tag, row))
