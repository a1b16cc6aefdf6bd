"""Policies: who picks the next move where several are open.

A seed repeats what a policy picks. What is open at all is the engine's to say (`reorder_us`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol
from zlib import crc32

from bandviz.engine.choices import Choice, mix
from bandviz.engine.job import Job

_TURN: Final = 7_000


class Policy(Protocol):
    """Picks one of the enabled moves."""

    def pick(self, job: Job) -> Choice | None:
        """None if there is none."""


@dataclass(frozen=True, slots=True)
class Earliest:
    """The move that is ready first: what a session plays."""

    def pick(self, job: Job) -> Choice | None:
        """None if there is none."""
        return job.earliest()


@dataclass(frozen=True, slots=True)
class RandomWalk:
    """Any of the open moves, each as likely as the next."""

    seed: int

    def pick(self, job: Job) -> Choice | None:
        """None if there is none."""
        moves = job.choices()
        return moves[mix(self.seed, _TURN, job.emitter.step) % len(moves)] if moves else None


@dataclass(slots=True)
class Pct:
    """Probabilistic concurrency testing: owners have random ranks, and the highest one moves.

    At each of `depth` - 1 steps, drawn from the first `horizon`, whoever would move sinks below all
    others. Behind the horizon the earliest moves: a job with a clock never rests, so whoever is
    low could wait for ever. A bug that needs `depth` moves in one order is hit with a probability
    of at least 1 / (owners * horizon ** (depth - 1)). Source: Burckhardt et al., ASPLOS 2010.
    """

    seed: int
    depth: int
    horizon: int
    _sunk: dict[str, int] = field(default_factory=dict)

    def pick(self, job: Job) -> Choice | None:
        """None if there is none."""
        moves = job.choices()
        if not moves:
            return None
        step = job.emitter.step
        if step > self.horizon:
            return moves[0]
        best = max(moves, key=self._rank)
        for n in range(1, self.depth):
            if mix(self.seed, _TURN, n) % self.horizon == step:
                self._sunk[best.owner] = -n
                best = max(moves, key=self._rank)
        return best

    def _rank(self, move: Choice) -> int:
        """Of its owner; `max` takes the first of equal ones, which is the earliest."""
        sunk = self._sunk.get(move.owner)
        return mix(self.seed, crc32(move.owner.encode()), _TURN) if sunk is None else sunk


EARLIEST: Final = Earliest()
