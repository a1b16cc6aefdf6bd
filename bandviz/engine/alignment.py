"""Barriers at the gate of one subtask: a pure state machine (exactly-once, Flink's
SingleCheckpointBarrierHandler: aligned, unaligned, and aligned with a time-out).

Rules of this file: only it changes `AlignmentPhase`; each signal is classified first, then one cell
of `ALIGNMENT` is taken; a missing cell is illegal, raises and changes nothing. It knows ids and
channel numbers, neither queues nor time: what it decides comes back as effects. Source:
semantics.md 2.1 to 2.3; checked by the conformance cases.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple, Protocol

from bandviz.errors import require
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.ids import CheckpointId

NOTHING_SEEN: Final = CheckpointId(-1)


class AlignmentPhase(Enum):
    """How far the pending checkpoint is."""

    WAITING = "no checkpoint is pending"
    COLLECTING = "collecting barriers, aligned"
    SWITCHED = "timed out before the first barrier was handled"
    OVERTAKING = "snapshot taken, collecting barriers, unaligned"


class Signal(Enum):
    """What came in, seen from the present phase. Corner cases have names, not ifs.

    An *urgent* barrier has overtaken (unaligned), all others came in order.
    """

    NEWER = "barrier or announcement of a newer checkpoint"
    STALE = "barrier of a finished, aborted or older checkpoint"
    STALE_URGENT = "the same, but it had overtaken: its channel was never held back"
    STALE_ANNOUNCEMENT = "the same, only announced as yet"
    ANNOUNCED = "the barrier has arrived, behind unread data"
    BARRIER = "a barrier, more channels to come"
    LATE = "the same, later than the time-out"
    LAST = "the last missing barrier"
    TOLD = "a barrier by message, more channels to come"
    TOLD_LAST = "the last missing barrier, by message"
    URGENT = "an urgent barrier, more channels to come"
    URGENT_LAST = "the last missing barrier, and it is urgent"
    TIMEOUT = "the time-out has passed since the barrier was made"
    TIMEOUT_EARLY = "the same, and no barrier was handled yet"
    TIMEOUT_STALE = "the same, of a checkpoint that is not being aligned any more"
    CANCEL_NEWER = "cancel marker of a newer checkpoint"
    CANCEL_PENDING = "cancel marker of the pending checkpoint"
    CANCEL_STALE = "cancel marker of anything else"
    END_IDLE = "end of a channel, nothing pending"
    END_NEXT = "end of a channel, barriers still missing elsewhere"
    END_LAST = "end of the channel whose barrier was the last missing one"
    END_ABORTS = "end of a channel; checkpoints after the end of tasks are switched off"


class EffectKind(Enum):
    """What the subtask has to do, in this order."""

    BLOCK = "hold this channel back"
    IGNORE = "drop the barrier"
    RESUME = "read this channel on"
    START = "alignment begins; `open_count` channels"
    PRIORITISE = "the announced barrier of this channel goes ahead of unread data"
    COMPLETE = "all barriers are here: forward and snapshot"
    OVERTAKE = "forward and snapshot now; unread data is part of the checkpoint"
    ARRIVED = "all barriers are here, after the snapshot: the data in flight is known"
    RELEASE = "read all blocked channels on"
    ABORT = "decline, and send a cancel marker down"


class How(Enum):
    """How a barrier came."""

    IN_LINE = "taken at its turn; the channel is held back behind it"
    LATE = "the same, later than its time-out"
    AHEAD = "ahead of unread data"
    BY_MESSAGE = "from the coordinator, for a channel whose sender has finished"


class Effect(NamedTuple):
    """One instruction; `channel` is a number in the gate, -1 where it does not apply."""

    kind: EffectKind
    checkpoint_id: CheckpointId
    channel: int = -1
    open_count: int = 0
    reason: Reason = Reason.CANCELLED


class BarrierHandler(Protocol):
    """What a subtask asks of its gate; `Alignment` and the at-least-once `BarrierTracker`."""

    open: list[int]
    """Channels that have not ended."""

    def barrier(self, channel: int, checkpoint_id: CheckpointId, *, how: How) -> list[Effect]:
        """A barrier of an open channel."""

    def announce(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """A barrier that may time out has arrived and waits behind unread data."""

    def timeout(self, checkpoint_id: CheckpointId) -> list[Effect]:
        """The alignment time-out of this checkpoint has passed."""

    def cancel(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """A cancel marker came."""

    def end(self, channel: int) -> list[Effect]:
        """EndOfPartition: the channel leaves the open set."""


class Alignment:
    """The state of one gate. `blocked` and `aligned` keep channels in the order of arrival."""

    def __init__(self, channels: int, *, after_tasks_finish: bool = True) -> None:
        self.phase = AlignmentPhase.WAITING
        self.current = NOTHING_SEEN
        self.open: list[int] = list(range(channels))
        self.aligned: list[int] = []
        self.blocked: list[int] = []
        self.announced: list[int] = []
        self.target = 0
        self._after_tasks_finish = after_tasks_finish

    def barrier(self, channel: int, checkpoint_id: CheckpointId, *, how: How) -> list[Effect]:
        """See `BarrierHandler`."""
        polled = how not in (How.IN_LINE, How.LATE) or channel not in self.blocked
        require(polled, "a blocked channel is not polled", f"{channel}")
        require(channel in self.open, "nothing follows the end of a channel", f"{channel}")
        if not self._is_live(checkpoint_id):
            stale = Signal.STALE if how in (How.IN_LINE, How.LATE) else Signal.STALE_URGENT
            return self._take(stale, channel, checkpoint_id)
        opened = self._open_if_newer(channel, checkpoint_id)
        return opened + self._take(self._barrier_signal(how), channel, checkpoint_id)

    def announce(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """See `BarrierHandler`."""
        if not self._is_live(checkpoint_id):
            return self._take(Signal.STALE_ANNOUNCEMENT, channel, checkpoint_id)
        opened = self._open_if_newer(channel, checkpoint_id)
        return opened + self._take(Signal.ANNOUNCED, channel, checkpoint_id)

    def timeout(self, checkpoint_id: CheckpointId) -> list[Effect]:
        """See `BarrierHandler`."""
        if checkpoint_id != self.current or self.phase is not AlignmentPhase.COLLECTING:
            signal = Signal.TIMEOUT_STALE
        else:
            signal = Signal.TIMEOUT if self.aligned else Signal.TIMEOUT_EARLY
        return self._take(signal, -1, checkpoint_id)

    def cancel(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """See `BarrierHandler`."""
        if checkpoint_id > self.current:
            signal = Signal.CANCEL_NEWER
        elif checkpoint_id == self.current and self.aligned:
            signal = Signal.CANCEL_PENDING
        else:
            signal = Signal.CANCEL_STALE
        return self._take(signal, channel, checkpoint_id)

    def end(self, channel: int) -> list[Effect]:
        """See `BarrierHandler`."""
        require(channel in self.open, "a channel ends once", f"{channel}")
        if self.phase is AlignmentPhase.WAITING:
            signal = Signal.END_IDLE
        elif not self._after_tasks_finish:
            signal = Signal.END_ABORTS
        else:
            missing = self.target - len(self.aligned) - (channel not in self.aligned)
            signal = Signal.END_LAST if missing == 0 else Signal.END_NEXT
        return self._take(signal, channel, self.current)

    def _is_live(self, checkpoint_id: CheckpointId) -> bool:
        if checkpoint_id == self.current:
            return self.phase is not AlignmentPhase.WAITING
        return checkpoint_id > self.current

    def _open_if_newer(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        if checkpoint_id == self.current:
            return []
        return self._take(Signal.NEWER, channel, checkpoint_id)

    def _barrier_signal(self, how: How) -> Signal:
        last = len(self.aligned) + 1 == self.target
        if how is How.AHEAD:
            return Signal.URGENT_LAST if last else Signal.URGENT
        if how is How.BY_MESSAGE:
            return Signal.TOLD_LAST if last else Signal.TOLD
        if last:
            return Signal.LAST
        return Signal.LATE if how is How.LATE else Signal.BARRIER

    def _take(self, signal: Signal, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        cell = ALIGNMENT[self.phase].get(signal)
        require(cell is not None, "no such cell in ALIGNMENT", f"{self.phase} x {signal}")
        assert cell is not None
        next_phase, actions = cell
        effects: list[Effect] = []
        for action in actions:
            effects += action(self, channel, checkpoint_id)
        self.phase = next_phase
        return effects


# -- actions: each does one thing to the gate and says what the subtask has to do


def _open(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    gate.current = checkpoint_id
    gate.target = len(gate.open)
    return []


def _count(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """The barrier of this channel is here."""
    if channel in gate.announced:
        gate.announced.remove(channel)
    gate.aligned.append(channel)
    if len(gate.aligned) > 1:
        return []
    return [Effect(EffectKind.START, checkpoint_id, channel, gate.target)]


def _block(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """A barrier that came in order: its sender has stopped behind it (rule 2.3.3)."""
    gate.blocked.append(channel)
    return [Effect(EffectKind.BLOCK, checkpoint_id, channel)]


def _complete(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.COMPLETE, checkpoint_id, channel, gate.target)]


def _overtake(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.OVERTAKE, checkpoint_id, channel)]


def _arrived(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.ARRIVED, checkpoint_id, channel)]


def _close(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """Nothing is pending any more: all channels are read again."""
    released = [Effect(EffectKind.RELEASE, gate.current, blocked) for blocked in gate.blocked]
    gate.blocked, gate.aligned, gate.announced = [], [], []
    return released


def _announce(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    gate.announced.append(channel)
    return []


def _prioritise(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.PRIORITISE, checkpoint_id, channel)]


def _prioritise_all(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    announced, gate.announced = gate.announced, []
    return [Effect(EffectKind.PRIORITISE, checkpoint_id, one) for one in announced]


def _abort_subsumed(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.ABORT, gate.current, reason=Reason.SUBSUMED)]


def _abort_ended(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.ABORT, gate.current, reason=Reason.INPUT_ENDED)]


def _abort_cancelled(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """A pending older one ends without a word; only the marker's id is reported (rule 2.1.6)."""
    gate.current = checkpoint_id
    return [Effect(EffectKind.ABORT, checkpoint_id, reason=Reason.CANCELLED)]


