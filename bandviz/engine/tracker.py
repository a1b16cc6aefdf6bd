"""Barriers at a gate that never blocks: at-least-once (Flink's CheckpointBarrierTracker).

Several checkpoints may be in flight; a snapshot is taken when the barriers of all channels were
seen, so records behind some of them are in it already. Source: semantics.md 2.4; checked by the
conformance cases.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bandviz.engine.alignment import NOTHING_SEEN, Effect, EffectKind, How
from bandviz.errors import require
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.ids import CheckpointId

TRACKED_MAX: Final = 50


@dataclass(slots=True)
class Tracked:
    """A checkpoint whose barriers are being counted; an aborted one is counted in silence."""

    checkpoint_id: CheckpointId
    target: int
    seen: list[int] = field(default_factory=list)
    aborted: bool = False

    def count(self, channel: int) -> bool:
        """The barrier (or the end) of a channel is here; True if it was the last one."""
        if channel not in self.seen:
            self.seen.append(channel)
        return len(self.seen) == self.target


class BarrierTracker:
    """The state of one gate: `tracked`, oldest first."""

    def __init__(self, channels: int, *, after_tasks_finish: bool = True) -> None:
        self.open: list[int] = list(range(channels))
        self.tracked: list[Tracked] = []
        self.newest = NOTHING_SEEN
        """The largest id that was ever tracked."""
        self._taken = NOTHING_SEEN
        """The last snapshot."""
        self._after_tasks_finish = after_tasks_finish

    def barrier(self, channel: int, checkpoint_id: CheckpointId, *, how: How) -> list[Effect]:
        """See `BarrierHandler`. A stale barrier has no effect: no channel waits for it."""
        require(how is not How.AHEAD, "at-least-once barriers never overtake", f"{checkpoint_id}")
        known = self._find(checkpoint_id)
        if known is not None:
            return self._settle(known) if known.count(channel) else []
        if checkpoint_id <= max(self.newest, self._taken):
            return [Effect(EffectKind.IGNORE, checkpoint_id, channel)]
        target = len(self.open)
        start = Effect(EffectKind.START, checkpoint_id, channel, target)
        if target == 1:  # nothing to count: what is tracked, and `newest`, stay as they are (2.4.5)
            return [start, *self._complete(checkpoint_id, channel, target)]
        self.newest = checkpoint_id
        self.tracked.append(Tracked(checkpoint_id, target, [channel]))
        del self.tracked[:-TRACKED_MAX]
        return [start]

    def announce(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """Never: at-least-once barriers have no time-out."""
        require(False, "at-least-once barriers are not announced", f"{checkpoint_id}")
        return []

    def timeout(self, checkpoint_id: CheckpointId) -> list[Effect]:
        """Never, for the same reason."""
        require(False, "at-least-once barriers do not time out", f"{checkpoint_id}")
        return []

    def cancel(self, channel: int, checkpoint_id: CheckpointId) -> list[Effect]:
        """See `BarrierHandler`. Older ones are aborted with it; the id stays to be counted."""
        if checkpoint_id > self.newest and len(self.open) == 1:
            return _abort(Tracked(checkpoint_id, 1), Reason.CANCELLED)  # nothing is remembered
        effects: list[Effect] = []
        while self.tracked and self.tracked[0].checkpoint_id < checkpoint_id:
            effects += _abort(self.tracked.pop(0), Reason.CANCELLED)
        known = self._find(checkpoint_id)
        if known is not None:
            effects += _abort(known, Reason.CANCELLED)
            if known.count(channel):
                self.tracked.remove(known)
        elif checkpoint_id > self.newest:
            self.newest = checkpoint_id
            self.tracked.append(Tracked(checkpoint_id, len(self.open), [channel]))
            effects += _abort(self.tracked[0], Reason.CANCELLED)
        return effects

    def end(self, channel: int) -> list[Effect]:
        """See `BarrierHandler`. It counts for all; the newest that becomes full wins (2.4.6)."""
        require(channel in self.open, "a channel ends once", f"{channel}")
        self.open.remove(channel)
        if not self._after_tasks_finish:
            ended, self.tracked = self.tracked, []
            return [effect for one in ended for effect in _abort(one, Reason.INPUT_ENDED)]
        full = [one for one in self.tracked if one.count(channel)]
        return self._settle(full[-1]) if full else []

    def _find(self, checkpoint_id: CheckpointId) -> Tracked | None:
        return next((one for one in self.tracked if one.checkpoint_id == checkpoint_id), None)

    def _settle(self, full: Tracked) -> list[Effect]:
        """All barriers are here; older ones vanish without a word (2.4.2)."""
        del self.tracked[: self.tracked.index(full) + 1]
        if full.aborted:
            return []
        return self._complete(full.checkpoint_id, full.seen[-1], full.target)

    def _complete(self, checkpoint_id: CheckpointId, channel: int, target: int) -> list[Effect]:
        """All barriers are here; a snapshot is never taken behind a newer one."""
        if checkpoint_id <= self._taken:
            return []
        self._taken = checkpoint_id
        return [Effect(EffectKind.COMPLETE, checkpoint_id, channel, target)]


def _abort(tracked: Tracked, reason: Reason) -> list[Effect]:
    if tracked.aborted:
        return []
    tracked.aborted = True
    return [Effect(EffectKind.ABORT, tracked.checkpoint_id, reason=reason)]
