"""Any cut through a run: consistent or not, what is an orphan, what is in flight, what it costs.

A cut is one position a task: so many of its moves are inside. It is consistent if nothing was
received inside that was sent outside. What was sent inside and received outside is in flight and
has to be stored with the state, or a restore loses it. Operators that are chained are one task,
named by the first of them; what one hands to the next by a call is no message.
Source: consistent cuts after Chandy and Lamport; trust.md 1.1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from sys import maxsize
from typing import Any, Final, NamedTuple

from bandviz.errors import TraceError
from bandviz.events import Entry, Event, flow, job, rescaling
from bandviz.events import checkpoint as ck
from bandviz.events.structure import ChannelDeclared, SubtaskDeclared
from bandviz.ids import NO_CHECKPOINT, ChannelId, CheckpointId, SubtaskId

Cut = Mapping[SubtaskId, int]
"""Task -> number of its moves that are inside."""

NEVER: Final = maxsize
"""The ordinal of a move that was not made."""


class Crossing(NamedTuple):
    """A FIFO channel against a cut: how many were sent, and received, inside of it."""

    sent: int
    received: int

    @property
    def in_flight(self) -> range:
        """Those sent inside and received outside, by number from 0."""
        return range(self.received, self.sent)

    @property
    def orphans(self) -> range:
        """Those received inside and sent outside."""
        return range(self.sent, self.received)


@dataclass(slots=True)
class Move:
    """One atomic step of a task: how many records it took, sent and read, what barriers it met.

    `snapshot`: the checkpoint of which it took its part, `barrier`: whose barrier it took (the
    last, if several), 0 for none. `put_back`: so many of those sent were in flight in the
    checkpoint that it was restored from.
    """

    step: int
    time_us: int
    taken: int = 0
    sent: int = 0
    put_back: int = 0
    read: int = 0
    snapshot: CheckpointId = NO_CHECKPOINT
    unaligned: bool = False
    barrier: CheckpointId = NO_CHECKPOINT


@dataclass(slots=True)
class Message:
    """A buffer of records, or a barrier, from the `sent`th move of one task to the `taken`th of
    another, from 0. `number`: of its first record among those of the channel in this attempt.

    `values` and `lineage` (packed lists) are known at RECORD level only.
    """

    channel: ChannelId
    upstream: SubtaskId
    downstream: SubtaskId
    position: int
    sent: int
    taken: int = NEVER
    number: int = 0
    count: int = 0
    checkpoint_id: CheckpointId = NO_CHECKPOINT
    values: bytes = b""
    lineage: bytes = b""


class Finding(NamedTuple):
    """What a cut is worth. `again`: records that sources have read outside, to be read again after
    a restore from it.
    """

    orphans: tuple[Message, ...]
    in_flight: tuple[Message, ...]
    again: int

    @property
    def consistent(self) -> bool:
        """Whether some moment of this run could have looked like that."""
        return not self.orphans

    @property
    def price_records(self) -> int:
        """Records that would have to be stored."""
        return sum(message.count for message in self.in_flight)

    @property
    def price_bytes(self) -> int | None:
        """Their values in packed form; None if they were not recorded."""
        sizes = [len(message.values) for message in self.in_flight]
        return sum(sizes) if all(sizes) else None


class End(NamedTuple):
    """How an attempt of a task ended."""

    step: int
    time_us: int
    failed: bool
    """Itself, not canceled because of another one."""


@dataclass(slots=True)
class History:
    """One task in one attempt. `end` is None while it runs and after it finished well."""

    attempt: int = 0
    begin_us: int = 0
    moves: list[Move] = field(default_factory=list)
    end: End | None = None


@dataclass(slots=True)
class Track:
    """One channel in one attempt; both lists are FIFO."""

    upstream: SubtaskId
    downstream: SubtaskId
    buffers: list[Message] = field(default_factory=list)
    barriers: list[Message] = field(default_factory=list)
    count: int = 0
    taken: int = 0


class SpaceTime:
    """Local histories of the present attempts, and the messages between them.

    Needs FLOW events; without them there are barriers only, and `has_records` is False.
    """

    def __init__(self) -> None:
        self.histories: dict[SubtaskId, History] = {}
        self.tracks: dict[ChannelId, Track] = {}
        self.tasks: dict[SubtaskId, SubtaskId] = {}
        """Operator -> its task."""
        self.has_records = False
        self.stored: Counter[CheckpointId] = Counter()
        """Records in flight that each checkpoint has really stored, by its own events."""
        self.completed: dict[CheckpointId, int] = {}
        """When each one was complete, by the job clock."""
        self._calls: set[ChannelId] = set()
        self._parts: dict[CheckpointId, dict[SubtaskId, int]] = {}
        self._expected: dict[CheckpointId, tuple[SubtaskId, ...]] = {}
        self._notes: dict[type[Event], Callable[[Entry, Any], None]] = {
            SubtaskDeclared: self._declared,
            ChannelDeclared: self._channel_declared,
            rescaling.VertexRescaled: self._rescaled,
            job.SubtaskDeployed: self._deployed,
            job.SubtaskFailed: self._ended,
            job.SubtaskCanceled: self._ended,
            flow.SourcePolled: self._polled,
            flow.RecordsEmitted: self._sent,
            flow.RecordsDelivered: self._taken,
            flow.BufferSent: self._contents,
            ck.CheckpointTriggered: self._triggered,
            ck.BarrierEmitted: self._barrier_sent,
            ck.BarrierArrived: self._barrier_taken,
            ck.SnapshotTaken: self._snapshot_taken,
            ck.InFlightPersisted: self._persisted,
            ck.InFlightRestored: self._restored,
            ck.CheckpointCompleted: self._completed,
        }

    @classmethod
    def at(cls, entries: Iterable[Entry], index: int) -> SpaceTime:
        """The attempts of which entry `index - 1` is part, up to their end.

        Raises TraceError if an entry speaks of something that was never declared.
        """
        found = cls()
        for place, entry in enumerate(entries):
            event = type(entry.event)
            if place >= index and event in (job.SubtaskDeployed, rescaling.VertexRescaled):
                break
            note = found._notes.get(event)
            if note is None:
                continue
            try:
                note(entry, entry.event)
            except KeyError as error:
                raise TraceError(
                    f"step {entry.step}: {event.__name__} speaks of {error!s:.80}, "
                    "which was never declared"
                ) from None
        return found

    # -- cuts

    def judged(self, cut: Cut) -> Finding:
        """What is wrong with a cut, and what it costs."""
        orphans: list[Message] = []
        in_flight: list[Message] = []
        for track in self.tracks.values():
            crossing = Crossing(
                bisect_left(track.buffers, cut[track.upstream], key=attrgetter("sent")),
                bisect_left(track.buffers, cut[track.downstream], key=attrgetter("taken")),
            )
            orphans += [track.buffers[number] for number in crossing.orphans]
            in_flight += [track.buffers[number] for number in crossing.in_flight]
        again = sum(
            move.read
            for task, history in self.histories.items()
            for move in history.moves[cut[task] :]
        )
        return Finding(tuple(orphans), tuple(in_flight), again)

    def cut_at(self, step: int) -> dict[SubtaskId, int]:
        """Everybody at one step of the run, this one included."""
        return {
            task: bisect_right(history.moves, step, key=attrgetter("step"))
            for task, history in self.histories.items()
        }

    @property
    def found(self) -> list[CheckpointId]:
        """Checkpoints whose barriers have cut everybody, in this attempt; oldest first."""
        return [
            number
            for number, parts in self._parts.items()
            if all(task in parts for task in self._expected.get(number, ()))
        ]

    def cut_of(self, checkpoint_id: CheckpointId) -> dict[SubtaskId, int]:
        """The cut that the barriers of this checkpoint found; who had finished is in it whole."""
        parts = self._parts[checkpoint_id]
        return {
            task: parts.get(task, len(history.moves)) for task, history in self.histories.items()
        }

    def finder(self, cut: Cut) -> CheckpointId | None:
        """The newest checkpoint whose barriers found exactly this cut."""
        return next((one for one in reversed(self.found) if self.cut_of(one) == cut), None)

    def instant(self, cut: Cut) -> int | None:
        """The time at which everybody was where the cut puts him; None if there was none."""
        inside = [
            history.moves[cut[task] - 1] for task, history in self.histories.items() if cut[task]
        ]
        last = max(inside, key=attrgetter("step"), default=None)
        return last.time_us if last is not None and self.cut_at(last.step) == cut else None

    def exchanged(self, task: SubtaskId, ordinal: int) -> tuple[list[Message], list[Message]]:
        """What a move took, and what it sent; barriers first."""
        tracks = self.tracks.values()
        messages = [
            *(one for track in tracks for one in track.barriers),
            *(one for track in tracks for one in track.buffers),
        ]
        place = task, ordinal
        taken = [one for one in messages if (one.downstream, one.taken) == place]
        return taken, [one for one in messages if (one.upstream, one.sent) == place]

    # -- structure and attempts

    def _declared(self, _: Entry, event: SubtaskDeclared) -> None:
        self.tasks[event.subtask] = event.subtask
        self.histories[event.subtask] = History()

    def _channel_declared(self, _: Entry, event: ChannelDeclared) -> None:
        ends = event.upstream, event.downstream
        upstream, downstream = (self.tasks.setdefault(one, one) for one in ends)
        for task in (upstream, downstream):
            self.histories.setdefault(task, History())
        if event.chained:
            self._calls.add(event.channel)
            self._join(upstream, downstream)
        else:
            self.tracks[event.channel] = Track(upstream, downstream)

    def _join(self, task: SubtaskId, chained: SubtaskId) -> None:
        """All of the second task runs in the first one; nothing else leads into it."""
        for operator, its_task in self.tasks.items():
            if its_task == chained:
                self.tasks[operator] = task
        for track in self.tracks.values():
            if track.upstream == chained:
                track.upstream = task
        del self.histories[chained]

    def _rescaled(self, _: Entry, event: rescaling.VertexRescaled) -> None:  # noqa: ARG002
        """The graph is declared anew behind this."""
        for declared in (self.histories, self.tracks, self.tasks, self._calls, self._parts):
            declared.clear()

    def _deployed(self, entry: Entry, event: job.SubtaskDeployed) -> None:
        task = self.tasks[event.subtask]
        self.histories[task] = History(event.attempt, entry.time_us)
        for channel, track in self.tracks.items():
            if task in (track.upstream, track.downstream):
                self.tracks[channel] = Track(track.upstream, track.downstream)
        for parts in self._parts.values():
            parts.pop(task, None)

    def _ended(self, entry: Entry, event: job.SubtaskFailed | job.SubtaskCanceled) -> None:
        failed = isinstance(event, job.SubtaskFailed)
        self.histories[self.tasks[event.subtask]].end = End(entry.step, entry.time_us, failed)

    # -- moves

    def _move(self, entry: Entry, task: SubtaskId) -> Move:
        """The move that this entry tells of; what is told of one step is one move."""
        moves = self.histories[task].moves
        if not moves or moves[-1].step != entry.step:
            moves.append(Move(entry.step, entry.time_us))
        return moves[-1]

    def _last(self, task: SubtaskId) -> int:
        return len(self.histories[task].moves) - 1

    def _polled(self, entry: Entry, event: flow.SourcePolled) -> None:
        self._move(entry, self.tasks[event.subtask]).read += event.count
        self.has_records = True

    def _sent(self, entry: Entry, event: flow.RecordsEmitted) -> None:
        if event.channel in self._calls:
            return
        track = self.tracks[event.channel]
        self._move(entry, track.upstream).sent += event.count
        track.buffers.append(
            Message(
                event.channel, track.upstream, track.downstream, event.position,
                self._last(track.upstream), number=track.count, count=event.count,
            )
        )  # fmt: skip
        track.count += event.count
        self.has_records = True

    def _taken(self, entry: Entry, event: flow.RecordsDelivered) -> None:
        track = self.tracks[event.channel]
        self._move(entry, track.downstream).taken += event.count
        if track.taken < len(track.buffers):
            track.buffers[track.taken].taken = self._last(track.downstream)
        track.taken += 1

    def _contents(self, _: Entry, event: flow.BufferSent) -> None:
        if event.channel in self._calls:
            return
        for message in reversed(self.tracks[event.channel].buffers):
            if message.position == event.position:
                message.values, message.lineage = event.values, event.lineage
                return

    # -- barriers

    def _triggered(self, _: Entry, event: ck.CheckpointTriggered) -> None:
        self._parts[event.checkpoint_id] = {}
        self._expected[event.checkpoint_id] = tuple(self.tasks[one] for one in event.expected)

    def _barrier_sent(self, entry: Entry, event: ck.BarrierEmitted) -> None:
        track = self.tracks[event.channel]
        self._move(entry, track.upstream)
        track.barriers.append(
            Message(
                event.channel, track.upstream, track.downstream, event.position,
                self._last(track.upstream), checkpoint_id=event.checkpoint_id,
            )
        )  # fmt: skip

    def _barrier_taken(self, entry: Entry, event: ck.BarrierArrived) -> None:
        track = self.tracks[event.channel]
        self._move(entry, track.downstream).barrier = event.checkpoint_id
        for message in reversed(track.barriers):
            if message.position == event.position:
                message.taken = self._last(track.downstream)
                return

    def _snapshot_taken(self, entry: Entry, event: ck.SnapshotTaken) -> None:
        """What the task sent in this step went ahead of its barrier."""
        task = self.tasks[event.subtask]
        move = self._move(entry, task)
        move.snapshot, move.unaligned = event.checkpoint_id, event.unaligned
        parts = self._parts.setdefault(event.checkpoint_id, {})
        parts[task] = self._last(task) + 1

    def _persisted(self, _: Entry, event: ck.InFlightPersisted) -> None:
        self.stored[event.checkpoint_id] += event.record_count

    def _restored(self, entry: Entry, event: ck.InFlightRestored) -> None:
        upstream = self.tracks[event.channel].upstream
        self._move(entry, upstream).put_back += event.record_count

    def _completed(self, entry: Entry, event: ck.CheckpointCompleted) -> None:
        self.completed[event.checkpoint_id] = entry.time_us