def _ignore(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.IGNORE, checkpoint_id, channel)]


def _resume(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.RESUME, checkpoint_id, channel)]


def _leave(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    gate.open.remove(channel)
    return []


def _count_end(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """The end of a channel counts as its barrier, once, even if the barrier came too (2.1.8)."""
    return [] if channel in gate.aligned else _count(gate, channel, checkpoint_id)


_W, _C = AlignmentPhase.WAITING, AlignmentPhase.COLLECTING
_S, _O = AlignmentPhase.SWITCHED, AlignmentPhase.OVERTAKING
_Action = Callable[[Alignment, int, CheckpointId], list[Effect]]
_Cell = tuple[AlignmentPhase, tuple[_Action, ...]]

_FROM_ANY: Final[dict[Signal, tuple[_Action, ...]]] = {
    Signal.STALE: (_ignore, _resume),
    Signal.STALE_URGENT: (_ignore,),
    Signal.STALE_ANNOUNCEMENT: (),
    Signal.TIMEOUT_STALE: (),
    Signal.CANCEL_STALE: (),
}


def _pending(phase: AlignmentPhase) -> dict[Signal, _Cell]:
    """What is the same while a checkpoint is pending, however far it is."""
    return {
        **{signal: (phase, actions) for signal, actions in _FROM_ANY.items()},
        Signal.NEWER: (_C, (_close, _abort_subsumed, _open)),
        Signal.CANCEL_NEWER: (_W, (_close, _abort_cancelled)),
        Signal.CANCEL_PENDING: (_W, (_close, _abort_cancelled)),
        Signal.TOLD: (phase, (_count,)),
        Signal.END_NEXT: (phase, (_leave, _count_end)),
        Signal.END_ABORTS: (_W, (_leave, _close, _abort_ended)),
    }


ALIGNMENT: Final[dict[AlignmentPhase, dict[Signal, _Cell]]] = {
    _W: {
        **{signal: (_W, actions) for signal, actions in _FROM_ANY.items()},
        Signal.NEWER: (_C, (_open,)),
        Signal.CANCEL_NEWER: (_W, (_abort_cancelled,)),
        Signal.END_IDLE: (_W, (_leave,)),
    },
    _C: {
        **_pending(_C),
        Signal.ANNOUNCED: (_C, (_announce,)),
        Signal.BARRIER: (_C, (_count, _block)),
        Signal.LAST: (_W, (_count, _block, _complete, _close)),
        Signal.TOLD_LAST: (_W, (_count, _complete, _close)),
        Signal.LATE: (_O, (_count, _block, _prioritise_all, _overtake)),
        Signal.URGENT: (_O, (_count, _prioritise_all, _overtake)),
        Signal.URGENT_LAST: (_W, (_count, _overtake, _arrived, _close)),
        Signal.TIMEOUT: (_O, (_prioritise_all, _overtake)),
        Signal.TIMEOUT_EARLY: (_S, (_prioritise_all,)),
        Signal.END_LAST: (_W, (_leave, _count_end, _complete, _close)),
    },
    _S: {
        **_pending(_S),
        Signal.ANNOUNCED: (_S, (_prioritise,)),
        Signal.BARRIER: (_O, (_count, _block, _overtake)),
        Signal.LATE: (_O, (_count, _block, _overtake)),
        Signal.LAST: (_W, (_count, _block, _overtake, _arrived, _close)),
        Signal.URGENT: (_O, (_count, _overtake)),
        Signal.URGENT_LAST: (_W, (_count, _overtake, _arrived, _close)),
    },
    _O: {
        **_pending(_O),
        Signal.ANNOUNCED: (_O, (_prioritise,)),
        Signal.BARRIER: (_O, (_count, _block)),
        Signal.LATE: (_O, (_count, _block)),
        Signal.LAST: (_W, (_count, _block, _arrived, _close)),
        Signal.TOLD_LAST: (_W, (_count, _arrived, _close)),
        Signal.URGENT: (_O, (_count,)),
        Signal.URGENT_LAST: (_W, (_count, _arrived, _close)),
        Signal.END_LAST: (_W, (_leave, _count_end, _arrived, _close)),
    },
}
