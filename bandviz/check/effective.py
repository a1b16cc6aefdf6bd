"""The effective history: what every subtask read, took and sent, without what was rolled back.

A history is a chain of pages. A snapshot remembers the page it was taken on, a restore goes on from
there: what came behind it belongs to nobody any more. Source: trust.md 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from typing import Any, NamedTuple

from bandviz.check.compare import Difference, VisibleRow, read_id
from bandviz.check.declared import Declared
from bandviz.check.folds.base import Item, Members
from bandviz.check.oracle import Reference
from bandviz.events.structure import EdgeDeclared
from bandviz.events.values import pack, unpack
from bandviz.ids import Lineage, RecordId, SubtaskId

Place = tuple[int | str, ...]


class Motion(Enum):
    """What a subtask did with records."""

    READ = "read"
    TAKEN = "taken"
    SENT = "sent"
    LATE = "turned away as late"
    MERGED = "went on from what several had done"


@dataclass(slots=True)
class Buffer:
    """Records on their way, packed as in `BufferSent`; unpacked once, if anybody asks."""

    values: bytes
    lineage: bytes
    times_ms: bytes
    _items: list[Item] | None = field(default=None, init=False, repr=False, compare=False)

    def items(self) -> list[Item]:
        """One a record. Raises ValueError if they cannot be read, or carry no ids."""
        if self._items is None:
            rows, ids = unpack(self.values), self.ids()
            times = unpack(self.times_ms) if self.times_ms else [None] * len(rows)
            self._items = [Item(*parts) for parts in zip(rows, times, ids, strict=True)]
        return self._items

    def ids(self) -> list[Lineage]:
        """Raises ValueError on an id that is none."""
        return [read_id(item) for item in unpack(self.lineage)]


class Page(NamedTuple):
    """One fact of a history. `place`: (edge, generation, channel), where a rescaled graph has its
    channels anew; of a reading (vertex, partition).

    `what`: a Buffer; of a reading (first offset, count); of a late record its packed id; of a
    merger the pages that it goes on from.
    """

    before: Page | None
    motion: Motion
    place: Place
    what: Any


@dataclass(slots=True)
class Effective:
    """The histories of all subtasks, laid side by side. `gaps`: why one is not known, by vertex."""

    job: Declared
    members: Members
    gaps: dict[str, str] = field(default_factory=dict)
    _moved: dict[Motion, dict[Place, list[Any]]] = field(default_factory=dict)

    def add(self, subtask: SubtaskId, page: Page | None, gap: str) -> None:
        """One more subtask's history."""
        if gap:
            self.gaps.setdefault(subtask.vertex, gap)
        for motion, place, what in reversed(list(_backwards(page))):
            self._moved.setdefault(motion, {}).setdefault(place, []).append(what)

    def gap_of(self, uid: str) -> str:
        """Why it is not known what entered a vertex; empty if it is."""
        return next((self.gaps[one] for one in self._upstream(uid) if one in self.gaps), "")

    def input_of(self, uid: str) -> list[VisibleRow]:
        """All that a vertex took, in no order across channels; of a sink that only commits, its
        writer.
        """
        for edge in self.job.inputs_of(uid):
            if self.job.vertices[edge.upstream].kind == "writer":
                uid = edge.upstream
        return list(chain.from_iterable(self.lanes_of(uid)))

    def lanes_of(self, uid: str) -> list[list[VisibleRow]]:
        """All that a vertex took, in order, channel by channel."""
        return [
            [(item.id, pack(item.row)) for buffer in taken for item in buffer.items()]
            for edge in self.job.inputs_of(uid)
            for taken in self.on(Motion.TAKEN, edge).values()
        ]

    def difference(self, uids: Sequence[str]) -> Difference:
        """Each source record once, and all that was sent was taken: what is not so, up to there."""
        found = Difference()
        reference = Reference(members=self.members)
        for one in dict.fromkeys(one for uid in uids for one in self._upstream(uid)):
            if self.job.vertices[one].kind == "source":
                self._compare_reading(one, found, reference)
            for edge in self.job.inputs_of(one):
                sent, taken = self.on(Motion.SENT, edge), self.on(Motion.TAKEN, edge)
                if sent != taken:
                    found.add(reference, _ids(sent), _ids(taken), final=True)
        return found

    def _compare_reading(self, uid: str, found: Difference, reference: Reference) -> None:
        for partition in self.job.partitions:
            if partition.vertex != uid:
                continue
            read = self.offsets_of(uid, partition.partition)
            there = range(partition.record_count)
            found.add(
                reference,
                [RecordId(uid, partition.partition, offset) for offset in there],
                [RecordId(uid, partition.partition, offset) for offset in read],
                final=True,
            )

    def offsets_of(self, uid: str, partition: int) -> list[int]:
        """What was read of a partition, in order."""
        ranges = self._moved.get(Motion.READ, {}).get((uid, partition), [])
        return [offset for first, count in ranges for offset in range(first, first + count)]

    def late_at(self, uid: str) -> list[Lineage]:
        """What a vertex turned away as late. Raises ValueError on an id that is none."""
        packed = self._moved.get(Motion.LATE, {}).get((uid,), [])
        return [read_id(unpack(one)) for one in packed]

    def received_ahead(self) -> Iterator[tuple[list[Lineage], list[Lineage]]]:
        """What was taken and what was sent on each edge where these differ."""
        for edge in self.job.edges:
            sent, taken = self.on(Motion.SENT, edge), self.on(Motion.TAKEN, edge)
            if sent != taken:
                yield _ids(taken), _ids(sent)

    def on(self, motion: Motion, edge: EdgeDeclared) -> dict[Place, list[Buffer]]:
        """What moved on an edge, channel by channel."""
        moved = self._moved.get(motion, {})
        return {place: buffers for place, buffers in moved.items() if place[0] == edge.edge}

    def _upstream(self, uid: str) -> list[str]:
        """The vertex itself and all that feed it."""
        found = {uid: None}
        waiting = [uid]
        while waiting:
            for edge in self.job.inputs_of(waiting.pop()):
                if edge.upstream not in found:
                    found[edge.upstream] = None
                    waiting.append(edge.upstream)
        return list(found)


def _backwards(page: Page | None) -> Iterator[tuple[Motion, Place, Any]]:
    """Facts of a history, the newest first."""
    while page is not None:
        if page.motion is Motion.MERGED:
            for part in page.what:
                yield from _backwards(part)
        else:
            yield page.motion, page.place, page.what
        page = page.before


def _ids(moved: Mapping[Place, list[Buffer]]) -> list[Lineage]:
    return [lineage for buffers in moved.values() for one in buffers for lineage in one.ids()]
