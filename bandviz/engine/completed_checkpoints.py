"""The completed checkpoints that are retained, and the counter of ids.

With a high-availability store both survive the coordinator: each change is saved there before
anybody hears of it. Source: Flink CompletedCheckpointStore, CheckpointIDCounter.
"""

from __future__ import annotations

from bandviz.ids import CheckpointId
from bandviz.ports import CheckpointPointer, HighAvailabilityStore, RetainedCheckpoint


class CompletedCheckpointStore:
    """Oldest first. Without a high-availability store it is empty in each new coordinator."""

    def __init__(self, retained_count: int, durable: HighAvailabilityStore | None) -> None:
        self._retained_count = retained_count
        self._durable = durable
        self._pointer = durable.load() if durable is not None else CheckpointPointer()

    @property
    def ids(self) -> tuple[CheckpointId, ...]:
        """What a restore may use, oldest first."""
        return tuple(one.checkpoint_id for one in self._pointer.completed)

    @property
    def latest(self) -> CheckpointId:
        """What a restore would use; 0 if there is none."""
        completed = self._pointer.completed
        return completed[-1].checkpoint_id if completed else CheckpointId(0)

    @property
    def latest_owned(self) -> CheckpointId:
        """The newest that is not the user's; 0 if there is none."""
        owned = [one.checkpoint_id for one in self._pointer.completed if one.owned]
        return owned[-1] if owned else CheckpointId(0)

    @property
    def next_id(self) -> CheckpointId:
        """The id that the next checkpoint will have."""
        return self._pointer.next_checkpoint_id

    def take_id(self) -> CheckpointId:
        """A new id; never given out again, not even after a crash if the store is durable."""
        taken = self.next_id
        self._save(self._pointer._replace(next_checkpoint_id=CheckpointId(taken + 1)))
        return taken

    def add(self, checkpoint_id: CheckpointId, *, owned: bool) -> list[CheckpointId]:
        """Retain it, and retire the oldest; returns the retired ones whose files can go.

        A checkpoint may complete after a newer one; it then stands before it. Raises BandvizError,
        changing nothing, if the pointer cannot be saved.
        """
        all_of_them = sorted([*self._pointer.completed, RetainedCheckpoint(checkpoint_id, owned)])
        kept = all_of_them[-self._retained_count :]
        self._save(self._pointer._replace(completed=tuple(kept)))
        return [one.checkpoint_id for one in all_of_them if one.owned and one not in kept]

    def adopt(self, checkpoint_id: CheckpointId) -> None:
        """The job starts from this one, which is and stays the user's; ids go on behind it."""
        later = CheckpointId(max(self.next_id, checkpoint_id + 1))
        adopted = RetainedCheckpoint(checkpoint_id, owned=False)
        self._save(CheckpointPointer((adopted,), later))

    def remove(self, checkpoint_id: CheckpointId) -> None:
        """It cannot be used any more."""
        completed = self._pointer.completed
        left = tuple(one for one in completed if one.checkpoint_id != checkpoint_id)
        self._save(self._pointer._replace(completed=left))

    def _save(self, pointer: CheckpointPointer) -> None:
        if self._durable is not None:
            self._durable.save(pointer)
        self._pointer = pointer
