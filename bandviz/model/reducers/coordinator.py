"""The coordinator's own crash, and what its successor knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bandviz.events import Event, coordinator
from bandviz.ids import CheckpointId
from bandviz.model.facts import Dirty, RunFacts
from bandviz.model.reducers.checkpoint import change_part
from bandviz.model.reducers.kinds import CRASH, FATE, JOB, PARTS, Reducer, mark_crash, nothing
from bandviz.model.views import CheckpointStatus, PartPhase


def everybody_stops(model: RunFacts, _event: Event) -> Dirty:
    """A crash like any other on the time row, though no task has failed."""
    mark_crash(model)
    return CRASH


def tolerance_exceeded(model: RunFacts, event: coordinator.ToleranceExceeded) -> Dirty:
    """The counter begins again."""
    model.job.too_many_failed = event.failed_count
    model.job.failed_in_a_row = 0
    return everybody_stops(model, event)


def coordinator_crashed(model: RunFacts, event: coordinator.CoordinatorCrashed) -> Dirty:
    """Nobody leads, and nobody counts failures any more."""
    model.job.leaderless = True
    model.job.failed_in_a_row = 0
    return everybody_stops(model, event)


def coordinator_recovered(model: RunFacts, event: coordinator.CoordinatorRecovered) -> Dirty:
    """Complete checkpoints that it does not know lie on disk, but nobody will use them."""
    for number, page in model.checkpoints.items():
        if page.status is CheckpointStatus.COMPLETE and number not in event.completed:
            model.checkpoints[number] = replace(page, status=CheckpointStatus.FORGOTTEN)
    model.job.leaderless = False
    model.job.latest_completed = max(event.completed, default=CheckpointId(0))
    return FATE


def request_queued(model: RunFacts, event: coordinator.CheckpointRequestQueued) -> Dirty:
    """It waits for its turn."""
    model.job.queued_count = event.queued_count
    return JOB


def notification_lost(model: RunFacts, event: coordinator.NotificationLost) -> Dirty:
    """Nobody repeats it."""
    change_part(model, event.subtask, event.checkpoint_id, phase=PartPhase.NOT_TOLD)
    return PARTS


REDUCERS: Final[dict[type[Event], Reducer]] = {
    coordinator.SnapshotRequested: nothing,
    coordinator.CheckpointRequestQueued: request_queued,
    coordinator.ToleranceExceeded: tolerance_exceeded,
    coordinator.CoordinatorCrashed: coordinator_crashed,
    coordinator.CoordinatorRecovered: coordinator_recovered,
    coordinator.NotificationLost: notification_lost,
}
