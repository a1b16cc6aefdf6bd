"""The high-availability store: one pointer to the completed checkpoints, kept for a new leader."""

from __future__ import annotations

from typing import Any

from bandviz.ports import CheckpointPointer
from bandviz.world.operations import Part, operation


class MemoryPointer(Part):
    """`ports.HighAvailabilityStore` that ends with the process, unless its operations are noted."""

    part = "pointer"

    def __init__(self, pointer: CheckpointPointer = CheckpointPointer()) -> None:  # noqa: B008 - frozen
        self._pointer = pointer

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryPointer:
        return MemoryPointer(self._pointer)

    def load(self) -> CheckpointPointer:
        """The last one saved."""
        return self._pointer

    @operation(public=False)
    def save(self, pointer: CheckpointPointer) -> None:
        """Replace it."""
        self._pointer = pointer
