"""Reading recordings, whatever they are.

A file is read up to its last good frame. What is wrong behind that is told in a sentence; a file
without a good header is refused in one line. Limits are checked before memory is spent.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from bandviz.errors import CorruptFrameError, TraceError, UnsupportedVersionError
from bandviz.events import Entry
from bandviz.text import door
from bandviz.trace.codec import COUNT_MAX, Decoder
from bandviz.trace.commands import ChoiceRecord, CommandRecord, records_in
from bandviz.trace.digest import DIGEST_BYTES
from bandviz.trace.frames import (
    FORMAT_VERSION,
    OPENING_BYTES,
    Frame,
    FrameKind,
    next_frame,
    version_of,
)
from bandviz.trace.header import Header, unpack_header

FILE_BYTES_MAX: Final = 2 * 1024**3


class Mark(NamedTuple):
    """A place behind which all steps are whole, by a WORLD frame or because it is the beginning.

    `end`: bytes of the file up to there; `checksum`: of the last frame; then how many frames of
    events, commands and choices, and WORLD frames stand before it.
    """

    end: int
    checksum: int
    frames: int = 0
    commands: int = 0
    choices: int = 0
    world: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording in memory, its frames verified but not decoded."""

    header: Header
    frames: tuple[Frame, ...]
    """Frames of events, in order."""
    commands: tuple[CommandRecord, ...]
    choices: tuple[ChoiceRecord, ...]
    torn: str
    """What is missing or damaged at the end, as a sentence; empty if the recording is whole."""
    run_id: str
    """Digest of the run; empty if the recording is torn."""
    world: tuple[Frame, ...] = ()
    """Frames of operations on the world; only a journal on disk has them."""
    marks: tuple[Mark, ...] = ()
    """In order; the first one is behind the header."""

    @property
    def count(self) -> int:
        """How many entries there are."""
        return sum(frame.number for frame in self.frames)

    def settled(self) -> Recording:
        """The part of a journal that holds whole steps only."""
        mark = self.marks[-1]
        return replace(
            self,
            frames=self.frames[: mark.frames],
            commands=self.commands[: mark.commands],
            choices=self.choices[: mark.choices],
            world=self.world[: mark.world],
        )

    def entries(self) -> Iterator[Entry]:
        """All entries, decoded as they are asked for.

        Raises CorruptFrameError at a frame whose checksum is right and whose contents are not.
        """
        decoder = Decoder(self.header.vocabulary)
        for frame in self.frames:
            yield from decoder.entries(frame.payload, frame.number, (frame.step, frame.k))


def read_recording(path: Path) -> Recording:
    """Open a recording. Raises TraceError, its message one line that names the file."""
    name = door(str(path))
    try:
        return parse_recording(_contents(path))
    except OSError as error:
        raise TraceError(f"{name}: {error.strerror or 'cannot be read'}") from None
    except TraceError as error:
        raise type(error)(f"{name}: {error.message}", error.hint) from None


def parse_recording(data: bytes) -> Recording:
    """As `read_recording`, from bytes; messages do not name a file."""
    version = version_of(data)
    if version == 0:
        raise TraceError("this is not a bandviz recording")
    if version > FORMAT_VERSION:
        raise UnsupportedVersionError(
            f"the recording has format {version}, this bandviz reads up to {FORMAT_VERSION}",
            "open it with a newer bandviz",
        )
    try:
        first, at, checksum = next_frame(data, OPENING_BYTES, crc32(data[:OPENING_BYTES]))
        if first.kind is not FrameKind.HEADER:
            raise CorruptFrameError("the recording does not begin with a header")
        header = unpack_header(first.payload)
        Decoder(header.vocabulary)
    except CorruptFrameError as error:
        raise TraceError(f"the header cannot be read: {error.message}") from None
    return _Chain(data, at, checksum).recording(header)


def _contents(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise TraceError("not a regular file")
        if found.st_size > FILE_BYTES_MAX:
            raise TraceError(f"larger than {FILE_BYTES_MAX // 1024**3} GiB")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(FILE_BYTES_MAX)
    finally:
        os.close(descriptor)


class _Chain:
    """Walks the frames behind the header as far as they are good."""

    def __init__(self, data: bytes, at: int, checksum: int) -> None:
        self._data = data
        self._at = at
        self._checksum = checksum
        self._events: list[Frame] = []
        self._commands: list[CommandRecord] = []
        self._choices: list[ChoiceRecord] = []
        self._world: list[Frame] = []
        self._marks = [Mark(at, checksum)]
        self._count = 0
        self._run_id = ""

    def recording(self, header: Header) -> Recording:
        """Walk, and say how far it went."""
        torn = ""
        try:
            while not self._run_id:
                self._step()
            if self._at != len(self._data):
                raise CorruptFrameError("something follows the end frame")
        except CorruptFrameError as error:
            torn = f"{error.message}; the first {self._count:,} entries are good"
        return Recording(
            header=header,
            frames=tuple(self._events),
            commands=tuple(self._commands),
            choices=tuple(self._choices),
            torn=torn,
            run_id="" if torn else self._run_id,
            world=tuple(self._world),
            marks=tuple(self._marks),
        )

    def _step(self) -> None:
        if self._at == len(self._data):
            raise CorruptFrameError("the recording was broken off")
        frame, end, checksum = next_frame(self._data, self._at, self._checksum)
        match frame.kind:
            case FrameKind.EVENTS:
                self._take_events(frame)
            case FrameKind.COMMANDS:
                self._commands += records_in(frame)
            case FrameKind.CHOICES:
                self._choices += records_in(frame)
            case FrameKind.END:
                self._take_end(frame)
            case FrameKind.HEADER:
                raise CorruptFrameError("there is a second header")
            case FrameKind.WORLD:
                self._world.append(frame)
        self._at, self._checksum = end, checksum
        if frame.kind is FrameKind.WORLD and frame.k == 0:
            self._mark()

    def _mark(self) -> None:
        lists: tuple[Sized, ...] = (self._events, self._commands, self._choices, self._world)
        self._marks.append(Mark(self._at, self._checksum, *map(len, lists)))

    def _take_events(self, frame: Frame) -> None:
        before = (self._events[-1].step, self._events[-1].k) if self._events else (-1, 0)
        if not 0 < frame.number <= COUNT_MAX or (frame.step, frame.k) <= before:
            raise CorruptFrameError("a frame is out of order")
        self._events.append(frame)
        self._count += frame.number

    def _take_end(self, frame: Frame) -> None:
        if frame.number != self._count:
            raise CorruptFrameError("frames are missing")
        if len(frame.payload) != DIGEST_BYTES:
            raise CorruptFrameError("the end frame holds no digest")
        self._run_id = frame.payload.hex()
