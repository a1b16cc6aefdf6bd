"""Writing a recording while the run goes on.

Every frame is handed to the operating system as soon as it is full, so that a killed process leaves
whole frames behind. Equal runs make equal bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self
from zlib import crc32

from bandviz.errors import TraceError
from bandviz.events import Entry
from bandviz.text import door
from bandviz.trace.commands import ChoiceRecord, CommandRecord, record_frames
from bandviz.trace.deeds import world_frames
from bandviz.trace.digest import RunDigest
from bandviz.trace.frames import STEP_MAX, Frame, FrameKind, Framer, link, opening
from bandviz.trace.header import Header, pack_header
from bandviz.trace.reader import Recording

_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


class Writer:
    """One recording under way. Close it when the run is over, or use it in a `with`.

    After an exception inside the `with`, what is there is written but no end frame: the recording
    says by itself that it was cut off.
    """

    def __init__(self, file: BinaryIO, header: Header, *, past: Recording | None = None) -> None:
        """`past`: what stands in the file already, whole steps only; `file` is at its end."""
        self._file = file
        self._framer = Framer()
        self._digest = RunDigest()
        self._commands: list[CommandRecord] = []
        self._choices: list[ChoiceRecord] = []
        self._count = 0
        self._last = (0, 0)
        start = opening()
        self._checksum = crc32(start)
        self._end = 0
        if past is None:
            self._put(start)
            self._write([Frame(FrameKind.HEADER, 0, 0, 1, pack_header(header))])
        else:
            self._follow(past)

    @classmethod
    def create(cls, path: Path, header: Header, *, overwrite: bool = False) -> Self:
        """Record into a new file. Raises TraceError if it cannot be made, or exists already."""
        mode = os.O_TRUNC if overwrite else os.O_EXCL
        try:
            file = os.fdopen(os.open(path, _NEW_FILE | mode, 0o644), "wb", buffering=0)
        except OSError as error:
            raise TraceError(f"cannot record to {door(str(path))}: {error.strerror}") from None
        try:
            return cls(file, header)
        except TraceError:
            file.close()
            raise

    @classmethod
    def resume(cls, path: Path, past: Recording) -> Self:
        """Go on in a journal: cut off what is behind its last whole step, and write there.

        Raises TraceError if the file cannot be changed.
        """
        end = past.marks[-1].end
        try:
            file = os.fdopen(os.open(path, _OLD_FILE), "r+b", buffering=0)
            try:
                file.truncate(end)
                file.seek(end)
                os.fsync(file.fileno())
            except OSError:
                file.close()
                raise
        except OSError as error:
            raise TraceError(f"cannot go on in {door(str(path))}: {error.strerror}") from None
        return cls(file, past.header, past=past.settled())

    def _follow(self, past: Recording) -> None:
        for entry in past.entries():
            self._digest.update(entry)
            self._last = entry[:2]
        self._count = past.count
        self._end, self._checksum = past.marks[-1][:2]

    def add(self, entries: Sequence[Entry]) -> None:
        """Record entries in order. Raises TraceError if the file cannot be written."""
        if entries:
            self._count += len(entries)
            self._last = entries[-1][:2]
            for entry in entries:
                self._digest.update(entry)
            self._framer.add(entries)
            while frames := self._framer.take():
                self._write(self._records_before(self._framer.pending[0].step) + frames)

    def command(self, record: CommandRecord) -> None:
        """Record a command; call it before adding the entries of its step."""
        self._commands.append(record)

    def choice(self, record: ChoiceRecord) -> None:
        """Record a deviating choice; call it before adding the entries of its step."""
        self._choices.append(record)

    def settle(self, operations: Sequence[bytes], *, sync: bool) -> None:
        """Write what is pending and, behind it, what it did to the world: its steps are whole.

        With `sync` all of it outlives a power cut once this returns. Raises TraceError; after that
        the file is not to be written again.
        """
        frames = self._records_before(STEP_MAX) + self._framer.finish()
        self._write([*frames, *world_frames(self._last[0], operations)])
        if sync:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._cannot(error) from None

    @property
    def place(self) -> tuple[int, int]:
        """Length of the file, and the checksum of its last frame."""
        return self._end, self._checksum

    @property
    def run_id(self) -> str:
        """Digest of the run so far; see `RunDigest`."""
        return self._digest.hexdigest()

    def close(self, *, complete: bool = True) -> None:
        """Write what is pending and, if the run is `complete`, the end frame."""
        with self._file:
            self._write(self._records_before(STEP_MAX) + self._framer.finish())
            if complete:
                end = Frame(FrameKind.END, *self._last, self._count, self._digest.digest())
                self._write([end])

    def abandon(self) -> None:
        """Let go of the file as it is, after an error."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(complete=kind is None)

    def _records_before(self, step: int) -> list[Frame]:
        """Frames of the commands and choices of earlier steps, which go ahead of their entries."""
        commands = [record for record in self._commands if record.step < step]
        choices = [record for record in self._choices if record.step < step]
        self._commands = self._commands[len(commands) :]
        self._choices = self._choices[len(choices) :]
        return record_frames(FrameKind.COMMANDS, commands) + record_frames(
            FrameKind.CHOICES, choices
        )

    def _write(self, frames: Sequence[Frame]) -> None:
        links = []
        for frame in frames:
            data, self._checksum = link(frame, self._checksum)
            links.append(data)
        if links:
            self._put(b"".join(links))

    def _put(self, data: bytes) -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._cannot(error) from None
        self._end += len(data)

    def _cannot(self, error: OSError) -> TraceError:
        return TraceError(f"the recording cannot be written: {error.strerror}")
