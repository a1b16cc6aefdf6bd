"""The cut ledger: does the picture add up? Integers only, a few for each channel and checkpoint.

Channels are FIFO and count. `sent` is what the upstream's snapshot has put in, `received` what the
downstream's has taken out; the rest must be in flight and stored, which aligned checkpoints never
need. This shows *before any crash* which records would go wrong after one. Needs FLOW events.
Source: consistent cuts after Chandy and Lamport; trust.md 1.1.
"""

from __future__ import annotations

from typing import ClassVar

from bandviz.check.book import Book, Fate, Lane
from bandviz.check.cuts import Crossing
from bandviz.check.declared import Declared
from bandviz.check.verdict import Violation
from bandviz.events import Entry, Event
from bandviz.events.checkpoint import AlignmentCompleted, SnapshotTaken
from bandviz.ids import CheckpointId, SubtaskId


class Ledger:
    """Settles each cut as soon as both ends of a channel are in the picture."""

    HEARS: ClassVar[tuple[type[Event], ...]] = (AlignmentCompleted, SnapshotTaken)

    def __init__(self, job: Declared, book: Book) -> None:
        self._job = job
        self._book = book
        self.violations: list[Violation] = []

    def observe(self, entry: Entry) -> None:
        """Call it after the book has noted the entry."""
        event = entry.event
        if isinstance(event, AlignmentCompleted):
            self._settle(entry, event.subtask, event.checkpoint_id, unaligned=True)
        elif isinstance(event, SnapshotTaken):
            self._settle(entry, event.subtask, event.checkpoint_id, unaligned=False)
            self._report(entry, "source_offset", self._offset_fault(event))

    def _settle(
        self, entry: Entry, subtask: SubtaskId, checkpoint_id: CheckpointId, *, unaligned: bool
    ) -> None:
        """An unaligned cut is known when all barriers are at the receiver, an aligned one, and any
        within a task, when both ends have taken their snapshots. Nobody stores what is in flight
        for one that was given up.
        """
        if unaligned and self._book.fate_of(checkpoint_id) == Fate.ABORTED.value:
            return
        for lane in self._book.lanes.values():
            taken = self._book.snapshots.get((lane.downstream, checkpoint_id))
            ends = (lane.downstream,) if unaligned else (lane.upstream, lane.downstream)
            if not lane.fifo:
                continue  # counting needs the order; `network` asks for single transfers
            overtakes = taken is not None and taken.unaligned and not lane.chained
            if subtask in ends and taken is not None and overtakes == unaligned:
                fault = cut_fault(lane, checkpoint_id, at_least_once=self._job.at_least_once)
                self._report(entry, "cut_ledger", fault)

    def _report(self, entry: Entry, rule: str, sentence: str) -> None:
        if sentence:
            self.violations.append(Violation.of(rule, entry, sentence))

    def _offset_fault(self, event: SnapshotTaken) -> str:
        """Of every partition that it reads or names; nothing if its state is not in the event."""
        vertex = self._job.vertices.get(event.subtask.vertex)
        if vertex is None or vertex.kind != "source" or not event.state:
            return ""
        offsets = self._book.offsets_at(event.subtask, event.checkpoint_id)
        reads = {
            partition: offset
            for (subtask, partition), offset in self._book.next_offset.items()
            if subtask == event.subtask
        }
        for partition, read in (dict.fromkeys(offsets, 0) | reads).items():
            offset = offsets.get(partition)
            if offset != read:
                says = "does not name it" if offset is None else f"says {offset}"
                return (
                    f"checkpoint {event.checkpoint_id}: {event.subtask} has read up to offset "
                    f"{read} of partition {partition}, its snapshot {says}"
                )
        return ""


def cut_fault(lane: Lane, checkpoint_id: CheckpointId, *, at_least_once: bool = False) -> str:
    """What is wrong with this channel's part of the cut; empty if nothing is, or not yet known.

    gap = in flight - orphans - held, where held records are in flight and stored. > 0: so many
    records would be lost by a restore; < 0: applied twice, which at-least-once allows. A barrier
    that does not stand where the upstream's snapshot was taken is reported as well, for then the
    two ends cut at different places even if the numbers agree.
    """
    sent, received = lane.sent.get(checkpoint_id), lane.received.get(checkpoint_id)
    if sent is None or received is None:
        return ""
    held = lane.held.get(checkpoint_id, 0)
    crossing = Crossing(sent, received)
    gap = len(crossing.in_flight) - len(crossing.orphans) - held
    if gap < 0 and at_least_once:
        return ""
    if gap:
        in_flight = f", stored in flight {held}" if held else ""
        fate = f"{gap} would be lost" if gap > 0 else f"{-gap} would be applied twice"
        return (
            f"checkpoint {checkpoint_id}, {lane}: records sent before the cut {sent}, "
            f"received before it {received}{in_flight}; after a restore {fate}"
        )
    kept = lane.buffers(lane.kept.get(checkpoint_id, []))
    if held and sorted(kept) != (on_their_way := lane.holding(crossing.in_flight)):
        return (
            f"checkpoint {checkpoint_id}, {lane}: stored in flight are positions {kept}, "
            f"on their way were {on_their_way}"
        )
    position = lane.barriers.get(checkpoint_id)
    if position is None or lane.before(position) == sent:
        return ""
    return (
        f"checkpoint {checkpoint_id}, {lane}: the barrier stands behind "
        f"{lane.before(position)} records, the snapshot was taken after {sent}"
    )
