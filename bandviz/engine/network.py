"""The second machine room: accounts that send money to each other, and snapshots by markers.

Source: Chandy and Lamport, Distributed Snapshots (1985). An account that begins a snapshot, or gets
its first marker, records its balance and at once sends a marker into each of its channels; then it
records what comes on a channel until the marker of that channel is there. `aligned` is Flink's way:
channels that have delivered their marker are not read, the balance is recorded when all markers are
there, and nothing is left to be recorded on them.

The same two calls as a `Job`, and its events: a marker is a barrier, what is recorded of a channel
is data in flight. Simplifications: one snapshot at a time, which all know to be complete as soon as
it is; a part is stored when it is recorded; nothing fails.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from bandviz.engine.choices import Choice, ChoiceKind, jittered, mix
from bandviz.engine.declare import declare
from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.faults import Fault
from bandviz.engine.schedule import Schedule
from bandviz.errors import CommandRejected
from bandviz.events import Entry, Event, Level, checkpoint, flow, job
from bandviz.events.checkpoint import BarrierKind, InFlightSide
from bandviz.events.coordinator import SnapshotKind, SnapshotRequested
from bandviz.events.job import JobStatus, RunStatus
from bandviz.events.records import pack_lineage
from bandviz.events.values import pack
from bandviz.graph.execution import ChannelPlan, ExecutionGraph
from bandviz.graph.network import Draw, Traffic, Transfer
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import AccountSpec
from bandviz.ids import NO_CHECKPOINT, ChannelId, CheckpointId, RecordId, SubtaskId

TRANSFER: Final = "transfer"
SNAPSHOT: Final = "snapshot"
REQUEST: Final = Fault("take_checkpoint")
BALANCE: Final = "balance"


class Element(NamedTuple):
    """What travels: money with the id of its transfer, or (without one) a marker."""

    arrive_us: int
    amount: int = 0
    transfer: RecordId | None = None
    cause: Identity | None = None


@dataclass(slots=True)
class Channel:
    """One way between two accounts; `elements` by position, in the order of sending."""

    plan: ChannelPlan
    elements: dict[int, Element] = field(default_factory=dict)
    next_position: int = 0
    arrived_us: int = 0
    """When the last element that was put in will be there."""
    blocked: bool = False

    def ready(self) -> list[int]:
        """Positions of what can be taken next: the first, or all where there is no order."""
        if self.blocked:
            return []
        return list(self.elements)[: 1 if self.plan.fifo else None]


@dataclass(slots=True)
class Account:
    """One process. `missing`: channels whose marker has not come; None if it has got none yet."""

    id: SubtaskId
    balance: int
    inputs: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    sent_count: int = 0
    missing: dict[ChannelId, None] | None = None
    begun_us: int = 0


class Network:
    """A running network. Everything in it is plain data, so `clone()` is a deep copy."""

    def __init__(
        self,
        graph: ExecutionGraph,
        settings: RunSettings,
        traffic: Traffic,
        level: Level = Level.RECORD,
    ) -> None:
        self.settings = settings
        self.now_us = 0
        self.run: RunStatus | None = None
        self.emitter = Emitter(level)
        self._graph = graph
        self._traffic = traffic
        self._transfers = (*traffic.transfers, *_drawn(graph, settings, traffic.draw))
        self._schedule = Schedule(settings.seed)
        self._channels = {plan.channel: Channel(plan) for plan in graph.channels}
        self._accounts = {name: self._account(name) for name in graph.subtasks}
        self._pending = NO_CHECKPOINT
        self._begun_count = 0
        self._begun_us = 0
        self._acknowledged_count = 0
        self._stored_bytes = 0
        self._request_count = 0

    def _account(self, name: SubtaskId) -> Account:
        spec, channels = self._graph.vertex_of[name.vertex].spec, self._channels.values()
        assert isinstance(spec, AccountSpec)
        return Account(
            name,
            spec.balance,
            tuple(one for one in channels if one.plan.downstream == name),
            tuple(one for one in channels if one.plan.upstream == name),
        )

    # ------------------------------------------------------------------ the two calls

    def start(self) -> list[Entry]:
        """Step 0: declare accounts and channels, plan all transfers and the first snapshot."""
        declare(self.emitter, self._graph, self.settings, ())
        self.emitter.control(job.JobStatusChanged(status=JobStatus.RUNNING, attempt=1))
        for account in self._accounts.values():
            self.emitter.control(job.SubtaskDeployed(subtask=account.id, attempt=1))
            self._book(account, RecordId(account.id.vertex, 0, 0))
        for number, transfer in enumerate(self._transfers):
            self._schedule.plan(Choice(ChoiceKind.TIMER, TRANSFER, number), transfer.at_us)
        self._plan_snapshot()
        return self._finish_step()

    def choices(self) -> list[Choice]:
        """The enabled moves that are ready within `reorder_us` of the earliest, default first."""
        moves = sorted(self._schedule.timed_moves())
        horizon = max(self.now_us, moves[0][0] if moves else 0) + self.settings.reorder_us
        return [Choice(*move[2:]) for move in moves if move[0] <= horizon]

    def earliest(self) -> Choice | None:
        """The default pick; None when nothing can move any more."""
        move = self._schedule.peek()
        return Choice(*move[2:]) if move is not None else None

    def next_us(self) -> int | None:
        """When the default pick would happen."""
        move = self._schedule.peek()
        return max(self.now_us, move[0]) if move is not None else None

    def step(self, choice: Choice, *, not_before_us: int = 0) -> list[Entry]:
        """Make one move. Raises CommandRejected, changing nothing, if it is not enabled now."""
        asked = choice.kind is ChoiceKind.FAULT and self.allows(Fault.of(choice))
        if not asked and not self._schedule.planned(choice):
            raise CommandRejected(f"'{choice}' is not possible now")
        ready_us = 0 if asked else self._schedule.take(choice).move[0]
        self.now_us = max(self.now_us, ready_us, not_before_us)
        if asked:
            self._request()
        elif choice.owner == TRANSFER:
            self._send(self._transfers[choice.ordinal])
        elif choice.owner == SNAPSHOT:
            self._begin(choice.ordinal)
        else:
            self._deliver(self._channels[ChannelId(int(choice.owner))], choice.ordinal)
        return self._finish_step()

    def faults(self) -> list[Fault]:
        """What can be asked for now: a snapshot, where none is in progress. Nothing breaks here."""
        return [REQUEST] if self.run is None and not self._pending else []

    def rescalings(self) -> list[Fault]:
        """An account is one process."""
        return []

    def allows(self, fault: Fault) -> bool:
        """Whether it is possible now."""
        return fault in self.faults()

    def hopeless(self) -> str:
        """Nothing is tried again here, so nothing can come to nothing for ever."""
        return ""

    def give_up(self, reason: str) -> list[Entry]:
        """Nothing can move, or the step budget is used up: the run is stuck."""
        self._end(RunStatus.STUCK, reason)
        return self.emitter.flush(self.now_us)

    def clone(self) -> Self:
        """An independent copy; graph, settings and traffic are shared."""
        return copy.deepcopy(self)

    def _finish_step(self) -> list[Entry]:
        """Nothing more to come, and no snapshot in progress: the run ends well."""
        if self._schedule.peek() is None and not self._pending:
            self.emitter.control(job.JobStatusChanged(status=JobStatus.FINISHED, attempt=1))
            self._end(RunStatus.FINISHED, "")
        return self.emitter.flush(self.now_us)

    def _end(self, status: RunStatus, reason: str) -> None:
        self.run = status
        self.emitter.control(job.RunEnded(status=status, reason=reason))
        self._schedule.clear()

    def _say(self, event: Callable[..., Event], account: Account, **facts: object) -> None:
        """Something of the snapshot in progress happened at this account."""
        self.emitter.control(event(subtask=account.id, checkpoint_id=self._pending, **facts))

    # ------------------------------------------------------------------ money

    def _send(self, transfer: Transfer) -> None:
        """Money leaves the balance and is on its way: in no account, until it is delivered."""
        channel = self._channels[transfer.channel]
        sender, number = self._accounts[channel.plan.upstream], transfer.channel
        amount = min(transfer.amount, sender.balance)
        sender.sent_count += 1
        sender.balance -= amount
        name = RecordId(sender.id.vertex, 0, sender.sent_count)
        latency_us = channel.plan.latency_us if transfer.latency_us is None else transfer.latency_us
        arrive_us = self._arrival(channel, latency_us)
        position = self._put(channel, Element(arrive_us, amount, name))
        if self.emitter.flow:
            self.emitter.on_flow(
                flow.RecordsEmitted(channel=number, position=position, count=1, arrive_us=arrive_us)
            )
        if self.emitter.record:
            values, lineage = pack([(amount,)]), pack_lineage([name])
            self.emitter.on_record(
                flow.BufferSent(channel=number, position=position, values=values, lineage=lineage)
            )
        self._book(sender, name)

    def _arrival(self, channel: Channel, latency_us: int) -> int:
        """Where order is kept, nothing is there before what was sent before it."""
        draw = mix(self.settings.seed, 5_000, channel.plan.channel, channel.next_position)
        arrive_us = self.now_us + jittered(latency_us, self.settings.jitter_permille, draw)
        return max(arrive_us, channel.arrived_us) if channel.plan.fifo else arrive_us

    def _put(self, channel: Channel, element: Element) -> int:
        position = channel.next_position
        channel.next_position += 1
        channel.arrived_us = element.arrive_us
        channel.elements[position] = element
        self._plan_deliveries(channel)
        return position

    def _plan_deliveries(self, channel: Channel) -> None:
        for position in channel.ready():
            choice = Choice(ChoiceKind.DELIVER, str(channel.plan.channel), position)
            if not self._schedule.planned(choice):
                self._schedule.plan(choice, channel.elements[position].arrive_us)

    def _deliver(self, channel: Channel, position: int) -> None:
        element = channel.elements.pop(position)
        receiver = self._accounts[channel.plan.downstream]
        if element.transfer is None:
            self.emitter.cause = element.cause
            self._take_marker(receiver, channel, position)
        else:
            self._take_money(receiver, channel, position, element)
        self._plan_deliveries(channel)

    def _take_money(
        self, receiver: Account, channel: Channel, position: int, element: Element
    ) -> None:
        """What comes before the marker was on its way when the snapshot was taken."""
        number = channel.plan.channel
        if not self._traffic.aligned and number in (receiver.missing or ()):
            self._say(
                checkpoint.InFlightPersisted, receiver, channel=number, side=InFlightSide.INPUT,
                positions=(position,), record_count=1,
            )  # fmt: skip
        receiver.balance += element.amount
        if self.emitter.flow:
            self.emitter.on_flow(flow.RecordsDelivered(channel=number, position=position, count=1))
        self._book(receiver, element.transfer)

    def _book(self, account: Account, transfer: RecordId | None) -> None:
        """What the account holds now; transfer 0 of an account is what it began with."""
        if self.emitter.record:
            self.emitter.on_record(
                flow.RecordApplied(
                    subtask=account.id,
                    key=pack(BALANCE),
                    window_start_ms=flow.OUTSIDE_WINDOWS,
                    value=pack(account.balance),
                    lineage=pack(transfer),
                )
            )

    # ------------------------------------------------------------------ snapshots

    def _request(self) -> None:
        """Asked for by hand; those begin it who begin the first one."""
        self._schedule.cancel(Choice(ChoiceKind.TIMER, SNAPSHOT, self._next_snapshot))
        self._request_count += 1
        requested = SnapshotRequested(request=self._request_count, kind=SnapshotKind.CHECKPOINT)
        self.emitter.control(requested)
        self._begin(0, self._request_count)

    @property
    def _next_snapshot(self) -> int:
        return self._begun_count - self._request_count

    def _plan_snapshot(self) -> None:
        for one in self._traffic.snapshots[self._next_snapshot :][:1]:
            self._schedule.plan(Choice(ChoiceKind.TIMER, SNAPSHOT, self._next_snapshot), one.at_us)

    def _begin(self, number: int, request: int = 0) -> None:
        """The initiators record by themselves; all others hear of it by a marker."""
        initiators = self._traffic.snapshots[number].initiators
        self._begun_count += 1
        self._pending = CheckpointId(self._begun_count)
        self._begun_us, self._acknowledged_count, self._stored_bytes = self.now_us, 0, 0
        self.emitter.control(
            checkpoint.CheckpointTriggered(
                checkpoint_id=self._pending,
                triggered=initiators,
                expected=tuple(self._accounts),
                request=request,
            )
        )
        for name in initiators:
            account = self._accounts[name]
            self._join(account)
            self._record(account)
            self._complete_part(account)

    def _join(self, account: Account) -> None:
        account.missing = {one.plan.channel: None for one in account.inputs}
        account.begun_us = self.now_us

    def _take_marker(self, receiver: Account, channel: Channel, position: int) -> None:
        number, first = channel.plan.channel, receiver.missing is None
        self._say(checkpoint.BarrierArrived, receiver, channel=number, position=position)
        if first:
            self._join(receiver)
        assert receiver.missing is not None
        del receiver.missing[number]
        if self._traffic.aligned:
            self._align(receiver, channel)
        elif first:
            self._record(receiver)
        self._complete_part(receiver)

    def _align(self, receiver: Account, channel: Channel) -> None:
        """Flink's way: hold back what has delivered its marker, and record behind the last one."""
        if receiver.missing:
            channel.blocked = True
            number = channel.plan.channel
            self._say(checkpoint.ChannelBlocked, receiver, channel=number, held_count=0)
            return
        self._record(receiver)
        for held in [one for one in receiver.inputs if one.blocked]:
            held.blocked = False
            self._say(
                checkpoint.ChannelUnblocked, receiver, channel=held.plan.channel,
                released_count=0, arrive_us=self.now_us,
            )  # fmt: skip
            self._plan_deliveries(held)

    def _record(self, account: Account) -> None:
        """The balance, and a marker into every channel, before anything else is sent."""
        state = pack({"keyed": [[BALANCE, account.balance]]})
        size, open_ = len(state), bool(account.missing)
        self._stored_bytes += size
        self._say(checkpoint.SnapshotTaken, account, state=state, state_bytes=size, unaligned=open_)
        self._say(checkpoint.UploadCompleted, account, uploaded_bytes=size, duration_us=0)
        kind = BarrierKind.ALIGNED if self._traffic.aligned else BarrierKind.MARKER
        for channel in account.outputs:
            arrive_us = self._arrival(channel, channel.plan.latency_us)
            cause = self.emitter.next_identity()
            position = self._put(channel, Element(arrive_us, cause=cause))
            self._say(
                checkpoint.BarrierEmitted, account, channel=channel.plan.channel,
                position=position, arrive_us=arrive_us, kind=kind,
            )  # fmt: skip

    def _complete_part(self, account: Account) -> None:
        """All markers are there: the part is whole, and with the last part the snapshot."""
        if account.missing:
            return
        total = len(self._accounts)
        self._acknowledged_count += 1
        if account.inputs:
            lasted_us = self.now_us - account.begun_us
            self._say(checkpoint.AlignmentCompleted, account, duration_us=lasted_us)
        self._say(
            checkpoint.SubtaskAcknowledged, account, acknowledged_count=self._acknowledged_count,
            expected_count=total,
        )  # fmt: skip
        if self._acknowledged_count == total:
            self._complete()

    def _complete(self) -> None:
        self.emitter.control(
            checkpoint.CheckpointCompleted(
                checkpoint_id=self._pending,
                duration_us=self.now_us - self._begun_us,
                checkpointed_bytes=self._stored_bytes,
                full_bytes=self._stored_bytes,
            )
        )
        self._pending = NO_CHECKPOINT
        for account in self._accounts.values():
            account.missing = None
        self._plan_snapshot()


def _drawn(graph: ExecutionGraph, settings: RunSettings, draw: Draw | None) -> Iterator[Transfer]:
    """Transfers that the seed draws: each channel and each amount is as likely as any other."""
    for number in range(draw.count if draw is not None else 0):
        assert draw is not None
        place = mix(settings.seed, 6_000, number) % len(graph.channels)
        amount = 1 + mix(settings.seed, 6_001, number) % draw.amount_max
        channel, at_us = graph.channels[place].channel, (number + 1) * draw.interval_us
        yield Transfer(at_us=at_us, channel=channel, amount=amount)
