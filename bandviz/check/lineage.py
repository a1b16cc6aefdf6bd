"""The lineage ledger: what became of each source record.

Read so many times by all attempts together, applied so many times to the state that survives,
visible so many times to a `read_committed` reader, and where it is now. What a crash has undone is
in no effective history, so it does not count as applied. Of a subtask that is dead, what survives
is its part of the newest completed checkpoint. Source: teaching.md 3.1, trust.md 1.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from bandviz.check.compare import VisibleRow
from bandviz.check.declared import Declared
from bandviz.check.effective import Buffer, Effective, Motion
from bandviz.check.folds import FOLDS
from bandviz.check.folds.base import Members, sources_of
from bandviz.check.upserts import upserts
from bandviz.events.structure import EdgeDeclared, PartitionDeclared
from bandviz.events.values import json_value, pack
from bandviz.functions.rows import Row
from bandviz.ids import Lineage, RecordId, SubtaskId
from bandviz.text import LABEL, SafeText, door


class Whereabouts(Enum):
    """Where a record, or what was made of it, has come to; the nearest to the public first."""

    PUBLIC = "public on {}"
    WRITTEN = "with {}, not public"
    NEVER = "with {}, never to be public"
    MOVING = "on its way to {}"
    HELD = "in the state of {}"
    LATE = "left out by {}: late"
    LEFT_OUT = "left out by {}"
    LOST = "lost behind {}"
    SKIPPED = "skipped by its source"
    AGAIN = "to be read again"
    LOG = "not read yet"
    UNKNOWN = "not recorded"


_ORDER: Final = {one: place for place, one in enumerate(Whereabouts)}
Place = tuple[Whereabouts, str]
"""And the vertex that it speaks of."""


class LineageRow(NamedTuple):
    """One source record. `log`: name of its partition; `row`: its values, empty if not recorded.

    `applied` by stateful vertex and `visible` by sink, in the order of the ledger; None: unknown.
    `places`: a record may be at several, if a job branches or if it is read again.
    """

    record: RecordId
    log: str
    row: Row
    read: int
    applied: tuple[int | None, ...]
    visible: tuple[int | None, ...]
    places: tuple[Place, ...]

    @property
    def now(self) -> SafeText:
        """Where it is now, in words."""
        at: dict[Whereabouts, list[str]] = {}
        for word, uid in self.places:
            at.setdefault(word, []).append(uid)
        return door("; ".join(word.value.format(", ".join(at[word])) for word in at), LABEL)

    @property
    def wrong(self) -> bool:
        """It counts twice somewhere, or will never count."""
        gone = (Whereabouts.NEVER, Whereabouts.LOST, Whereabouts.SKIPPED)
        twice = any((count or 0) > 1 for count in (*self.applied, *self.visible))
        return twice or any(word in gone for word, _ in self.places)


class RecordLedger(NamedTuple):
    """All source records, partition by partition. `stateful` and `sinks` name the vertices."""

    stateful: tuple[str, ...]
    sinks: tuple[str, ...]
    rows: tuple[LineageRow, ...]

    def to_json(self) -> dict[str, Any]:
        """The `ledger` object of `run --json`."""
        return {
            "records": [
                {
                    "source": row.record.source,
                    "partition": row.record.partition,
                    "offset": row.record.offset,
                    "values": json_value(row.row),
                    "read": row.read,
                    "applied": dict(zip(self.stateful, row.applied, strict=True)),
                    "visible": dict(zip(self.sinks, row.visible, strict=True)),
                    "now": row.now,
                }
                for row in self.rows
            ],
            "totals": {
                "records": len(self.rows),
                "read": sum(row.read for row in self.rows),
                "applied": dict(zip(self.stateful, totals(self.applied()), strict=True)),
                "visible": dict(zip(self.sinks, totals(self.visible()), strict=True)),
            },
        }

    def applied(self) -> list[tuple[int | None, ...]]:
        """One tuple a record."""
        return [row.applied for row in self.rows]

    def visible(self) -> list[tuple[int | None, ...]]:
        """One tuple a record."""
        return [row.visible for row in self.rows]


def totals(counts: Sequence[tuple[int | None, ...]]) -> list[int | None]:
    """Column by column; None if one of them is unknown."""
    return [
        None if None in column else sum(one or 0 for one in column)
        for column in zip(*counts, strict=True)
    ]


class Readings(NamedTuple):
    """What sources did: ranges read by (vertex, partition), and where they go on.

    `dead` subtasks read nothing now.
    """

    ranges: Mapping[tuple[str, int], Sequence[tuple[int, int]]]
    next_offset: Mapping[tuple[SubtaskId, int], int]
    dead: Collection[SubtaskId]

    def counted(self, partition: PartitionDeclared) -> Counter[int]:
        """How often each offset was read."""
        ranges = self.ranges.get((partition.vertex, partition.partition), ())
        return Counter(offset for first, count in ranges for offset in range(first, first + count))

    def goes_on_at(self, partition: PartitionDeclared, kept: Sequence[int]) -> int:
        """Of a dead reader: behind what survives of it."""
        if partition.subtask in self.dead:
            return kept[-1] + 1 if kept else 0
        return self.next_offset.get((partition.subtask, partition.partition), 0)


def ledger_of(
    job: Declared,
    surviving: Effective,
    readings: Readings,
    under_way: Iterable[tuple[int, Buffer]],
    visible: Mapping[str, Sequence[VisibleRow]],
    *,
    seen: bool,
    final: bool,
) -> RecordLedger:
    """`under_way`: what is in channels, by edge. `seen`: single records were recorded. `final`:
    nothing more is to come.
    """
    maker = _Ledger(job, surviving, readings, visible, seen=seen, final=final)
    maker.follow(under_way)
    rows = [row for partition in job.partitions for row in maker.rows_of(partition)]
    return RecordLedger(tuple(maker.stateful), tuple(maker.sinks), tuple(rows))


class _Ledger:
    def __init__(
        self,
        job: Declared,
        surviving: Effective,
        readings: Readings,
        visible: Mapping[str, Sequence[VisibleRow]],
        *,
        seen: bool,
        final: bool,
    ) -> None:
        self._hidden = Whereabouts.NEVER if final else Whereabouts.WRITTEN
        self._job, self._surviving, self._readings = job, surviving, readings
        self._known = seen and not surviving.gaps
        self.sinks = job.of_kind("sink")
        self.stateful = [uid for uid, vertex in job.vertices.items() if _holds(vertex.kind)]
        self._tables = [uid for uid in self.sinks if upserts(job.vertices[uid])]
        self._shown = {
            uid: _shown(visible.get(uid, ()), surviving.members, table=uid in self._tables)
            for uid in self.sinks
        }
        self._nameless = [
            uid for uid in self.sinks if any(one is None for one, _ in visible.get(uid, ()))
        ]
        self._taken: dict[str, Counter[RecordId]] = {uid: Counter() for uid in job.vertices}
        self._places: dict[RecordId, dict[Place, None]] = {}

    def follow(self, under_way: Iterable[tuple[int, Buffer]]) -> None:
        """Every record along every edge, as far as it can be read."""
        try:
            if self._known:
                self._follow(under_way)
        except (ValueError, TypeError, LookupError):
            self._known, self._places = False, {}

    def _follow(self, under_way: Iterable[tuple[int, Buffer]]) -> None:
        moving: dict[int, Counter[bytes]] = {}
        for number, buffer in under_way:
            moving.setdefault(number, Counter()).update(map(pack, buffer.ids()))
        for vertex in self._job.in_topological_order():
            sent: dict[RecordId, None] = {}
            for edge in self._job.edges:
                if edge.upstream == vertex.vertex and vertex.kind != "writer":
                    sent |= dict.fromkeys(self._along(edge, moving.get(edge.edge, Counter())))
            if vertex.kind != "source":
                self._stay(vertex.vertex, sent)

    def _along(self, edge: EdgeDeclared, moving: Mapping[bytes, int]) -> Iterator[RecordId]:
        """What was sent there. Between the living, what is neither taken nor moving is lost."""
        packed: dict[bytes, Lineage] = {}
        sent = self._count(edge, Motion.SENT, packed)
        taken = self._count(edge, Motion.TAKEN, packed)
        took = self._taken[edge.downstream]
        for name, lineage in packed.items():
            for record in self._sources(lineage):
                took[record] = max(took[record], taken[name])
                if moving.get(name) or (self._readings.dead and sent[name] > taken[name]):
                    self._at(record, Whereabouts.MOVING, edge.downstream)
                elif sent[name] > taken[name]:
                    self._at(record, Whereabouts.LOST, edge.upstream)
                yield record

    def _count(
        self, edge: EdgeDeclared, motion: Motion, packed: dict[bytes, Lineage]
    ) -> Counter[bytes]:
        """How often each id moved; of a broadcast, to the one that has it most often."""
        total: Counter[bytes] = Counter()
        for buffers in self._surviving.on(motion, edge).values():
            here: Counter[bytes] = Counter()
            for lineage in (one for buffer in buffers for one in buffer.ids()):
                name = pack(lineage)
                packed[name] = lineage
                here[name] += 1
            total = total | here if edge.partitioner == "broadcast" else total + here
        return total

    def _stay(self, uid: str, sent: Mapping[RecordId, None]) -> None:
        """What a vertex took and did not send on."""
        kind, took = self._job.vertices[uid].kind, self._taken[uid]
        late = [each for one in self._surviving.late_at(uid) for each in self._sources(one)]
        for record in late:
            took[record] = 0
            if record not in sent:
                self._at(record, Whereabouts.LATE, uid)
        for record, count in took.items():
            if not count or record in sent:
                continue
            for sink in self._committers_of(uid) if kind == "writer" else (uid,):
                if kind not in ("writer", "sink"):
                    word = Whereabouts.HELD if _holds(kind) else Whereabouts.LEFT_OUT
                    self._at(record, word, uid)
                elif count > self._shown[sink][record] and sink not in self._tables:
                    self._at(record, self._hidden, sink)

    def _committers_of(self, uid: str) -> list[str]:
        return [edge.downstream for edge in self._job.edges if edge.upstream == uid]

    def _sources(self, lineage: Lineage) -> tuple[RecordId, ...]:
        return sources_of(self._surviving.members, lineage)

    def _at(self, record: RecordId, word: Whereabouts, uid: str) -> None:
        self._places.setdefault(record, {})[word, uid] = None

    # -- record by record

    def rows_of(self, partition: PartitionDeclared) -> Iterator[LineageRow]:
        """One a record, by offset."""
        uid = partition.vertex
        try:
            log = [row for row, _ in self._job.records_of(partition)]
        except ValueError:  # its contents were not recorded
            log = [()] * partition.record_count
        read = self._readings.counted(partition)
        kept = self._surviving.offsets_of(uid, partition.partition)
        goes_on_at, survives = self._readings.goes_on_at(partition, kept), dict.fromkeys(kept)
        for offset, row in enumerate(log):
            record = RecordId(uid, partition.partition, offset)
            for sink in self.sinks:
                if self._shown[sink][record]:
                    self._at(record, Whereabouts.PUBLIC, sink)
            if offset >= goes_on_at:
                self._at(record, Whereabouts.AGAIN if read[offset] else Whereabouts.LOG, uid)
            elif record not in self._places:
                word = Whereabouts.LOST if offset in survives else Whereabouts.SKIPPED
                self._at(record, word if self._known else Whereabouts.UNKNOWN, uid)
            yield LineageRow(
                record,
                partition.label,
                row,
                read[offset],
                tuple(self._taken[one][record] if self._known else None for one in self.stateful),
                tuple(
                    None if one in self._nameless else self._shown[one][record]
                    for one in self.sinks
                ),
                tuple(sorted(self._places[record], key=lambda place: _ORDER[place[0]])),
            )


def _holds(kind: str) -> bool:
    return kind in FOLDS and bool(FOLDS[kind].held)


def _shown(rows: Iterable[VisibleRow], members: Members, *, table: bool) -> Counter[RecordId]:
    """How often the public sees a record: as often as the row made of it that it sees most often.

    In a table a repeated row stands in place of the first.
    """
    ids = {pack(lineage): lineage for lineage, _ in rows if lineage is not None}
    counts = Counter(pack(lineage) for lineage, _ in rows)
    found: Counter[RecordId] = Counter()
    for name, lineage in ids.items():
        for record in sources_of(members, lineage):
            found[record] = max(found[record], 1 if table else counts[name])
    return found
