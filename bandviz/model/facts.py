"""What is known of a run at one instant: plain values that reducers write and selectors read.

Two rules keep `copy` cheap. What changes with every record (`Subtask`, `Channel`, `Tape`, `Board`,
`Transaction`, `Job`) is mutable and copied. What changes rarely (`Element`, `Part`, `Checkpoint`)
is frozen and replaced, so that copies share it. Packed values stay packed until a view wants them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from enum import Flag, auto
from typing import Any, NamedTuple

from bandviz.events.checkpoint import CheckpointFailureReason
from bandviz.events.coordinator import SnapshotKind
from bandviz.events.flow import EndKind, StallReason
from bandviz.events.job import JobStatus, RunStatus
from bandviz.events.structure import (
    ChannelDeclared,
    EdgeDeclared,
    PartitionDeclared,
    RunDeclared,
    SubtaskDeclared,
    TaskManagerDeclared,
    VertexDeclared,
)
from bandviz.ids import ChannelId, CheckpointId, SubtaskId, TransactionId
from bandviz.model.views import (
    NO_CHECKPOINT,
    NO_TEXT,
    NOT_LATE,
    CheckpointStatus,
    LateCounts,
    MarkView,
    PartPhase,
    SubtaskStatus,
    TransactionStatus,
)
from bandviz.text import SafeText

StateKey = tuple[bytes, int]
"""(packed key, window start or -1)."""

TimerKey = tuple[bytes, str, int]
"""(packed key, time domain, time in ms)."""

NO_TRANSACTION = TransactionId(0)

IN_ALBUM = (
    CheckpointStatus.IN_PROGRESS,
    CheckpointStatus.COMPLETE,
    CheckpointStatus.DAMAGED,
    CheckpointStatus.SAVEPOINT,
    CheckpointStatus.FORGOTTEN,
)
"""Checkpoints that people see: those begun, and those kept."""


class Dirty(Flag):
    """Regions of a screen that an entry may have changed."""

    NOTHING = 0
    STRUCTURE = auto()
    JOB = auto()
    SUBTASKS = auto()
    CHANNELS = auto()
    TAPES = auto()
    CHECKPOINTS = auto()
    BOARDS = auto()
    TIME = auto()
    """The marks on the time row; the clock itself moves with every entry."""
    EVERYTHING = STRUCTURE | JOB | SUBTASKS | CHANNELS | TAPES | CHECKPOINTS | BOARDS | TIME


class Element(NamedTuple):
    """One element in a channel.

    `kind` as in `ElementView`. `number`: how many records, which checkpoint, the watermark, or
    0 for EndOfData and 1 for EndOfPartition. `values` and `lineage` are packed, empty if not
    recorded.
    """

    kind: str
    number: int
    sent_us: int
    arrive_us: int
    values: bytes = b""
    lineage: bytes = b""
    ahead: bool = False
    """A barrier that overtakes what was put in before it."""
    persisted: CheckpointId = NO_CHECKPOINT
    """Data that is part of this checkpoint, in flight."""
    announced: bool = False
    """A barrier of which the receiver knows, though it is not its turn yet."""
    forced: bool = False
    """A barrier that would overtake, but not on this edge."""


class Part(NamedTuple):
    """A subtask's part in one checkpoint. `arrived`: channels that have delivered their barrier."""

    phase: PartPhase = PartPhase.WAITS_FOR_BARRIER
    arrived: tuple[ChannelId, ...] = ()
    taken: bool = False
    state: bytes = b""
    state_bytes: int = 0
    unaligned: bool = False
    in_flight: int = 0
    """Records in flight that belong to it; of an account, the money on its way to it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint, from its trigger on; `attempt` is the one that triggered it."""

    checkpoint_id: CheckpointId
    attempt: int
    trigger_us: int
    expected: tuple[SubtaskId, ...]
    parts: dict[SubtaskId, Part]
    kind: SnapshotKind = SnapshotKind.CHECKPOINT
    status: CheckpointStatus = CheckpointStatus.IN_PROGRESS
    reason: CheckpointFailureReason | None = None
    damage: str = ""
    end_us: int | None = None
    checkpointed_bytes: int = 0
    full_bytes: int = 0
    alignment_us: int = 0
    restored_count: int = 0
    acknowledged: tuple[SubtaskId, ...] = ()
    finished: tuple[SubtaskId, ...] = ()

    def with_part(self, subtask: SubtaskId, part: Part) -> Checkpoint:
        """The same with this part."""
        return replace(self, parts={**self.parts, subtask: part})


