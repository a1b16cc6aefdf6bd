"""What a view may know: plain values that selectors make from the model, and nothing else.

Words stay out of here where a view can choose them; text that comes from data has passed the door
(`SafeText`). Times are virtual microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from bandviz.events.flow import EndKind, StallReason
from bandviz.events.job import JobStatus, RunStatus
from bandviz.ids import ChannelId, CheckpointId, SubtaskId, TransactionId
from bandviz.text import SafeText

Pairs = tuple[tuple[SafeText, SafeText], ...]
"""(name, value) in a stable order, such as (("cats", "3"), ("dogs", "2"))."""

NO_CHECKPOINT = CheckpointId(0)
NO_TEXT: Final = SafeText("")


class SubtaskStatus(Enum):
    """Where an execution is."""

    ABSENT = "absent"
    RUNNING = "running"
    FAILED = "failed"
    CANCELED = "canceled"
    FINISHED = "finished"


class PartPhase(Enum):
    """How far a subtask is with one checkpoint."""

    WAITS_FOR_BARRIER = "waits for a barrier"
    ALIGNING = "aligning"
    UPLOADING = "uploading"
    DURABLE = "durable"
    ACKNOWLEDGED = "acknowledged"
    TOLD = "knows that it is complete"
    NOT_TOLD = "was not told that it is complete"


class CheckpointStatus(Enum):
    """Fate of a checkpoint."""

    IN_PROGRESS = "in progress"
    COMPLETE = "complete"
    ABORTED = "aborted"
    DISCARDED = "discarded"
    DAMAGED = "damaged"
    SAVEPOINT = "savepoint"
    """Complete, but the user's: no restore takes it by itself."""
    FORGOTTEN = "forgotten"
    """Complete on disk, but no coordinator knows of it."""


class TransactionStatus(Enum):
    """Fate of a transaction."""

    OPEN = "open"
    PRE_COMMITTED = "pre-committed"
    COMMITTED = "committed"
    ABORTED = "aborted"
    EXPIRED = "expired"


STATEFUL: Final = (
    "aggregate", "window", "reduce", "process", "deduplicate", "interval_join", "window_join",
    "broadcast", "account",
)  # fmt: skip
"""Kinds of operators whose working state is shown by key."""

TIMED: Final = ("window", "interval_join", "window_join")
"""Those of them that keep a key's entries by time; the others have one for each key."""


@dataclass(frozen=True, slots=True)
class PartView:
    """A subtask's part in one checkpoint. `waits_for`: upstream subtasks whose barrier is missing.

    `contents` is empty until the snapshot is taken, and `None` if the recording holds no contents.
    """

    checkpoint_id: CheckpointId
    phase: PartPhase
    waits_for: tuple[SubtaskId, ...]
    contents: Pairs | None
    state_bytes: int
    unaligned: bool = False
    """Taken when the first barrier was here: barriers overtook."""
    in_flight: int = 0
    """Records that were overtaken and are part of it."""


@dataclass(frozen=True, slots=True)
class TransactionView:
    """`tally` counts its rows by their first column, in order of first appearance."""

    transaction_id: TransactionId
    sink: str
    status: TransactionStatus
    row_count: int
    tally: tuple[tuple[SafeText, int], ...]
    checkpoint_id: CheckpointId
    """Checkpoint under which it was pre-committed; 0 before that."""
    orphan: bool = False
    """Its writer died before a checkpoint promised it: it can never become visible."""


class LateCounts(NamedTuple):
    """Late records of one attempt, by what became of them."""

    admitted: int = 0
    """In time for the allowed lateness: their windows fired again."""
    diverted: int = 0
    """To a side output."""
    dropped: int = 0


NOT_LATE: Final = LateCounts()


