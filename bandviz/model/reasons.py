"""Why things happen: the rule behind each event, with Flink's name for it. Every event has one."""

from __future__ import annotations

from typing import Final

from bandviz.events import (
    Event,
    checkpoint,
    coordinator,
    flow,
    job,
    keyed,
    rescaling,
    sink,
    structure,
    time,
)
from bandviz.events.checkpoint import BarrierKind
from bandviz.model.facts import RunFacts

_STRUCTURE: Final = (
    "Before the run its plan is fixed: a JobGraph of operators becomes an ExecutionGraph of "
    "parallel subtasks with channels between them. Later facts only name these parts."
)
_ELEMENT: Final = (
    "Records travel in buffers, in line with watermarks and barriers; a channel keeps their order. "
    "In Flink it is a result subpartition with its input channel. What is on its way lives in "
    "memory and is in no aligned checkpoint."
)
_END: Final = (
    "A bounded source sends EndOfData, which flushes all windows, and after the final checkpoint "
    "EndOfPartition, which closes the channel. Flink calls this checkpoints after tasks finished "
    "(FLIP-147)."
)
_CANCEL: Final = (
    "A task that gives a checkpoint up sends a CancelCheckpointMarker down every output. It takes "
    "the place of the barrier, so that those below stop aligning instead of waiting for ever."
)
_CRASH: Final = (
    "Subtasks joined by pipelined edges form one failover region and restart together: their "
    "states fit together only in a checkpoint. Flink calls it region failover; with a shuffle the "
    "region is the whole job."
)
_RESCALING: Final = (
    "A key belongs to a key group for ever, and a subtask owns a contiguous range of groups. With "
    "another parallelism only the ranges change, so state moves in blocks. Flink fixes the number "
    "of groups, the max parallelism, at the first run."
)
_BARRIER: Final = (
    "A checkpoint barrier splits a channel into before and after. It is never overtaken and "
    "overtakes nothing while barriers are aligned, so all channels together are cut consistently "
    "(after Chandy and Lamport)."
)
_UNALIGNED: Final = (
    "An unaligned barrier does not wait in line: under back-pressure it overtakes queued data, and "
    "the snapshot takes that data along. With an aligned time-out a checkpoint begins aligned and "
    "turns unaligned when it takes too long."
)
_FORCED: Final = (
    "Forced aligned: this barrier would overtake, but not on this edge. Data in flight is part of "
    "a checkpoint only where a restore can share it out anew; on forward and broadcast edges, and "
    "inside a sink, it cannot. So it stands in line here (Flink's FORCED_ALIGNED)."
)
_WATERMARK: Final = (
    "A watermark says: no record with an older event time should follow. A task takes the minimum "
    "over its channels. Watermarks are in no snapshot; after a restore they start from the "
    "beginning."
)
_TIMER: Final = (
    "A timer is keyed state: one for a key, a time domain and a time, however often it is set. It "
    "stands in every snapshot by key group, so a restore brings it back. Flink keeps them in the "
    "InternalTimerService."
)
_TWO_PHASE: Final = (
    "Two-phase commit ties output to checkpoints: pre-commit at the snapshot, commit when the "
    "checkpoint is complete. In Flink: TwoPhaseCommitSinkFunction, or writer and committer of a "
    "transactional sink."
)
_ABORT: Final = (
    "The coordinator gives up a pending checkpoint when it expires, is declined, or the job fails. "
    "Flink names each case by a CheckpointFailureReason; only some of them count as failures. The "
    "job goes on from complete checkpoints only."
)

