"""Failovers that leave something of the old attempt alive, or bring the wrong thing back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bandviz.engine.completed_checkpoints import CompletedCheckpointStore
from bandviz.engine.coordinator import CheckpointCoordinator
from bandviz.engine.elements import RecordBuffer
from bandviz.engine.executions import Executions
from bandviz.engine.failover import Failover
from bandviz.engine.faults import CRASH_COORDINATOR
from bandviz.engine.pending_checkpoint import PendingCheckpoint
from bandviz.engine.restore import Restored, _Files, file_of, load_state
from bandviz.engine.sinks.producer import Producer
from bandviz.events.checkpoint import CheckpointFailureReason
from bandviz.events.values import unpack
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.lab.zoo.breakage import Breakage, Ground, replacing
from bandviz.ports import CheckpointPointer


@replacing(Executions, "stop")
def _stop_keeps_queues(original: Any) -> Any:
    def stop(executions: Executions, doomed: Iterable[SubtaskId], failed: Any) -> None:
        doomed = tuple(doomed)
        kept = vars(executions).setdefault("kept_queues", {})
        for name in doomed:
            for channel in executions.subtasks[name].inputs if name in executions.subtasks else ():
                kept[channel.id] = [
                    one.element for one in channel.queue if isinstance(one.element, RecordBuffer)
                ]
        original(executions, doomed, failed)

    return stop


@replacing(Executions, "deploy")
def _deploy_uses_queues(original: Any) -> Any:
    def deploy(executions: Executions, *args: Any) -> Any:
        refused = original(executions, *args)
        kept = vars(executions).pop("kept_queues", {})
        for subtask in executions.subtasks.values():
            for channel in subtask.inputs:
                for element in kept.get(channel.id, ()):
                    channel.restore(element, executions._runtime.now_us)
            executions._runtime.touch(subtask.id)
        return refused

    return deploy


@replacing(Executions, "deploy")
def _same_attempt(original: Any) -> Any:
    def deploy(executions: Executions, wanted: Any, *args: Any) -> Any:
        for name in wanted:
            executions.attempts[name] = max(0, executions.attempts[name] - 1)
        return original(executions, wanted, *args)

    return deploy


@replacing(Producer, "take_over")
def _same_epoch(_: Any) -> Any:
    def take_over(producer: Producer) -> None:
        producer._epoch = producer._outside.join(producer.name)

    return take_over


@replacing(Failover, "_newest_good_checkpoint")
def _oldest(original: Any) -> Any:
    def chosen(failover: Failover, wanted: Any) -> Any:
        for oldest in failover._coordinator.completed[:1]:
            return oldest, load_state(
                failover._storage, oldest, failover._settings, failover._graph, wanted
            )
        return original(failover, wanted)

    return chosen


@replacing(Failover, "_newest_good_checkpoint")
def _from_nothing(_: Any) -> Any:
    return lambda _failover, _wanted: (CheckpointId(0), Restored({}, {}))


@replacing(CheckpointCoordinator, "_abort")
def _remember_unfinished(original: Any) -> Any:
    def abort(coordinator: Any, pending: PendingCheckpoint, reason: Any, **named: Any) -> None:
        if reason is CheckpointFailureReason.JOB_FAILOVER and pending.handles:
            read, number = coordinator._storage.read, pending.checkpoint_id
            parts = {
                name: unpack(read(number, files[-1])) for name, files in pending.handles.items()
            }
            coordinator.unfinished = number, parts
        original(coordinator, pending, reason, **named)

    return abort


@replacing(Failover, "_newest_good_checkpoint")
def _unfinished(original: Any) -> Any:
    def chosen(failover: Failover, wanted: Any) -> Any:
        number, parts = vars(failover._coordinator).get("unfinished", (0, {}))
        if number > max(failover._coordinator.completed, default=0):
            return number, Restored(dict(parts), {})
        return original(failover, wanted)

    return chosen


@replacing(_Files, "state_of")
def _of_neighbour(original: Any) -> Any:
    def state_of(files: _Files, subtask: SubtaskId, max_parallelism: int) -> Any:
        other = subtask._replace(index=subtask.index ^ 1)
        exists = file_of(other) in files.handles
        return original(files, other if exists else subtask, max_parallelism)

    return state_of


@replacing(CompletedCheckpointStore, "__init__")
def _ids_begin_anew(original: Any) -> Any:
    def init(store: CompletedCheckpointStore, retained_count: int, durable: Any) -> None:
        original(store, retained_count, durable)
        store._pointer = CheckpointPointer(store._pointer.completed, CheckpointId(1))

    return init


ENTRIES: Final = (
    Breakage(
        name="stale-channel",
        family="restarts",
        rule="a restart begins with empty channels: what was on its way is read again",
        instead="records of the old attempt are still in the queues",
        oracle="nothing_from_nowhere",
        patches=(_stop_keeps_queues, _deploy_uses_queues),
    ),
    Breakage(
        name="zombie-not-fenced",
        family="restarts",
        rule="a new attempt raises its producer's epoch, which ends what the old one left open",
        instead="it goes on under the old epoch, and what a lost checkpoint had closed stays there",
        oracle="undone_is_aborted",
        patches=(_same_epoch,),
    ),
    Breakage(
        name="restore-older",
        family="restarts",
        rule="a restore takes the newest completed checkpoint",
        instead="it takes the oldest that is retained",
        oracle="restore_from_the_newest",
        patches=(_oldest,),
    ),
    Breakage(
        name="restore-nothing",
        family="restarts",
        rule="a restart brings back the newest checkpoint",
        instead="the job begins anew, with its output already there",
        oracle="restore_from_the_newest",
        patches=(_from_nothing,),
    ),
    Breakage(
        name="restore-incomplete",
        family="restarts",
        rule="a checkpoint is none before all of its parts are stored",
        instead="a restore takes the parts of the newest that there are; who has none starts empty",
        oracle="restore_from_the_newest",
        patches=(_remember_unfinished, _unfinished),
    ),
    Breakage(
        name="restore-swapped",
        family="restarts",
        rule="each subtask reads its own file",
        instead="two neighbours read each other's",
        oracle="restored_as_taken",
        patches=(_of_neighbour,),
        grounds=(Ground("rescale"),),
    ),
    Breakage(
        name="attempt-not-raised",
        family="restarts",
        rule="a new execution has a new attempt number, by which old messages are told apart",
        instead="it runs under the number of the old one",
        oracle="attempts_rise",
        patches=(_same_attempt,),
    ),
    Breakage(
        name="ids-begin-anew",
        family="restarts",
        rule="the counter of checkpoint ids outlives the coordinator",
        instead="a new coordinator begins with 1 again, though older checkpoints are there",
        oracle="ids_go_on",
        patches=(_ids_begin_anew,),
        grounds=(Ground("coordinator-crash", fault=CRASH_COORDINATOR),),
    ),
)
