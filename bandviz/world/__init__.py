"""What lies outside the job and survives its crash: the log broker and the checkpoint storage."""

from __future__ import annotations

from collections.abc import Sequence

from bandviz.graph.specs import TopicData
from bandviz.ports import World
from bandviz.world.blobs import BlobStore, MemoryBlobs
from bandviz.world.broker import MemoryBroker
from bandviz.world.files import MemoryFiles
from bandviz.world.operations import Notes, Part, repeat, unpack_operation
from bandviz.world.pointer import MemoryPointer
from bandviz.world.readable import Outside
from bandviz.world.storage import CheckpointFiles
from bandviz.world.tables import MemoryTables

__all__ = ["memory_world", "noted_world"]


def memory_world(topics: Sequence[TopicData]) -> World:
    """A world that ends with the process. `copy.deepcopy` of a world is cheap and independent."""
    return World(
        broker=MemoryBroker(topics),
        storage=CheckpointFiles(MemoryBlobs()),
        pointer=MemoryPointer(),
        tables=MemoryTables(),
        files=MemoryFiles(),
    )


def noted_world(
    topics: Sequence[TopicData], blobs: BlobStore, past: Sequence[bytes], notes: Notes
) -> tuple[World, Outside]:
    """A world of which every operation goes to `notes`; `past` is done again first, unheard.

    And those of its parts that readers look at.

    Raises ValueError if `past` is none that this version can have noted.
    """
    broker, storage, pointer = MemoryBroker(topics), CheckpointFiles(blobs), MemoryPointer()
    tables, files = MemoryTables(), MemoryFiles()
    parts: list[Part] = [broker, storage, pointer, tables, files]
    repeat(parts, map(unpack_operation, past))
    for part in parts:
        part.notes = notes
    world = World(broker=broker, storage=storage, pointer=pointer, tables=tables, files=files)
    return world, Outside(broker, tables, files)
