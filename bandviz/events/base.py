"""What every event is, and the envelope it travels in.

Rules of this package: an event is a past-tense fact that states a *result*; it is frozen; its
fields are ids, ints, texts, bools, enums, tuples of those, and `bytes` (canonical msgpack of a
whole value, see `values`), at most 64 KiB. Times are virtual microseconds (`_us`) since the run
began; event time is data, in milliseconds (`_ms`). Nothing here knows the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple


class Level(IntEnum):
    """How much is recorded; each level includes those before it."""

    CONTROL = 0
    """Checkpoints, barriers, failures, transactions, public rows: the skeleton of a run."""
    FLOW = 1
    """Batches moving through channels, watermarks, stalls: counts, no contents."""
    RECORD = 2
    """Single records and state values: what the inspector and the judge's provenance need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact of one run. Subclasses say which."""

    level: ClassVar[Level] = Level.CONTROL


class Entry(NamedTuple):
    """An event in its envelope. Identity is `(step, k)`.

    `step` counts atomic engine moves, 0 being the structural preamble. `k` numbers the events of
    one step: CONTROL first, then FLOW, then RECORD, so that no recording level shifts an identity.
    Hence within one step the order *across* levels is not the order of happening; events that put
    something into a channel carry a `position` for that reason. `cause` is the identity of the
    CONTROL entry that brought this one about, or None.
    """

    step: int
    k: int
    time_us: int
    cause: tuple[int, int] | None
    event: Event
