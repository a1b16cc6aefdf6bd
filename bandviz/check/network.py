"""Does a snapshot of a network add up? Accounts and channels together hold what there is, always.

Money is counted again from single transfers: what an account holds, what had left it and what had
come to it when it recorded. A transfer that had left its sender and is neither in the receiver's
balance nor among what was recorded of the channel is missing in the picture; one that is there and
had not left is in it twice. Source: consistent cuts after Chandy and Lamport.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bandviz.check.book import Book
from bandviz.check.compare import Difference
from bandviz.check.verdict import Violation
from bandviz.events import Entry, Event
from bandviz.events.checkpoint import CheckpointCompleted, SnapshotTaken
from bandviz.events.flow import BufferSent, RecordsDelivered
from bandviz.events.records import lineage_of
from bandviz.events.structure import VertexDeclared
from bandviz.events.values import unpack
from bandviz.ids import ChannelId, CheckpointId, RecordId, SubtaskId

Cut = tuple[ChannelId, CheckpointId]


class Money:
    """`recorded`: what each complete snapshot adds up to. `difference`: transfers that are missing
    in one, or in it twice.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._begins: dict[str, int] = {}
        self._moved: dict[SubtaskId, int] = {}
        self._transfers: dict[ChannelId, dict[int, tuple[RecordId, int]]] = {}
        self._sent: dict[Cut, list[int]] = {}
        self._received: dict[Cut, list[int]] = {}
        self._balances: dict[CheckpointId, int] = {}
        self.recorded: dict[CheckpointId, int] = {}
        self.difference = Difference()
        self.violations: list[Violation] = []
        self.notes: dict[type[Event], Callable[[Entry, Any], None]] = {
            VertexDeclared: self._declared,
            BufferSent: self._left,
            RecordsDelivered: self._came,
            SnapshotTaken: self._snapshot,
            CheckpointCompleted: self._complete,
        }

    @property
    def is_there(self) -> bool:
        """Whether it is a network of accounts at all."""
        return bool(self._begins)

    @property
    def total(self) -> int:
        """What there is."""
        return sum(self._begins.values())

    def observe(self, entry: Entry) -> None:
        """Call it after the book has noted the entry."""
        if self._begins or isinstance(entry.event, VertexDeclared):
            self.notes[type(entry.event)](entry, entry.event)

    def _declared(self, _entry: Entry, event: VertexDeclared) -> None:
        if event.kind == "account":
            self._begins[event.vertex] = int(unpack(event.spec)["balance"])

    def _left(self, _entry: Entry, event: BufferSent) -> None:
        ((amount,),), (name,) = unpack(event.values), map(lineage_of, unpack(event.lineage))
        if not isinstance(name, RecordId):
            raise ValueError("a transfer has no name")
        self._transfers.setdefault(event.channel, {})[event.position] = name, int(amount)
        self._move(self._book.lanes[event.channel].upstream, -int(amount))

    def _came(self, _entry: Entry, event: RecordsDelivered) -> None:
        transfer = self._transfers.get(event.channel, {}).get(event.position)
        if transfer is not None:
            self._move(self._book.lanes[event.channel].downstream, transfer[1])

    def _move(self, account: SubtaskId, amount: int) -> None:
        self._moved[account] = self._moved.get(account, 0) + amount

    def _snapshot(self, entry: Entry, event: SnapshotTaken) -> None:
        """What had left and what had come, to each side of the account that records."""
        number = event.checkpoint_id
        for channel, lane in self._book.lanes.items():
            sent = list(self._transfers.get(channel, {}))
            if lane.upstream == event.subtask:
                self._sent[channel, number] = sent
            if lane.downstream == event.subtask:
                here = [position for position in sent if position not in lane.waiting]
                self._received[channel, number] = here
        ((_, balance),) = unpack(event.state)["keyed"]
        self._balances[number] = self._balances.get(number, 0) + int(balance)
        held = self._begins[event.subtask.vertex] + self._moved.get(event.subtask, 0)
        if balance != held:
            sentence = f"{event.subtask} recorded {balance} for snapshot {number} and held {held}"
            self._report(entry, "balance", sentence)

    def _complete(self, entry: Entry, event: CheckpointCompleted) -> None:
        number, wrong = event.checkpoint_id, []
        sum_ = self._balances.get(number, 0)
        for channel, lane in self._book.lanes.items():
            transfers = self._transfers.get(channel, {})
            kept = lane.kept.get(number, [])
            sum_ += sum(transfers[position][1] for position in kept)
            sent, counted = self._sent[channel, number], [*self._received[channel, number], *kept]
            for position, (name, amount) in transfers.items():
                often = counted.count(position) - (position in sent)
                if often:
                    side = self.difference.duplicated if often > 0 else self.difference.lost
                    side[name] = None
                    how = "overtook the marker" if often > 0 else "was overtaken by the marker"
                    wrong.append(f"{lane}: transfer {name.offset} of {amount} {how}")
        self.recorded[number] = sum_
        if wrong or sum_ != self.total:
            sentence = f"snapshot {number} adds up to {sum_}, there is {self.total}"
            self._report(entry, "money_adds_up", "; ".join([sentence, *wrong]))

    def _report(self, entry: Entry, rule: str, sentence: str) -> None:
        self.violations.append(Violation.of(rule, entry, sentence))
