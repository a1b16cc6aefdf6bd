"""The schedule: which move comes first. A heap with stale entries, and moves planned ahead.

Every actor (a subtask, or a planned move by itself) has at most one best move; an entry of the heap
counts only while it is still its actor's best. Rules of this file: no move is made here.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from bandviz.engine.choices import Choice, ChoiceKind, mix
from bandviz.engine.emitter import Identity
from bandviz.engine.messages import ToCoordinator, Upload

Move = tuple[int, int, ChoiceKind, str, int]
"""(ready at, tie, then the three parts of a Choice): ordered as the default policy picks."""


Payload = ToCoordinator | Upload | None


class Timed(NamedTuple):
    """A move whose time is fixed when it is planned. `payload` is what it needs."""

    move: Move
    payload: Payload
    cause: Identity | None


class Schedule:
    """Best moves of all actors, by (ready time, tie, choice)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._timed: dict[Choice, Timed] = {}
        self._best: dict[str, Move] = {}
        self._heap: list[tuple[Move, str]] = []

    def peek(self) -> Move | None:
        """The move that the default policy picks."""
        heap, best = self._heap, self._best
        while heap:
            move, actor = heap[0]
            if best.get(actor) is move:
                return move
            heapq.heappop(heap)
        return None

    def set_best(self, actor: str, move: Move | None) -> None:
        """What an actor would do next; None: nothing."""
        if move is None:
            self._best.pop(actor, None)
        else:
            self._best[actor] = move
            heapq.heappush(self._heap, (move, actor))

    def plan(
        self,
        choice: Choice,
        due_us: int,
        payload: Payload = None,
        cause: Identity | None = None,
    ) -> None:
        """A move of its own at a fixed time; the same choice planned again moves it."""
        tie = mix(self._seed, 3_000, crc32(choice.owner.encode()), choice.ordinal)
        move = (due_us, tie, *choice)
        self._timed[choice] = Timed(move, payload, cause)
        self.set_best(str(choice), move)

    def take(self, choice: Choice) -> Timed:
        """Remove a planned move in order to make it."""
        self.set_best(str(choice), None)
        return self._timed.pop(choice)

    def cancel(self, choice: Choice) -> None:
        """It will not happen."""
        if choice in self._timed:
            self.take(choice)

    def planned(self, choice: Choice) -> bool:
        """Whether it is to happen."""
        return choice in self._timed

    def forget(self, actor: str) -> None:
        """The actor is gone: it moves no more, and its uploads end."""
        self.set_best(actor, None)
        for choice in [one for one in self._timed if one.owner == actor]:
            self.take(choice)

    def timed_moves(self) -> Iterator[Move]:
        """All planned moves."""
        for timed in self._timed.values():
            yield timed.move

    def clear(self) -> None:
        """Forget everything."""
        self._timed.clear()
        self._best.clear()
        self._heap.clear()
