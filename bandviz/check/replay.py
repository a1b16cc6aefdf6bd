"""Replay of every subtask by a fold of the judge's own, along with the run.

Each buffer that a subtask takes, each watermark, each timer gives certain rows, and it must send
just these. A snapshot must hold what the fold holds. A restore goes back to the fold as it was at
the snapshot, so what stays in the end is the effective history. Needs RECORD events; a subtask that
cannot be followed is *blind*, with the reason, and accuses nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from bandviz.check.compare import canonical
from bandviz.check.declared import Declared
from bandviz.check.effective import Buffer, Effective, Motion, Place
from bandviz.check.folds import FOLDS
from bandviz.check.folds.base import (
    WATERMARK_MAX,
    WATERMARK_MIN,
    Fold,
    Item,
    Made,
    Members,
    Site,
)
from bandviz.check.task import Frozen, Task
from bandviz.check.verdict import Violation
from bandviz.events import Entry, Event, flow, job, keyed, time
from bandviz.events import checkpoint as ck
from bandviz.events.structure import ChannelDeclared, EdgeDeclared
from bandviz.events.values import pack, unpack
from bandviz.functions.process import TimeDomain
from bandviz.ids import ChannelId, CheckpointId, RecordId, SubtaskId

UNSEEN = "a snapshot that it was restored from is not in the recording"
UNRECORDED = "a buffer of it was not recorded"


@dataclass(frozen=True, slots=True)
class Line:
    """A channel as it was declared; `port`: ordinal of its edge among the receiver's inputs;
    `chained`: what is sent is taken by the same call.
    """

    edge: int
    port: int
    upstream: SubtaskId
    downstream: SubtaskId
    chained: bool


class Replay:
    """Hears every entry after the job and the book have noted it."""

    def __init__(self, declared: Declared) -> None:
        self.violations: list[Violation] = []
        self.faults: dict[str, int] = {}
        self._job = declared
        self._tasks: dict[SubtaskId, Task] = {}
        self._generation = 0
        self._widths: dict[tuple[str, CheckpointId], int] = {}
        self._shared: dict[str, int] = {}
        self._lines: dict[ChannelId, Line] = {}
        self._edges: dict[int, EdgeDeclared] = {}
        self._outputs: dict[SubtaskId, dict[int, list[ChannelId]]] = {}
        self._logs: dict[tuple[str, int], list[Item]] = {}
        self.members: Members = {}
        self._contents: dict[tuple[ChannelId, int], Buffer] = {}
        self._unseen: dict[tuple[ChannelId, int], None] = {}
        self._marks: dict[tuple[ChannelId, int], int] = {}
        self._frozen: dict[tuple[SubtaskId, CheckpointId], Frozen] = {}
        self._acting: dict[SubtaskId, None] = {}
        self._fresh: dict[SubtaskId, None] = {}
        self._entry: Entry
        self._now_us = 0
        self.notes: dict[type[Event], Callable[[Any], None]] = {
            EdgeDeclared: self._edge_declared,
            ChannelDeclared: self._channel_declared,
            job.SubtaskDeployed: self._deployed,
            job.SubtaskFailed: self._gone,
            job.SubtaskCanceled: self._gone,
            job.SubtaskRestored: self._restored,
            flow.SourcePolled: self._polled,
            flow.RecordRead: self._read,
            flow.RecordsEmitted: self._emitted,
            flow.BufferSent: self._sent,
            flow.RecordsDelivered: self._delivered,
            flow.WatermarkEmitted: self._watermark_emitted,
            flow.WatermarkDelivered: self._watermark_delivered,
            time.WatermarkStatusEmitted: self._status_emitted,
            time.WatermarkStatusDelivered: self._status_delivered,
            flow.EndArrived: self._ended,
            keyed.TimerFired: self._fired,
            flow.LateRecordDropped: self._dropped,
            time.LateRecordDiverted: self._turned_away,
            ck.CheckpointTriggered: self._triggered,
            ck.SnapshotTaken: self._snapshot,
            ck.CheckpointDiscarded: self._discarded,
        }

    def observe(self, entry: Entry) -> None:
        """Take the next entry. Raises what unreadable contents raise."""
        self._entry, self._now_us = entry, entry.time_us
        note = self.notes.get(type(entry.event))
        if note is not None:
            note(entry.event)

    def effective(self) -> Effective:
        """The effective history by now."""
        found = Effective(self._job, self.members)
        for subtask, task in self._tasks.items():
            gap = f"{subtask} cannot be followed: {task.blind}" if task.blind else ""
            found.add(subtask, task.page, gap)
        return found

    def cut(self, checkpoint_id: CheckpointId, subtasks: Collection[SubtaskId] = ()) -> Effective:
        """Histories of these subtasks (none: all) as a checkpoint has them, of all others as they
        are.
        """
        found = Effective(self._job, self.members)
        back = dict.fromkeys(subtasks)
        for subtask, task in self._tasks.items():
            if back and subtask not in back:
                found.add(subtask, task.page, task.blind)
        for (subtask, taken), frozen in self._frozen.items():
            if taken == checkpoint_id and (not back or subtask in back):
                found.add(subtask, frozen.page, frozen.blind)
        return found

    def surviving(self, checkpoint_id: CheckpointId) -> Effective:
        """The effective history; of subtasks that are dead, what this checkpoint has of them."""
        dead = self.dead()
        return self.cut(checkpoint_id, dead) if dead else self.effective()

    def dead(self) -> list[SubtaskId]:
        """Those that no attempt runs now."""
        ends = [end for one in self._lines.values() for end in (one.upstream, one.downstream)]
        return [name for name in dict.fromkeys(ends) if name not in self._tasks]

    def under_way(self) -> Iterator[tuple[int, Buffer]]:
        """What is in channels between two that live, each with its edge."""
        for (channel, _), buffer in self._contents.items():
            line = self._lines[channel]
            if line.upstream in self._tasks and line.downstream in self._tasks:
                yield line.edge, buffer

    def lying_at(self, channel: ChannelId, position: int) -> Buffer | int | None:
        """What was put in there and not taken out: records, a watermark, or whether idle; None if
        it was not told.
        """
        place = (channel, position)
        return self._contents.get(place, self._marks.get(place))

    def settle(self, last: Entry) -> None:
        """The step is over with this entry: whoever moved must have sent what its input gives.

        Raises ValueError if what was sent cannot be read.
        """
        self._entry = last
        for channel, _ in self._unseen:
            line = self._lines[channel]
            for end in (line.upstream, line.downstream) if line.chained else (line.upstream,):
                self._lose_sight(self._tasks.get(end), UNRECORDED)
        acting, self._acting, self._fresh, self._unseen = self._acting, {}, {}, {}
        for subtask in acting:
            task = self._tasks.get(subtask)
            if task is not None:
                fault = task.settle(self._edges, self._outputs.get(subtask, {}))
                self._report("replayed_output", subtask, fault)

    def _report(self, rule: str, subtask: SubtaskId, fault: str) -> None:
        if fault:
            self.faults[subtask.vertex] = self.faults.get(subtask.vertex, 0) + 1
            self.violations.append(Violation.of(rule, self._entry, f"{subtask} {fault}"))

    def _acts(self, subtask: SubtaskId) -> Task | None:
        """Who moves in this step; nobody if a crash in the same step has taken it away."""
        self._acting[subtask] = None
        return self._tasks.get(subtask)

    # -- structure and attempts

    def _edge_declared(self, event: EdgeDeclared) -> None:
        self._edges[event.edge] = event

    def _channel_declared(self, event: ChannelDeclared) -> None:
        """A rescaled job declares its graph anew."""
        if event.channel in self._lines:
            self._generation += 1
            self._lines, self._outputs, self._contents = {}, {}, {}
        self._lines[event.channel] = Line(
            event.edge,
            self._job.port_of(event.edge),
            event.upstream,
            event.downstream,
            event.chained,
        )
        if self._job.vertices[event.upstream.vertex].kind == "writer":
            return  # it sends committables, which no fold makes
        by_edge = self._outputs.setdefault(event.upstream, {})
        by_edge.setdefault(event.edge, []).append(event.channel)

    def _deployed(self, event: job.SubtaskDeployed) -> None:
        subtask = event.subtask
        marks = {
            channel: WATERMARK_MIN
            for channel, line in self._lines.items()
            if line.downstream == subtask
        }
        for place in [place for place in self._contents if place[0] in marks]:
            del self._contents[place]
        for place in [place for place in self._marks if place[0] in marks]:
            del self._marks[place]
        self._fresh[subtask] = None
        task = self._tasks[subtask] = Task(None, marks)
        try:
            task.fold = self._fold_of(subtask)
        except Exception as error:  # a function may not fit its input
            task.blind = f"its operator cannot be built: {type(error).__name__} {error}"

    def _fold_of(self, subtask: SubtaskId) -> Fold | None:
        vertex = self._job.vertices[subtask.vertex]
        if vertex.kind in ("source", "writer", "sink"):
            return None
        if vertex.kind not in FOLDS:
            raise ValueError(f"the judge knows no operator of kind {vertex.kind}")
        return FOLDS[vertex.kind](Site(self._job, vertex, unpack(vertex.spec), self.members))

    def _gone(self, event: job.SubtaskFailed | job.SubtaskCanceled) -> None:
        self._tasks.pop(event.subtask, None)

    def _restored(self, event: job.SubtaskRestored) -> None:
        task, (vertex, _) = self._tasks[event.subtask], event.subtask
        if not event.checkpoint_id:
            return
        width = self._job.vertices[vertex].parallelism
        if self._widths.get((vertex, event.checkpoint_id), width) != width:
            self._takes_share(task, event)
            return
        place = (event.subtask, event.checkpoint_id)
        task.thaw(self._frozen.get(place, Frozen(None, None, UNSEEN)))

    def _takes_share(self, task: Task, event: job.SubtaskRestored) -> None:
        """Another parallelism: which keys it owns from now on is told by its state.

        All shares together are the whole. Histories are not shared out: the first goes on from all.
        """
        vertex, index = event.subtask
        parts = [
            frozen
            for (subtask, taken), frozen in self._frozen.items()
            if subtask.vertex == vertex and taken == event.checkpoint_id
        ]
        if index == 0:
            task.turn(Motion.MERGED, (vertex,), tuple(part.page for part in parts))
            self._shared[vertex] = 0
        folds = [part.fold for part in parts if part.fold is not None and not part.blind]
        if task.fold is None:
            return
        whole = sum(fold.size() for fold in folds)
        if len(folds) < len(parts) or (whole and not event.state):
            task.blind = UNSEEN
            return
        sections = dict(unpack(event.state)).values() if event.state else ()
        owned = {
            pack(each[0]) for one in sections if isinstance(one, tuple) for each in one if each
        }
        task.fold.adopt(folds, owned)
        self._shared[vertex] += task.fold.size()
        last = index == self._job.vertices[vertex].parallelism - 1
        if last and task.fold.shares and self._shared[vertex] != whole:
            what = f"and its like hold {self._shared[vertex]} of {whole} entries after rescaling"
            self._report("rescaled_whole", event.subtask, what)

    def _triggered(self, event: ck.CheckpointTriggered) -> None:
        """Who had finished before the checkpoint is a part of it without a snapshot: restored, it
        has its history, and nothing more to do.
        """
        for subtask in event.finished:
            task = self._tasks[subtask]
            empty = self._fold_of(subtask) if task.fold is not None else None
            self._keep(subtask, event.checkpoint_id, Frozen(empty, task.page, task.blind))

    def _keep(self, subtask: SubtaskId, checkpoint_id: CheckpointId, frozen: Frozen) -> None:
        self._frozen[subtask, checkpoint_id] = frozen
        width = self._job.vertices[subtask.vertex].parallelism
        self._widths[subtask.vertex, checkpoint_id] = width

    def _snapshot(self, event: ck.SnapshotTaken) -> None:
        task = self._tasks[event.subtask]
        self._keep(event.subtask, event.checkpoint_id, task.freeze())
        held = task.fold.state() if task.fold and not task.blind else None
        stored = dict(unpack(event.state)) if event.state and held else {}
        known = [name for name in held or () if name in stored]
        if held and canonical({name: held[name] for name in known}) != canonical(
            {name: stored[name] for name in known}
        ):
            what = f"stored another state for checkpoint {event.checkpoint_id} than its input gives"
            self._report("replayed_state", event.subtask, what)

    def _discarded(self, event: ck.CheckpointDiscarded) -> None:
        for place in [place for place in self._frozen if place[1] == event.checkpoint_id]:
            del self._frozen[place]

    def _place(self, channel: ChannelId) -> Place:
        return (self._lines[channel].edge, self._generation, channel)

    # -- records

    def _polled(self, event: flow.SourcePolled) -> None:
        task = self._acts(event.subtask)
        if task is None:
            return
        task.turn(Motion.READ, (event.subtask.vertex, event.partition), (event.offset, event.count))
        try:
            log = self._log(event.subtask.vertex, event.partition)
        except ValueError as error:
            self._lose_sight(task, str(error))
            return
        task.owed += map(Made, log[event.offset : event.offset + event.count])

    def _log(self, vertex: str, partition: int) -> list[Item]:
        if (vertex, partition) not in self._logs:
            self._logs[vertex, partition] = [
                Item(row, time_ms, RecordId(vertex, partition, offset))
                for offset, (row, time_ms) in enumerate(
                    self._job.records_of(self._job.partition_of(vertex, partition))
                )
            ]
        return self._logs[vertex, partition]

    def _read(self, event: flow.RecordRead) -> None:
        log = self._log(event.subtask.vertex, event.partition)
        if pack(log[event.offset].row) != event.value:
            what = f"read offset {event.offset} of partition {event.partition} otherwise than it is"
            self._report("read_as_written", event.subtask, what)

    def _emitted(self, event: flow.RecordsEmitted) -> None:
        """Its contents are still to come, at RECORD level; a very large buffer has none."""
        self._unseen[event.channel, event.position] = None

    def _sent(self, event: flow.BufferSent) -> None:
        """In the step in which it is deployed a sender puts back what had been in flight."""
        buffer = Buffer(event.values, event.lineage, event.times_ms)
        self._contents[event.channel, event.position] = buffer
        self._unseen.pop((event.channel, event.position), None)
        line = self._lines[event.channel]
        task = self._acts(line.upstream)
        if task is not None and line.upstream not in self._fresh:
            task.turn(Motion.SENT, self._place(event.channel), buffer)
            task.sent.append((event.channel, buffer))
        if line.chained:
            self._delivered(event)

    def _delivered(self, event: flow.RecordsDelivered | flow.BufferSent) -> None:
        line = self._lines[event.channel]
        task = self._acts(line.downstream)
        buffer = self._contents.pop((event.channel, event.position), None)
        if task is None:
            return
        if buffer is None:
            self._lose_sight(task, UNRECORDED)
            return
        task.turn(Motion.TAKEN, self._place(event.channel), buffer)
        try:
            items = buffer.items() if task.fold else []
        except ValueError as error:
            self._lose_sight(task, f"what it takes cannot be read: {error}")
            return
        task.take(line.port, items, self._now_us)

    def _lose_sight(self, task: Task | None, why: str) -> None:
        if task is not None and not task.blind:
            task.blind = why

    def _dropped(self, event: flow.LateRecordDropped) -> None:
        task = self._acts(event.subtask)
        if task is not None:
            task.dropped.append(event.lineage)
        self._turned_away(event)

    def _turned_away(self, event: flow.LateRecordDropped | time.LateRecordDiverted) -> None:
        task = self._acts(event.subtask)
        if task is not None:
            task.turn(Motion.LATE, (event.subtask.vertex,), event.lineage)

    def _fired(self, event: keyed.TimerFired) -> None:
        """Event-time timers follow from the watermark; the others are facts of the run."""
        task = self._acts(event.subtask)
        if task is not None and event.domain == TimeDomain.PROCESSING.value:
            self._report("timer_due", event.subtask, task.fire(event, self._now_us))

    # -- event time

    def _watermark_emitted(self, event: flow.WatermarkEmitted) -> None:
        self._marks[event.channel, event.position] = event.watermark_ms

    def _watermark_delivered(self, event: flow.WatermarkDelivered) -> None:
        time_ms = self._marks.pop((event.channel, event.position))
        self._rise(event.channel, time_ms)

    def _status_emitted(self, event: time.WatermarkStatusEmitted) -> None:
        self._marks[event.channel, event.position] = event.idle

    def _status_delivered(self, event: time.WatermarkStatusDelivered) -> None:
        idle = bool(self._marks.pop((event.channel, event.position)))
        self._rest(event.channel, idle=idle)

    def _rest(self, channel: ChannelId, *, idle: bool) -> None:
        task = self._acts(self._lines[channel].downstream)
        if task is not None:
            task.rest(channel, self._now_us, idle=idle)

    def _ended(self, event: flow.EndArrived) -> None:
        if event.kind is flow.EndKind.DATA:
            self._rest(event.channel, idle=False)
            self._rise(event.channel, WATERMARK_MAX)

    def _rise(self, channel: ChannelId, time_ms: int) -> None:
        task = self._acts(self._lines[channel].downstream)
        if task is not None:
            task.rise(channel, time_ms, self._now_us)
