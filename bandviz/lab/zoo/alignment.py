"""Gates that do not hold back what they have to."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from bandviz.engine import alignment
from bandviz.engine.alignment import ALIGNMENT, AlignmentPhase, Effect, EffectKind, Signal
from bandviz.engine.channel import Channel, Queued
from bandviz.engine.elements import CheckpointBarrier, RecordBuffer
from bandviz.engine.outbox import Outbox
from bandviz.engine.subtask import _HANDLERS, Subtask
from bandviz.engine.subtask_checkpoints import _EFFECTS, SubtaskCheckpoints
from bandviz.ids import CheckpointId
from bandviz.lab.zoo.breakage import Breakage, Ground, Maker, Patch, replacing

_COLLECTING = ALIGNMENT[AlignmentPhase.COLLECTING]


@replacing(_COLLECTING, Signal.BARRIER)
def _count_and_read_on(_: Any) -> Any:
    return (AlignmentPhase.COLLECTING, (alignment._count, alignment._resume))


@replacing(_EFFECTS, EffectKind.BLOCK)
def _blocks_the_neighbour(original: Any) -> Any:
    def block(checkpoints: SubtaskCheckpoints, effect: Effect) -> None:
        channels = len(checkpoints._task.inputs)
        original(checkpoints, effect._replace(channel=(effect.channel + 1) % channels))
        checkpoints._resume(effect)

    return block


def _all_but_one(_: Any) -> Any:
    def opened(gate: alignment.Alignment, _: int, checkpoint_id: CheckpointId) -> list[Effect]:
        gate.current = checkpoint_id
        gate.target = max(1, len(gate.open) - 1)
        return []

    return opened


def _with_open(opened: Any) -> Maker:
    """A cell of the table with another `_open`."""

    def cell(original: Any) -> Any:
        phase, actions = original
        return phase, tuple(opened(one) if one is alignment._open else one for one in actions)

    return cell


@replacing(_HANDLERS, RecordBuffer)
def _releases_at_the_next_record(original: Any) -> Any:
    def on_records(task: Subtask, channel: Channel, queued: Queued) -> None:
        original(task, channel, queued)
        gate: Any = task.checkpoints.gate
        held, gate.blocked = gate.blocked, []
        for one in held:
            task.checkpoints._resume(Effect(EffectKind.RELEASE, gate.current, one))

    return on_records


@replacing(Outbox, "forward")
def _passes_the_last_buffer(original: Any) -> Any:
    def forward(outbox: Outbox, barrier: CheckpointBarrier, sent_us: int) -> Any:
        overtaken = original(outbox, barrier, sent_us)
        for channel in outbox._channels:
            for line in (channel.queue, channel.held):
                _swap_if_barrier_is_last(line)
        return overtaken

    return forward


def _swap_if_barrier_is_last(line: deque[Queued]) -> None:
    if len(line) < 2 or not isinstance(line[-1].element, CheckpointBarrier):
        return
    before, last = line[-2], line[-1]
    if isinstance(before.element, RecordBuffer):
        line[-2] = last._replace(arrive_us=before.arrive_us, serial=before.serial)
        line[-1] = before._replace(arrive_us=last.arrive_us, serial=last.serial)


ENTRIES: Final = (
    Breakage(
        name="skip-alignment",
        family="alignment",
        rule="a channel whose barrier has come is held back until all barriers are here",
        instead="it is read on, so records from behind the barrier get into the snapshot",
        oracle="cut_ledger",
        patches=(_count_and_read_on,),
    ),
    Breakage(
        name="wrong-gate",
        family="alignment",
        rule="the channel is held back whose barrier has come",
        instead="its neighbour is held back, and it is read on",
        oracle="blocked_is_silent",
        patches=(_blocks_the_neighbour,),
    ),
    Breakage(
        name="one-barrier-short",
        family="alignment",
        rule="the snapshot is taken when the barriers of all open channels are here",
        instead="it is taken with one of them still to come",
        oracle="cut_ledger",
        patches=tuple(
            Patch(ALIGNMENT[phase], Signal.NEWER, _with_open(_all_but_one))
            for phase in (AlignmentPhase.WAITING, AlignmentPhase.COLLECTING)
        ),
    ),
    Breakage(
        name="release-early",
        family="alignment",
        rule="a blocked channel waits until the last barrier is here",
        instead="it is read on as soon as a record has come on another channel",
        oracle="blocked_is_silent",
        patches=(_releases_at_the_next_record,),
        grounds=(Ground("overtake"),),
    ),
    Breakage(
        name="barrier-before-records",
        family="alignment",
        rule="a barrier stands behind all records that were sent before it was forwarded",
        instead="it goes ahead of the last buffer, which is not flushed yet",
        oracle="cut_ledger",
        patches=(_passes_the_last_buffer,),
    ),
)
