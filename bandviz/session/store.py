"""A run on disk: one folder with its journal and its checkpoints.

docs/decisions/0006-on-disk.md says why this is enough: the journal holds events and operations on
the world, step by step, and nobody is told of a step that promises something before it is durable.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Final, Self
from zlib import crc32

from bandviz.errors import BandvizError, TraceError
from bandviz.events import Entry, Event
from bandviz.events.checkpoint import CheckpointCompleted
from bandviz.events.coordinator import CoordinatorRecovered
from bandviz.events.job import ProcessLost, RunEnded
from bandviz.events.sink import RowsVisible
from bandviz.graph.specs import JobGraph, TopicData
from bandviz.ids import CheckpointId
from bandviz.ports import DamagedFile, World
from bandviz.text import SafeText, door
from bandviz.trace.commands import CommandRecord
from bandviz.trace.deeds import operations_in
from bandviz.trace.header import Header
from bandviz.trace.reader import Recording, read_recording
from bandviz.trace.writer import Writer
from bandviz.world import noted_world
from bandviz.world.blobs import PatientBlobs, sync_folder
from bandviz.world.operations import Notes
from bandviz.world.readable import Readable
from bandviz.world.storage import CheckpointFiles

JOURNAL: Final = "journal.bvt"
ACKNOWLEDGED: Final = "acknowledged"
PROMISES: Final[frozenset[type[Event]]] = frozenset(
    {CheckpointCompleted, CoordinatorRecovered, ProcessLost, RowsVisible, RunEnded}
)
"""Told only when durable; so is whatever changes what a reader of the world sees."""
PENDING_MAX: Final = 1_024
"""Entries that may wait for a promise."""

_TEMPORARY: Final = ".tmp-"
_NOTE: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE: Final = Struct("<QI")
_CRC_BYTES: Final = 4


class Store:
    """Holds the folder, and keeps other processes out, until it is closed."""

    def __init__(self, root: Path, blobs: PatientBlobs, past: Recording | None) -> None:
        self.root = root
        self.past = past
        """The journal's whole steps when it was opened; None in a new folder."""
        self.note = SafeText("")
        """What was cut off, as a sentence."""
        self._blobs = blobs
        self._files = CheckpointFiles(blobs)
        self._notes = Notes()
        self._writer: Writer | None = None
        self._readable: Readable | None = None
        self._waiting = 0
        self._done: list[bytes] = []
        """Operations of whole steps that wait: what a broken-off step did stays in the notes."""

    @classmethod
    def create(cls, root: Path, header: Header) -> Self:
        """Make the folder, or take an empty one. Raises BandvizError."""
        with _used(root):
            if (root / JOURNAL).exists():
                raise BandvizError(
                    f"{door(str(root))} holds a run already",
                    f"go on with --restore {door(str(root))}, or name another folder",
                )
            store = cls(root, _held(root), None)
            try:
                store._begin(header)
            except (BandvizError, OSError) as error:
                store._give_up()
                store._blobs.release()
                if not isinstance(error, TraceError):
                    raise
                message = f"cannot use {door(str(root))}: {error.message}"
                raise BandvizError(message, _NEEDS) from None
        return store

    def _begin(self, header: Header) -> None:
        """The journal appears under its name with a whole header, or not at all."""
        if any(not one.name.startswith(_TEMPORARY) for one in self.root.iterdir()):
            raise BandvizError(
                f"{door(str(self.root))} is not empty, and what is in it is no run",
                "--storage needs a folder of its own",
            )
        temporary = self.root / f"{_TEMPORARY}{JOURNAL}"
        self._writer = Writer.create(temporary, header, overwrite=True)
        self._writer.settle((), sync=True)
        os.rename(temporary, self.root / JOURNAL)  # noqa: PTH104 - beside the other system calls
        sync_folder(self.root)

    @classmethod
    def open(cls, root: Path) -> Self:
        """Read what a lost process left. Raises BandvizError: no run, in use, or damaged."""
        with _used(root):
            if not root.is_dir():
                what = "is not a folder" if root.exists() else "there is no such folder"
                raise BandvizError(f"{door(str(root))}: {what}", _BEGIN)
            if not (root / JOURNAL).is_file():
                raise BandvizError(f"{door(str(root))} holds no run: {JOURNAL} is missing", _BEGIN)
            blobs = _held(root)
            journal = _journal_of(root)
            store = cls(root, blobs, journal.settled())
            dropped = (root / JOURNAL).stat().st_size - journal.marks[-1].end
            if dropped and not journal.run_id:
                store.note = SafeText(f"{dropped:,} bytes behind the last whole step were dropped")
            return store

    def world(self, topics: Sequence[TopicData], graph: JobGraph) -> World:
        """The world of a job as the journal tells it. Raises TraceError."""
        past: list[bytes] = []
        try:
            for frame in self.past.world if self.past else ():
                past += operations_in(frame)
            world, outside = noted_world(topics, self._blobs, past, self._notes)
        except (TraceError, ValueError, LookupError, TypeError) as error:
            raise TraceError(f"{door(str(self.root / JOURNAL))}: {error}") from None
        self._readable = Readable(self.root, graph, outside)
        return world

    def require_whole(self, checkpoint_id: CheckpointId) -> None:
        """Raises BandvizError if a file of it is missing, cut or altered."""
        assert self.past is not None
        try:
            for handle in self._files.manifest(checkpoint_id, self.past.header.scenario_name):
                self._files.read(checkpoint_id, handle)
        except DamagedFile as damage:
            raise BandvizError(
                f"{door(str(self.root))}: checkpoint {checkpoint_id} is damaged: {damage}",
                "leave the number out: the newest whole one is taken",
            ) from None

    def go_on(self, kept: Collection[CheckpointId]) -> None:
        """Write behind the past from now on; checkpoints that it does not know are deleted, and
        what readers see is made again. Raises BandvizError.
        """
        assert self.past is not None
        self._files.sweep(kept)
        self._blobs.settle()
        self._writer = Writer.resume(self.root / JOURNAL, self.past)
        self.show()

    def show(self) -> None:
        """Let readers see what the world holds now; the journal has to be durable up to there.

        Raises BandvizError.
        """
        assert self._readable is not None
        try:
            self._readable.show()
        except (BandvizError, OSError) as error:
            self._give_up()
            raise self._stopped(error) from None

    def command(self, record: CommandRecord) -> None:
        """Somebody broke something; call it before keeping the entries of its step."""
        if self._writer is not None:
            self._writer.command(record)

    def keep(self, entries: Sequence[Entry]) -> None:
        """One whole step. If it promises something, it is durable when this returns.

        Raises BandvizError: nothing more can be kept, the run has to stop.
        """
        if self._writer is None:
            return
        self._waiting += len(entries)
        promised = self._notes.public or any(type(entry.event) in PROMISES for entry in entries)
        self._done += self._notes.take()
        try:
            self._writer.add(entries)
            if promised or self._waiting >= PENDING_MAX:
                self._settle(self._writer, sync=promised)
        except (TraceError, OSError) as error:
            self._give_up()
            raise self._stopped(error) from None
        if promised:
            self._blobs.settle()
            self.show()

    def _settle(self, writer: Writer, *, sync: bool) -> None:
        writer.settle(self._done, sync=sync)
        self._waiting, self._done = 0, []
        if sync:
            _acknowledge(self.root, writer.place)

    def _give_up(self) -> None:
        """What could not be written may stand there by half: nothing is written behind it."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()

    def _stopped(self, error: BandvizError | OSError) -> BandvizError:
        reason = error.strerror if isinstance(error, OSError) else error.message
        mend = getattr(error, "hint", "") or "make room"
        return BandvizError(
            f"cannot keep the run in {door(str(self.root))}: {reason}",
            f"{mend}, then go on with --restore {door(str(self.root))}",
        )

    def close(self, *, ended: bool) -> None:
        """Keep what waits, and let others in."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                if self._waiting:
                    self._settle(writer, sync=True)
                writer.close(complete=ended)
            if self._readable is not None:
                self._readable.close()
        except (BandvizError, OSError) as error:
            raise self._stopped(error) from None
        finally:
            self._blobs.release()


