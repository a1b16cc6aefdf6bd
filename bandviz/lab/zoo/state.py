"""Snapshots that leave something out, and restores that put it elsewhere."""

from __future__ import annotations

from typing import Any, Final

from bandviz.engine.faults import RESCALE
from bandviz.engine.operators.deduplicate import DeduplicateOperator
from bandviz.engine.operators.join import JoinOperator
from bandviz.engine.operators.keyed import AggregateOperator
from bandviz.engine.operators.process import ProcessOperator
from bandviz.engine.operators.window import PaneState
from bandviz.engine.state import assignment
from bandviz.engine.state.keyed import KeyedState
from bandviz.engine.time.timers import TimerService
from bandviz.graph.key_groups import java_hash
from bandviz.lab.zoo.breakage import Breakage, Ground, Maker, Patch, replacing, without
from bandviz.lab.zoo.grounds import PAIRS, QUIET, WINDOWS


def _leaving_out(section: str) -> Maker:
    """A snapshot without one of its sections."""

    def make(original: Any) -> Any:
        def snapshot(operator: Any, checkpoint_id: Any) -> Any:
            state = original(operator, checkpoint_id)
            return {name: part for name, part in state.items() if name != section}

        return snapshot

    return make


@replacing(PaneState, "restore")
def _nothing_fired(original: Any) -> Any:
    def restore(state: PaneState, rows: Any) -> None:
        original(state, rows)
        for pane in state.panes.values():
            pane.settled = {}

    return restore


@replacing(PaneState, "restore")
def _all_fired(original: Any) -> Any:
    def restore(state: PaneState, rows: Any) -> None:
        original(state, rows)
        for pane in state.panes.values():
            pane.settled = dict.fromkeys(pane.contents)

    return restore


@replacing(KeyedState, "restore")
def _young_again(original: Any) -> Any:
    def restore(state: KeyedState, rows: Any) -> None:
        original(state, rows)
        if state._ttl_us:
            now_us = state._backend.context.now_us
            state.table = {key: (value, now_us) for key, (value, _) in state.table.items()}

    return restore


@replacing(assignment, "_by_key_group")
def _by_hash(_: Any) -> Any:
    def dealt(sections: Any, parallelism: int, _: int) -> list[Any]:
        shares: list[list[Any]] = [[] for _ in range(parallelism)]
        for section in sections:
            for row in section:
                shares[java_hash(row[0]) % parallelism].append(row)
        return [tuple(share) for share in shares]

    return dealt


@replacing(assignment, "_by_key_group")
def _first_file_wins(original: Any) -> Any:
    def dealt(sections: Any, parallelism: int, max_parallelism: int) -> Any:
        return original(sections[:parallelism], parallelism, max_parallelism)

    return dealt


ENTRIES: Final = (
    Breakage(
        name="forget-timers",
        family="state",
        rule="timers are state: they are in the snapshot",
        instead="they live in memory only",
        oracle="replayed_output",
        patches=(Patch(ProcessOperator, "snapshot", _leaving_out("timers")),),
        grounds=(Ground(QUIET),),
    ),
    Breakage(
        name="timers-asleep",
        family="state",
        rule="a restore puts the timers of the snapshot into the queue again",
        instead="they come back as state, but nobody waits for their time",
        oracle="replayed_output",
        patches=(without(TimerService, "rebuild"),),
        grounds=(Ground(QUIET),),
    ),
    Breakage(
        name="forget-dedup",
        family="state",
        rule="which keys were seen is state",
        instead="it is not in the snapshot",
        oracle="snapshot_is_state",
        patches=(Patch(DeduplicateOperator, "snapshot", _leaving_out("keyed")),),
        grounds=(Ground("dedup"),),
    ),
    Breakage(
        name="one-side-of-join",
        family="state",
        rule="rows of both sides of a join wait in its state",
        instead="those of the left side are not in the snapshot",
        oracle="snapshot_is_state",
        patches=(Patch(JoinOperator, "snapshot", _leaving_out("left")),),
        grounds=(Ground(PAIRS),),
    ),
    Breakage(
        name="window-fires-again",
        family="state",
        rule="a window that is kept for late records remembers that it has fired",
        instead="a restore forgets it, and the window fires again",
        oracle="replayed_output",
        patches=(_nothing_fired,),
        grounds=(Ground(WINDOWS),),
    ),
    Breakage(
        name="window-never-fires",
        family="state",
        rule="a restored window fires when its time comes",
        instead="its contents come back without the trigger's state: it takes itself for fired",
        oracle="replayed_output",
        patches=(_all_fired,),
        grounds=(Ground(WINDOWS),),
    ),
    Breakage(
        name="ttl-begins-anew",
        family="state",
        rule="state that is restored is as old as it was",
        instead="its time to live begins anew with the restore, so expired state is back",
        oracle="replayed_state",
        patches=(_young_again,),
        grounds=(Ground("dedup", variant="short-ttl"),),
    ),
    Breakage(
        name="state-not-restored",
        family="state",
        rule="an operator takes over its part of the checkpoint",
        instead="it starts empty, while the sources go back to the checkpoint",
        oracle="replayed_state",
        patches=(without(AggregateOperator, "restore"),),
    ),
    Breakage(
        name="wrong-key-group",
        family="state",
        rule="at a rescale state follows its key group to the new owner",
        instead="it goes by the hash of its key, and records of the key go elsewhere",
        oracle="one_home_a_key",
        patches=(_by_hash,),
        grounds=(Ground("rescale", fault=f"{RESCALE} count=3"),),
    ),
    Breakage(
        name="lost-part-of-a-rescale",
        family="state",
        rule="a job with fewer subtasks reads the files of all the old ones",
        instead="each subtask reads one file, and what the others held is lost",
        oracle="rescaled_state_is_state",
        patches=(_first_file_wins,),
        grounds=(Ground("rescale", fault=f"{RESCALE} count=1"),),
    ),
)