@dataclass(frozen=True, slots=True)
class SubtaskView:
    """One box. After a crash the working parts are empty and `had` tells what was lost."""

    subtask: SubtaskId
    kind: str
    sole: bool
    """The only subtask of its vertex: views may leave the index out."""
    status: SubtaskStatus
    attempt: int
    stall: StallReason
    offsets: tuple[tuple[SafeText, int], ...]
    """Sources: (partition label, next offset)."""
    state: Pairs
    """Keyed operators: at most 50 entries; `state_count` is the true number."""
    state_count: int
    had: Pairs
    had_offsets: tuple[tuple[SafeText, int], ...]
    transaction: TransactionView | None
    watermark_ms: int | None
    part: PartView | None
    """Its part in the newest checkpoint of this attempt that was not aborted."""
    restored_from: CheckpointId | None
    """Set from the second attempt on; 0 = started empty."""
    restored: Pairs | None
    task_manager: SafeText | None = None
    """The process that it runs in; None if the run declares none."""
    late: LateCounts = NOT_LATE
    idle: bool = False
    """Its watermark counts for nobody: nothing comes."""
    contract: str = ""
    """Of a sink."""
    failure: SafeText = NO_TEXT
    """Why it, or an earlier attempt of it, went down last: `attempt 1: killed, ...`."""
    duplicate_count: int = 0
    """Rows of this attempt whose key had been seen."""
    key_groups: tuple[int, int] | None = None
    """First and last of those that a keyed operator owns here."""
    timer_count: int = 0
    next_timer: SafeText = NO_TEXT
    """When the earliest is due."""
    paused_count: int = 0
    """Partitions of a source that wait for slower sources."""


@dataclass(frozen=True, slots=True)
class ElementView:
    """One element in a channel. `kind`: record, barrier, watermark, status, cancel or end.

    `arrive_us` is -1 while it waits at the sender's end. `replay`: its source record was read
    before. `label`: one or two characters; `text`: the whole value, for the inspector.
    `sent_us`: when it set off, or was put in if it still waits.
    """

    position: int
    kind: str
    label: SafeText
    text: SafeText
    checkpoint_id: CheckpointId
    count: int
    replay: bool
    sent_us: int
    arrive_us: int
    ahead: bool = False
    """A barrier that overtakes."""
    persisted: CheckpointId = NO_CHECKPOINT
    """The checkpoint that this element, overtaken, is part of; 0: none."""
    announced: bool = False
    """A barrier that waits for its turn, and the receiver knows of it."""
    forced: bool = False
    """A barrier that would overtake, but not on this edge: forced aligned."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One channel, elements in FIFO order: the first is the next to be delivered."""

    channel: ChannelId
    upstream: SubtaskId
    downstream: SubtaskId
    partitioner: str
    blocked_by: CheckpointId
    """Checkpoint whose alignment holds this channel back; 0 = open."""
    elements: tuple[ElementView, ...]
    lost_record_count: int
    """Records that the last crash dropped here; 0 once the job runs again."""
    ended: EndKind | None = None
    """The last end that came: after that of the partition no barrier is awaited."""
    forced: bool = False
    """The last barrier that came was forced aligned."""
    chained: bool = False
    """Both ends are in one task: it is a call."""
    fifo: bool = True
    """False: elements are in the order of sending, and may come in another."""


@dataclass(frozen=True, slots=True)
class TapeView:
    """A source log on disk. Offsets count from 0; `next_offset` is the next to be read.

    After a crash `crash_offset` is where reading had come to; until the restore `next_offset` is
    None. During replay `[reread_from, crash_offset)` is what is read a second time.
    """

    label: SafeText
    source: str
    partition: int
    records: tuple[SafeText, ...]
    texts: tuple[SafeText, ...]
    """Short labels (one or two characters) and whole values of all records."""
    next_offset: int | None
    cuts: tuple[tuple[CheckpointId, int], ...]
    """Checkpoints in progress or retained, with their offset, oldest first."""
    crash_offset: int | None
    reread_from: int | None


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A page of the album. `parts`: (subtask, contents or None), in the order of the graph.

    A part is None while it is not taken yet.
    """

    checkpoint_id: CheckpointId
    status: CheckpointStatus
    reason: SafeText
    trigger_us: int
    end_us: int | None
    checkpointed_bytes: int
    alignment_us: int
    restored_count: int
    acknowledged: tuple[SubtaskId, ...]
    expected: tuple[SubtaskId, ...]
    """Tasks, each by its first operator."""
    parts: tuple[tuple[SubtaskId, Pairs | None], ...]
    unaligned: tuple[SubtaskId, ...] = ()
    """They took their snapshots before all barriers were there."""
    in_flight: tuple[tuple[SubtaskId, int], ...] = ()
    """Subtasks with records in their part that were on their way, and how many."""
    finished: tuple[SubtaskId, ...] = ()
    """They had ended before, and count as acknowledged."""
    is_savepoint: bool = False
    full_bytes: int = 0
    """With the files that it shares with older ones."""
    told_count: int = 0
    """Subtasks that have heard that it is complete."""
    money: tuple[int, int] | None = None
    """Of a network: what balances and channels in it add up to, and what there is."""


@dataclass(frozen=True, slots=True)
class BoardView:
    """A sink's topic as the public sees it, and what is not visible yet or never will be."""

    sink: str
    topic: SafeText
    contract: str
    fields: tuple[SafeText, ...]
    public_count: int
    tally: tuple[tuple[SafeText, int], ...]
    last_rows: tuple[tuple[SafeText, ...], ...]
    """The newest public rows, newest last, at most 20."""
    hidden: tuple[TransactionView, ...]
    """Open and pre-committed transactions, then lost ones with rows; oldest first."""
    held_count: int = 0
    """Committed rows that readers cannot reach: they wait for transaction `waits_for`."""
    waits_for: int = 0
    written_count: int = 0
    written_tally: tuple[tuple[SafeText, int], ...] = ()
    """What a `read_uncommitted` reader has seen, aborted rows included; needs single records."""


