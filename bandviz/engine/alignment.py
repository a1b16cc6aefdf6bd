"""Aligned barriers at one subtask: a pure state machine (exactly-once, Flink's aligned handler).

Rules of this file: only it changes `AlignmentPhase`; each signal is classified first, then one cell
of `ALIGNMENT` is taken; a missing cell is illegal, raises and changes nothing. It knows ids and
channel numbers, neither queues nor time: what it decides comes back as effects. Source: Flink
SingleCheckpointBarrierHandler; semantics.md 2.1; checked by the conformance cases.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from bandviz.errors import require
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.ids import CheckpointId


class AlignmentPhase(Enum):
    """Whether a checkpoint is being aligned."""

    WAITING = "waiting for the first barrier"
    COLLECTING = "collecting barriers"


class Signal(Enum):
    """What came in, seen from the present phase. Corner cases have names, not ifs."""

    FIRST = "first barrier of a newer checkpoint, more channels to come"
    ONLY = "first barrier of a newer checkpoint, and no other open channel"
    NEXT = "a further barrier of the pending checkpoint"
    LAST = "the last missing barrier of the pending checkpoint"
    NEWER = "barrier of a newer checkpoint while one is pending"
    NEWER_ONLY = "the same, and no other open channel"
    STALE = "barrier of a finished, aborted or older checkpoint"
    CANCEL_NEWER = "cancel marker of a newer checkpoint"
    CANCEL_PENDING = "cancel marker of the pending checkpoint"
    CANCEL_STALE = "cancel marker of anything else"
    END_IDLE = "end of a channel, nothing pending"
    END_NEXT = "end of a channel, barriers still missing elsewhere"
    END_LAST = "end of the channel whose barrier was the last missing one"


class EffectKind(Enum):
    """What the subtask has to do, in this order."""

    BLOCK = "hold this channel back"
    RESUME = "read this channel on"
    START = "alignment begins; `open_count` channels"
    COMPLETE = "all barriers are here: forward and snapshot"
    RELEASE = "read all blocked channels on"
    ABORT = "decline, and send a cancel marker down"


class Effect(NamedTuple):
    """One instruction; `channel` is a number in the gate, -1 where it does not apply."""

    kind: EffectKind
    checkpoint_id: CheckpointId
    channel: int = -1
    open_count: int = 0
    reason: Reason = Reason.CANCELLED


class Alignment:
    """The state of one gate. `blocked` and `aligned` keep channels in the order of arrival."""

    def __init__(self, channels: int) -> None:
        self.phase = AlignmentPhase.WAITING
        self.current = CheckpointId(0)
        self.open: list[int] = list(range(channels))
        self.aligned: list[int] = []
        self.blocked: list[int] = []
        self.target = 0

    def barrier(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """A barrier was taken out of an open channel that is not blocked."""
        require(channel not in self.blocked, "a blocked channel is never polled", f"{channel}")
        require(channel in self.open, "nothing follows the end of a channel", f"{channel}")
        return self._take(self._barrier_signal(checkpoint_id), channel, checkpoint_id)

    def cancel(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """A cancel marker came."""
        if checkpoint_id > self.current:
            signal = Signal.CANCEL_NEWER
        elif checkpoint_id == self.current and self.phase is AlignmentPhase.COLLECTING:
            signal = Signal.CANCEL_PENDING
        else:
            signal = Signal.CANCEL_STALE
        return self._take(signal, channel, checkpoint_id)

    def end(self, channel: int) -> list[Effect]:
        """EndOfPartition: the channel leaves the open set."""
        require(channel in self.open, "a channel ends once", f"{channel}")
        if self.phase is AlignmentPhase.WAITING:
            signal = Signal.END_IDLE
        else:
            missing = self.target - len(self.aligned) - (channel not in self.aligned)
            signal = Signal.END_LAST if missing == 0 else Signal.END_NEXT
        return self._take(signal, channel, self.current)

    def _barrier_signal(self, checkpoint_id: CheckpointId) -> Signal:
        only = len(self.open) == 1
        if checkpoint_id > self.current:
            if self.phase is AlignmentPhase.WAITING:
                return Signal.ONLY if only else Signal.FIRST
            return Signal.NEWER_ONLY if only else Signal.NEWER
        if checkpoint_id == self.current and self.phase is AlignmentPhase.COLLECTING:
            return Signal.LAST if len(self.aligned) + 1 == self.target else Signal.NEXT
        return Signal.STALE

    def _take(self, signal: Signal, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        cell = ALIGNMENT[self.phase].get(signal)
        require(cell is not None, "no such cell in ALIGNMENT", f"{self.phase} x {signal}")
        assert cell is not None
        next_phase, action = cell
        effects = action(self, channel, checkpoint_id)
        self.phase = next_phase
        return effects


def _start(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    gate.current = checkpoint_id
    gate.target = len(gate.open)
    gate.aligned = []
    return [Effect(EffectKind.START, checkpoint_id, channel, gate.target)]


def _block(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    gate.aligned.append(channel)
    gate.blocked.append(channel)
    return [Effect(EffectKind.BLOCK, checkpoint_id, channel)]


def _release(gate: Alignment, checkpoint_id: CheckpointId) -> list[Effect]:
    released = [Effect(EffectKind.RELEASE, checkpoint_id, blocked) for blocked in gate.blocked]
    gate.blocked = []
    gate.aligned = []
    return released


def _start_and_block(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return _start(gate, channel, checkpoint_id) + _block(gate, channel, checkpoint_id)


def _start_and_complete(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return _start(gate, channel, checkpoint_id) + _complete(gate, channel, checkpoint_id)


def _complete(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    done = [
        *_block(gate, channel, checkpoint_id),
        Effect(EffectKind.COMPLETE, checkpoint_id, channel, gate.target),
    ]
    return done + _release(gate, checkpoint_id)


def _abandon(gate: Alignment, reason: Reason) -> list[Effect]:
    old = gate.current
    return [*_release(gate, old), Effect(EffectKind.ABORT, old, reason=reason)]


def _abandon_and_start(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return _abandon(gate, Reason.SUBSUMED) + _start_and_block(gate, channel, checkpoint_id)


def _abandon_and_complete(
    gate: Alignment, channel: int, checkpoint_id: CheckpointId
) -> list[Effect]:
    return _abandon(gate, Reason.SUBSUMED) + _start_and_complete(gate, channel, checkpoint_id)


def _resume(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return [Effect(EffectKind.RESUME, checkpoint_id, channel)]


def _cancel_newer(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """A pending older one ends without a word; only the marker's id is reported (rule 6)."""
    released = _release(gate, gate.current)
    gate.current = checkpoint_id
    return [*released, Effect(EffectKind.ABORT, checkpoint_id, reason=Reason.CANCELLED)]


