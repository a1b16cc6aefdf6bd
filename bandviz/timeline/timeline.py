"""All entries of a run by index, live or recorded, in little memory.

Most entries lie in compressed frames (some 6 bytes each) and are decoded when they are looked at;
the newest ones of a live run are still as they came.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Final, Self

from bandviz.events import Entry, Event
from bandviz.trace.codec import Decoder, tags_of
from bandviz.trace.frames import Frame, Framer
from bandviz.trace.reader import Recording
from bandviz.trace.upcast import vocabulary

DECODED_FRAMES_MAX: Final = 8
_step_of: Final = attrgetter("step")


class Timeline:
    """Entries 0 .. len - 1. Grows at its end only.

    Looking at entries raises CorruptFrameError if a recording's checksums are right and its
    contents are not.
    """

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []
        self._starts: list[int] = []
        self._sealed = 0
        self._tail = Framer()
        self._decoded: OrderedDict[int, list[Entry]] = OrderedDict()
        self._decoder = Decoder(vocabulary())

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """The timeline of a recording; nothing is decoded yet."""
        timeline = cls()
        decoder = Decoder(recording.header.vocabulary)
        for frame in recording.frames:
            timeline._seal(frame, decoder)
        return timeline

    def __len__(self) -> int:
        return self._sealed + len(self._tail.pending)

    @property
    def last_step(self) -> int:
        """Step of the last entry; -1 if there is none."""
        return self.entry(len(self) - 1).step if len(self) else -1

    def append(self, entries: Sequence[Entry]) -> None:
        """Take the next entries of a run under way."""
        self._tail.add(entries)
        while frames := self._tail.take():
            for frame in frames:
                self._seal(frame, self._decoder)

    def entry(self, index: int) -> Entry:
        """One entry. Raises IndexError outside 0 .. len - 1."""
        if not 0 <= index < len(self):
            raise IndexError(f"no entry {index} among {len(self)}")
        if index >= self._sealed:
            return self._tail.pending[index - self._sealed]
        number = bisect_right(self._starts, index) - 1
        return self._entries_of(number)[index - self._starts[number]]

    def entries(self, start: int, stop: int) -> Iterator[Entry]:
        """Entries start .. stop - 1, as far as there are any."""
        for at, entries in self._runs(start):
            if at >= stop:
                return
            yield from entries[max(start - at, 0) : stop - at]

    def index_of_step(self, step: int) -> int:
        """Index of the first entry of this step or a later one; len if there is none."""
        number = bisect_left(self._chunks, step, key=lambda chunk: chunk.frame.step)
        start = self._starts[number - 1] if number else 0
        for at, entries in self._runs(start):
            place = bisect_left(entries, step, key=_step_of)
            if place < len(entries):
                return at + place
        return len(self)

    def next_index(self, start: int, types: Collection[type[Event]]) -> int | None:
        """Index of the first event of one of these types at `start` or behind it."""
        number = max(bisect_right(self._starts, start) - 1, 0)
        for at, chunk in zip(self._starts[number:], self._chunks[number:], strict=True):
            places = [chunk.tags.find(tag, max(start - at, 0)) for tag in chunk.tags_for(types)]
            found = [place for place in places if place >= 0]
            if found:
                return at + min(found)
        for place, entry in enumerate(self._tail.pending):
            if self._sealed + place >= start and type(entry.event) in types:
                return self._sealed + place
        return None

    def previous_index(self, stop: int, types: Collection[type[Event]]) -> int | None:
        """Index of the last event of one of these types before `stop`."""
        for place in range(min(stop, len(self)) - self._sealed - 1, -1, -1):
            if type(self._tail.pending[place].event) in types:
                return self._sealed + place
        for number in range(bisect_left(self._starts, stop) - 1, -1, -1):
            at, chunk = self._starts[number], self._chunks[number]
            found = max(
                (chunk.tags.rfind(tag, 0, stop - at) for tag in chunk.tags_for(types)), default=-1
            )
            if found >= 0:
                return at + found
        return None

    def _runs(self, start: int) -> Iterator[tuple[int, list[Entry]]]:
        """(index of the first, entries), from the frame that holds `start` to the tail."""
        for number in range(max(bisect_right(self._starts, start) - 1, 0), len(self._chunks)):
            yield self._starts[number], self._entries_of(number)
        yield self._sealed, self._tail.pending

    def _seal(self, frame: Frame, decoder: Decoder) -> None:
        self._starts.append(self._sealed)
        self._chunks.append(_Chunk(frame, decoder))
        self._sealed += frame.number

    def _entries_of(self, number: int) -> list[Entry]:
        """Decoded entries of one frame; the most recently used frames are kept."""
        if number in self._decoded:
            self._decoded.move_to_end(number)
            return self._decoded[number]
        entries = self._decoded[number] = self._chunks[number].entries()
        if len(self._decoded) > DECODED_FRAMES_MAX:
            self._decoded.popitem(last=False)
        return entries


class _Chunk:
    """A frame with the means to decode it."""

    __slots__ = ("_decoder", "_tags", "frame")

    def __init__(self, frame: Frame, decoder: Decoder) -> None:
        self.frame = frame
        self._decoder = decoder
        self._tags: bytes | None = None

    @property
    def tags(self) -> bytes:
        """One byte an entry: kept once it was needed, for searches go far."""
        if self._tags is None:
            self._tags = tags_of(self.frame.payload, self.frame.number)
        return self._tags

    def tags_for(self, types: Collection[type[Event]]) -> bytes:
        """The tags of these types in this frame's vocabulary."""
        return self._decoder.tags_for(types)

    def entries(self) -> list[Entry]:
        """Decode the frame."""
        frame = self.frame
        return self._decoder.entries(frame.payload, frame.number, (frame.step, frame.k))
