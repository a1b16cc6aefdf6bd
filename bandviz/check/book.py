"""What the judge remembers of a run: channels, checkpoints, transactions, readings.

Plain bookkeeping, which judges nothing: `rules` read it before an event is noted here, `ledger`
after. Of a protocol it knows only that a new attempt starts with empty channels.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from bandviz.check.declared import Declared
from bandviz.check.upserts import keys_of
from bandviz.events import Event, flow, job, rescaling, sink, time
from bandviz.events import checkpoint as ck
from bandviz.events.coordinator import CoordinatorRecovered, SnapshotKind
from bandviz.events.structure import ChannelDeclared
from bandviz.events.values import unpack
from bandviz.ids import ChannelId, CheckpointId, SubtaskId, TransactionId

NO_CHECKPOINT: Final = CheckpointId(0)


@dataclass(slots=True)
class Lane:
    """One channel in one attempt.

    `waiting`: position -> number of records, of what was put in and not yet taken out (0 for other
    elements). `sent` and `received`: checkpoint -> records counted at the snapshot of either end;
    `held`: records in flight that it stored, `kept` the positions of what was stored. `ahead`:
    positions of barriers that may overtake. `chained`: both ends are in one task, so what is put in
    is taken at once. `capacity`: record buffers that fit. `let_go`: the engine says that it reads
    on, before alignment is over.
    `cleared_step`: when a crash emptied the channel; -1 if none did.
    """

    upstream: SubtaskId
    downstream: SubtaskId
    attempt: int = 0
    chained: bool = False
    fifo: bool = True
    capacity: int = 0
    waiting: dict[int, int] = field(default_factory=dict)
    emitted: int = 0
    delivered: int = 0
    blocked: bool = False
    blocked_at: int = 0
    let_go: bool = False
    ended: bool = False
    cleared_step: int = -1
    barriers: dict[CheckpointId, int] = field(default_factory=dict)
    sent: dict[CheckpointId, int] = field(default_factory=dict)
    received: dict[CheckpointId, int] = field(default_factory=dict)
    held: dict[CheckpointId, int] = field(default_factory=dict)
    kept: dict[CheckpointId, list[int]] = field(default_factory=dict)
    ahead: set[int] = field(default_factory=set)
    _positions: list[int] = field(default_factory=list)
    _totals: list[int] = field(default_factory=lambda: [0])

    def put(self, position: int, count: int = 0) -> None:
        """An element enters."""
        self.waiting[position] = count
        if count:
            self.emitted += count
            self._positions.append(position)
            self._totals.append(self.emitted)
        if self.chained:
            self.take(position)

    def take(self, position: int) -> None:
        """An element leaves."""
        self.delivered += self.waiting.pop(position, 0)

    @property
    def full(self) -> bool:
        """Its sender is held back: there is no room for another buffer."""
        return sum(count > 0 for count in self.waiting.values()) >= self.capacity

    def before(self, position: int) -> int:
        """Records put in ahead of this position."""
        return self._totals[bisect_left(self._positions, position)]

    def holding(self, records: range) -> list[int]:
        """Positions of the buffers that hold these records, by number from 0."""
        first, last = (bisect_left(self._totals, end) for end in (records.start, records.stop))
        return self._positions[first:last]

    def buffers(self, positions: list[int]) -> list[int]:
        """Those of these positions at which records are."""
        records = dict.fromkeys(self._positions)
        return [position for position in positions if position in records]

    def __str__(self) -> str:
        return f"{self.upstream} -> {self.downstream}"


class Fate(Enum):
    """What has become of a checkpoint."""

    PENDING = "pending"
    COMPLETED = "completed"
    ABORTED = "aborted"
    DISCARDED = "discarded"
    REFUSED = "refused as damaged"
    GIVEN_UP = "given up for an older one"


@dataclass(slots=True)
class CheckpointRecord:
    """One checkpoint as the coordinator knows it."""

    expected: tuple[SubtaskId, ...]
    kind: SnapshotKind = SnapshotKind.CHECKPOINT
    fate: Fate = Fate.PENDING
    durable: set[SubtaskId] = field(default_factory=set)
    acknowledged: set[SubtaskId] = field(default_factory=set)


class TransactionFate(Enum):
    """What has become of a transaction. `DEAD`: it belongs to work that a restore has undone."""

    OPEN = "open"
    PRE_COMMITTED = "pre-committed"
    COMMITTED = "committed"
    ABORTED = "aborted"
    DEAD = "undone by a restore"


@dataclass(slots=True)
class TransactionRecord:
    """One transaction; `checkpoint_id` is 0 until it is pre-committed."""

    fate: TransactionFate = TransactionFate.OPEN
    checkpoint_id: CheckpointId = NO_CHECKPOINT
    row_count: int = 0
    subtask: SubtaskId | None = None


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A snapshot as it was taken."""

    attempt: int
    state: bytes
    unaligned: bool = False