_BEGIN: Final = "a run on disk begins with: bandviz run SCENARIO --storage DIR"
_NEEDS: Final = "a run on disk needs a folder with free space that is yours to read and write"


@contextmanager
def _used(root: Path) -> Iterator[None]:
    """What cannot be read or written comes out with the folder's name."""
    try:
        yield
    except OSError as error:
        raise BandvizError(f"cannot use {door(str(root))}: {error.strerror}", _NEEDS) from None


def _held(root: Path) -> PatientBlobs:
    blobs = PatientBlobs(root)
    blobs.hold()
    return blobs


def _acknowledge(root: Path, place: tuple[int, int]) -> None:
    """Note how far the journal is durable. Not synced: an older note is as true, only weaker."""
    data = _PLACE.pack(*place)
    file = os.open(root / ACKNOWLEDGED, _NOTE, 0o600)
    try:
        os.pwrite(file, data + crc32(data).to_bytes(_CRC_BYTES, "little"), 0)
    finally:
        os.close(file)


def _acknowledged(root: Path) -> tuple[int, int] | None:
    """The note; None if there is none, or a power cut left half of it."""
    try:
        data = (root / ACKNOWLEDGED).read_bytes()
    except FileNotFoundError:
        return None
    place, check = data[: _PLACE.size], data[_PLACE.size :]
    if len(place) < _PLACE.size or crc32(place).to_bytes(_CRC_BYTES, "little") != check:
        return None
    end, checksum = _PLACE.unpack(place)
    return end, checksum


def _journal_of(root: Path) -> Recording:
    """Raises TraceError if it is damaged in what was promised."""
    path = door(str(root / JOURNAL))
    try:
        journal = read_recording(root / JOURNAL)
    except TraceError as error:
        hint = "nothing can go on from it: begin anew, with --storage and another folder"
        raise TraceError(error.message, hint) from None
    place = _acknowledged(root)
    if place is None or place in [mark[:2] for mark in journal.marks]:
        return journal
    raise TraceError(
        f"{path} is damaged: it was good for {place[0]:,} bytes, and is now "
        f"for {journal.marks[-1].end:,}: {journal.torn or 'they are other ones'}",
        f"nothing can go on from it; bandviz play {path} shows what is left",
    )