@dataclass(slots=True)
class Subtask:
    """One execution. `keyed` is its working state; a crash moves it to `had`.

    `duplicate_count`: rows dropped since it was deployed, because their key had been seen.
    """

    declared: SubtaskDeclared
    status: SubtaskStatus = SubtaskStatus.ABSENT
    attempt: int = 0
    stall: StallReason = StallReason.NONE
    watermark_ms: int | None = None
    input_ended: bool = False
    transaction_id: TransactionId = NO_TRANSACTION
    restored: bytes | None = None
    restored_from: CheckpointId | None = None
    failure: tuple[SafeText, ...] = ()
    """Why it, or an earlier attempt of it, failed: a sentence, then where user logic raised."""
    keyed: dict[StateKey, bytes] = field(default_factory=dict)
    had: dict[StateKey, bytes] = field(default_factory=dict)
    timers: dict[TimerKey, None] = field(default_factory=dict)
    duplicate_count: int = 0
    late: LateCounts = NOT_LATE
    idle: bool = False
    paused_count: int = 0
    """Partitions that wait for slower sources."""
    deployed_us: int = 0
    """When this attempt began: checkpoints from before are none of its."""

    def copy(self) -> Subtask:
        """An independent one."""
        return Subtask(
            self.declared, self.status, self.attempt, self.stall, self.watermark_ms,
            self.input_ended, self.transaction_id, self.restored, self.restored_from,
            self.failure, self.keyed.copy(), self.had.copy(), self.timers.copy(),
            self.duplicate_count, self.late, self.idle, self.paused_count,
            self.deployed_us,
        )  # fmt: skip


@dataclass(slots=True)
class Channel:
    """Elements by position; a channel is FIFO over positions, but for barriers that overtake."""

    declared: ChannelDeclared
    blocked_by: CheckpointId = NO_CHECKPOINT
    ended: EndKind | None = None
    lost_record_count: int = 0
    elements: dict[int, Element] = field(default_factory=dict)
    forced: bool = False
    """The last barrier taken out would have overtaken, but not on this edge."""

    def in_order(self) -> list[tuple[int, Element]]:
        """(position, element), the next to be delivered first."""
        return sorted(self.elements.items(), key=lambda item: (not item[1].ahead, item[0]))

    def set_off(self, count: int, sent_us: int, arrive_us: int) -> None:
        """The first of those held at the sender's end are on their way now."""
        held = [position for position, one in self.in_order() if one.arrive_us < 0]
        for position in held[:count]:
            element = self.elements[position]
            self.elements[position] = element._replace(sent_us=sent_us, arrive_us=arrive_us)

    def record_count(self) -> int:
        """Records on their way here."""
        return sum([one.number for one in self.elements.values() if one.kind == "record"])

    def copy(self) -> Channel:
        """An independent one."""
        return Channel(
            self.declared, self.blocked_by, self.ended, self.lost_record_count,
            self.elements.copy(), self.forced,
        )  # fmt: skip


@dataclass(slots=True)
class Tape:
    """How far a source log is read.

    `read_to` is the highest offset that an earlier attempt came to. After a crash `next_offset` is
    None and `crash_offset` says where reading was; from the rewind on `[reread_from, crash_offset)`
    is what has been read before.
    """

    declared: PartitionDeclared
    next_offset: int | None = 0
    read_to: int = 0
    crash_offset: int | None = None
    reread_from: int | None = None

    def replay_end(self) -> int:
        """Offset below which this attempt reads what an earlier one had read; 0 for none."""
        return 0 if self.reread_from is None or self.crash_offset is None else self.crash_offset

    def reads_again(self, offset: int) -> bool:
        """Is it the second reading of this record?"""
        return self.reread_from is not None and self.reread_from <= offset < self.replay_end()

    def replays(self) -> bool:
        """Is the next record one that was read before?"""
        return self.next_offset is not None and self.next_offset < self.replay_end()

    def copy(self) -> Tape:
        """An independent one."""
        return Tape(
            self.declared, self.next_offset, self.read_to, self.crash_offset, self.reread_from
        )


@dataclass(slots=True)
class Transaction:
    """A transaction that is not committed; `tally` counts its rows by their first column."""

    transaction_id: TransactionId
    subtask: SubtaskId
    status: TransactionStatus = TransactionStatus.OPEN
    row_count: int = 0
    checkpoint_id: CheckpointId = NO_CHECKPOINT
    orphan: bool = False
    tally: dict[SafeText, int] = field(default_factory=dict)

    def copy(self) -> Transaction:
        """An independent one."""
        return Transaction(
            self.transaction_id, self.subtask, self.status, self.row_count, self.checkpoint_id,
            self.orphan, self.tally.copy(),
        )  # fmt: skip


@dataclass(slots=True)
class Board:
    """What the public sees of a sink: a count, a tally and the newest rows, never all of them.

    `held_count` rows are committed, but readers wait for an older transaction (`waits_for`).
    `written_count` and `written_tally`: what a `read_uncommitted` reader has seen. A sink that
    upserts has a `table` instead: its rows by key, the newest last; `key_places`: columns of the
    key.
    """

    sink: str
    topic: str
    contract: str
    public_count: int = 0
    last_rows: tuple[Any, ...] = ()
    tally: dict[SafeText, int] = field(default_factory=dict)
    held_count: int = 0
    waits_for: TransactionId = NO_TRANSACTION
    written_count: int = 0
    written_tally: dict[SafeText, int] = field(default_factory=dict)
    key_places: tuple[int, ...] = ()
    table: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def copy(self) -> Board:
        """An independent one."""
        return Board(
            self.sink, self.topic, self.contract, self.public_count, self.last_rows,
            self.tally.copy(), self.held_count, self.waits_for, self.written_count,
            self.written_tally.copy(), self.key_places, self.table.copy(),
        )  # fmt: skip


