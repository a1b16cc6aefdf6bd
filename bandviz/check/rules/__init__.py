"""The protocol, rule by rule, as it can be seen from outside.

`RULES` is the whole list: event type -> rules. A rule looks at the book as it stood *before* the
event and answers with a sentence if the event must not be; the empty text means that all is well.
Source: semantics.md 2.1, 3 and 4.1 in our words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bandviz.check.book import Book
from bandviz.check.in_flight import PUT_BACK
from bandviz.check.rules import channels, checkpoints, recovery, transactions
from bandviz.events import Event, flow, job, sink, time
from bandviz.events import checkpoint as ck
from bandviz.events.coordinator import CoordinatorRecovered

Rule = Callable[[Book, Any], str]

_DELIVERY: Final[tuple[Rule, ...]] = (
    channels.nothing_from_nowhere,
    channels.first_in_first_out,
    channels.blocked_is_silent,
)

RULES: Final[dict[type[Event], tuple[Rule, ...]]] = {
    flow.RecordsDelivered: (*_DELIVERY, channels.whole_buffers),
    flow.WatermarkDelivered: _DELIVERY,
    time.WatermarkStatusDelivered: _DELIVERY,
    flow.EndArrived: _DELIVERY,
    ck.BarrierArrived: (*_DELIVERY, channels.barrier_as_sent),
    ck.CancelMarkerArrived: _DELIVERY,
    ck.BarrierEmitted: (channels.barrier_ids_rise,),
    flow.SourcePolled: (channels.reading_goes_on, channels.one_reader),
    job.SourceRewound: (channels.rewound_to_the_cut,),
    ck.CheckpointTriggered: (checkpoints.checkpoint_ids_rise, checkpoints.older_are_subsumed),
    ck.SnapshotTaken: (checkpoints.one_snapshot, transactions.promises_are_stored),
    ck.UploadCompleted: (checkpoints.upload_of_a_snapshot,),
    ck.SubtaskAcknowledged: (checkpoints.acknowledged_when_durable, checkpoints.acknowledged_once),
    ck.CheckpointCompleted: (
        checkpoints.one_end,
        checkpoints.complete_when_all_have_it,
        checkpoints.older_are_subsumed,
    ),
    ck.CheckpointAborted: (checkpoints.one_end,),
    ck.CheckpointDiscarded: (checkpoints.savepoints_are_kept,),
    CoordinatorRecovered: (checkpoints.ids_go_on,),
    ck.CompletionNotified: (
        checkpoints.notified_of_a_complete_one,
        checkpoints.savepoints_are_silent,
    ),
    ck.GroupOffsetCommitted: (checkpoints.offset_of_a_complete_one,),
    job.RestoreStarted: (recovery.restore_from_the_newest, recovery.attempts_never_fall),
    job.JobStatusChanged: (recovery.attempts_never_fall,),
    job.SubtaskDeployed: (recovery.attempts_rise,),
    job.SubtaskRestored: (
        recovery.one_restore_one_checkpoint,
        recovery.restored_as_taken,
        recovery.dealt_out_whole,
    ),
    sink.TransactionPreCommitted: (
        transactions.pre_committed_once,
        transactions.pre_committed_before_completion,
    ),
    sink.TransactionCommitted: (
        transactions.committed_once,
        transactions.committed_after_pre_commit,
        transactions.committed_when_complete,
        transactions.committed_when_told,
        transactions.committed_whole,
    ),
    sink.TransactionAborted: (transactions.promised_is_not_aborted,),
    sink.RowsVisible: (transactions.visible_when_committed,),
    sink.RowsUpserted: (transactions.one_row_a_key,),
    job.RunEnded: (transactions.promises_are_kept, transactions.undone_is_aborted),
}

PROTOCOL: Final = frozenset(
    [PUT_BACK, *(rule.__name__ for rules in RULES.values() for rule in rules)]
)
"""Names of the rules that no run of any job breaks: whoever tells so tells an impossible story."""
