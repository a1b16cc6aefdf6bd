"""A folder of result files, written exactly once: in-progress, then pending, then final, by rename.

Source: Flink's FileSink, whose buckets roll at each checkpoint. A file is a transaction without an
outside to decide it: no fencing, no time-out, and in-progress files of a dead attempt stay behind.
Readers look at final files only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from bandviz.ids import TransactionId
from bandviz.ports import (
    CommitAnswer,
    CommitResult,
    FencedError,
    Reading,
    Renamed,
    Revealed,
    WrittenRows,
)
from bandviz.world.operations import Part, operation

FIRST_FILE: Final = 1_000_001
"""Files are numbered from here on, so that no file has the number of a broker's transaction."""


class FileState(Enum):
    """What a file's name says; DELETED has none any more."""

    IN_PROGRESS = ".inprogress"
    PENDING = ".pending"
    FINAL = ""
    DELETED = "deleted"


@dataclass(slots=True)
class ResultFile:
    """A file as it is now: only `MemoryFiles` changes it. `number`: of all files, from 0; `part`:
    its writer's part counter.
    """

    number: int
    writer: str
    part: int
    topic: str = ""
    state: FileState = FileState.IN_PROGRESS
    parts: list[WrittenRows] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it is called in its present state."""
        return self.name_in(self.state)

    def name_in(self, state: FileState) -> str:
        """What it is called in another one. An unfinished one has a suffix of its own: that of a
        dead attempt may lie beside it.
        """
        final = f"part-{self.writer}-{self.part}"
        return final if state is FileState.FINAL else f"{final}{state.value}.{self.number}"

    def row_count(self) -> int:
        """Of all parts."""
        return sum(len(part.rows) for part in self.parts)


class MemoryFiles(Part):
    """`ports.FileStore` in memory."""

    part = "files"

    def __init__(self) -> None:
        self._files: dict[TransactionId, ResultFile] = {}
        self._unread: list[TransactionId] = []
        self._renamed: list[Renamed] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryFiles:
        twin = MemoryFiles()
        twin._files = {
            key: replace(file, parts=file.parts.copy()) for key, file in self._files.items()
        }
        twin._unread = self._unread.copy()
        twin._renamed = self._renamed.copy()
        return twin

    def names(self) -> tuple[str, ...]:
        """All files that lie there, oldest first."""
        files = self._files.values()
        return tuple(file.name for file in files if file.state is not FileState.DELETED)

    @property
    def count(self) -> int:
        """How many there have ever been; they are numbered without gaps."""
        return len(self._files)

    def look(self, key: TransactionId) -> ResultFile:
        """For those who look on. KeyError if it never was."""
        return self._files[key]

    def epoch(self, producer: str) -> int:  # noqa: ARG002
        """A name is nobody's."""
        return 0

    @operation(public=False)
    def fence(
        self,
        producer: str,
        since: int,  # noqa: ARG002
    ) -> tuple[int, tuple[tuple[TransactionId, int], ...]]:
        """A file system fences nobody."""
        return self.join(producer), ()

    @operation(public=False)
    def join(self, producer: str) -> int:  # noqa: ARG002
        """Everybody may write."""
        return 1

    @operation(public=False)
    def begin(
        self,
        producer: str,
        epoch: int,  # noqa: ARG002
        now_us: int,  # noqa: ARG002
        timeout_us: int,  # noqa: ARG002
        number: int,
    ) -> TransactionId:
        """A new file in progress; it never expires."""
        key = TransactionId(FIRST_FILE + len(self._files))
        self._files[key] = ResultFile(len(self._files), producer, number)
        return key

    @operation(public=False)
    def write(self, transaction_id: TransactionId, topic: str, written: WrittenRows) -> None:
        """Append to a file in progress. Raises FencedError if it is gone or closed."""
        file = self._in_progress(transaction_id)
        file.topic = topic
        lineage = None if written.lineage is None else tuple(written.lineage)
        file.parts.append(WrittenRows(tuple(written.rows), lineage))

    @operation(public=False)
    def pre_commit(self, transaction_id: TransactionId) -> int:
        """Close it: pending. Raises as `write` does."""
        file = self._in_progress(transaction_id)
        self._rename(transaction_id, FileState.PENDING)
        return file.row_count()

    @operation(public=True)
    def commit(self, transaction_id: TransactionId) -> CommitResult:
        """Rename it to its final name; repeated, there is nothing to rename any more."""
        file = self._files.get(transaction_id)
        if file is None or file.state is FileState.DELETED:
            return CommitResult(CommitAnswer.GONE, 0)
        if file.state is FileState.FINAL:
            return CommitResult(CommitAnswer.REPEATED, 0)
        self._rename(transaction_id, FileState.FINAL)
        self._unread.append(transaction_id)
        return CommitResult(CommitAnswer.COMMITTED, file.row_count())

    @operation(public=False)
    def abort(self, transaction_id: TransactionId) -> int | None:
        """Delete it; None if it is gone. Raises ValueError for a final file."""
        file = self._files.get(transaction_id)
        if file is not None and file.state is FileState.FINAL:
            raise ValueError(f"file {transaction_id} is final: readers have seen it")
        if file is None or file.state is FileState.DELETED:
            return None
        file.state = FileState.DELETED
        return file.row_count()

    @operation(public=False)
    def poll(self, topic: str) -> Reading:
        """Final files that the reader has not seen, in the order in which they became final."""
        found = [key for key in self._unread if self._files[key].topic in (topic, "")]
        self._unread = [key for key in self._unread if key not in found]
        revealed = [Revealed(key, part) for key in found for part in self._files[key].parts]
        return Reading(tuple(revealed), 0, 0, TransactionId(0), held_changed=False)

    @operation(public=False)
    def renames(self) -> tuple[Renamed, ...]:
        """Since the last call."""
        renamed, self._renamed = tuple(self._renamed), []
        return renamed

    def _in_progress(self, key: TransactionId) -> ResultFile:
        file = self._files[key]
        if file.state is not FileState.IN_PROGRESS:
            raise FencedError(f"{file.writer}: file {key} is {file.state.name.lower()}")
        return file

    def _rename(self, key: TransactionId, state: FileState) -> None:
        file = self._files[key]
        self._renamed.append(Renamed(key, file.name, file.name_in(state)))
        file.state = state
