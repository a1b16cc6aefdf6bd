"""The high-availability store: one pointer to the completed checkpoints, kept for a new leader."""

from __future__ import annotations

from bandviz.ports import CheckpointPointer


class MemoryPointer:
    """`ports.HighAvailabilityStore` that ends with the process."""

    def __init__(self) -> None:
        self._pointer = CheckpointPointer()

    def load(self) -> CheckpointPointer:
        """The last one saved."""
        return self._pointer

    def save(self, pointer: CheckpointPointer) -> None:
        """Replace it."""
        self._pointer = pointer
