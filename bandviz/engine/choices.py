"""Choices: the moves that are possible now, as frozen values. And the seed's only use.

A choice names what is done, never its place in a list, so that a stored one can be found again in
another run of the same seed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class ChoiceKind(StrEnum):
    """The kinds of atomic move (after Flink's mailbox: one at a time per subtask)."""

    DELIVER = "deliver"
    """Take the element at `ordinal` (its position) out of channel `owner`."""
    FAULT = "fault"
    """`owner` says what breaks, as in `kill count[0]`."""
    MESSAGE = "message"
    """Message number `ordinal` reaches subtask or coordinator `owner`."""
    OVERTAKE = "overtake"
    """Take the barrier, or its announcement, at position `ordinal` of channel `owner` ahead of
    unread data."""
    POLL = "poll"
    """Subtask `owner` reads on in its partition `ordinal`."""
    TIMER = "timer"
    """A timer of the coordinator, of the restart strategy or, at `ordinal` µs, of an operator."""
    TIMEOUT = "time out"
    """Subtask `owner` turns checkpoint `ordinal` from aligned into unaligned."""
    UPLOAD = "upload"
    """Subtask `owner` has its snapshot of checkpoint `ordinal` stored."""


class Choice(NamedTuple):
    """One enabled move. Ordered, hashable, stable under replay."""

    kind: ChoiceKind
    owner: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.kind} {self.owner} {self.ordinal}"


_MASK: Final = 0xFFFFFFFFFFFFFFFF


def mix(seed: int, a: int, b: int, c: int = 0) -> int:
    """32 well-mixed bits of (seed, a, b, c): ties and jitter. Stateless, so nothing depends on how
    often or in which order it is asked.
    """
    x = (seed * 0x9E3779B97F4A7C15 + a * 0xBF58476D1CE4E5B9 + b * 0x94D049BB133111EB + c) & _MASK
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & _MASK
    x ^= x >> 27
    return (x * 0x94D049BB133111EB & _MASK) >> 32


def jittered(base_us: int, permille: int, draw: int) -> int:
    """`base_us` varied by up to +-`permille`; `draw` is 32 bits of `mix`."""
    if not permille or not base_us:
        return base_us
    return base_us + base_us * permille * (2 * draw - 0xFFFFFFFF) // (1000 * 0xFFFFFFFF)
