"""Gates that do not hold back what they have to."""

from __future__ import annotations

from typing import Any, Final

from bandviz.engine import alignment
from bandviz.engine.alignment import ALIGNMENT, AlignmentPhase, Effect, EffectKind, Signal
from bandviz.engine.subtask_checkpoints import _EFFECTS, SubtaskCheckpoints
from bandviz.ids import CheckpointId
from bandviz.lab.zoo.breakage import Breakage, Maker, Patch, replacing

_COLLECTING = ALIGNMENT[AlignmentPhase.COLLECTING]


@replacing(_COLLECTING, Signal.BARRIER)
def _count_and_read_on(_: Any) -> Any:
    return (AlignmentPhase.COLLECTING, (alignment._count, alignment._resume))


def _on_neighbour(original: Any) -> Any:
    def act(checkpoints: SubtaskCheckpoints, effect: Effect) -> None:
        channels = len(checkpoints._task.inputs)
        original(checkpoints, effect._replace(channel=(effect.channel + 1) % channels))

    return act


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
        instead="its neighbour is held back",
        oracle="blocked_is_silent",
        patches=tuple(
            Patch(_EFFECTS, kind, _on_neighbour) for kind in (EffectKind.BLOCK, EffectKind.RELEASE)
        ),
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
)