@dataclass(slots=True)
class Job:
    """The job as a whole, and figures over the whole run. `lost_attempt`: whose crash `lost` is."""

    status: JobStatus = JobStatus.CREATED
    attempt: int = 1
    failed: tuple[SubtaskId, ...] = ()
    lost_managers: tuple[str, ...] = ()
    """TaskManagers that went down in the present failure."""
    latest_completed: CheckpointId = NO_CHECKPOINT
    restart_due_us: int | None = None
    restored_from: CheckpointId | None = None
    restored_us: int | None = None
    restored_tasks: tuple[SubtaskId, ...] = ()
    """They came back; none: all did."""
    run: RunStatus | None = None
    reads: int = 0
    rereads: int = 0
    lost: int = 0
    lost_attempt: int = 0
    moved_groups: int = 0
    """Key groups that got another owner in the last rescaling."""
    leaderless: bool = False
    queued_count: int = 0
    refused_count: int = 0
    refusal: SafeText = NO_TEXT
    failed_in_a_row: int = 0
    too_many_failed: int = 0
    storage_locked: bool = False
    process: int = 1
    """Which process runs the job: one more for each that was lost."""
    sees_records: bool = False
    """The recording holds single records, so that keyed state is known between snapshots."""

    def copy(self) -> Job:
        """An independent one."""
        return Job(*[getattr(self, one.name) for one in fields(self)])


@dataclass(slots=True)
class RunFacts:
    """Everything known. Dicts are in the order of declaration, which is that of the graph."""

    run: RunDeclared | None = None
    step: int = 0
    time_us: int = 0
    job: Job = field(default_factory=Job)
    vertices: dict[str, VertexDeclared] = field(default_factory=dict)
    edges: dict[int, EdgeDeclared] = field(default_factory=dict)
    inputs: dict[SubtaskId, tuple[ChannelId, ...]] = field(default_factory=dict)
    subtasks: dict[SubtaskId, Subtask] = field(default_factory=dict)
    channels: dict[ChannelId, Channel] = field(default_factory=dict)
    tapes: dict[tuple[str, int], Tape] = field(default_factory=dict)
    rows: dict[tuple[str, int], tuple[tuple[int, bytes], ...]] = field(default_factory=dict)
    checkpoints: dict[CheckpointId, Checkpoint] = field(default_factory=dict)
    transactions: dict[TransactionId, Transaction] = field(default_factory=dict)
    committed: set[TransactionId] = field(default_factory=set)
    boards: dict[str, Board] = field(default_factory=dict)
    marks: list[MarkView] = field(default_factory=list)
    task_managers: dict[str, TaskManagerDeclared] = field(default_factory=dict)

    def tapes_of(self, subtask: SubtaskId) -> list[Tape]:
        """The partitions that a source subtask reads, in order."""
        return [tape for tape in self.tapes.values() if tape.declared.subtask == subtask]

    def upstream(self, channel: ChannelId) -> SubtaskId:
        """The sender of a channel."""
        return self.channels[channel].declared.upstream

    def downstream(self, channel: ChannelId) -> SubtaskId:
        """The receiver of a channel."""
        return self.channels[channel].declared.downstream

    def leads(self, subtask: SubtaskId) -> bool:
        """It is the first operator of its task, or the only one: no chained channel leads to it."""
        return not any(self.channels[one].declared.chained for one in self.inputs.get(subtask, ()))

    def tasks(self, subtasks: Iterable[SubtaskId]) -> tuple[SubtaskId, ...]:
        """The tasks that these operators run in, each by its first one, if that is among them."""
        return tuple(name for name in subtasks if self.leads(name))

    def region(self, subtask: SubtaskId) -> tuple[SubtaskId, ...]:
        """All that channels connect with it, itself included: they fail and restart together."""
        found = [subtask]
        for name in found:  # grows while it is walked
            for channel in self.channels.values():
                ends = channel.declared.upstream, channel.declared.downstream
                if name in ends:
                    found += [end for end in ends if end not in found]
        return tuple(found)

    def board_of(self, subtask: SubtaskId) -> Board | None:
        """Where the rows of a sink, or of the writing half of one, come to stand."""
        own = self.boards.get(subtask.vertex)
        if own is not None:
            return own
        below = [edge.downstream for edge in self.edges.values() if edge.upstream == subtask.vertex]
        return next((self.boards[name] for name in below if name in self.boards), None)

    @property
    def is_network(self) -> bool:
        """Whether accounts are here, and not the operators of a job."""
        return any(vertex.kind == "account" for vertex in self.vertices.values())

    def kind(self, subtask: SubtaskId) -> str:
        """Kind of the subtask's operator."""
        return self.vertices[subtask.vertex].kind
