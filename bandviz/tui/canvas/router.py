"""Wires through the gap between two layers: trunks, their columns, and dog-legs.

A wire enters a gap at rows on its left, leaves it at rows on its right, and joins them by one
vertical *trunk*. Within a gap no two wires share a row on the same side (`rows.py` sees to that).
So two wires can only run along each other where one leaves on the row by which the other enters:
then the entering one must turn off first, further left. Where such demands form a ring, one wire
gets a *dog-leg*: a second trunk, reached over a row that nobody else uses, which breaks the ring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

_SPAN_GAP: Final = 1
"""Empty cells between two trunks in one column."""


class Run(NamedTuple):
    """A wire through one gap: the rows by which it comes in from the left and goes out right."""

    left: tuple[int, ...]
    right: tuple[int, ...]


class Leg(NamedTuple):
    """A trunk: its column in the gap, and the row to leave by (None: the row of the target)."""

    column: int
    row: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A routed gap: how many columns the trunks take, and the legs of each run (none: straight)."""

    columns: int
    legs: tuple[tuple[Leg, ...], ...]


@dataclass(slots=True)
class _Trunk:
    run: int
    left: tuple[int, ...]
    right: tuple[int, ...]
    leave: int | None = None
    first_half: int = -1
    """For the second half of a dog-leg: the index of the first, which must stand further left."""
    column: int = 0
    low: int = 0
    high: int = 0

    def __post_init__(self) -> None:
        self.low = min(*self.left, *self.right)
        self.high = max(*self.left, *self.right)


def route(runs: Sequence[Run]) -> Gap:
    """Give every run its trunk columns so that no two runs share a cell, but to cross."""
    bent = [i for i, run in enumerate(runs) if len({*run.left, *run.right}) > 1]
    trunks = [_Trunk(i, runs[i].left, runs[i].right) for i in bent]
    taken = {row for run in runs for row in (*run.left, *run.right)}
    while ring := _ring(_demands(trunks)):
        _split(trunks, min(ring, key=lambda i: (trunks[i].high - trunks[i].low, i)), taken)
    order = _order(trunks)
    for place, this in enumerate(order):
        trunk = trunks[this]
        for other in (trunks[i] for i in order[:place]):
            if other.low - _SPAN_GAP <= trunk.high and trunk.low - _SPAN_GAP <= other.high:
                trunk.column = max(trunk.column, other.column + 1)
    legs: list[list[Leg]] = [[] for _ in runs]
    for trunk in trunks:
        legs[trunk.run].append(Leg(trunk.column, trunk.leave))
    columns = max((trunk.column + 1 for trunk in trunks), default=0)
    return Gap(columns, tuple(tuple(sorted(each)) for each in legs))


def walk(
    start: tuple[int, int], goal: tuple[int, int], legs: Sequence[Leg], columns: range
) -> list[tuple[int, int]]:
    """The cells from `start` to `goal`, both included; `columns` says where trunk columns lie."""
    (x, y), (end_x, end_y) = start, goal
    cells = [start]
    for leg in legs:
        column, row = columns[leg.column], end_y if leg.row is None else leg.row
        cells += [(across, y) for across in range(x + 1, column + 1)]
        step = 1 if row > y else -1
        cells += [(column, down) for down in range(y + step, row + step, step)] if row != y else []
        x, y = column, row
    cells += [(across, y) for across in range(x + 1, end_x + 1)]
    return cells


def _demands(trunks: Sequence[_Trunk]) -> list[list[int]]:
    """For each trunk those that must stand further right."""
    by_right = {row: i for i, trunk in enumerate(trunks) for row in trunk.right}
    second = {trunk.first_half: i for i, trunk in enumerate(trunks) if trunk.first_half >= 0}
    out: list[list[int]] = []
    for i, trunk in enumerate(trunks):
        rows = () if trunk.first_half >= 0 else trunk.left
        later = [by_right[row] for row in rows if by_right.get(row, i) != i]
        out.append([*later, second[i]] if i in second else later)
    return out


def _ring(demands: Sequence[Sequence[int]]) -> list[int]:
    """The trunks on one cycle of demands, or nothing."""
    colour = [0] * len(demands)
    for root in range(len(demands)):
        if colour[root]:
            continue
        trail, stack = [root], [iter(demands[root])]
        colour[root] = 1
        while stack:
            following = next(stack[-1], None)
            if following is None:
                colour[trail.pop()] = 2
                stack.pop()
            elif colour[following] == 1:
                return trail[trail.index(following) :]
            elif colour[following] == 0:
                colour[following] = 1
                trail.append(following)
                stack.append(iter(demands[following]))
    return []


def _split(trunks: list[_Trunk], index: int, taken: set[int]) -> None:
    """Make a dog-leg of one trunk, over the free row that is nearest to the middle of its span."""
    old = trunks[index]
    middle = (old.low + old.high) // 2
    reach = max(taken) + len(taken) + 2
    row = min((r for r in range(reach) if r not in taken), key=lambda r: (abs(r - middle), r))
    taken.add(row)
    trunks[index] = _Trunk(old.run, old.left, (row,), leave=row)
    trunks.append(_Trunk(old.run, (row,), old.right, first_half=index))


def _order(trunks: Sequence[_Trunk]) -> list[int]:
    """From left to right: all demands met, and greedily few crossings."""
    count = len(trunks)
    demands = _demands(trunks)
    waits = [0] * count
    for targets in demands:
        for target in targets:
            waits[target] += 1
    cost = [[_crossed(a, b) if a is not b else 0 for b in trunks] for a in trunks]
    regret = [sum(cost[i]) - sum(row[i] for row in cost) for i in range(count)]
    order: list[int] = []
    ready = [i for i in range(count) if waits[i] == 0]
    while ready:
        best = min(ready, key=lambda i: (regret[i], i))
        ready.remove(best)
        order.append(best)
        for i in range(count):
            regret[i] -= cost[i][best] - cost[best][i]
        for target in demands[best]:
            waits[target] -= 1
            if waits[target] == 0:
                ready.append(target)
    return order


def _crossed(a: _Trunk, b: _Trunk) -> int:
    """Crossings if `a` stands left of `b`."""
    return sum(a.low <= row <= a.high for row in b.left) + sum(
        b.low <= row <= b.high for row in a.right
    )
