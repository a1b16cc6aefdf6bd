"""Stream elements: what travels in channels. Immutable once sent, so clones share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Final

from bandviz.events.checkpoint import BarrierKind
from bandviz.functions.rows import Row
from bandviz.graph.settings import CheckpointingMode, RunSettings
from bandviz.ids import NO_CHECKPOINT, CheckpointId, Lineage

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

    def select(self, mask: Sequence[object]) -> RecordBuffer:
        """The records for which the mask is true."""
        times, ids = self.times_ms, self.lineage
        return RecordBuffer(
            list(compress(self.values, mask)),
            None if times is None else list(compress(times, mask)),
            None if ids is None else list(compress(ids, mask)),
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
class WatermarkStatus:
    """Whether the sender's watermarks count: while idle it has none and holds nobody back."""

    idle: bool


@dataclass(frozen=True, slots=True)
class CheckpointBarrier:
    """All before it belongs to the checkpoint, all behind it does not.

    `created_us`: when the checkpoint was triggered. `timeout_us`: from `created_us` on, an aligned
    barrier turns into an unaligned one after so long; None: never. `base`: the completed checkpoint
    since which changes are enough, 0 if all state is wanted. Source: Flink CheckpointOptions.
    """

    checkpoint_id: CheckpointId
    kind: BarrierKind = BarrierKind.ALIGNED
    created_us: int = 0
    timeout_us: int | None = None
    base: CheckpointId = NO_CHECKPOINT

    @property
    def due_us(self) -> int | None:
        """When it turns unaligned; None if it does not."""
        if self.kind is not BarrierKind.ALIGNED or self.timeout_us is None:
            return None
        return self.created_us + self.timeout_us

    def on_edge(self, *, overtakes: bool) -> CheckpointBarrier:
        """As it travels an edge: one where nothing may overtake forces alignment; a forced one is
        free again on the next edge that allows it.
        """
        forced = self.kind is BarrierKind.FORCED_ALIGNED
        if overtakes and forced:
            kind = BarrierKind.ALIGNED if self.timeout_us is not None else BarrierKind.UNALIGNED
            return replace(self, kind=kind)
        if not overtakes and (self.kind is BarrierKind.UNALIGNED or self.due_us is not None):
            return replace(self, kind=BarrierKind.FORCED_ALIGNED)
        return self

    def as_unaligned(self) -> CheckpointBarrier:
        """Its time is over: from now on it overtakes."""
        return replace(self, kind=BarrierKind.UNALIGNED)


@dataclass(frozen=True, slots=True)
class BarrierAnnouncement:
    """Runs ahead of a barrier that may time out; the receiver only, never an element of its own."""

    barrier: CheckpointBarrier


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
    | WatermarkStatus
    | CheckpointBarrier
    | BarrierAnnouncement
    | CancelCheckpointMarker
    | EndOfData
    | EndOfPartition
)


def make_barrier(
    settings: RunSettings, checkpoint_id: CheckpointId, now_us: int, *, savepoint: bool = False
) -> CheckpointBarrier:
    """The barrier of a checkpoint triggered now. One of a savepoint never overtakes."""
    if settings.mode is CheckpointingMode.AT_LEAST_ONCE:
        return CheckpointBarrier(checkpoint_id, BarrierKind.AT_LEAST_ONCE, now_us)
    if savepoint or not settings.unaligned:
        return CheckpointBarrier(checkpoint_id, BarrierKind.ALIGNED, now_us)
    timeout_us = settings.aligned_timeout_us
    if not timeout_us:
        return CheckpointBarrier(checkpoint_id, BarrierKind.UNALIGNED, now_us)
    return CheckpointBarrier(checkpoint_id, BarrierKind.ALIGNED, now_us, timeout_us)