def _cancel_pending(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return _abandon(gate, Reason.CANCELLED)


def _ignore(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    return []


def _end(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    gate.open.remove(channel)
    return []


def _end_and_count(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    """The end of a channel counts as its barrier, once, even if the barrier came too (rule 8)."""
    gate.open.remove(channel)
    if channel not in gate.aligned:
        gate.aligned.append(channel)
    return []


def _end_and_complete(gate: Alignment, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
    gate.open.remove(channel)
    done = [Effect(EffectKind.COMPLETE, checkpoint_id, channel, gate.target)]
    return done + _release(gate, checkpoint_id)


_W, _C = AlignmentPhase.WAITING, AlignmentPhase.COLLECTING
_Cell = tuple[AlignmentPhase, Callable[[Alignment, int, CheckpointId], list[Effect]]]

ALIGNMENT: Final[dict[AlignmentPhase, dict[Signal, _Cell]]] = {
    AlignmentPhase.WAITING: {
        Signal.FIRST: (_C, _start_and_block),
        Signal.ONLY: (_W, _start_and_complete),
        Signal.STALE: (_W, _resume),
        Signal.CANCEL_NEWER: (_W, _cancel_newer),
        Signal.CANCEL_STALE: (_W, _ignore),
        Signal.END_IDLE: (_W, _end),
    },
    AlignmentPhase.COLLECTING: {
        Signal.NEXT: (_C, _block),
        Signal.LAST: (_W, _complete),
        Signal.NEWER: (_C, _abandon_and_start),
        Signal.NEWER_ONLY: (_W, _abandon_and_complete),
        Signal.STALE: (_C, _resume),
        Signal.CANCEL_NEWER: (_W, _cancel_newer),
        Signal.CANCEL_PENDING: (_W, _cancel_pending),
        Signal.CANCEL_STALE: (_C, _ignore),
        Signal.END_NEXT: (_C, _end_and_count),
        Signal.END_LAST: (_W, _end_and_complete),
    },
}
