"""Attempts and restores: from what, to whom, and whether it is what was stored."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final, cast

from bandviz.check.book import Book
from bandviz.check.compare import canonical
from bandviz.events import job
from bandviz.events.values import unpack
from bandviz.ids import CheckpointId, SubtaskId

UNION: Final = "part_counters"
"""State of which each subtask gets what all had."""
DEALT: Final = ("transactions", "committables")
"""List state, dealt out element by element when there are more or fewer subtasks."""


def restore_from_the_newest(book: Book, event: job.RestoreStarted) -> str:
    """A restore uses the newest checkpoint that is complete, kept and sound."""
    newest = book.newest_completed()
    if event.checkpoint_id == newest:
        return ""
    what = f"checkpoint {event.checkpoint_id} ({book.fate_of(event.checkpoint_id)})"
    return (
        f"attempt {event.attempt} starts from {what if event.checkpoint_id else 'nothing'}; "
        f"the newest usable checkpoint is {newest}"
    )


def attempts_rise(book: Book, event: job.SubtaskDeployed) -> str:
    """A new execution has a new attempt number."""
    last = book.attempts.get(event.subtask, 0)
    if event.attempt > last:
        return ""
    return f"{event.subtask} was deployed as attempt {event.attempt} after attempt {last}"


def attempts_never_fall(book: Book, event: job.RestoreStarted | job.JobStatusChanged) -> str:
    """The job's attempt number only rises."""
    if event.attempt >= book.attempt:
        return ""
    return f"attempt {event.attempt} is spoken of after attempt {book.attempt}"


def one_restore_one_checkpoint(book: Book, event: job.SubtaskRestored) -> str:
    """All subtasks come back from the same picture."""
    if event.checkpoint_id == (book.restoring or 0):
        return ""
    return f"{event.subtask} took checkpoint {event.checkpoint_id}, the job {book.restoring or 0}"


def restored_as_taken(book: Book, event: job.SubtaskRestored) -> str:
    """What comes back from storage is what the snapshot held, no more and no less.

    Of one that was taken with another parallelism, `history` compares what has a key, and
    `dealt_out_whole` what has none.
    """
    if _is_share(book, event):
        return ""
    snapshot = book.snapshots.get((event.subtask, event.checkpoint_id))
    if not event.state:
        return ""
    if event.checkpoint_id == 0:
        return f"{event.subtask} starts empty, but got a state"
    if snapshot is None or not snapshot.state:
        return ""
    taken = _of_operator(snapshot.state)
    if UNION in taken:
        all_of_them = _taken(book, event.subtask.vertex, event.checkpoint_id)
        taken[UNION] = _elements(all_of_them, UNION)
    if taken == _of_operator(event.state):
        return ""
    return f"{event.subtask} came back with another state than it had at {event.checkpoint_id}"


def dealt_out_whole(book: Book, event: job.SubtaskRestored) -> str:
    """With another parallelism, each element of a list is dealt to one subtask.

    Told when the last of them is back, all from the same checkpoint, and no state was too large.
    """
    vertex, checkpoint_id = event.subtask.vertex, event.checkpoint_id
    width = book.job.vertices[vertex].parallelism
    if event.subtask.index < width - 1 or not _is_share(book, event):
        return ""
    back = [book.restored.get(SubtaskId(vertex, index)) for index in range(width - 1)]
    new = [one.state for one in (*back, event) if one and one.checkpoint_id == checkpoint_id]
    old = _taken(book, vertex, checkpoint_id)
    if len(new) < width or not all((*new, *old)):
        return ""
    for section in DEALT:
        held, stored = _elements(new, section), _elements(old, section)
        if held != stored:
            return (
                f"the subtasks of {vertex} got {len(held)} {section} of checkpoint "
                f"{checkpoint_id}, not the {len(stored)} that were stored"
            )
    return ""


def _is_share(book: Book, event: job.SubtaskRestored) -> bool:
    return 0 < event.checkpoint_id <= book.rescaled_at.get(event.subtask.vertex, 0)


def _taken(book: Book, vertex: str, checkpoint_id: CheckpointId) -> list[bytes]:
    """States of all its subtasks that are in a checkpoint."""
    return [
        record.state
        for (name, at), record in book.snapshots.items()
        if (name.vertex, at) == (vertex, checkpoint_id)
    ]


def _elements(states: Iterable[bytes], section: str) -> list[bytes]:
    """Elements of a list state, of several subtasks together."""
    parts = [cast("list[bytes]", _of_operator(state).get(section, [])) for state in states if state]
    return sorted(chain.from_iterable(parts))


def _of_operator(state: bytes) -> dict[str, object]:
    """Without data in flight, which is told apart and counted by the ledger."""
    plain = canonical(unpack(state))
    plain.pop("in_flight", None)
    return plain
