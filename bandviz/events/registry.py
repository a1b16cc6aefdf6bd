"""Tags of the events: one line each. A tag is never reused; a recording packs by it.

The vocabulary is the wire format: a new field goes to the end and gets a default in `trace.upcast`.
"""

from __future__ import annotations

from typing import Final

from bandviz.events import checkpoint, flow, job, keyed, sink, structure
from bandviz.events.base import Event

TAGS: Final[dict[type[Event], int]] = {
    structure.RunDeclared: 1,
    structure.VertexDeclared: 2,
    structure.EdgeDeclared: 3,
    structure.SubtaskDeclared: 4,
    structure.ChannelDeclared: 5,
    structure.PartitionDeclared: 6,
    structure.PartitionRowsDeclared: 7,
    job.JobStatusChanged: 10,
    job.FaultInjected: 11,
    job.SubtaskFailed: 12,
    job.SubtaskCanceled: 13,
    job.SubtaskDeployed: 14,
    job.SubtaskFinished: 15,
    job.ChannelCleared: 16,
    job.RestartScheduled: 17,
    job.RestoreStarted: 18,
    job.CheckpointRefused: 19,
    job.SubtaskRestored: 20,
    job.SourceRewound: 21,
    job.ChoiceDiverged: 22,
    job.RunEnded: 23,
    checkpoint.CheckpointTriggered: 30,
    checkpoint.CheckpointTriggerRefused: 31,
    checkpoint.BarrierEmitted: 32,
    checkpoint.BarrierArrived: 33,
    checkpoint.BarrierIgnored: 34,
    checkpoint.AlignmentStarted: 35,
    checkpoint.ChannelBlocked: 36,
    checkpoint.ChannelUnblocked: 37,
    checkpoint.AlignmentCompleted: 38,
    checkpoint.AlignmentAborted: 39,
    checkpoint.CancelMarkerEmitted: 40,
    checkpoint.CancelMarkerArrived: 41,
    checkpoint.SnapshotTaken: 42,
    checkpoint.UploadCompleted: 43,
    checkpoint.SubtaskAcknowledged: 44,
    checkpoint.AcknowledgementIgnored: 45,
    checkpoint.CheckpointCompleted: 46,
    checkpoint.CheckpointAborted: 47,
    checkpoint.CheckpointDiscarded: 48,
    checkpoint.CompletionNotified: 49,
    checkpoint.GroupOffsetCommitted: 50,
    flow.SourcePolled: 60,
    flow.RecordsEmitted: 61,
    flow.RecordsDelivered: 62,
    flow.WatermarkEmitted: 63,
    flow.WatermarkDelivered: 64,
    flow.WatermarkAdvanced: 65,
    flow.SubtaskStalled: 66,
    flow.InputEnded: 67,
    flow.EndEmitted: 68,
    flow.EndArrived: 69,
    flow.RecordRead: 70,
    flow.BufferSent: 71,
    flow.RecordApplied: 72,
    flow.WindowFired: 73,
    flow.LateRecordDropped: 74,
    sink.ProducerFenced: 80,
    sink.TransactionOpened: 81,
    sink.TransactionPreCommitted: 82,
    sink.TransactionCommitted: 83,
    sink.TransactionAborted: 84,
    sink.RowsVisible: 85,
    sink.RowsWritten: 86,
    structure.TaskManagerDeclared: 140,
    keyed.TimerRegistered: 170,
    keyed.TimerDeleted: 171,
    keyed.TimerFired: 172,
    keyed.StateDropped: 173,
    keyed.DuplicateDropped: 174,
}

BY_TAG: Final[dict[int, type[Event]]] = {tag: kind for kind, tag in TAGS.items()}
BY_NAME: Final[dict[str, type[Event]]] = {kind.__name__: kind for kind in TAGS}
