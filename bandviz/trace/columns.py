"""Columns of integers and bytes: all that a frame's contents are made of.

A column of n integers is one form byte and n little-endian integers, as narrow as they all allow,
either plain or as differences from their predecessor. Nothing nests and no length is believed
before the bytes are there, so that decoding needs no more memory than a few times its input.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate, chain
from operator import sub
from typing import Final

from bandviz.errors import CorruptFrameError

I64_MIN, I64_MAX = -(2**63), 2**63 - 1
_CODES: Final = "bhiq"
_LIMITS: Final = (2**7, 2**15, 2**31, 2**63)
_DELTA: Final = 4
_LITTLE: Final = sys.byteorder == "little"


class ColumnWriter:
    """Collects columns, in the order in which they will be read."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def ints(self, values: Sequence[int]) -> None:
        """One column; the narrower of both forms. Raises OverflowError beyond 64 bits."""
        if not values:
            return
        form = _form(values)
        if form:
            deltas = list(map(sub, values, chain((0,), values)))
            narrow = _form(deltas)
            if narrow < form:
                values, form = deltas, narrow | _DELTA
        column = array(_CODES[form & 3], values)
        if not _LITTLE:
            column.byteswap()
        self._parts += (bytes((form,)), column.tobytes())

    def raw(self, data: bytes) -> None:
        """Bytes whose number the reader knows."""
        self._parts.append(data)

    def getvalue(self) -> bytes:
        """Everything so far."""
        return b"".join(self._parts)


class ColumnReader:
    """Reads columns back. Raises CorruptFrameError whenever the bytes are not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def ints(self, count: int) -> list[int]:
        """The next column of `count` integers, each within 64 bits."""
        if not count:
            return []
        form = self.raw(1)[0]
        if form > _DELTA + 3:
            raise CorruptFrameError(f"a column has the unknown form {form}")
        column = array(_CODES[form & 3])
        column.frombytes(self.raw(count * column.itemsize))
        if not _LITTLE:
            column.byteswap()
        values = column.tolist()
        if form >= _DELTA:
            values = list(accumulate(values))
            if min(values) < I64_MIN or max(values) > I64_MAX:
                raise CorruptFrameError("a number does not fit into 64 bits")
        return values

    def naturals(self, count: int, below: int) -> list[int]:
        """Like `ints`, each 0 or more and less than `below`."""
        values = self.ints(count)
        if values and (min(values) < 0 or max(values) >= below):
            raise CorruptFrameError("a number is out of its range")
        return values

    def raw(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self._at + length
        if end > len(self._data):
            raise CorruptFrameError("a column is longer than its frame")
        data = self._data[self._at : end]
        self._at = end
        return data

    def finish(self) -> None:
        """Raises CorruptFrameError if something is left over."""
        if self._at != len(self._data):
            raise CorruptFrameError("a frame is longer than its columns")


def _form(values: Sequence[int]) -> int:
    """Place in `_CODES` of the narrowest integer that holds them all; 3 also if none does."""
    low, high = min(values), max(values)
    for form, limit in enumerate(_LIMITS):
        if -limit <= low and high < limit:
            return form
    return len(_LIMITS) - 1
