"""One output edge of a subtask: how a buffer finds its channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bandviz.engine.channel import Channel
from bandviz.engine.elements import RecordBuffer
from bandviz.functions.rows import Fields, Key
from bandviz.graph.key_groups import key_group_of, owner_of
from bandviz.graph.specs import JobEdge, Partitioner


class Output:
    """Channels to all subtasks of one downstream vertex (to one of them for forward)."""

    def __init__(
        self, edge: JobEdge, fields: Fields, channels: Sequence[Channel], max_parallelism: int
    ) -> None:
        self.channels = list(channels)
        self.side = edge.side
        self._partitioner = edge.partitioner
        self._key_of = edge.key.bind(fields) if edge.key is not None else None
        self._max_parallelism = max_parallelism
        self._owners: dict[Key, int] = {}
        self._next = 0

    def route(self, buffer: RecordBuffer) -> Iterator[tuple[Channel, RecordBuffer]]:
        """Who gets what. Rebalance deals record by record; its start is not part of any
        snapshot.
        """
        channels = self.channels
        if len(channels) == 1:
            yield channels[0], buffer
        elif self._partitioner is Partitioner.BROADCAST:
            for channel in channels:
                yield channel, buffer
        else:
            places: list[list[int]] = [[] for _ in channels]
            if self._partitioner is Partitioner.HASH:
                for place, row in enumerate(buffer.values):
                    places[self._owner(row)].append(place)
            else:
                for place in range(len(buffer)):
                    places[self._next].append(place)
                    self._next = (self._next + 1) % len(channels)
            for channel, wanted in zip(channels, places, strict=True):
                if wanted:
                    yield channel, buffer.pick(wanted)

    def _owner(self, row: tuple[object, ...]) -> int:
        assert self._key_of is not None
        key = self._key_of(row)
        owner = self._owners.get(key)
        if owner is None:
            group = key_group_of(key, self._max_parallelism)
            owner = owner_of(group, self._max_parallelism, len(self.channels))
            self._owners[key] = owner
        return owner
