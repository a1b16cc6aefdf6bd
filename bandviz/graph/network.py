"""A network of accounts: what happens in the second machine room, as a file declares it.

Its accounts and channels stand in a `JobGraph` like operators and edges, but cycles are allowed:
markers need no order of the graph. Everything is frozen and shared by all clones of an engine.
"""

from __future__ import annotations

from dataclasses import dataclass

from bandviz.graph.specs import Shared
from bandviz.ids import ChannelId, SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Shared):
    """At `at_us` the sender of the channel sends `amount`, or what it has if that is less.

    `latency_us`: time on the way, if not the channel's.
    """

    at_us: int
    channel: ChannelId
    amount: int
    latency_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw(Shared):
    """So many transfers, one every `interval_us`, of 1 to `amount_max`: the seed draws them."""

    count: int
    interval_us: int
    amount_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotStart(Shared):
    """At `at_us`, or when the one before is complete, these accounts record by themselves."""

    at_us: int
    initiators: tuple[SubtaskId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic(Shared):
    """All that moves. `aligned`: an account that has got a marker reads that channel no further
    until all markers are there, as Flink does; the graph must have no cycle then.
    """

    transfers: tuple[Transfer, ...]
    snapshots: tuple[SnapshotStart, ...]
    draw: Draw | None = None
    aligned: bool = False
