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
_BURSTS = StateDescriptor("bursts", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class InactivityAlert(ProcessFunction):
    """One row when a key has been silent for so long: since when. A record that is older than
    another of its key changes nothing.
    """

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
        """A record takes back the timer of the one before, unless it came too late for that: by
        event time the silence is a fact then, though its timer may not have fired yet.
        """
        domain, timeout_ms = self.domain, self.timeout_ms

        def on_element(ctx: ProcessContext, _row: Row) -> None:
            now_ms, last_ms = ctx.time(domain), ctx.get(_LAST)
            if last_ms is not None and now_ms <= last_ms:
                return
            if last_ms is not None and now_ms <= last_ms + timeout_ms:
                ctx.delete_timer(domain, last_ms + timeout_ms)
            ctx.put(_LAST, now_ms)
            ctx.set_timer(domain, now_ms + timeout_ms)

        def on_timer(ctx: ProcessContext, time_ms: int) -> None:
            ctx.emit((time_ms - timeout_ms,))
            if ctx.get(_LAST) == time_ms - timeout_ms:
                ctx.clear(_LAST)

        return ProcessLogic(on_element, on_timer)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountUntilQuiet(ProcessFunction):
    """One row for each burst of records of a key, when it was quiet for so long behind it: how many
    there were, and when the last.
    """

    fn: ClassVar[str] = "count_until_quiet"
    states: ClassVar[tuple[StateDescriptor, ...]] = (_BURSTS,)
    results: ClassVar[Fields] = ("records", "last_ms")
    quiet_ms: int
    time: Clock = "event"

    @property
    def domain(self) -> TimeDomain:
        """As declared."""
        return TimeDomain(self.time)

    def bind(self, fields: Fields) -> ProcessLogic:
        """A burst is (time of its last record, count) and has a timer; a record joins the first
        burst that it does not come too late for.
        """
        domain, quiet_ms = self.domain, self.quiet_ms

        def on_element(ctx: ProcessContext, _row: Row) -> None:
            now_ms, bursts = ctx.time(domain), ctx.get(_BURSTS)
            near = next((one for one in bursts if now_ms <= one[0] + quiet_ms), None)
            if near is None:
                ctx.put(_BURSTS, (*bursts, (now_ms, 1)))
                ctx.set_timer(domain, now_ms + quiet_ms)
                return
            grown = (max(near[0], now_ms), near[1] + 1)
            ctx.put(_BURSTS, tuple([grown if one is near else one for one in bursts]))
            ctx.delete_timer(domain, near[0] + quiet_ms)
            ctx.set_timer(domain, grown[0] + quiet_ms)

        def on_timer(ctx: ProcessContext, time_ms: int) -> None:
            bursts = ctx.get(_BURSTS)
            over = [one for one in bursts if one[0] + quiet_ms == time_ms]
            ctx.put(_BURSTS, tuple([one for one in bursts if one not in over]))
            for last_ms, count in over:
                ctx.emit((count, last_ms))

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