_IDLE: Final = (
    "With WatermarkStrategy.withIdleness a source that reads nothing for a while is marked idle. "
    "A WatermarkStatus travels in the stream; gates leave idle channels out of their minimum."
)
REASONS: Final[dict[type[Event], str]] = {
    structure.RunDeclared: _STRUCTURE,
    structure.VertexDeclared: _STRUCTURE,
    structure.EdgeDeclared: _STRUCTURE,
    structure.SubtaskDeclared: _STRUCTURE,
    structure.TaskManagerDeclared: (
        "A TaskManager is a process with slots. Flink shares a slot among operators: slot i holds "
        "subtask i of each, so one lost process takes a slice of every operator with it."
    ),
    structure.ChannelDeclared: _STRUCTURE,
    structure.PartitionDeclared: _STRUCTURE,
    structure.PartitionRowsDeclared: (
        "A source log keeps its records; reading does not remove them. Only such a replayable "
        "source lets a job go back. In practice it is a Kafka topic partition or a file."
    ),
    job.JobStatusChanged: (
        "A job is CREATED, RUNNING, RESTARTING, FAILED or FINISHED (Flink's JobStatus). While it "
        "is RESTARTING no task runs and no checkpoint can be triggered."
    ),
    job.FaultInjected: (
        "Faults are moves of the run like any other, so a run with faults can be repeated exactly. "
        "In a cluster the same comes from a lost TaskManager or a damaged disk."
    ),
    job.SubtaskFailed: _CRASH,
    job.SubtaskCanceled: _CRASH,
    job.ChannelCleared: _CRASH,
    job.SubtaskDeployed: (
        "A restart makes new executions; no object of the old attempt is used again. Flink counts "
        "them as attempts of an ExecutionVertex."
    ),
    job.SubtaskFinished: _END,
    job.ProcessLost: (
        "With high availability a new JobManager finds the job and its latest checkpoint in a "
        "durable store and starts all tasks anew. Here that store is the run's journal on disk."
    ),
    job.RestartScheduled: (
        "The restart strategy decides whether and when there is another attempt. Flink knows fixed "
        "delay, failure rate and exponential delay; the last is its default with checkpoints."
    ),
    job.RestoreStarted: (
        "A restore takes the latest completed checkpoint, for all tasks the same one. That makes "
        "state, source offsets and promised output fit together. With none, the job starts empty."
    ),
    job.CheckpointRefused: (
        "Every stored file is verified by length and checksum before it is used. Flink would fail "
        "the restore here; falling back to the older checkpoint is this laboratory's "
        "simplification."
    ),
    job.SubtaskRestored: (
        "Operator and keyed state are read back before the first record is taken. Flink calls the "
        "stored pieces state handles; working state lives in the state backend."
    ),
    job.SourceRewound: (
        "A source's offset is part of the checkpoint, so state and reading place go back together. "
        "Records are processed again; only their effect is exactly once. A consumer group's offset "
        "in the broker is never used for this."
    ),
    job.ChoiceDiverged: (
        "A run is the list of its choices. When a stored choice is not possible any more, the "
        "engine or the scenario has changed since the recording."
    ),
    job.RunEnded: (
        "A run ends when the job has finished or failed for good, or when no move is left. A stuck "
        "run is a finding, not an end."
    ),
    rescaling.VertexRescaled: _RESCALING,
    rescaling.KeyGroupsAssigned: _RESCALING,
    checkpoint.CheckpointTriggered: (
        "The CheckpointCoordinator in the JobManager opens a pending checkpoint and tells only the "
        "sources. All others learn of it by barriers in the stream. No task stops for it."
    ),
    checkpoint.CheckpointTriggerRefused: (
        "A trigger is skipped while a task does not run, while another checkpoint is pending, or "
        "within the minimal pause. Flink's settings are max-concurrent-checkpoints and min-pause."
    ),
    checkpoint.BarrierEmitted: _BARRIER,
    checkpoint.BarrierArrived: _BARRIER,
    checkpoint.BarrierAnnounced: _UNALIGNED,
    checkpoint.BarrierOvertook: _UNALIGNED,
    checkpoint.InFlightPersisted: (
        "Data that a barrier has overtaken would be in no snapshot: the sender's holds what it has "
        "sent, the receiver's what it has read. So it is stored as channel state, and put back "
        "into the channel by a restore."
    ),
    checkpoint.InFlightRestored: (
        "Channel state goes back into the channels before anything new: first what the receivers "
        "had not read, then what the senders had not sent. Consumers start when all of it is there."
    ),
    checkpoint.AlignmentTimedOut: _UNALIGNED,
    flow.ElementsSent: (
        "A receiver grants credit for each free buffer; without credit, data waits in the sender's "
        "output queue. That is Flink's credit-based flow control, and the way back-pressure "
        "travels upstream."
    ),
    checkpoint.BarrierIgnored: (
        "A task works for one checkpoint at a time. Barriers of an older or finished one are "
        "dropped and the channel is resumed at once."
    ),
    checkpoint.AlignmentStarted: (
        "Aligned means: the first barrier opens the alignment, the last one closes it. Flink shows "
        "the time between as alignment duration. With one input there is nothing to align."
    ),
    checkpoint.ChannelBlocked: (
        "A channel that delivered its barrier is not read until all open channels have. Otherwise "
        "records from behind the barrier would get into the snapshot and be counted again after a "
        "restore: that is Flink's AT_LEAST_ONCE mode."
    ),
    checkpoint.ChannelUnblocked: (
        "When the alignment ends, by snapshot or by abort, all channels are resumed. Waiting "
        "records stood at the sender's end: Flink's sender stops after the barrier until it gets "
        "credit."
    ),
    checkpoint.AlignmentCompleted: (
        "On the last barrier a task forwards the barrier, then takes its snapshot, then goes on. "
        "No record, timer or watermark runs in between, so the cut is exact."
    ),
    checkpoint.AlignmentAborted: (
        "An alignment ends early when a newer barrier, a cancel marker or an abort overtakes it. "
        "The task then releases its channels and declines the checkpoint."
    ),
    checkpoint.CancelMarkerEmitted: _CANCEL,
    checkpoint.CancelMarkerArrived: _CANCEL,
    checkpoint.SnapshotTaken: (
        "The synchronous part fixes a view of the state at the barrier; it is short. The "
        "asynchronous part stores it while work goes on. Flink reports them as sync and async "
        "duration."
    ),
    checkpoint.UploadCompleted: (
        "A part is durable before its task acknowledges it. Changes of the state during the "
        "upload do not get into it, for the snapshot is a frozen view."
    ),
    checkpoint.SubtaskAcknowledged: (
        "The coordinator counts acknowledgements of all tasks. One missing part and the checkpoint "
        "is worth nothing; it stays pending until it completes or expires."
    ),
    checkpoint.AcknowledgementIgnored: (
        "Acknowledgements that come late, twice or for an unknown checkpoint change nothing. Their "
        "stored parts are deleted."
    ),
    checkpoint.CheckpointCompleted: (
        "A checkpoint is complete when all tasks have acknowledged and its metadata file is "
        "stored, which is written last. Only then are the tasks notified, and only then may sinks "
        "commit."
    ),
    checkpoint.CheckpointAborted: _ABORT,
    checkpoint.CheckpointDiscarded: (
        "Only a number of completed checkpoints is retained (num-retained, 1 by default in Flink). "
        "The oldest goes when a newer one is complete."
    ),
    checkpoint.CompletionNotified: (
        "notifyCheckpointComplete is a message, not a guarantee: it may be lost in a crash. "
        "Therefore a restore commits again what its checkpoint promised."
    ),
    checkpoint.GroupOffsetCommitted: (
        "Offsets are committed to the broker when a checkpoint completes, as a courtesy to "
        "monitoring. Flink's restore takes offsets from the checkpoint alone."
    ),
    coordinator.SnapshotRequested: (
        "Savepoints are taken on demand, through the same barriers. Flink 1.15 and later neither "
        "restores an intermediate savepoint by itself nor commits output for it; stop-with-"
        "savepoint does commit."
    ),
    coordinator.CheckpointRequestQueued: (
        "At most max-concurrent-checkpoints are in progress, 1 by default. Other requests queue: "
        "savepoints first, then user requests, then periodic ones."
    ),
    coordinator.ToleranceExceeded: (
        "Only five reasons count as failures: no place in storage, upload failed, declined, "
        "expired, not finalised. More in a row than tolerable-failed-checkpoints (0 by default) "
        "fail the job over; a success sets the counter to zero."
    ),
    coordinator.CoordinatorCrashed: (
        "The CheckpointCoordinator lives in the JobManager and holds its book in memory. Tasks "
        "that lose their JobManager are cancelled."
    ),
    coordinator.CoordinatorRecovered: (
        "High-availability services keep a pointer to completed checkpoints and the id counter "
        "outside the JobManager, in ZooKeeper or Kubernetes. The state itself stays in the "
        "checkpoint storage."
    ),
    coordinator.NotificationLost: (
        "notifyCheckpointComplete is best effort: it may be lost, or come late. An abort message "
        "carries the latest completed id, and a task drops what is not newer than the last one."
    ),
    flow.SourcePolled: (
        "A source reads on from its offset and remembers the next one. The offset is its whole "
        "state, and small enough to be in every checkpoint."
    ),
    flow.RecordsEmitted: _ELEMENT,
    flow.RecordsDelivered: _ELEMENT,
    flow.BufferSent: _ELEMENT,
    flow.WatermarkEmitted: _WATERMARK,
    flow.WatermarkDelivered: _WATERMARK,
    flow.WatermarkAdvanced: _WATERMARK,
    flow.SubtaskStalled: (
        "A task stands still when it has no input, when all channels with input are blocked, or "
        "when an output is full. The last is back-pressure: it spreads upstream, and barriers "
        "wait in line with the records."
    ),
    flow.InputEnded: _END,
    flow.EndEmitted: _END,
    flow.EndArrived: _END,
    flow.RecordRead: (
        "A record is known by where it came from: source, partition, offset. A second reading has "
        "the same name, so it can be recognised."
    ),
    flow.RecordApplied: (
        "Keyed state belongs to the key of the record and is kept by key groups. It changes with "
        "each record and is safe only in a completed checkpoint."
    ),
    flow.WindowFired: (
        "An event-time window fires when the watermark passes its last millisecond; its state is "
        "dropped then, or after the allowed lateness. No clock is asked, so a replay fires the "
        "same windows."
    ),
    flow.RecordRefused: (
        "User logic that catches its own errors keeps a bad record from failing the task, over and "
        "over, at each replay. In Flink one writes it into a side output, often called a dead "
        "letter queue."
    ),
    flow.LateRecordDropped: (
        "A record behind the watermark of its window is late. With no allowed lateness it is "
        "dropped; Flink counts it as numLateRecordsDropped."
    ),
    keyed.TimerRegistered: _TIMER,
    keyed.TimerDeleted: _TIMER,
    keyed.TimerFired: (
        "An event-time timer fires when the watermark has passed it, one of processing time when "
        "the clock has; one that came due during an outage fires right after the restore. Flink "
        "calls onTimer of the KeyedProcessFunction, with the key set."
    ),
    keyed.StateDropped: (
        "Keyed state has to be given up some day, or it grows for ever. User logic clears it, or a "
        "cleanup timer does: a join forgets a row once the watermark says that no partner can come."
    ),
    keyed.DuplicateDropped: (
        "A keyed state remembers each key that was seen, for as long as its time to live lasts "
        "(StateTtlConfig). What the state has forgotten, or lost without a checkpoint, counts as "
        "new."
    ),
    time.LateRecordAdmitted: (
        "A window is kept until the watermark has passed its end by the allowed lateness. A record "
        "that comes until then is added, and the window fires at once with the whole result so far."
    ),
    time.LateRecordDiverted: (
        "With sideOutputLateData, records that came too late leave by a side output, as they came. "
        "Without it they are dropped and counted as numLateRecordsDropped."
    ),
    time.PartitionIdleChanged: _IDLE,
    time.IdlenessChanged: _IDLE,
    time.PartitionPauseChanged: (
        "Watermark alignment (withWatermarkAlignment) has nothing to do with barriers. Operators "
        "keep what came too early until the slowest input has caught up: a source that waits keeps "
        "that state small. It still takes part in checkpoints."
    ),
    time.WatermarkStatusEmitted: _IDLE,
    time.WatermarkStatusDelivered: _IDLE,
    time.WindowsMerged: (
        "Each record opens a session of its own, as long as the gap; sessions of a key that touch "
        "become one. Their states are merged too, and the timers of the old ones are deleted."
    ),
    sink.ProducerFenced: (
        "A new attempt registers the same transactional id and gets a higher epoch; the broker "
        "then refuses the old producer. This is zombie fencing: without it two attempts could "
        "write."
    ),
    sink.TransactionOpened: _TWO_PHASE,
    sink.TransactionPreCommitted: _TWO_PHASE,
    sink.TransactionCommitted: (
        "Commit follows the completed checkpoint and must succeed in the end. It may run twice, "
        "after a crash between the two, so it is idempotent. Readers use read_committed."
    ),
    sink.TransactionAborted: (
        "Transactions that no restored checkpoint promises are aborted: by the sink if its state "
        "names them, else by fencing. Their rows are written again in the replay."
    ),
    sink.TransactionExpired: (
        "The outside system runs on a clock of its own. It aborts a transaction that outlives its "
        "time-out, pre-committed or not: if outage and checkpoint together take longer, data is "
        "lost although the checkpoint completed."
    ),
    sink.CommitRefused: (
        "After pre-commit, commit must eventually succeed. A sink function fails on a refusal, "
        "unless it ignores failures of transactions older than their time-out. A committer tells "
        "apart: retry later, already committed, known failure (dropped), unknown failure."
    ),
    sink.WriteRefused: (
        "A fenced or expired producer is refused by the broker, so a zombie of an old attempt can "
        "do no harm. In Kafka: ProducerFencedException."
    ),
    sink.CommittablesCollected: (
        "The writer names what is to be committed before it sends the barrier, on an edge that is "
        "never unaligned. A batch that is incomplete when its checkpoint completes is an error. In "
        "Flink: CommittableSummary and CommittableWithLineage."
    ),
    sink.ReadersHeld: (
        "A read_committed reader sees nothing beyond the oldest open transaction of the partition: "
        "the last stable offset. A lingering transaction therefore stalls readers until it is "
        "decided or expires."
    ),
    sink.RowsVisible: (
        "Rows are public once committed, or at once in a sink without transactions. The second "
        "kind is at-least-once after a crash, however exact the state is."
    ),
    sink.FileRenamed: (
        "The file sink writes in-progress files, makes them pending at the barrier, renames them "
        "when the checkpoint is complete: two-phase commit with a file system. In Flink: FileSink, "
        "rolling on checkpoint."
    ),
    sink.RowsUpserted: (
        "An idempotent sink writes by key: repeating a write changes nothing. It is exactly-once "
        "in its final contents without transactions, but intermediate contents may go back in time."
    ),
    sink.RowsWritten: (
        "Rows in an open transaction are on disk, but a read_committed reader stops before them. A "
        "read_uncommitted reader would see them, and see some of them again."
    ),
}


def reason(model: RunFacts, event: Event) -> str:
    """The rule behind an event that the model has applied: that of its kind of barrier, if the
    event is about one that does not simply stand in line, else that of its type.
    """
    match event:
        case checkpoint.BarrierEmitted(kind=BarrierKind.UNALIGNED):
            return _UNALIGNED
        case checkpoint.BarrierEmitted(kind=BarrierKind.FORCED_ALIGNED):
            return _FORCED
        case checkpoint.BarrierArrived() | checkpoint.ChannelBlocked() if model.channels[
            event.channel
        ].forced:
            return _FORCED
        case checkpoint.AlignmentStarted() if any(
            model.channels[channel].forced for channel in model.inputs[event.subtask]
        ):
            return _FORCED
    return REASONS[type(event)]
