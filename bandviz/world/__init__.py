"""What lies outside the job and survives its crash: the log broker and the checkpoint storage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bandviz.graph.specs import TopicData
from bandviz.ports import World
from bandviz.world.blobs import DiskBlobs, MemoryBlobs
from bandviz.world.broker import MemoryBroker
from bandviz.world.files import MemoryFiles
from bandviz.world.pointer import MemoryPointer
from bandviz.world.storage import CheckpointFiles
from bandviz.world.tables import MemoryTables

__all__ = ["disk_world", "memory_world"]


def memory_world(topics: Sequence[TopicData]) -> World:
    """A world that ends with the process. `copy.deepcopy` of a world is cheap and independent."""
    return World(
        broker=MemoryBroker(topics),
        storage=CheckpointFiles(MemoryBlobs()),
        pointer=MemoryPointer(),
        tables=MemoryTables(),
        files=MemoryFiles(),
    )


def disk_world(topics: Sequence[TopicData], root: Path) -> World:
    """Checkpoints as files below `root`, which is made if missing; topics stay in memory.

    Raises BandvizError if `root` is not a folder that can be written to, or if another run is
    writing there: two runs would take each other's checkpoints for their own.
    """
    blobs = DiskBlobs(root)
    blobs.hold()
    return World(
        broker=MemoryBroker(topics),
        storage=CheckpointFiles(blobs),
        pointer=MemoryPointer(),
        tables=MemoryTables(),
        files=MemoryFiles(),
    )
