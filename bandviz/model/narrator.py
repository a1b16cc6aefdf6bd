"""The narrator: a caption for whatever happens, also where no script foresaw it.

All functions speak of an entry that the model has applied, alone or with the rest of its step.
*Rewind* and *replay* are words for what the job does, never for the viewer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bandviz.events import (
    Entry,
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
from bandviz.model.captions import checkpoint as checkpoint_captions
from bandviz.model.captions import coordinator as coordinator_captions
from bandviz.model.captions import job as job_captions
from bandviz.model.captions import keyed as keyed_captions
from bandviz.model.captions import network as network_captions
from bandviz.model.captions import output as output_captions
from bandviz.model.captions import rescaling as rescaling_captions
from bandviz.model.captions import time as time_captions
from bandviz.model.captions.telling import Caption, Teller
from bandviz.model.facts import RunFacts
from bandviz.model.reasons import reason
from bandviz.model.words import seconds
from bandviz.text import SafeText, door

__all__ = ["SILENT", "TELLERS", "Caption", "narrate", "narrate_line", "narrate_step", "why"]

TELLERS: Final[dict[type[Event], Teller]] = {
    **job_captions.TELLERS,
    **checkpoint_captions.TELLERS,
    **coordinator_captions.TELLERS,
    **output_captions.TELLERS,
    **keyed_captions.TELLERS,
    **time_captions.TELLERS,
    **rescaling_captions.TELLERS,
}

SILENT: Final[dict[type[Event], str]] = {
    structure.RunDeclared: "the preamble is drawn, not told",
    structure.VertexDeclared: "the preamble is drawn, not told",
    structure.EdgeDeclared: "the preamble is drawn, not told",
    structure.SubtaskDeclared: "the preamble is drawn, not told",
    structure.TaskManagerDeclared: "the preamble is drawn, not told",
    structure.ChannelDeclared: "the preamble is drawn, not told",
    structure.PartitionDeclared: "the preamble is drawn, not told",
    structure.PartitionRowsDeclared: "the preamble is drawn, not told",
    job.SubtaskCanceled: "told with the subtask that failed",
    job.ChannelCleared: "told with the subtask that failed",
    job.SubtaskDeployed: "told with the start or the restore",
    flow.EndEmitted: "told with the end of the sender's input",
    flow.EndArrived: "told with the end of the receiver's input",
}
"""CONTROL events without a caption, and why."""

_SALIENT: Final[tuple[type[Event], ...]] = (
    job.RunEnded,
    coordinator.CoordinatorCrashed,
    coordinator.CoordinatorRecovered,
    coordinator.ToleranceExceeded,
    job.ProcessLost,
    job.SubtaskFailed,
    rescaling.VertexRescaled,
    job.CheckpointRefused,
    job.RestoreStarted,
    checkpoint.CheckpointCompleted,
    checkpoint.CheckpointAborted,
    checkpoint.CheckpointTriggered,
    checkpoint.AlignmentCompleted,
    checkpoint.ChannelBlocked,
    checkpoint.AlignmentAborted,
    sink.TransactionExpired,
    sink.CommitRefused,
    sink.WriteRefused,
    sink.ReadersHeld,
    sink.TransactionCommitted,
    checkpoint.SnapshotTaken,
    flow.SourcePolled,
    flow.RecordRefused,
    flow.LateRecordDropped,
    keyed.TimerFired,
    keyed.DuplicateDropped,
    time.LateRecordDiverted,
    time.LateRecordAdmitted,
    time.PartitionIdleChanged,
    time.PartitionPauseChanged,
    time.IdlenessChanged,
    job.JobStatusChanged,
    flow.InputEnded,
    sink.RowsVisible,
    sink.RowsUpserted,
)
_RANK: Final = {kind: rank for rank, kind in enumerate(_SALIENT)}


def narrate(model: RunFacts, entry: Entry) -> Caption | None:
    """What a learner should hear about this entry; None if nothing."""
    kind = type(entry.event)
    teller = (network_captions.TELLERS if model.is_network else TELLERS).get(
        kind, TELLERS.get(kind)
    )
    return teller(model, entry.event) if teller else None


def narrate_step(model: RunFacts, entries: Iterable[Entry]) -> Caption | None:
    """The caption of the most telling of several entries, such as those of one step."""
    ranked = sorted(entries, key=lambda entry: _RANK.get(type(entry.event), len(_RANK)))
    return next((told for entry in ranked if (told := narrate(model, entry))), None)


def narrate_line(model: RunFacts, entry: Entry) -> SafeText:
    """`3.2 s  BLOCKED: ...` for logs and screen readers; empty if there is nothing to say."""
    told = narrate(model, entry)
    return door(f"{seconds(entry.time_us):>8}  {told.headline}") if told else SafeText("")


def why(model: RunFacts, entry: Entry) -> SafeText:
    """The rule behind the entry and Flink's name for it, in two or three sentences."""
    return SafeText(reason(model, entry.event))
