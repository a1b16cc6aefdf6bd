"""Frames: the links of a recording's chain.

A file is `BVT1`, a format version, and frames: `[u32 length, u32 crc32, u8 kind, u32 step, u32 k,
u32 number]` and a payload of `length` bytes, all little-endian. A checksum covers the whole frame
but itself, and begins with the checksum before it: a frame that was altered, lost or moved breaks
the chain, and what comes before the break is good. Checksums are against accidents, not forgery.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from bandviz.errors import CorruptFrameError
from bandviz.events import Entry
from bandviz.trace.codec import COUNT_MAX, INFLATED_BYTES_MAX, deflate, encode

FORMAT_VERSION: Final = 1
MAGIC: Final = b"BVT1"
PAYLOAD_BYTES_MAX: Final = 1024 * 1024
ENTRIES_A_FRAME: Final = 1_024
STEP_MAX: Final = 2**32 - 1

_OPENING: Final = Struct("<4sH")
OPENING_BYTES: Final = _OPENING.size
_LINK: Final = Struct("<II")
_LABEL: Final = Struct("<BIII")
FRAME_HEAD_BYTES: Final = _LINK.size + _LABEL.size


class FrameKind(IntEnum):
    """What a payload holds."""

    HEADER = 1
    """The header map; always the first frame."""
    EVENTS = 2
    """`number` entries from identity `(step, k)` on."""
    COMMANDS = 3
    """`number` commands."""
    CHOICES = 4
    """`number` deviating choices."""
    END = 5
    """The last frame of a run that was not cut off: `number` entries in all; the run's digest."""
    WORLD = 6
    """`number` operations on the world, all by steps whose entries came before. `k` frames of this
    kind follow; at 0 every step before the frame is whole."""


class Frame(NamedTuple):
    """One frame without its link to the frame before. `payload` is compressed, but for END."""

    kind: FrameKind
    step: int
    k: int
    number: int
    payload: bytes


def opening() -> bytes:
    """The first bytes of a file."""
    return _OPENING.pack(MAGIC, FORMAT_VERSION)


def version_of(data: bytes) -> int:
    """Format version of a file by its opening; 0 if it is no recording."""
    if len(data) < OPENING_BYTES:
        return 0
    magic, version = _OPENING.unpack_from(data)
    return int(version) if magic == MAGIC else 0


def link(frame: Frame, before: int) -> tuple[bytes, int]:
    """A frame's bytes, and its checksum given the checksum `before` it."""
    label = _LABEL.pack(*frame[:-1])
    checksum = crc32(frame.payload, crc32(label, before))
    return _LINK.pack(len(frame.payload), checksum) + label + frame.payload, checksum


def next_frame(data: bytes, at: int, before: int) -> tuple[Frame, int, int]:
    """The frame at `at`, the place behind it, and its checksum. Raises CorruptFrameError."""
    start = at + FRAME_HEAD_BYTES
    if start > len(data):
        raise CorruptFrameError("the file is cut off in the middle of a frame")
    length, checksum = _LINK.unpack_from(data, at)
    kind, step, k, number = _LABEL.unpack_from(data, at + _LINK.size)
    end = start + length
    if length <= PAYLOAD_BYTES_MAX and end > len(data):
        raise CorruptFrameError("the file is cut off in the middle of a frame")
    payload = data[start:end] if length <= PAYLOAD_BYTES_MAX else b""
    label = data[at + _LINK.size : start]
    if len(payload) != length or crc32(payload, crc32(label, before)) != checksum:
        raise CorruptFrameError("a frame is damaged")
    try:
        return Frame(FrameKind(kind), step, k, number, payload), end, checksum
    except ValueError:
        raise CorruptFrameError(f"a frame has the unknown kind {kind}") from None


class Framer:
    """Cuts a run into frames of events: some 1,024 entries each, at a step's end if it can.

    The cuts depend on the entries alone, not on how many are added at a time.
    """

    def __init__(self) -> None:
        self.pending: list[Entry] = []
        """Entries that are in no frame yet."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Take the next entries of the run."""
        self.pending.extend(entries)

    def take(self) -> list[Frame]:
        """The next full frame (several if it had to be split), or nothing.

        While it returns frames, something is pending behind them.
        """
        cut = self._cut()
        entries = self.pending[:cut]
        del self.pending[:cut]
        return _frames(entries) if entries else []

    def finish(self) -> list[Frame]:
        """Frames of whatever is pending."""
        entries, self.pending = self.pending, []
        return _frames(entries) if entries else []

    def _cut(self) -> int:
        """How many pending entries make the next frame; 0 if that is not known yet."""
        pending = self.pending
        for place in range(ENTRIES_A_FRAME, min(len(pending), COUNT_MAX + 1)):
            if pending[place].step != pending[place - 1].step or place == COUNT_MAX:
                return place
        return 0


def _frames(entries: Sequence[Entry]) -> list[Frame]:
    """One frame, or several if the contents are too large for one."""
    columns = encode(entries)
    if len(columns) <= INFLATED_BYTES_MAX:
        payload = deflate(columns)
        if len(payload) <= PAYLOAD_BYTES_MAX:
            first = entries[0]
            return [Frame(FrameKind.EVENTS, first.step, first.k, len(entries), payload)]
    if len(entries) == 1:
        raise ValueError(f"{type(entries[0].event).__name__} is too large for a frame")
    middle = len(entries) // 2
    return _frames(entries[:middle]) + _frames(entries[middle:])
