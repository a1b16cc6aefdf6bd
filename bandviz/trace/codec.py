"""Entries <-> the payload of an events frame.

A payload is zlib over columns: first one byte an entry, its tag; then the envelopes; then, tag by
tag in ascending order, the fields of the events as their kinds write them. The tags come first so
that a search for the next barrier need not unpack more than them.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise, repeat
from operator import attrgetter
from typing import Final

from bandviz.errors import CorruptFrameError
from bandviz.events import TAGS, Entry, Event
from bandviz.trace.columns import ColumnReader, ColumnWriter
from bandviz.trace.kinds import KINDS
from bandviz.trace.upcast import Layout, Vocabulary, layouts

COUNT_MAX: Final = 16_384
"""Entries in one frame."""
INFLATED_BYTES_MAX: Final = 16 * 1024 * 1024
_COMPRESSION: Final = 6
_NO_CAUSE: Final = -1

_GETTERS: Final = {
    event: tuple((attrgetter(name), kind) for name, kind in kinds.items())
    for event, kinds in KINDS.items()
}


def deflate(columns: bytes) -> bytes:
    """Compress, the same way for every frame."""
    return zlib.compress(columns, _COMPRESSION)


def inflate(payload: bytes, length_max: int = INFLATED_BYTES_MAX) -> bytes:
    """Decompress a whole payload. Raises CorruptFrameError, also if it swells beyond the limit."""
    unpacker = zlib.decompressobj()
    try:
        columns = unpacker.decompress(payload, length_max)
    except zlib.error:
        raise CorruptFrameError("a frame cannot be decompressed") from None
    if not unpacker.eof or unpacker.unused_data:
        raise CorruptFrameError("a frame is cut short, or larger than any that bandviz writes")
    return columns


def encode(entries: Sequence[Entry]) -> bytes:
    """Columns of at least one entry, not yet compressed.

    Raises OverflowError on a number beyond 64 bits, ValueError on a value of more than 64 KiB.
    """
    steps, ks, times_us, causes, events = zip(*entries, strict=True)
    out = ColumnWriter()
    out.raw(bytes([TAGS[type(event)] for event in events]))
    out.ints(steps)
    out.ints(ks)
    out.ints(times_us)
    out.ints([
        _NO_CAUSE if cause is None else step - cause[0]
        for step, cause in zip(steps, causes, strict=True)
    ])  # fmt: skip
    out.ints([cause[1] for cause in causes if cause is not None])
    groups: dict[type[Event], list[Event]] = {}
    for event in events:
        groups.setdefault(type(event), []).append(event)
    for kind in sorted(groups, key=TAGS.__getitem__):
        for value_of, how in _GETTERS[kind]:
            how.write(out, list(map(value_of, groups[kind])))
    return out.getvalue()


def tags_of(payload: bytes, count: int) -> bytes:
    """Just the tags of a payload's entries. Raises CorruptFrameError if they are not all there."""
    try:
        tags = zlib.decompressobj().decompress(payload, count)
    except zlib.error:
        raise CorruptFrameError("a frame cannot be decompressed") from None
    if len(tags) != count:
        raise CorruptFrameError("a frame holds fewer entries than it says")
    return tags


class Decoder:
    """Reads payloads that were written with one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._layouts = layouts(vocabulary)

    def tags_for(self, types: Collection[type[Event]]) -> bytes:
        """The tags that these types have in this vocabulary."""
        return bytes(tag for tag, layout in self._layouts.items() if layout.event in types)

    def entries(self, payload: bytes, count: int, first: tuple[int, int]) -> list[Entry]:
        """All entries of a payload; `first` is the identity that the frame gives to the first.

        Raises CorruptFrameError on anything that `encode` cannot have written.
        """
        source = ColumnReader(inflate(payload))
        tags = source.raw(count)
        steps, ks, times_us = source.ints(count), source.ints(count), source.ints(count)
        causes = _causes(source, steps)
        events = self._events(source, tags)
        source.finish()
        identities = list(zip(steps, ks, strict=True))
        if identities[0] != first or any(a >= b for a, b in pairwise(identities)):
            raise CorruptFrameError("entries are out of order")
        return list(map(Entry, steps, ks, times_us, causes, events))

    def _events(self, source: ColumnReader, tags: bytes) -> Iterable[Event]:
        """Events in the order of `tags`."""
        groups = {}
        for tag in range(256):
            if number := tags.count(tag):
                if tag not in self._layouts:
                    raise CorruptFrameError(f"tag {tag} is not in the vocabulary")
                groups[tag] = iter(_group(source, self._layouts[tag], number))
        return map(next, map(groups.__getitem__, tags))


def _causes(source: ColumnReader, steps: list[int]) -> list[tuple[int, int] | None]:
    backs = source.ints(len(steps))
    if backs and min(backs) < _NO_CAUSE:
        raise CorruptFrameError("an entry has a later cause")
    ks = iter(source.ints(len(backs) - backs.count(_NO_CAUSE)))
    return [
        None if back == _NO_CAUSE else (step - back, next(ks))
        for step, back in zip(steps, backs, strict=True)
    ]


def _group(source: ColumnReader, layout: Layout, number: int) -> list[Event]:
    """Build `number` events of one type, field by field.

    A frozen dataclass with slots is filled through its slots, a whole column at a time: four times
    as fast as its constructor, which would check no more.
    """
    events = list(map(object.__new__, repeat(layout.event, number)))
    for name, kind in layout.kinds:
        _fill(layout.event, name, events, kind.read(source, number))
    for name, value in layout.missing:
        _fill(layout.event, name, events, repeat(value))
    return events


def _fill(event: type[Event], name: str, events: list[Event], values: Iterable[object]) -> None:
    deque(map(getattr(event, name).__set__, events, values), maxlen=0)
