"""What readers see, as real files beside the journal: a database and a folder of result files.

A view that is never read back, so it can be lost without loss (docs/decisions/0006-on-disk.md).
Rule: `show` is called when the journal is durable up to the present state of the world. So nobody
sees anything here that the judge would not hear of after a kill; and what a kill left behind, or
somebody altered, is made right by the first `show` of the next process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from bandviz.events.values import json_value
from bandviz.functions.rows import Fields
from bandviz.graph.specs import JobGraph, SinkContract, SinkSpec
from bandviz.ids import TransactionId
from bandviz.world.blobs import sync_folder
from bandviz.world.broker import MemoryBroker
from bandviz.world.database import Database, shown_of
from bandviz.world.files import FIRST_FILE, FileState, MemoryFiles, ResultFile
from bandviz.world.tables import MemoryTables

DATABASE: Final = "output.sqlite"
FILES: Final = "files"


class Outside(NamedTuple):
    """The parts of a world that readers look at."""

    broker: MemoryBroker
    tables: MemoryTables
    files: MemoryFiles


class Readable:
    """The outside of a world as a folder on disk."""

    def __init__(self, root: Path, graph: JobGraph, outside: Outside) -> None:
        broker, tables, files = outside
        fields = {
            vertex.spec.topic: vertex.fields
            for vertex in graph.vertices
            if isinstance(vertex.spec, SinkSpec) and vertex.spec.contract is SinkContract.FILE
        }
        self._files = ResultFiles(root / FILES, fields, files) if fields else None
        self._database = Database(root / DATABASE, shown_of(graph, broker, tables))

    def show(self) -> None:
        """Make the folder look like the world. Raises BandvizError, OSError: stop then."""
        self._database.show()
        if self._files is not None:
            self._files.show()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


class ResultFiles:
    """Files are written under their in-progress name, synced when they are closed, and renamed.

    A row is a JSON object on a line. `fields`: columns by topic.
    """

    def __init__(self, folder: Path, fields: Mapping[str, Fields], files: MemoryFiles) -> None:
        self._folder = folder
        self._fields = fields
        self._files = files
        self._shown: dict[TransactionId, tuple[str, int]] = {}
        """Of files that may still change: their names, and how many parts are in them."""
        self._next = FIRST_FILE
        self._begun = False

    def show(self) -> None:
        """Write and rename what is new since the last call."""
        if not self._begun:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._shown, self._begun = self._found(), True
        first, self._next = self._next, FIRST_FILE + self._files.count
        changing = [*self._shown, *map(TransactionId, range(first, self._next))]
        renamed = [self._bring_up(key) for key in dict.fromkeys(changing)]
        if any(renamed):
            sync_folder(self._folder)

    def _found(self) -> dict[TransactionId, tuple[str, int]]:
        """What another process left, as far as it is right; the rest is deleted."""
        keys = [TransactionId(FIRST_FILE + number) for number in range(self._files.count)]
        wanted = {self._files.look(key).name: key for key in keys}
        right = {}
        for path in self._folder.glob("part-*"):
            key = wanted.get(path.name)
            file = self._files.look(key) if key is not None else None
            if key is None or file is None or path.read_bytes() != self._lines(file):
                path.unlink()
            else:
                right[key] = (path.name, len(file.parts))
        return right

    def _bring_up(self, key: TransactionId) -> bool:
        """One file; whether it has another name now."""
        file = self._files.look(key)
        before, count = self._shown.pop(key, (file.name_in(FileState.IN_PROGRESS), 0))
        if file.state is FileState.DELETED:
            (self._folder / before).unlink(missing_ok=True)
            return True
        if file.state is not FileState.FINAL:
            self._shown[key] = (file.name, len(file.parts))
        if before == file.name and count and count == len(file.parts):
            return False
        with (self._folder / before).open("ab") as opened:
            opened.write(self._lines(file, count))
            opened.flush()
            if before != file.name:
                os.fsync(opened.fileno())
        if before != file.name:
            (self._folder / before).rename(self._folder / file.name)
        return before != file.name

    def _lines(self, file: ResultFile, start: int = 0) -> bytes:
        fields = self._fields.get(file.topic, ())
        lines = [
            json.dumps(dict(zip(fields, json_value(row), strict=True))) + "\n"
            for part in file.parts[start:]
            for row in part.rows
        ]
        return "".join(lines).encode()