class Book:
    """The facts so far."""

    def __init__(self, declared: Declared) -> None:
        self.job = declared
        self.step = 0
        self.lanes: dict[ChannelId, Lane] = {}
        self.checkpoints: dict[CheckpointId, CheckpointRecord] = {}
        self._forgotten: dict[CheckpointId, CheckpointRecord] = {}
        """Known to a coordinator that died, and to no other."""
        self.snapshots: dict[tuple[SubtaskId, CheckpointId], SnapshotRecord] = {}
        self.transactions: dict[TransactionId, TransactionRecord] = {}
        self.tables: dict[str, dict[bytes, None]] = {}
        """Keys that have a row, by table."""
        self.attempts: dict[SubtaskId, int] = {}
        self.stalls: dict[SubtaskId, flow.StallReason] = {}
        """Why those that live and stand still do so, as they say themselves."""
        self.rescaled_at: dict[str, CheckpointId] = {}
        """Vertex -> newest checkpoint triggered before it got another parallelism."""
        self.attempt = 0
        self.restoring: CheckpointId | None = None
        self.restored: dict[SubtaskId, job.SubtaskRestored] = {}
        """What the present attempt of each got back."""
        self.heard: dict[SubtaskId, CheckpointId] = {}
        """Newest checkpoint that the present attempt knows to be complete."""
        self.next_offset: dict[tuple[SubtaskId, int], int] = {}
        self.readings: dict[tuple[str, int], list[tuple[int, int]]] = {}
        """(vertex, partition) -> (first offset, count) of all that any attempt read of it."""
        self._aligning: dict[SubtaskId, CheckpointId] = {}
        self.readers: dict[tuple[str, int], SubtaskId] = {}
        """(source, partition) -> who reads it."""
        self.notes: dict[type[Event], Callable[[Any], None]] = {
            ChannelDeclared: self._channel_declared,
            rescaling.VertexRescaled: self._rescaled,
            job.SubtaskDeployed: self._deployed,
            job.SubtaskFailed: self._stands_no_more,
            job.SubtaskCanceled: self._stands_no_more,
            job.SubtaskFinished: self._stands_no_more,
            job.JobStatusChanged: self._attempt_seen,
            job.RestoreStarted: self._restore_started,
            job.SubtaskRestored: self._restored,
            job.SourceRewound: self._rewound,
            job.ChannelCleared: self._cleared,
            job.CheckpointRefused: lambda event: self._decide(event, Fate.REFUSED),
            flow.SourcePolled: self._polled,
            flow.SubtaskStalled: self._stalled,
            flow.RecordsEmitted: self._put_records,
            flow.WatermarkEmitted: self._put,
            time.WatermarkStatusEmitted: self._put,
            flow.EndEmitted: self._put_end,
            ck.BarrierEmitted: self._put_barrier,
            ck.BarrierOvertook: self._overtook,
            ck.InFlightPersisted: self._persisted,
            ck.CancelMarkerEmitted: self._put,
            flow.RecordsDelivered: self._take,
            flow.WatermarkDelivered: self._take,
            time.WatermarkStatusDelivered: self._take,
            flow.EndArrived: self._take,
            ck.BarrierArrived: self._take,
            ck.CancelMarkerArrived: self._take,
            ck.ChannelBlocked: lambda event: self._block(event, blocked=True),
            ck.ChannelUnblocked: lambda event: self._block(event, blocked=False),
            ck.AlignmentStarted: self._alignment_started,
            ck.AlignmentCompleted: self._alignment_over,
            ck.AlignmentAborted: self._alignment_over,
            ck.CheckpointTriggered: self._triggered,
            ck.SnapshotTaken: self._snapshot_taken,
            ck.UploadCompleted: self._uploaded,
            ck.SubtaskAcknowledged: self._acknowledged,
            ck.CheckpointCompleted: lambda event: self._decide(event, Fate.COMPLETED),
            ck.CheckpointAborted: lambda event: self._decide(event, Fate.ABORTED),
            ck.CheckpointDiscarded: lambda event: self._decide(event, Fate.DISCARDED),
            ck.CompletionNotified: self._hear,
            CoordinatorRecovered: self._recovered,
            job.ProcessLost: self._process_lost,
            sink.TransactionOpened: self._opened,
            sink.TransactionPreCommitted: self._pre_committed,
            sink.TransactionCommitted: lambda event: self._end(event, TransactionFate.COMMITTED),
            sink.TransactionAborted: lambda event: self._end(event, TransactionFate.ABORTED),
            sink.TransactionExpired: lambda event: self._end(event, TransactionFate.ABORTED),
            sink.CommitRefused: self._refused,
        }

    def newest_completed(self) -> CheckpointId:
        """The one a restore has to use: complete, kept and sound; 0 if there is none."""
        usable = [
            n
            for n, record in self.checkpoints.items()
            if record.fate is Fate.COMPLETED and record.kind.is_for_recovery
        ]
        return max(usable, default=NO_CHECKPOINT)

    @property
    def stopped_by(self) -> CheckpointId:
        """The savepoint behind which the job was told to end; 0 if there is none."""
        stops = [
            n
            for n, record in self.checkpoints.items()
            if record.fate is Fate.COMPLETED and record.kind.stops
        ]
        return max(stops, default=NO_CHECKPOINT)

    def fate_of(self, checkpoint_id: CheckpointId) -> str:
        """In a word."""
        record = self.checkpoints.get(checkpoint_id)
        return record.fate.value if record else "unknown"

    def upserted(self, event: sink.RowsUpserted) -> list[bytes]:
        """Keys of these rows; none of a sink that the run has not declared."""
        vertex = self.job.vertices.get(event.sink)
        return keys_of(vertex, unpack(event.rows)) if vertex is not None else []

    def keep(self, event: sink.RowsUpserted) -> None:
        """These keys have a row from now on."""
        self.tables.setdefault(event.topic, {}).update(dict.fromkeys(self.upserted(event)))

    def promised_by(self, subtask: SubtaskId) -> list[TransactionId]:
        """What it has pre-committed for checkpoints that are not complete."""
        newest = self.newest_completed()
        return [
            n
            for n, record in self.transactions.items()
            if record.subtask == subtask
            and record.fate is TransactionFate.PRE_COMMITTED
            and record.checkpoint_id > newest
        ]

    def offsets_at(self, subtask: SubtaskId, checkpoint_id: CheckpointId) -> dict[int, int]:
        """Next offset by partition, as a source's snapshot says; empty for all other subtasks."""
        snapshot = self.snapshots.get((subtask, checkpoint_id))
        if snapshot is None or not snapshot.state:
            return {}
        return dict(dict(unpack(snapshot.state)).get("offsets", {}))

    # -- structure and attempts

    def _channel_declared(self, event: ChannelDeclared) -> None:
        self.lanes[event.channel] = Lane(
            event.upstream,
            event.downstream,
            chained=event.chained,
            fifo=event.fifo,
            capacity=event.capacity_count,
        )

    def _rescaled(self, event: rescaling.VertexRescaled) -> None:
        """The graph is declared anew behind this."""
        self.lanes.clear()
        vertex = event.vertex
        self.next_offset = {k: n for k, n in self.next_offset.items() if k[0].vertex != vertex}
        self.readers = {k: who for k, who in self.readers.items() if k[0] != vertex}
        self.rescaled_at[event.vertex] = max(self.checkpoints, default=NO_CHECKPOINT)

    def _deployed(self, event: job.SubtaskDeployed) -> None:
        self.attempts[event.subtask] = event.attempt
        self.restored.pop(event.subtask, None)
        self.heard.pop(event.subtask, None)
        self._aligning.pop(event.subtask, None)
        for channel, lane in self.lanes.items():
            if event.subtask in (lane.upstream, lane.downstream) and lane.attempt < event.attempt:
                self.lanes[channel] = Lane(
                    lane.upstream,
                    lane.downstream,
                    event.attempt,
                    chained=lane.chained,
                    fifo=lane.fifo,
                    capacity=lane.capacity,
                )

    def _stands_no_more(
        self, event: job.SubtaskFailed | job.SubtaskCanceled | job.SubtaskFinished
    ) -> None:
        self.stalls.pop(event.subtask, None)

    def _stalled(self, event: flow.SubtaskStalled) -> None:
        self.stalls[event.subtask] = event.reason

    def _attempt_seen(self, event: job.JobStatusChanged) -> None:
        self.attempt = max(self.attempt, event.attempt)

    def _restore_started(self, event: job.RestoreStarted) -> None:
        self.attempt = max(self.attempt, event.attempt)
        self.restoring = event.checkpoint_id
        for transaction in self.transactions.values():
            writer = transaction.subtask
            if event.subtasks and writer not in event.subtasks and self._is_there(writer):
                continue  # its writer lives on
            undone = (
                transaction.fate is TransactionFate.PRE_COMMITTED
                and transaction.checkpoint_id > event.checkpoint_id
            )
            if undone or transaction.fate is TransactionFate.OPEN:
                transaction.fate = TransactionFate.DEAD

    def _restored(self, event: job.SubtaskRestored) -> None:
        self.restored[event.subtask] = event
        self._hear(event)

    def _hear(self, event: job.SubtaskRestored | ck.CompletionNotified) -> None:
        """Who is restored from a checkpoint knows that it is complete."""
        newest = self.heard.get(event.subtask, NO_CHECKPOINT)
        self.heard[event.subtask] = max(newest, event.checkpoint_id)

    def _is_there(self, subtask: SubtaskId | None) -> bool:
        """Not a subtask that a rescaling has taken away."""
        return subtask is None or subtask.index < self.job.vertices[subtask.vertex].parallelism

    def _rewound(self, event: job.SourceRewound) -> None:
        self.next_offset[event.subtask, event.partition] = event.to_offset

    def _polled(self, event: flow.SourcePolled) -> None:
        self.next_offset[event.subtask, event.partition] = event.offset + event.count
        place = (event.subtask.vertex, event.partition)
        self.readers.setdefault(place, event.subtask)
        self.readings.setdefault(place, []).append((event.offset, event.count))

    # -- channels

    def _put_records(self, event: flow.RecordsEmitted) -> None:
        """What the step that cuts sends ahead of its barrier is told behind it: FLOW comes last."""
        lane = self.lanes[event.channel]
        lane.put(event.position, event.count)
        for checkpoint_id, position in lane.barriers.items():
            if event.position < position and checkpoint_id in lane.sent:
                lane.sent[checkpoint_id] += event.count

    def _put(
        self, event: flow.WatermarkEmitted | time.WatermarkStatusEmitted | ck.CancelMarkerEmitted
    ) -> None:
        self.lanes[event.channel].put(event.position)

    def _put_barrier(self, event: ck.BarrierEmitted) -> None:
        lane = self.lanes[event.channel]
        lane.put(event.position)
        lane.barriers[event.checkpoint_id] = event.position
        if event.kind is ck.BarrierKind.UNALIGNED:
            lane.ahead.add(event.position)

    def _overtook(self, event: ck.BarrierOvertook) -> None:
        self.lanes[event.channel].ahead.add(event.position)

    def _persisted(self, event: ck.InFlightPersisted) -> None:
        lane, number = self.lanes[event.channel], event.checkpoint_id
        lane.held[number] = lane.held.get(number, 0) + event.record_count
        lane.kept.setdefault(number, []).extend(event.positions)

    def _put_end(self, event: flow.EndEmitted) -> None:
        lane = self.lanes[event.channel]
        lane.put(event.position)
        lane.ended = lane.ended or event.kind is flow.EndKind.PARTITION

    def _take(self, event: Any) -> None:
        self.lanes[event.channel].take(event.position)

    def _cleared(self, event: job.ChannelCleared) -> None:
        self.lanes[event.channel].cleared_step = self.step

    def _block(self, event: ck.ChannelBlocked | ck.ChannelUnblocked, *, blocked: bool) -> None:
        """A channel that is let go while barriers are missing stays blocked till they are not."""
        lane = self.lanes[event.channel]
        lane.let_go = not blocked and self._aligning.get(event.subtask) == event.checkpoint_id
        if not lane.let_go:
            lane.blocked, lane.blocked_at = blocked, lane.barriers.get(event.checkpoint_id, 0)

    def _alignment_started(self, event: ck.AlignmentStarted) -> None:
        self._aligning[event.subtask] = event.checkpoint_id

    def _alignment_over(self, event: ck.AlignmentCompleted | ck.AlignmentAborted) -> None:
        """An abort may name a newer one, of which nothing has come but its end."""
        if self._aligning.get(event.subtask, event.checkpoint_id) > event.checkpoint_id:
            return
        self._aligning.pop(event.subtask, None)
        for lane in self.lanes.values():
            if lane.let_go and lane.downstream == event.subtask:
                lane.blocked = lane.let_go = False

    # -- checkpoints

    def _triggered(self, event: ck.CheckpointTriggered) -> None:
        self._forgotten.pop(event.checkpoint_id, None)
        self.checkpoints[event.checkpoint_id] = CheckpointRecord(event.expected, event.kind)

    def _recovered(self, event: CoordinatorRecovered) -> None:
        """Numbers that the new coordinator will give out again mean nothing any more."""
        for number in [n for n in self.checkpoints if n >= event.next_checkpoint_id]:
            self._forgotten[number] = self.checkpoints.pop(number)

    def _process_lost(self, event: job.ProcessLost) -> None:
        """A person may start from an older checkpoint, or one that a coordinator had forgotten;
        what that costs, the output shows.
        """
        adopted = event.adopted
        if adopted in self._forgotten and adopted not in self.checkpoints:
            self.checkpoints[adopted] = self._forgotten[adopted]
        for number, record in self.checkpoints.items():
            if record.fate is Fate.COMPLETED and event.adopted and number > event.adopted:
                record.fate = Fate.GIVEN_UP

    def _decide(self, event: Any, fate: Fate) -> None:
        record = self.checkpoints.get(event.checkpoint_id)
        if record is not None:
            record.fate = fate

    def _snapshot_taken(self, event: ck.SnapshotTaken) -> None:
        attempt = self.attempts.get(event.subtask, 0)
        self.snapshots[event.subtask, event.checkpoint_id] = SnapshotRecord(
            attempt, event.state, event.unaligned
        )
        for lane in self.lanes.values():
            if lane.upstream == event.subtask:
                lane.sent[event.checkpoint_id] = lane.emitted
            if lane.downstream == event.subtask:
                lane.received[event.checkpoint_id] = lane.delivered
                if lane.ended:
                    lane.sent.setdefault(event.checkpoint_id, lane.emitted)

    def _uploaded(self, event: ck.UploadCompleted) -> None:
        if event.checkpoint_id in self.checkpoints:
            self.checkpoints[event.checkpoint_id].durable.add(event.subtask)

    def _acknowledged(self, event: ck.SubtaskAcknowledged) -> None:
        if event.checkpoint_id in self.checkpoints:
            self.checkpoints[event.checkpoint_id].acknowledged.add(event.subtask)

    # -- transactions

    def _opened(self, event: sink.TransactionOpened) -> None:
        self.transactions[event.transaction_id] = TransactionRecord(subtask=event.subtask)

    def _pre_committed(self, event: sink.TransactionPreCommitted) -> None:
        self.transactions[event.transaction_id] = TransactionRecord(
            TransactionFate.PRE_COMMITTED, event.checkpoint_id, event.row_count, event.subtask
        )

    def _refused(self, event: sink.CommitRefused) -> None:
        if event.fate is sink.CommitFate.DROPPED:
            self._end(event, TransactionFate.ABORTED)

    def _end(self, event: Any, fate: TransactionFate) -> None:
        record = self.transactions.setdefault(event.transaction_id, TransactionRecord())
        record.fate = fate
