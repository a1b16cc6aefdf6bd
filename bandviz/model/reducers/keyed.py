"""Timers and entries of keyed operators."""

from __future__ import annotations

from typing import Final

from bandviz.events import Event, keyed
from bandviz.model.facts import Dirty, RunFacts
from bandviz.model.reducers.kinds import SUBTASKS, Reducer


def timer_registered(model: RunFacts, event: keyed.TimerRegistered) -> Dirty:
    """One more."""
    timers = model.subtasks[event.subtask].timers
    timers[event.key, event.domain, event.time_ms] = None
    return SUBTASKS


def timer_deleted(model: RunFacts, event: keyed.TimerDeleted) -> Dirty:
    """One less."""
    timers = model.subtasks[event.subtask].timers
    timers.pop((event.key, event.domain, event.time_ms), None)
    return SUBTASKS


def timer_fired(model: RunFacts, event: keyed.TimerFired) -> Dirty:
    """One less, and the key's state as the user's function left it."""
    subtask = model.subtasks[event.subtask]
    subtask.timers.pop((event.key, event.domain, event.time_ms), None)
    if event.value:
        subtask.keyed[event.key, -1] = event.value
    else:
        subtask.keyed.pop((event.key, -1), None)
    return SUBTASKS


def state_dropped(model: RunFacts, event: keyed.StateDropped) -> Dirty:
    """The entry is gone."""
    model.subtasks[event.subtask].keyed.pop((event.key, event.window_start_ms), None)
    return SUBTASKS


def duplicate_dropped(model: RunFacts, event: keyed.DuplicateDropped) -> Dirty:
    """The state stays as it is; the count says that something came."""
    model.subtasks[event.subtask].duplicate_count += 1
    return SUBTASKS


REDUCERS: Final[dict[type[Event], Reducer]] = {
    keyed.TimerRegistered: timer_registered,
    keyed.TimerDeleted: timer_deleted,
    keyed.TimerFired: timer_fired,
    keyed.StateDropped: state_dropped,
    keyed.DuplicateDropped: duplicate_dropped,
}
