"""Unaligned checkpoints that do not keep what their barriers overtook."""

from __future__ import annotations

from typing import Any, Final

from bandviz.engine.channel import DATA, Channel, Queued
from bandviz.engine.elements import CheckpointBarrier
from bandviz.engine.in_flight import InFlight
from bandviz.engine.subtask_checkpoints import SubtaskCheckpoints
from bandviz.events.checkpoint import InFlightSide
from bandviz.lab.modes import UNALIGNED
from bandviz.lab.zoo.breakage import Breakage, Ground, replacing, without

_GROUNDS: Final = (
    Ground(mode=UNALIGNED),
    Ground("overtake", UNALIGNED),
    *(Ground("kill-and-rewind", UNALIGNED, schedule) for schedule in range(1, 6)),
)
_RUNNING_SUMS: Final = Ground(
    "poison-record",
    UNALIGNED,
    variant="side",
    vary=("total.emit=running", "total.cost_ms=2500", "run.first_checkpoint_ms=5000"),
)
"""One channel, and rows that depend on the order in which records come."""

_TWO_OVERTAKE: Final = ("run.first_checkpoint_ms=1400", "run.checkpoint_interval_ms=2500")


@replacing(SubtaskCheckpoints, "_persist")
def _keeps_no_input(original: Any) -> Any:
    def persist(
        checkpoints: Any, number: Any, kept: Any, channel: Any, side: Any, found: Any
    ) -> None:
        if side is not InFlightSide.INPUT:
            original(checkpoints, number, kept, channel, side, found)

    return persist


@replacing(SubtaskCheckpoints, "_persist")
def _keeps_first_gate(original: Any) -> Any:
    def persist(
        checkpoints: Any, number: Any, kept: Any, channel: Channel, side: Any, found: Any
    ) -> None:
        if side is not InFlightSide.INPUT or channel.plan.index == 0:
            original(checkpoints, number, kept, channel, side, found)

    return persist


@replacing(SubtaskCheckpoints, "capture")
def _captures_once(original: Any) -> Any:
    def capture(checkpoints: Any) -> None:
        snapshot = checkpoints._snapshot
        done = vars(checkpoints).setdefault("captured_once", [])
        if snapshot is not None and snapshot.checkpoint_id not in done:
            done.append(snapshot.checkpoint_id)
            original(checkpoints)

    return capture


@replacing(InFlight, "add")
def _newest_first(original: Any) -> Any:
    return lambda kept, side, plan, found: original(kept, side, plan, found[::-1])


@replacing(Channel, "_serial_of")
def _no_end(_: Any) -> Any:
    return lambda channel, _number: channel._sent


@replacing(Channel, "capture")
def _by_position(_: Any) -> Any:
    """The place where an element was put in, not the one in which it came."""

    def capture(channel: Channel, number: Any, now_us: int) -> list[Queued]:
        limit = _position_of(channel, number)
        found = [
            queued
            for queued in channel.queue
            if channel._captured_to < queued.position < limit
            and queued.arrive_us <= now_us
            and isinstance(queued.element, DATA)
        ]
        if found:
            channel._captured_to = found[-1].position
        return found

    return capture


def _position_of(channel: Channel, number: Any) -> int:
    if channel._barrier[0] == number:
        return channel._barrier[1]
    for queued in (*channel.urgent, *channel.queue):
        if getattr(queued.element, "checkpoint_id", None) == number:
            return queued.position
    return channel.position


@replacing(Channel, "take")
def _remembers_position(original: Any) -> Any:
    def take(channel: Channel, *, urgent: bool = False) -> Queued:
        queued: Queued = original(channel, urgent=urgent)
        if isinstance(queued.element, CheckpointBarrier):
            channel._barrier = (queued.element.checkpoint_id, queued.position)
        return queued

    return take


@replacing(Channel, "_serial_of")
def _any_barrier_ends_it(original: Any) -> Any:
    def serial_of(channel: Channel, number: Any) -> int:
        older = channel._barrier[1]
        return older if older >= 0 else original(channel, number)

    return serial_of


ENTRIES: Final = (
    Breakage(
        name="forget-in-flight",
        family="in flight",
        rule="what a barrier overtakes in the input belongs to the checkpoint",
        instead="it is forgotten",
        oracle="cut_ledger",
        patches=(_keeps_no_input,),
        grounds=_GROUNDS,
    ),
    Breakage(
        name="forget-late-in-flight",
        family="in flight",
        rule="what arrives between the snapshot and the last barrier belongs to the checkpoint",
        instead="only what is there at the snapshot is kept",
        oracle="cut_ledger",
        patches=(_captures_once,),
        grounds=_GROUNDS,
    ),
    Breakage(
        name="in-flight-of-one-gate",
        family="in flight",
        rule="what is in flight is kept for every channel",
        instead="it is kept for the first channel only",
        oracle="cut_ledger",
        patches=(_keeps_first_gate,),
        grounds=_GROUNDS,
        history="FLINK-18139",
    ),
    Breakage(
        name="forget-output",
        family="in flight",
        rule="what a barrier overtakes in the output queue belongs to the checkpoint",
        instead="it is forgotten",
        oracle="cut_ledger",
        patches=(without(SubtaskCheckpoints, "_keep_output"),),
        grounds=(Ground("overtake", UNALIGNED),),
    ),
    Breakage(
        name="in-flight-backwards",
        family="in flight",
        rule="what was in flight is read again in its order",
        instead="it is stored newest first",
        oracle="put_back_as_stored",
        patches=(_newest_first,),
        grounds=(_RUNNING_SUMS,),
    ),
    Breakage(
        name="capture-past-the-barrier",
        family="in flight",
        rule="what comes behind a channel's barrier does not belong to the checkpoint",
        instead="it is kept as well, until the barriers of all other channels are here",
        oracle="cut_ledger",
        patches=(_no_end,),
        grounds=_GROUNDS,
    ),
    Breakage(
        name="capture-twice",
        family="in flight",
        rule="what a barrier overtakes in the output queue is kept by the sender alone",
        instead="the receiver keeps it again when it comes, for it was put in before the barrier",
        oracle="cut_ledger",
        patches=(_by_position, _remembers_position),
        grounds=(Ground("overtake", UNALIGNED, vary=("run.first_checkpoint_ms=2000",)),),
    ),
    Breakage(
        name="older-barrier-ends-capture",
        family="in flight",
        rule="only the barrier of the same checkpoint ends what is kept of a channel",
        instead="that of an older one ends it too, and data behind that is forgotten",
        oracle="cut_ledger",
        patches=(_any_barrier_ends_it,),
        grounds=(Ground("overtake", UNALIGNED, vary=_TWO_OVERTAKE),),
        history="FLINK-20645",
    ),
)