@dataclass(frozen=True, slots=True)
class JobView:
    """The JobManager's line. `reread_count` of `reread_total` source records were read again."""

    status: JobStatus
    attempt: int
    failed: tuple[SubtaskId, ...]
    in_progress: CheckpointView | None
    """The newest of them."""
    latest_completed: CheckpointId
    restart_due_us: int | None
    restored_from: CheckpointId | None
    restored_us: int | None
    reread_count: int
    reread_total: int
    run: RunStatus | None
    running_count: int = 0
    """Subtasks that live: after a failure, those of other regions."""
    moved_groups: int = 0
    """Key groups that got another owner in the last rescaling."""
    also_in_progress: tuple[CheckpointId, ...] = ()
    """Older ones."""
    leaderless: bool = False
    """The JobManager is dead, and there is no other yet."""
    queued_count: int = 0
    """Requests for a checkpoint that wait for their turn."""
    refused_count: int = 0
    refusal: SafeText = NO_TEXT
    """Requests for a checkpoint that came to nothing since the last trigger, and why the last."""
    failed_in_a_row: int = 0
    """Failed checkpoints since the last that completed, of the reasons that count."""
    tolerable_count: int = 0
    restored_tasks: int = 0
    """So many came back in the last restore; 0: all."""
    too_many_failed: int = 0
    """So many failed in a row, more than are tolerated, that the job restarts."""
    storage_locked: bool = False
    """The checkpoint storage takes no writes."""
    lost_managers: tuple[SafeText, ...] = ()
    """TaskManagers that went down in the present failure."""
    is_network: bool = False
    """Accounts that take snapshots by themselves: there is no JobManager."""


@dataclass(frozen=True, slots=True)
class MarkView:
    """A mark on the time row: T1 triggered, C1 complete, A1 aborted, X failure, R1 restored, ! some
    other fault.
    """

    time_us: int
    text: str
    step: int


@dataclass(frozen=True, slots=True)
class CountsView:
    """Figures that captions and questions speak of, over the whole run so far."""

    records_total: int
    """Records on all source logs."""
    reads: int
    reread: int
    lost_in_flight: int
    """Records on their way at the last crash."""
    visible: int
    restarts: int


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """One name whose value at the snapshot is not the one of now; None = it was or is not there."""

    name: SafeText
    then: SafeText | None
    now: SafeText | None


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """A subtask's part of one retained checkpoint. `contents` None: not recorded.

    `differences` tells what a restore from it would change; empty too if nothing would.
    """

    checkpoint_id: CheckpointId
    status: CheckpointStatus
    contents: Pairs | None
    state_bytes: int
    differences: tuple[DifferenceView, ...]


class LogicView(NamedTuple):
    """An expression of user logic, and its tree, indented: node and value on the next row."""

    text: SafeText
    tree: Pairs


@dataclass(frozen=True, slots=True)
class InspectorView:
    """Everything about one subtask. `now` is its working state, whatever its kind."""

    view: SubtaskView
    now: Pairs
    inputs: tuple[ChannelView, ...]
    outputs: tuple[ChannelView, ...]
    snapshots: tuple[SnapshotView, ...]
    """Newest first."""
    timers: Pairs = ()
    """Those that have not fired: key and moment, the earliest first."""
    failure: tuple[SafeText, ...] = ()
    """Its last failure: a sentence, then where user logic raised, the innermost call last."""
    logic: tuple[LogicView, ...] = ()
    """Expressions that it evaluates."""


@dataclass(frozen=True, slots=True)
class TaskManagerView:
    """A process with the subtasks in its slots; `running` are those that live now.

    In a process that is not `lost`, none may run either: they were stopped with those of others.
    """

    name: SafeText
    subtasks: tuple[SubtaskId, ...]
    running: tuple[SubtaskId, ...]
    lost: bool = False
