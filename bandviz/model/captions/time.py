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


TELLERS: Final[dict[type[Event], Teller]] = {
    time.LateRecordAdmitted: late_record_admitted,
    time.LateRecordDiverted: late_record_diverted,
    flow.LateRecordDropped: late_record_dropped,
}
