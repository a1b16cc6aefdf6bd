"""Unaligned checkpoints that do not keep what their barriers overtook."""

from __future__ import annotations

from typing import Any, Final

from bandviz.engine.channel import Channel
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
        oracle="replayed_output",
        patches=(_newest_first,),
        grounds=_GROUNDS,
    ),
)
