"""Data in flight as part of a checkpoint (Flink's channel state): records and watermarks, plain.

Shape in a snapshot: `in_flight` is a list of `[side, edge, upstream index, downstream index,
elements]`; an element is `[values, event times or None, packed ids or None]` or a watermark in
milliseconds. The upstream subtask holds the output side, the downstream subtask the input side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bandviz.engine.elements import RecordBuffer, StreamElement, Watermark, WatermarkStatus
from bandviz.engine.operators.base import State
from bandviz.events.checkpoint import InFlightSide
from bandviz.events.records import lineage_of
from bandviz.graph.execution import ChannelPlan

IN_FLIGHT = "in_flight"


class Lane(NamedTuple):
    """Which channel, by its two ends; survives a rescaling as a name of old ends."""

    side: InFlightSide
    edge: int
    upstream: int
    downstream: int

    def fits(self, plan: ChannelPlan) -> bool:
        """Whether this is that channel."""
        ends = (plan.edge, plan.upstream.index, plan.downstream.index)
        return ends == (self.edge, self.upstream, self.downstream)


@dataclass(slots=True)
class InFlight:
    """What one subtask has persisted so far, in order, by channel."""

    lanes: dict[Lane, list[Any]] = field(default_factory=dict)

    def add(self, side: InFlightSide, plan: ChannelPlan, elements: Sequence[StreamElement]) -> int:
        """Persist elements; returns how many records are among them."""
        lane = Lane(side, plan.edge, plan.upstream.index, plan.downstream.index)
        self.lanes.setdefault(lane, []).extend(map(_plain, elements))
        return record_count(elements)

    def state(self) -> State:
        """As it goes into the snapshot; nothing at all if nothing was in flight."""
        if not self.lanes:
            return {}
        return {
            IN_FLIGHT: [(lane.side.value, *lane[1:], kept) for lane, kept in self.lanes.items()]
        }


def without_in_flight(state: State) -> State:
    """The subtask's own part of a snapshot."""
    return {name: part for name, part in state.items() if name != IN_FLIGHT}


def restored(state: State | None, side: InFlightSide) -> Iterator[tuple[Lane, list[StreamElement]]]:
    """What a snapshot holds of one side."""
    for name, edge, upstream, downstream, kept in (state or {}).get(IN_FLIGHT, ()):
        if name == side.value:
            yield Lane(side, edge, upstream, downstream), [_element(item) for item in kept]


def record_count(elements: Sequence[StreamElement]) -> int:
    """Records among these elements."""
    return sum(len(one) for one in elements if isinstance(one, RecordBuffer))


def _plain(element: StreamElement) -> Any:
    if isinstance(element, WatermarkStatus):
        return element.idle
    if isinstance(element, Watermark):
        return element.time_ms
    assert isinstance(element, RecordBuffer)
    return (list(element.values), element.times_ms, element.lineage)


def _element(item: Any) -> StreamElement:
    if isinstance(item, bool):
        return WatermarkStatus(item)
    if isinstance(item, int):
        return Watermark(item)
    values, times, lineage = item
    ids = None if lineage is None else [lineage_of(one) for one in lineage]
    return RecordBuffer(values, times, ids)
