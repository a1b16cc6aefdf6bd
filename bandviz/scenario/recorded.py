"""The input of a run as its recording declares it: re-running needs no data file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bandviz.errors import TraceError
from bandviz.events.base import Entry
from bandviz.events.structure import PartitionDeclared, PartitionRowsDeclared, VertexDeclared
from bandviz.events.values import unpack
from bandviz.functions.rows import Fields, Row
from bandviz.graph.specs import PartitionData, TopicData
from bandviz.scenario.data import available_us
from bandviz.scenario.schema import Topic


@dataclass(slots=True)
class _Log:
    """A partition that is being put together."""

    label: str
    rows: list[Row] = field(default_factory=list)
    times: list[int] = field(default_factory=list)


def topics_of(entries: Iterable[Entry]) -> tuple[TopicData, ...]:
    """Topics in the order of declaration, from the preamble (step 0) of a run.

    Raises TraceError if the contents are not what the preamble says they are.
    """
    fields: dict[str, Fields] = {}
    logs: dict[str, dict[int, _Log]] = {}
    try:
        for entry in entries:
            if entry.step > 0:
                break
            event = entry.event
            if isinstance(event, VertexDeclared) and event.kind == "source":
                fields[str(unpack(event.spec)["topic"])] = event.fields
            elif isinstance(event, PartitionDeclared):
                logs.setdefault(event.topic, {}).setdefault(event.partition, _Log(event.label))
            elif isinstance(event, PartitionRowsDeclared):
                _add(logs[event.topic][event.partition], event, len(fields[event.topic]))
        return tuple(_topic(name, fields[name], logs[name]) for name in logs)
    except (LookupError, TypeError, ValueError):
        # Whatever the bytes of a damaged preamble unpack to, they are no rows.
        raise TraceError("the recording's input is damaged") from None


def with_availability(
    topics: Iterable[TopicData], declared: Sequence[Topic]
) -> tuple[TopicData, ...]:
    """Times of availability again, which the scenario derives from a column of the rows.

    And event time: whether a log without records has it, only the scenario knows.
    """
    said = {topic.name: topic for topic in declared}
    return tuple(
        _paced(_timed(topic, said[topic.name]), said[topic.name].available)
        if topic.name in said
        else topic
        for topic in topics
    )


def _timed(topic: TopicData, declared: Topic) -> TopicData:
    if declared.event_time is None:
        return topic
    parts = tuple(
        part if part.times_ms is not None else replace(part, times_ms=())
        for part in topic.partitions
    )
    return replace(topic, partitions=parts)


def _add(log: _Log, event: PartitionRowsDeclared, width: int) -> None:
    if event.first_offset != len(log.rows):
        return  # declared again for another source of the same topic
    times = unpack(event.times_ms)
    for row in unpack(event.rows):
        if len(row) != width or any(type(item) not in (int, float, str, bool) for item in row):
            raise ValueError("not a row")
        log.rows.append(tuple(row))
    if times is not None:
        log.times.extend(_whole(time) for time in times)
        if len(log.times) != len(log.rows):
            raise ValueError("times and rows differ in number")


def _topic(name: str, fields: Fields, logs: dict[int, _Log]) -> TopicData:
    timed = any(log.times for log in logs.values())
    partitions = tuple(
        PartitionData(
            label=log.label, rows=tuple(log.rows), times_ms=tuple(log.times) if timed else None
        )
        for _, log in sorted(logs.items())
    )
    return TopicData(name=name, fields=fields, partitions=partitions)


def _paced(topic: TopicData, available: Any) -> TopicData:
    if available is None:
        return topic
    try:
        place = topic.fields.index(available.field)
        clocks = [[_whole(row[place]) for row in part.rows] for part in topic.partitions]
    except (TypeError, ValueError):
        raise TraceError("the recording's input does not fit its scenario") from None
    start = min((time for clock in clocks for time in clock), default=0)
    partitions = tuple(
        replace(part, available_us=tuple(available_us(time, start, available) for time in clock))
        for part, clock in zip(topic.partitions, clocks, strict=True)
    )
    return replace(topic, partitions=partitions)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value
