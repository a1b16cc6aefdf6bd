"""What a restore is going to cost, told by its cut before anything is replayed.

The cut is every subtask's history up to its snapshot. A channel whose receiver had taken more than
its sender had sent will bring the rest a second time; so will a sink that had shown rows to the
public before its part of the cut was taken. A source that begins at `latest` never reads what it
skips. What these records come to must be just this, in state and output. Source: trust.md 1.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bandviz.check.compare import VisibleRow
from bandviz.check.declared import Declared
from bandviz.check.effective import Effective
from bandviz.check.folds.base import Members, sources_of
from bandviz.events.job import RestoreStarted, SourceRewound
from bandviz.events.values import pack, unpack
from bandviz.ids import Lineage, RecordId

STATELESS: Final = ("source", "map", "filter", "flat_map", "sink", "writer")


class Foretold(NamedTuple):
    """Source records that will be missing, or there more than once, in state or output."""

    lost: frozenset[RecordId]
    duplicated: frozenset[RecordId]


@dataclass(slots=True)
class Foresight:
    """The newest restore. `shown`: rows of each sink that were visible before it."""

    job: Declared
    cut: Effective | None = None
    from_nothing: bool = False
    shown: Mapping[str, int] = field(default_factory=dict)
    begins_at: dict[tuple[str, int], int] = field(default_factory=dict)
    """(vertex, partition) -> first offset that is read, for sources that restart at `latest`."""

    def restore(
        self, event: RestoreStarted, cut: Effective, visible: Mapping[str, Sequence[VisibleRow]]
    ) -> None:
        """A restore has begun."""
        self.cut, self.begins_at = cut, {}
        self.from_nothing = not event.checkpoint_id
        self.shown = {sink: len(rows) for sink, rows in visible.items()}

    def rewound(self, event: SourceRewound) -> None:
        """Where one of its sources goes on."""
        if self.from_nothing and self.job.begins_at_latest(event.subtask.vertex):
            self.begins_at[event.subtask.vertex, event.partition] = event.to_offset

    def foretold(self, visible: Mapping[str, Sequence[VisibleRow]], members: Members) -> Foretold:
        """Nothing if there was no restore."""
        if self.cut is None:
            return Foretold(frozenset(), frozenset())
        skipped = {
            RecordId(vertex, partition, offset)
            for (vertex, partition), first in self.begins_at.items()
            for offset in range(first)
        }
        twice: dict[RecordId, None] = {}
        seen: list[set[RecordId]] = []
        for taken, sent in self.cut.received_ahead():
            twice |= dict.fromkeys(_surplus(taken, sent, members))
        for uid in self.job.of_kind("sink"):
            shown = [one for one, _ in visible.get(uid, [])[: self.shown.get(uid, 0)]]
            if dict(unpack(self.job.vertices[uid].spec)).get("contract") == "append":
                kept = [one for one, _ in self.cut.input_of(uid)]
                twice |= dict.fromkeys(_surplus(shown, kept, members))
            seen.append({one for each in shown if each for one in sources_of(members, each)})
        public = set.intersection(*seen) if seen and not self._remembers() else set()
        return Foretold(frozenset(skipped - public), frozenset(twice) - skipped)

    def _remembers(self) -> bool:
        """Whether what was shown is missing all the same: from the state of somebody."""
        return any(vertex.kind not in STATELESS for vertex in self.job.vertices.values())


def _surplus(
    have: Iterable[Lineage | None], kept: Iterable[Lineage | None], members: Members
) -> Iterator[RecordId]:
    """Sources of what is here and will come again, since the other end does not remember it."""
    packed = {pack(one): one for one in have if one is not None}
    again = Counter(map(pack, have)) - Counter(map(pack, kept))
    for name, lineage in packed.items():
        if again[name] > 0:
            yield from sources_of(members, lineage)
