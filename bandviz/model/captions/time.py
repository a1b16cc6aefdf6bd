"""Captions about event time: records that come late."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, flow, time
from bandviz.model.captions.telling import Caption, Teller, called, caption
from bandviz.model.facts import RunFacts
from bandviz.model.words import moment_text
from bandviz.text import NAME, door


def late_record_admitted(model: RunFacts, event: time.LateRecordAdmitted) -> Caption:
    """A record behind its window, but within the allowed lateness."""
    return caption(
        f"LATE: {called(model, event.subtask)} takes a record of "
        f"{moment_text(event.event_time_ms)}; its window fires again.",
        f"The watermark stood at {moment_text(event.watermark_ms)}, so it had fired. It was "
        "kept for the allowed lateness: the record counts, and a corrected result follows.",
        "a straggler joins the row; the photo is taken again.",
    )


def late_record_diverted(model: RunFacts, event: time.LateRecordDiverted) -> Caption:
    """A record behind its window, for which there is a side output."""
    return caption(
        f"LATE: {called(model, event.subtask)} sends a record of "
        f"{moment_text(event.event_time_ms)} to side output {door(event.side, NAME)}.",
        f"Its window is forgotten: the watermark stood at {moment_text(event.watermark_ms)}. The "
        "record changes no result, but it is not lost: whoever reads the side output gets it as "
        "it came.",
        "a straggler is shown to the side stage.",
    )


def late_record_dropped(model: RunFacts, event: flow.LateRecordDropped) -> Caption:
    """A record behind its window."""
    return caption(
        f"LATE: {called(model, event.subtask)} drops a record of "
        f"{moment_text(event.event_time_ms)}.",
        "Its window had fired already: the watermark stood at "
        f"{moment_text(event.watermark_ms)}, which says that nothing older should come. The "
        "record is counted nowhere.",
        "a straggler finds the row already gone.",
    )


def partition_idle_changed(model: RunFacts, event: time.PartitionIdleChanged) -> Caption:
    """A partition falls silent, or speaks again."""
    name = f"{called(model, event.subtask)}, partition {event.partition}"
    if not event.idle:
        return caption(
            f"ACTIVE: {name} has something to read again, so its watermark counts again.",
            "Event time of the others went on without it. What it brings now may be behind the "
            "watermark, and then it is late.",
            "the silent player has found the page again.",
        )
    return caption(
        f"IDLE: {name} had nothing to read for so long that nobody waits for it.",
        "The watermark of a task is the minimum of its inputs, so one silent log would hold back "
        "all event time. Marked idle it does not count until its next record.",
        "one player has nothing to play; the others go on without waiting.",
    )


def partition_pause_changed(model: RunFacts, event: time.PartitionPauseChanged) -> Caption:
    """A partition is ahead of its group, or not any more."""
    name = f"{called(model, event.subtask)}, partition {event.partition}"
    if not event.paused:
        return caption(
            f"RESUMED: {name} is read again.",
            f"The slowest source of its group has come near enough: its watermark of "
            f"{moment_text(event.watermark_ms)} is within the drift that is allowed.",
            "the others have caught up; the fast player goes on.",
        )
    return caption(
        f"PAUSED: {name} is too far ahead of its group in event time.",
        f"Its watermark of {moment_text(event.watermark_ms)} is above "
        f"{moment_text(event.limit_ms)}, the slowest source's plus the drift. What it reads would "
        "only wait in the state of whoever joins or groups it.",
        "the fast player rests until the slowest has come near.",
    )


def idleness_changed(model: RunFacts, event: time.IdlenessChanged) -> Caption:
    """A whole subtask."""
    name = called(model, event.subtask)
    if event.idle:
        return caption(
            f"IDLE: {name} tells those below not to wait for its watermark.",
            "The word travels in the stream, in line with records. A gate leaves idle channels out "
            "of its minimum; when all of its channels are idle, it is idle itself.",
            "a whole row waves the others on.",
        )
    return caption(
        f"ACTIVE: {name} tells those below that its watermark counts again.",
        "Its channel takes part in the minimum again once it has caught up with the watermark that "
        "the gate has reached meanwhile: event time never goes back.",
        "the row is back in step.",
    )


TELLERS: Final[dict[type[Event], Teller]] = {
    time.LateRecordAdmitted: late_record_admitted,
    time.LateRecordDiverted: late_record_diverted,
    flow.LateRecordDropped: late_record_dropped,
    time.PartitionIdleChanged: partition_idle_changed,
    time.PartitionPauseChanged: partition_pause_changed,
    time.IdlenessChanged: idleness_changed,
}
