"""The coordinator's own crash, and what its successor knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bandviz.events import Event, coordinator
from bandviz.ids import CheckpointId
from bandviz.model.facts import Dirty, RunFacts
from bandviz.model.reducers.kinds import CRASH, FATE, Reducer, nothing
from bandviz.model.views import CheckpointStatus, MarkView


def everybody_stops(model: RunFacts, _event: Event) -> Dirty:
    """A crash like any other on the time row, though no task has failed."""
    model.marks.append(MarkView(model.time_us, "X", model.step))
    return CRASH


def coordinator_recovered(model: RunFacts, event: coordinator.CoordinatorRecovered) -> Dirty:
    """Complete checkpoints that it does not know lie on disk, but nobody will use them."""
    for number, page in model.checkpoints.items():
        if page.status is CheckpointStatus.COMPLETE and number not in event.completed:
            model.checkpoints[number] = replace(page, status=CheckpointStatus.FORGOTTEN)
    model.job.latest_completed = max(event.completed, default=CheckpointId(0))
    return FATE


REDUCERS: Final[dict[type[Event], Reducer]] = {
    coordinator.SnapshotRequested: nothing,
    coordinator.CheckpointRequestQueued: nothing,
    coordinator.ToleranceExceeded: everybody_stops,
    coordinator.CoordinatorCrashed: everybody_stops,
    coordinator.CoordinatorRecovered: coordinator_recovered,
    coordinator.NotificationLost: nothing,
}
