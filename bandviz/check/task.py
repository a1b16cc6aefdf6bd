"""One subtask under the judge's eyes: a fold, a gate, a history, and what it owes at this step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bandviz.check.effective import Buffer, Motion, Page, Place
from bandviz.check.folds.base import DROPPED, WATERMARK_MIN, Fold, Item, Made, Moment
from bandviz.events.keyed import TimerFired
from bandviz.events.structure import EdgeDeclared
from bandviz.events.values import pack
from bandviz.ids import ChannelId

Outputs = Mapping[int, Sequence[ChannelId]]
"""Channels that leave a subtask, by edge."""


class Frozen(NamedTuple):
    """What a snapshot keeps; the gate is no part of it."""

    fold: Fold | None
    page: Page | None
    blind: str


@dataclass(slots=True)
class Task:
    """`fold` is None for sources, sinks and writers. `blind`: why it can no longer be followed.

    `owed` is what its input of this step gives, `sent` and `dropped` what it did.
    """

    fold: Fold | None
    marks: dict[ChannelId, int]
    blind: str = ""
    page: Page | None = None
    watermark_ms: int = WATERMARK_MIN
    idle: set[ChannelId] = field(default_factory=set)
    behind: set[ChannelId] = field(default_factory=set)
    owed: list[Made] = field(default_factory=list)
    sent: list[tuple[ChannelId, Buffer]] = field(default_factory=list)
    dropped: list[bytes] = field(default_factory=list)

    def turn(self, motion: Motion, place: Place, what: Any) -> None:
        """A new page of its history."""
        self.page = Page(self.page, motion, place, what)

    def take(self, port: int, items: Iterable[Item], now_us: int) -> None:
        """Records came in."""
        at = Moment(self.watermark_ms, now_us)
        self._work(lambda fold: [made for item in items for made in fold.take(port, item, at)])

    def rise(self, channel: ChannelId, time_ms: int, now_us: int) -> None:
        """A channel says that event time has come so far; the smallest of those that count does."""
        if channel in self.idle:
            return
        self.marks[channel] = max(time_ms, self.marks[channel])
        if time_ms >= self.watermark_ms:
            self.behind.discard(channel)
        self._reach(self._lowest(), now_us)

    def rest(self, channel: ChannelId, now_us: int, *, idle: bool) -> None:
        """A channel is idle, or active again: then it counts once it is not behind any more.

        If all are idle the largest watermark of all is reached. Source: Flink
        StatusWatermarkValve.
        """
        mark = self.marks[channel]
        if not idle:
            self.idle.discard(channel)
            (self.behind.add if mark < self.watermark_ms else self.behind.discard)(channel)
        elif channel not in self.idle:
            self.idle.add(channel)
            if mark == self.watermark_ms:
                all_idle = len(self.idle) == len(self.marks)
                self._reach(max(self.marks.values()) if all_idle else self._lowest(), now_us)

    def _lowest(self) -> int:
        counted = [
            mark
            for channel, mark in self.marks.items()
            if channel not in self.idle and channel not in self.behind
        ]
        return min(counted, default=WATERMARK_MIN)

    def _reach(self, time_ms: int, now_us: int) -> None:
        if time_ms > self.watermark_ms:
            self.watermark_ms = time_ms
            self._work(lambda fold: fold.rise(Moment(time_ms, now_us)))

    def fire(self, timer: TimerFired, now_us: int) -> str:
        """A processing-time timer; what is wrong with it, if anything."""
        fold = self.fold
        if fold is None or self.blind:
            return ""
        at = Moment(self.watermark_ms, now_us)
        try:
            self.owed += fold.fire(timer.key, timer.time_ms, at)
        except ValueError as error:
            return f"fired a timer: {error}"
        return ""

    def _work(self, call: Any) -> None:
        if self.fold is None or self.blind:
            return
        try:
            self.owed += call(self.fold)
        except Exception as error:  # user functions may raise anything on foreign rows
            self.blind = f"what it does cannot be worked out: {type(error).__name__} {error}"

    def freeze(self) -> Frozen:
        """For a restore."""
        return Frozen(self.fold.copy() if self.fold else None, self.page, self.blind)

    def thaw(self, frozen: Frozen) -> None:
        """The restore: event time begins anew."""
        self.fold = frozen.fold.copy() if frozen.fold else None
        self.page, self.blind = frozen.page, frozen.blind

    def settle(self, edges: Mapping[int, EdgeDeclared], outputs: Outputs) -> str:
        """What it did in this step that its input does not give, or the other way round."""
        fault = ""
        if not self.blind and (self.owed or self.sent or self.dropped):
            late = sorted(pack(made.item.id) for made in self.owed if made.side == DROPPED)
            if late != sorted(self.dropped):
                fault = f"dropped {len(self.dropped)} records as late, not {len(late)}"
            for edge, channels in outputs.items():
                fault = fault or self._fault_on(edges[edge], channels)
        self.owed, self.sent, self.dropped = [], [], []
        return fault

    def _fault_on(self, edge: EdgeDeclared, channels: Sequence[ChannelId]) -> str:
        wanted = [made.item for made in self.owed if made.side == edge.side]
        shares = [
            [item for on, buffer in self.sent if on == channel for item in buffer.items()]
            for channel in channels
        ]
        ordered = self.fold is None or self.fold.ordered
        if edge.partitioner == "broadcast" or len(channels) == 1:
            faults = [_unlike(wanted, share, ordered=ordered) for share in shares]
        else:
            faults = [_unlike(wanted, [item for share in shares for item in share], ordered=False)]
            faults += [_disorder(wanted, share) for share in shares if ordered]
        fault = next(filter(None, faults), "")
        return f"{fault} to {edge.downstream}" if fault else ""


def _unlike(wanted: Sequence[Item], seen: Sequence[Item], *, ordered: bool) -> str:
    if pack(wanted) == pack(seen):
        return ""
    want, have = [pack(item) for item in wanted], [pack(item) for item in seen]
    surplus, missing = Counter(have) - Counter(want), Counter(want) - Counter(have)
    if surplus:
        row = next(item.row for item in seen if pack(item) in surplus)
        return f"sent {row!r:.200}, which its input does not give,"
    if missing:
        row = next(item.row for item in wanted if pack(item) in missing)
        return f"did not send {row!r:.200}"
    return "sent rows in another order than they came" if ordered else ""


def _disorder(wanted: Sequence[Item], seen: Sequence[Item]) -> str:
    rest = iter([pack(item) for item in wanted])
    in_order = all(pack(item) in rest for item in seen)
    return "" if in_order else "sent rows in another order than they came"
