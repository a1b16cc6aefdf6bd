"""What an operator declares of its keyed states: name, kind, time to live. Frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bandviz.functions.aggregates import AggregateFunction
from bandviz.functions.rows import Fields
from bandviz.graph.specs import Shared


class TtlUpdate(Enum):
    """What renews the life of an entry (Flink's StateTtlConfig.UpdateType)."""

    ON_CREATE_AND_WRITE = "on_create_and_write"
    ON_READ_AND_WRITE = "on_read_and_write"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTtl(Shared):
    """Processing time after which an entry is never returned again.

    It lives per value, per element of a list, per entry of a map. Source: Flink StateTtlConfig with
    NeverReturnExpired. Simplification: an expired entry is removed when it is next read or written,
    there is no background cleanup.
    """

    ttl_ms: int
    update: TtlUpdate = TtlUpdate.ON_CREATE_AND_WRITE


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDescriptor(Shared):
    """`name` is unique in its operator: state is found again by uid and name."""

    name: str
    ttl: StateTtl | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueStateDescriptor(StateDescriptor):
    """One immutable value per key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStateDescriptor(StateDescriptor):
    """A list of immutable elements per key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStateDescriptor(StateDescriptor):
    """A map of immutable keys and values per key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducingStateDescriptor(StateDescriptor):
    """One value per key, into which `reduce(old, added)` folds what is added."""

    reduce: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatingStateDescriptor(StateDescriptor):
    """One accumulator per key; rows of `fields` are folded in, its result is read."""

    function: AggregateFunction
    fields: Fields
