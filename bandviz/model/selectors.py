"""The public face of the model: views for the screens, the report and the narrator.

A selector reads, joins and words; it never changes the model and never decides what is right.
"""

from __future__ import annotations

from bandviz.ids import SubtaskId, TransactionId
from bandviz.model.contents import snapshot_pairs, timer_pairs, working_pairs
from bandviz.model.disk import board_views, checkpoint_view, checkpoint_views, tape_views
from bandviz.model.facts import IN_ALBUM, Checkpoint, Part, RunFacts
from bandviz.model.logic import logic_views
from bandviz.model.memory import (
    channel_view,
    channel_views,
    subtask_view,
    subtask_views,
    task_manager_views,
    task_views,
)
from bandviz.model.views import (
    CheckpointStatus,
    CountsView,
    DifferenceView,
    InspectorView,
    JobView,
    MarkView,
    Pairs,
    SnapshotView,
    SubtaskStatus,
    TransactionStatus,
)
from bandviz.text import door

__all__ = [
    "board_views", "channel_view", "channel_views", "checkpoint_views", "counts", "inspect",
    "job_view", "marks", "subtask_view", "subtask_views", "tape_views",
    "task_manager_views", "task_views", "transaction_statuses",
]  # fmt: skip

INSPECTED_MAX = 1_000
"""Entries of one state that the inspector looks at."""


def job_view(model: RunFacts) -> JobView:
    """The JobManager's line."""
    job = model.job
    replays = [
        (tape.reread_from, min(tape.next_offset, tape.replay_end()), tape.replay_end())
        for tape in model.tapes.values()
        if tape.reread_from is not None and tape.next_offset is not None
    ]
    pending = [
        page for page in model.checkpoints.values() if page.status is CheckpointStatus.IN_PROGRESS
    ]
    tasks, came_back = model.tasks(model.subtasks), model.tasks(job.restored_tasks)
    return JobView(
        status=job.status,
        attempt=job.attempt,
        failed=job.failed,
        in_progress=checkpoint_view(model, pending[-1]) if pending else None,
        also_in_progress=tuple(page.checkpoint_id for page in pending[:-1]),
        latest_completed=job.latest_completed,
        restart_due_us=job.restart_due_us,
        restored_from=job.restored_from,
        restored_us=job.restored_us,
        reread_count=sum(here - start for start, here, _ in replays),
        reread_total=sum(end - start for start, _, end in replays),
        run=job.run,
        running_count=sum(model.subtasks[name].status is SubtaskStatus.RUNNING for name in tasks),
        moved_groups=job.moved_groups,
        leaderless=job.leaderless,
        queued_count=job.queued_count,
        refused_count=job.refused_count,
        refusal=job.refusal,
        failed_in_a_row=job.failed_in_a_row,
        tolerable_count=model.run.tolerable_count if model.run else 0,
        too_many_failed=job.too_many_failed,
        restored_tasks=len(came_back) if len(came_back) < len(tasks) else 0,
        storage_locked=job.storage_locked,
        lost_managers=tuple(map(door, job.lost_managers)),
        is_network=model.is_network,
    )


def marks(model: RunFacts) -> tuple[MarkView, ...]:
    """Marks of the time row, oldest first."""
    return tuple(model.marks)


def counts(model: RunFacts) -> CountsView:
    """Figures over the whole run so far."""
    return CountsView(
        records_total=sum(tape.declared.record_count for tape in model.tapes.values()),
        reads=model.job.reads,
        reread=model.job.rereads,
        lost_in_flight=model.job.lost,
        visible=sum(board.public_count for board in model.boards.values()),
        restarts=model.job.attempt - 1,
    )


def inspect(model: RunFacts, name: SubtaskId) -> InspectorView:
    """Everything about one subtask: state now, and against each retained snapshot."""
    now = working_pairs(model, name, INSPECTED_MAX)
    channels = channel_views(model)
    return InspectorView(
        view=subtask_view(model, name),
        now=now,
        timers=timer_pairs(model, name),
        inputs=tuple(one for one in channels if one.downstream == name),
        outputs=tuple(one for one in channels if one.upstream == name),
        snapshots=tuple(
            _snapshot_view(model, name, page, page.parts[name], now)
            for page in reversed(model.checkpoints.values())
            if page.status in IN_ALBUM and name in page.parts and page.parts[name].taken
        ),
        failure=model.subtasks[name].failure,
        logic=logic_views(model, name),
    )


def _snapshot_view(
    model: RunFacts, name: SubtaskId, page: Checkpoint, part: Part, now: Pairs
) -> SnapshotView:
    contents = snapshot_pairs(model, name, part.state, INSPECTED_MAX)
    return SnapshotView(
        checkpoint_id=page.checkpoint_id,
        status=page.status,
        contents=contents,
        state_bytes=part.state_bytes,
        differences=() if contents is None else _differences(contents, now),
    )


def _differences(then: Pairs, now: Pairs) -> tuple[DifferenceView, ...]:
    """Names of the snapshot in its order, then those that came since."""
    old, new = dict(then), dict(now)
    return tuple(
        DifferenceView(name, old.get(name), new.get(name))
        for name in (old | new)
        if old.get(name) != new.get(name)
    )


def transaction_statuses(model: RunFacts) -> dict[TransactionId, TransactionStatus]:
    """Fate of each transaction so far, but for those that were empty and dropped."""
    return {
        **{one.transaction_id: one.status for one in model.transactions.values()},
        **dict.fromkeys(sorted(model.committed), TransactionStatus.COMMITTED),
    }
