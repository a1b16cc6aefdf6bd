"""WORLD frames: what a run did to the world, beside what it told.

Only a journal on disk has them (docs/decisions/0006-on-disk.md). An operation is opaque bytes here;
the world knows its meaning. Where the last frame of a batch stands, all steps before it are whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from struct import Struct
from typing import Final

from bandviz.errors import CorruptFrameError
from bandviz.trace.codec import deflate, inflate
from bandviz.trace.frames import PAYLOAD_BYTES_MAX, Frame, FrameKind

_LENGTH: Final = Struct("<I")
_BATCH_BYTES: Final = PAYLOAD_BYTES_MAX // 2


def world_frames(step: int, operations: Sequence[bytes]) -> list[Frame]:
    """At least one frame. Raises ValueError for an operation that does not fit a frame."""
    batches = list(_batches(operations))
    return [_frame(step, len(batches) - ordinal, batch) for ordinal, batch in enumerate(batches, 1)]


def operations_in(frame: Frame) -> list[bytes]:
    """The operations of a WORLD frame. Raises CorruptFrameError."""
    data = inflate(frame.payload)
    start = frame.number * _LENGTH.size
    if len(data) < start:
        raise CorruptFrameError("a frame holds fewer operations than it says")
    lengths = [length for (length,) in _LENGTH.iter_unpack(data[:start])]
    ends = list(accumulate(lengths, initial=start))
    if ends[-1] != len(data):
        raise CorruptFrameError("the operations of a frame are not as long as it says")
    return [data[at:end] for at, end in pairwise(ends)]


def _batches(operations: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start = size = 0
    for place, operation in enumerate(operations):
        if size and size + len(operation) > _BATCH_BYTES:
            yield operations[start:place]
            start, size = place, 0
        size += len(operation)
    yield operations[start:]


def _frame(step: int, to_come: int, operations: Sequence[bytes]) -> Frame:
    lengths = b"".join([_LENGTH.pack(len(one)) for one in operations])
    payload = deflate(lengths + b"".join(operations))
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"an operation of {len(operations[0])} bytes is too large for a frame")
    return Frame(FrameKind.WORLD, step, to_come, len(operations), payload)
