"""Which files are still needed, by the checkpoints that name them; the others are deleted.

Source: Flink SharedStateRegistry. Simplification: all files are known here, not only shared ones,
with all that name them, so there are no counters: a file goes with the last checkpoint that names
it. What cannot be deleted stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from bandviz.errors import BandvizError
from bandviz.ids import CheckpointId
from bandviz.ports import CheckpointStorage, DamagedFile, StateHandle


class SharedFiles:
    """Files by completed checkpoint, and by one in progress that builds on a completed one."""

    def __init__(self, storage: CheckpointStorage) -> None:
        self._storage = storage
        self._named: dict[CheckpointId, tuple[StateHandle, ...]] = {}
        self._held: dict[CheckpointId, tuple[StateHandle, ...]] = {}

    def register(self, checkpoint_id: CheckpointId, handles: Sequence[StateHandle]) -> None:
        """It is complete and names these."""
        self._named[checkpoint_id] = tuple(
            [replace(handle, owner=handle.owner or checkpoint_id) for handle in handles]
        )

    def recover(self, checkpoint_id: CheckpointId, job: str) -> None:
        """It is complete and names what its manifest says; of a damaged one nothing is needed."""
        with suppress(BandvizError, DamagedFile):
            self.register(checkpoint_id, self._storage.manifest(checkpoint_id, job))

    def discard(self, checkpoint_id: CheckpointId) -> None:
        """It is no checkpoint any more: what only it named goes, what others share stays."""
        self._delete(self._named.pop(checkpoint_id, ()), checkpoint_id)
        if self._needs(checkpoint_id):
            with suppress(BandvizError):
                self._storage.discard_manifest(checkpoint_id)

    def discard_late(self, checkpoint_id: CheckpointId, handle: StateHandle) -> None:
        """It came when its checkpoint was over: it goes, unless that checkpoint names it."""
        self._delete([replace(handle, owner=handle.owner or checkpoint_id)])

    def hold(self, checkpoint_id: CheckpointId, base: CheckpointId) -> None:
        """It is in progress and may build on this one, whatever becomes of that."""
        self._held[checkpoint_id] = self._named[base]

    def let_go(self, checkpoint_id: CheckpointId) -> None:
        """It is not in progress any more."""
        self._delete(self._held.pop(checkpoint_id, ()))

    def base_of(self, checkpoint_id: CheckpointId, name: str) -> list[StateHandle]:
        """The files on which a part of a checkpoint in progress may build, in order."""
        return [file for file in self._held.get(checkpoint_id, ()) if file.name == name]

    def longest(self, checkpoint_id: CheckpointId) -> int:
        """Files of the part that has most of them; 0 if the checkpoint is not known."""
        names = Counter([file.name for file in self._named.get(checkpoint_id, ())])
        return max(names.values(), default=0)

    def _delete(self, released: Sequence[StateHandle], *emptied: CheckpointId) -> None:
        """What nobody needs of these; with the last file of a checkpoint goes its place."""
        needed = set(self._needed())
        unnamed = [file for file in released if file not in needed]
        with suppress(BandvizError):
            for owner in dict.fromkeys([*emptied, *(file.owner for file in unnamed)]):
                if not self._needs(owner):
                    self._storage.discard(owner)
            for file in unnamed:
                if self._needs(file.owner):
                    self._storage.discard_file(file.owner, file.name)

    def _needs(self, owner: CheckpointId) -> bool:
        return any(file.owner == owner for file in self._needed())

    def _needed(self) -> Iterator[StateHandle]:
        for files in (*self._named.values(), *self._held.values()):
            yield from files
