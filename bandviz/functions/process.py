"""Process functions: logic of one key with state and timers (Flink's KeyedProcessFunction).

A function is declared by name and parameters, bound once to its input's fields, and then called
with a `ProcessContext` for each record and for each timer of a key. It keeps nothing itself: what
it remembers is in states that it declares, so that whoever calls it can snapshot them. It puts out
rows of `results`; the columns of the key stand before them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

from bandviz.functions.rows import Fields, Function, Key, Row, position

Clock = Literal["event", "processing"]


class TimeDomain(Enum):
    """Whose clock a timer follows."""

    EVENT = "event"
    """The watermark of the operator."""
    PROCESSING = "processing"
    """The clock of the machine: here virtual time."""


class StateDescriptor(NamedTuple):
    """A value per key, by name; `initial` is read where nothing was put. Values are immutable."""

    name: str
    initial: Any = None


class ProcessContext(Protocol):
    """What a process function sees of one key during one call."""

    @property
    def key(self) -> Key:
        """The key of the record or timer."""

    @property
    def watermark_ms(self) -> int:
        """Event time of the operator; the smallest 64-bit number before the first watermark."""

    def time(self, domain: TimeDomain) -> int:
        """In ms. EVENT: of the record (FunctionError if it has none) or of the timer that fires;
        PROCESSING: now.
        """

    def get(self, state: StateDescriptor) -> Any:
        """The value of this key."""

    def put(self, state: StateDescriptor, value: Any) -> None:
        """Remember a value for this key."""

    def clear(self, state: StateDescriptor) -> None:
        """Forget it."""

    def set_timer(self, domain: TimeDomain, time_ms: int) -> None:
        """Have `on_timer` called for this key; the same timer set twice fires once. One in the
        past fires with the next watermark, or at once in processing time.
        """

    def delete_timer(self, domain: TimeDomain, time_ms: int) -> None:
        """It will not fire; nothing happens if there is none."""

    def emit(self, row: Row) -> None:
        """Put out a row of `results`."""


class ProcessLogic(NamedTuple):
    """A bound process function."""

    on_element: Callable[[ProcessContext, Row], None]
    on_timer: Callable[[ProcessContext, int], None]
    """Takes the time the timer was set to, in ms."""


class ProcessFunction(Function):
    """Logic of one key. `states`: all it may use; `results`: columns it puts out."""

    __slots__ = ()
    states: ClassVar[tuple[StateDescriptor, ...]] = ()
    results: ClassVar[Fields] = ()

    @property
    def domain(self) -> TimeDomain | None:
        """The clock of its timers; None if it sets none."""
        return None

    def bind(self, fields: Fields) -> ProcessLogic:
        """The calls for rows of these fields."""
        raise NotImplementedError


def _no_timer(_ctx: ProcessContext, _time_ms: int) -> None:
    """For functions that set no timers."""


_LAST = StateDescriptor("last_ms")
_COUNT = StateDescriptor("count", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InactivityAlert(ProcessFunction):
    """One row when a key has been silent for so long: since when."""

    fn: ClassVar[str] = "inactivity_alert"
    states: ClassVar[tuple[StateDescriptor, ...]] = (_LAST,)
    results: ClassVar[Fields] = ("silent_since_ms",)
    timeout_ms: int
    time: Clock = "event"

    @property
    def domain(self) -> TimeDomain:
        """As declared."""
        return TimeDomain(self.time)

    def bind(self, fields: Fields) -> ProcessLogic:
        """Each record that is newer than all before moves the key's only timer."""
        domain, timeout_ms = self.domain, self.timeout_ms

        def on_element(ctx: ProcessContext, _row: Row) -> None:
            _move_timer(ctx, domain, timeout_ms)

        def on_timer(ctx: ProcessContext, time_ms: int) -> None:
            ctx.emit((time_ms - timeout_ms,))
            ctx.clear(_LAST)

        return ProcessLogic(on_element, on_timer)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountUntilQuiet(ProcessFunction):
    """Counts the records of a key until it was quiet for so long: one row, then from nought."""

    fn: ClassVar[str] = "count_until_quiet"
    states: ClassVar[tuple[StateDescriptor, ...]] = (_LAST, _COUNT)
    results: ClassVar[Fields] = ("records", "last_ms")
    quiet_ms: int
    time: Clock = "event"

    @property
    def domain(self) -> TimeDomain:
        """As declared."""
        return TimeDomain(self.time)

    def bind(self, fields: Fields) -> ProcessLogic:
        """A record out of order counts, but does not move the timer."""
        domain, quiet_ms = self.domain, self.quiet_ms

        def on_element(ctx: ProcessContext, _row: Row) -> None:
            ctx.put(_COUNT, ctx.get(_COUNT) + 1)
            _move_timer(ctx, domain, quiet_ms)

        def on_timer(ctx: ProcessContext, time_ms: int) -> None:
            ctx.emit((ctx.get(_COUNT), time_ms - quiet_ms))
            ctx.clear(_COUNT)
            ctx.clear(_LAST)

        return ProcessLogic(on_element, on_timer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdAlert(ProcessFunction):
    """One row each time a number field was so large for so many records of a key in a row."""

    fn: ClassVar[str] = "threshold_alert"
    states: ClassVar[tuple[StateDescriptor, ...]] = (_COUNT,)
    results: ClassVar[Fields] = ("reached",)
    field: str
    value: int | float
    times: int = 1

    def bind(self, fields: Fields) -> ProcessLogic:
        """The count of a row begins again behind an alert."""
        at, value, times = position(fields, self.field, self.fn), self.value, self.times

        def on_element(ctx: ProcessContext, row: Row) -> None:
            if row[at] < value:
                ctx.clear(_COUNT)
                return
            count = ctx.get(_COUNT) + 1
            if count < times:
                ctx.put(_COUNT, count)
            else:
                ctx.emit((row[at],))
                ctx.clear(_COUNT)

        return ProcessLogic(on_element, _no_timer)


def _move_timer(ctx: ProcessContext, domain: TimeDomain, delay_ms: int) -> None:
    """The key's timer stands `delay_ms` behind its newest record."""
    now_ms, last_ms = ctx.time(domain), ctx.get(_LAST)
    if last_ms is not None:
        if now_ms <= last_ms:
            return
        ctx.delete_timer(domain, last_ms + delay_ms)
    ctx.put(_LAST, now_ms)
    ctx.set_timer(domain, now_ms + delay_ms)
