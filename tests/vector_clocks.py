"""The cut once more, by vector clocks: a second opinion on the judge's ledger. Source: Mattern.

A subtask's clock counts its own steps that move records or take a snapshot, and learns those of
others from what it takes. A cut is consistent if no subtask in it knows more of another than that
one's own part of the cut. What was sent inside the cut and taken outside of it was in flight.
Chains are unknown here: a call is a message that is taken as it is sent.
Several times slower than counting, and without any of its code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from bandviz.events import Event, flow, job
from bandviz.events import checkpoint as ck
from bandviz.events.rescaling import VertexRescaled
from bandviz.events.structure import ChannelDeclared
from bandviz.ids import ChannelId, CheckpointId, SubtaskId

Clock = dict[SubtaskId, int]


@dataclass(slots=True)
class Message:
    """A buffer: when it was sent and when it was taken, if it was, by the clocks of its ends."""

    channel: ChannelId
    count: int
    sent_at: int
    known: Clock
    taken_at: float = inf


class Clocks:
    """Hears a run event by event; `cuts`: checkpoint -> clock of each subtask at its snapshot.

    `channels`: the two ends of each, chained ones too. A rescaled job declares its graph anew.
    """

    def __init__(self) -> None:
        self.cuts: dict[CheckpointId, dict[SubtaskId, Clock]] = {}
        self.channels: dict[ChannelId, tuple[SubtaskId, SubtaskId]] = {}
        self._calls: dict[ChannelId, bool] = {}
        self._clocks: dict[SubtaskId, Clock] = {}
        self._under_way: dict[tuple[ChannelId, int], Message] = {}
        self._sent: list[Message] = []

    def orphans(self, checkpoint_id: CheckpointId) -> list[tuple[SubtaskId, SubtaskId]]:
        """(who, whom): parts that know of something of another that lies outside of the cut."""
        return self.orphans_in(self.cuts[checkpoint_id])

    @staticmethod
    def orphans_in(cut: dict[SubtaskId, Clock]) -> list[tuple[SubtaskId, SubtaskId]]:
        """The same of any cut: the clock of each subtask at its place."""
        return [
            (who, whom)
            for who, clock in cut.items()
            for whom, other in cut.items()
            if clock.get(whom, 0) > other.get(whom, 0)
        ]

    def clock_of(self, subtask: SubtaskId) -> Clock:
        """What it knows now."""
        return dict(self._clocks.get(subtask, {}))

    def in_flight(self, checkpoint_id: CheckpointId, channel: ChannelId) -> int:
        """Records that the cut leaves on their way, less those taken inside but sent outside.

        Ask before a restart: what an attempt sent is forgotten with it.
        """
        sent, taken = zip((0, 0), *self.inside(self.cuts[checkpoint_id], channel), strict=True)
        return int(sum(sent) - sum(taken))

    def inside(
        self, cut: dict[SubtaskId, Clock], channel: ChannelId
    ) -> Iterator[tuple[bool, bool]]:
        """(sent inside, taken inside) of each record of a channel that was sent in this attempt."""
        sender, taker = self.channels[channel]
        sent, taken = cut[sender].get(sender, 0), cut[taker].get(taker, 0)
        for message in self._sent:
            if message.channel == channel:
                for _ in range(message.count):
                    yield message.sent_at <= sent, message.taken_at <= taken

    def observe(self, event: Event) -> None:
        """Take the next event, in order of happening."""
        match event:
            case ChannelDeclared(channel=channel):
                self.channels[channel] = (event.upstream, event.downstream)
                self._calls[channel] = event.chained
            case VertexRescaled():
                self.channels, self._clocks = {}, {}
                self._under_way, self._sent = {}, []
            case job.SubtaskDeployed(subtask=subtask):
                self._forget(subtask)
            case flow.RecordsEmitted(channel=channel, position=position, count=count):
                self._send(channel, position, count)
                if self._calls[channel]:
                    self._take(channel, position)
            case flow.RecordsDelivered(channel=channel, position=position):
                self._take(channel, position)
            case ck.SnapshotTaken(subtask=subtask, checkpoint_id=checkpoint_id):
                self.cuts.setdefault(checkpoint_id, {})[subtask] = dict(self._tick(subtask))
            case _:
                pass

    def _tick(self, subtask: SubtaskId) -> Clock:
        clock = self._clocks.setdefault(subtask, {})
        clock[subtask] = clock.get(subtask, 0) + 1
        return clock

    def _send(self, channel: ChannelId, position: int, count: int) -> None:
        sender, _ = self.channels[channel]
        clock = self._tick(sender)
        message = Message(channel, count, clock[sender], dict(clock))
        self._under_way[channel, position] = message
        self._sent.append(message)

    def _take(self, channel: ChannelId, position: int) -> None:
        _, taker = self.channels[channel]
        message = self._under_way.pop((channel, position), None)
        if message is None:
            return
        clock = self._tick(taker)
        message.taken_at = clock[taker]
        for whom, count in message.known.items():
            clock[whom] = max(clock.get(whom, 0), count)

    def _forget(self, subtask: SubtaskId) -> None:
        """A new attempt: what was on the way to it or from it is no more."""
        gone = [channel for channel, ends in self.channels.items() if subtask in ends]
        self._under_way = {
            place: message for place, message in self._under_way.items() if place[0] not in gone
        }
        self._sent = [message for message in self._sent if message.channel not in gone]
