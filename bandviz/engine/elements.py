"""Stream elements: what travels in channels. Immutable once sent, so clones share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bandviz.functions.rows import Row
from bandviz.ids import CheckpointId, Lineage

WATERMARK_MIN: Final = -(2**63)
WATERMARK_MAX: Final = 2**63 - 1


class RecordBuffer:
    """A network buffer of records as parallel lists; there is no object per record.

    `times_ms` and `lineage` are None where records carry no event time or no ids. Nobody changes
    the lists after the buffer was sent.
    """

    __slots__ = ("lineage", "times_ms", "values")

    def __init__(
        self,
        values: Sequence[Row],
        times_ms: Sequence[int] | None = None,
        lineage: Sequence[Lineage] | None = None,
    ) -> None:
        self.values = values
        self.times_ms = times_ms
        self.lineage = lineage

    def __len__(self) -> int:
        return len(self.values)

    def __deepcopy__(self, memo: dict[int, Any]) -> RecordBuffer:
        return self

    def pick(self, places: Sequence[int]) -> RecordBuffer:
        """The records at these places."""
        values, times, ids = self.values, self.times_ms, self.lineage
        return RecordBuffer(
            [values[place] for place in places],
            None if times is None else [times[place] for place in places],
            None if ids is None else [ids[place] for place in places],
        )

    def chunks(self, size: int) -> list[RecordBuffer]:
        """Buffers of at most `size` records."""
        if len(self.values) <= size:
            return [self]
        starts = range(0, len(self.values), size)
        return [self.pick(range(at, min(at + size, len(self.values)))) for at in starts]


@dataclass(frozen=True, slots=True)
class Watermark:
    """No record with a smaller or equal event time is to come (but late ones may)."""

    time_ms: int


@dataclass(frozen=True, slots=True)
class CheckpointBarrier:
    """All before it belongs to the checkpoint, all behind it does not."""

    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True)
class CancelCheckpointMarker:
    """This checkpoint will not come through here."""

    checkpoint_id: CheckpointId


@dataclass(frozen=True, slots=True)
class EndOfData:
    """No more records; the final barrier still follows."""


@dataclass(frozen=True, slots=True)
class EndOfPartition:
    """Nothing follows: the channel is closed."""


StreamElement = (
    RecordBuffer
    | Watermark
    | CheckpointBarrier
    | CancelCheckpointMarker
    | EndOfData
    | EndOfPartition
)
