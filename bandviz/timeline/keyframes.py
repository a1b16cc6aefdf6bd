"""Copies of the model at some indexes, so that a seek need not begin at the beginning.

There are never more than a fixed number: where one must go, it is one that stands close to its
neighbours for its distance from the cursor. So they stay dense where somebody looks, and thin out
with the distance.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, Generic, TypeVar

KEYFRAMES_MAX: Final = 200
_NEAR_SHARE: Final = 8
"""Within 1/8 of the whole length around the cursor, distance hardly counts."""

M = TypeVar("M")


class Keyframes(Generic[M]):
    """Sorted (index, model) pairs; the models are never changed. The one at 0 always stays."""

    def __init__(self, model: M) -> None:
        self._indexes = [0]
        self._models = [model]

    def __len__(self) -> int:
        return len(self._indexes)

    @property
    def last(self) -> int:
        """Index of the last one."""
        return self._indexes[-1]

    def before(self, index: int) -> tuple[int, M]:
        """The nearest one at `index` or before it."""
        place = bisect_right(self._indexes, index) - 1
        return self._indexes[place], self._models[place]

    def add(self, index: int, model: M, cursor: int) -> None:
        """Keep one more; beyond the limit, another one goes. Requires: none stands at `index`."""
        place = bisect_right(self._indexes, index)
        self._indexes.insert(place, index)
        self._models.insert(place, model)
        if len(self._indexes) > KEYFRAMES_MAX:
            spare = self._spare(cursor)
            del self._indexes[spare], self._models[spare]

    def _spare(self, cursor: int) -> int:
        """Place of the one that is missed least; never the first or the last."""
        indexes = self._indexes
        near = max(indexes[-1] // _NEAR_SHARE, 1)
        return min(
            range(1, len(indexes) - 1),
            key=lambda place: (
                (indexes[place + 1] - indexes[place - 1]) / (abs(indexes[place] - cursor) + near)
            ),
        )
