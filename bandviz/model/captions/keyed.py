"""Captions for what single keys go through: timers that fire, duplicates that are dropped."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, keyed
from bandviz.model.captions.telling import Caption, Teller, called, caption
from bandviz.model.facts import RunFacts
from bandviz.model.specs import opened
from bandviz.model.words import many, moment_text, safe, seconds
from bandviz.text import NAME, door


def timer_fired(model: RunFacts, event: keyed.TimerFired) -> Caption:
    """User logic by time instead of by record."""
    if event.domain == "event":
        moment, clock = moment_text(event.time_ms), "the watermark has passed it"
    else:
        moment, clock = seconds(event.time_ms * 1_000), "the clock has passed it"
    return caption(
        f"TIMER: {called(model, event.subtask)} fires the one of {safe(opened(event.key), NAME)} "
        f"at {moment}.",
        f"It was set earlier and {clock}. The user's function puts out "
        f"{many(event.row_count, 'row')}. Timers are state: they are in every checkpoint.",
        "the alarm clock rings for one player.",
    )


def duplicate_dropped(model: RunFacts, event: keyed.DuplicateDropped) -> Caption:
    """The set of seen keys at work."""
    where = f"It goes to the side output {door(event.side, NAME)}." if event.side else ""
    return caption(
        f"DUPLICATE: {called(model, event.subtask)} has seen {safe(opened(event.key), NAME)} "
        "before and lets it go no further.",
        f"The first of a key wins; the state remembers which keys came. {where} "
        "Were that state lost, this record would count as new.",
        "a sheet that was played already is put aside.",
    )


TELLERS: Final[dict[type[Event], Teller]] = {
    keyed.TimerFired: timer_fired,
    keyed.DuplicateDropped: duplicate_dropped,
}
