"""The coordinator: a case of Flink's through our CheckpointCoordinator, with a job of names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from zlib import crc32

from bandviz.engine.coordinator import TRIGGER, CheckpointCoordinator
from bandviz.engine.emitter import Emitter, Identity
from bandviz.engine.messages import (
    Acknowledge,
    Decline,
    NotifyAborted,
    NotifyComplete,
    ToSubtask,
    TriggerCheckpoint,
)
from bandviz.errors import BandvizError
from bandviz.events import Event, Level
from bandviz.events import checkpoint as facts
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.coordinator import Refusal, SnapshotKind
from bandviz.graph.settings import RunSettings
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.ports import StateHandle, StoredVertex
from bandviz.world.blobs import MemoryBlobs
from bandviz.world.pointer import MemoryPointer
from bandviz.world.storage import CheckpointFiles
from tests.conformance.case_format import Case, lookup

E = TypeVar("E", bound=Event)

JOB: Final = "job"
UNLIMITED: Final = 1_000_000
STATE: Final = b"state"
LISTED: Final = frozenset(
    {"pending_after_event", "queued_after_event", "ack_results", "started_kind"}
)
"""Answers by event or id, wanted only for those that the case lists."""

STOPPING: Final = ("stop", "sync", "terminate", "suspend")
"""Words for a savepoint behind which the tasks end, in a request's kind or as a flag of its own."""
_REASONS: Final = {
    "declined": Reason.DECLINED,
    "expired": Reason.EXPIRED,
    "subsumed": Reason.SUBSUMED,
    "failover": Reason.JOB_FAILOVER,
    "finalize_failure": Reason.FINALIZE_FAILURE,
    "async_failure": Reason.ASYNC_FAILURE,
    "io_exception": Reason.IO_FAILURE,
    "cancelled": Reason.CANCELLED,
    "task_closing": Reason.TASK_CLOSING,
    "task_not_ready": Reason.TASK_NOT_READY,
    "suspended": Reason.COORDINATOR_SUSPENDED,
    "shutdown": Reason.COORDINATOR_SHUTDOWN,
}
_KINDS: Final = {kind.value: kind for kind in SnapshotKind}
_REFUSALS: Final = {
    Refusal.NOT_ALL_RUNNING: "not_all_required_tasks_running",
    Refusal.TOO_MANY_REQUESTS: "too_many_requests",
    Refusal.TOO_EARLY: "minimum_time_between_checkpoints",
    Refusal.SCHEDULER_STOPPED: "periodic_scheduler_shutdown",
    Refusal.NO_ID: "io_exception",
}


def _path(checkpoint_id: CheckpointId, name: str) -> str:
    return f"chk-{checkpoint_id:06d}/{name}"


class Files(CheckpointFiles):
    """Storage that may refuse the metadata, and knows which state is still there."""

    def __init__(self, store_fails: bool) -> None:
        self._state = MemoryBlobs()
        super().__init__(self._state)
        self._store_fails = store_fails

    def write_manifest(
        self,
        checkpoint_id: CheckpointId,
        job: str,
        attempt: int,
        handles: Sequence[StateHandle],
        vertices: Sequence[StoredVertex] = (),
    ) -> int:
        """Raises BandvizError if the case says so."""
        if self._store_fails:
            raise BandvizError("the store refuses")
        return super().write_manifest(checkpoint_id, job, attempt, handles, vertices)

    def hand_in(self, checkpoint_id: CheckpointId, name: str) -> StateHandle:
        """A task's state, wherever it comes too late as well."""
        self._state.put(_path(checkpoint_id, name), STATE)
        return StateHandle(name=name, length=len(STATE), crc32=crc32(STATE))

    def holds(self, checkpoint_id: CheckpointId, name: str) -> bool:
        """The file was not deleted."""
        return self._state.exists(_path(checkpoint_id, name))


class Tasks:
    """A job manager whose tasks are names; it notes what it is asked."""

    def __init__(self, config: Case) -> None:
        self.now_us = 0
        self.attempt = 1
        self.not_running = list(config.get("not_running", ()))
        self.finished = list(config.get("finished", ()))
        self.names: dict[SubtaskId, str] = {}
        for index, name in enumerate(config["tasks"]):
            vertex = "vertex" if config.get("same_vertex") else name
            self.names[SubtaskId(vertex, index if config.get("same_vertex") else 0)] = name
        self.sent: list[tuple[str, ToSubtask]] = []
        self.armed: dict[tuple[str, int], int] = {}
        self.failures = 0

    def vertices(self) -> tuple[StoredVertex, ...]:
        """Of no interest here."""
        return ()

    def id_of(self, name: str) -> SubtaskId:
        """The task of that name; one that is none, if there is none."""
        return next((one for one, known in self.names.items() if known == name), SubtaskId(name, 0))

    def tell(self, subtask: SubtaskId, message: ToSubtask, cause: Identity | None) -> None:
        """Note it."""
        self.sent.append((self.names[subtask], message))

    def arm(self, timer: str, due_us: int, ordinal: int = 0) -> None:
        """Note it; only the case makes timers fire."""
        self.armed[timer, ordinal] = due_us

    def disarm(self, timer: str, ordinal: int = 0) -> None:
        """Forget it."""
        self.armed.pop((timer, ordinal), None)

    def is_running(self, subtask: SubtaskId) -> bool:
        """As the case says."""
        return self.names[subtask] not in (*self.not_running, *self.finished)

    def has_finished(self, subtask: SubtaskId) -> bool:
        """As the case says."""
        return self.names[subtask] in self.finished

    def fail_over(self, reason: str) -> None:
        """Count it."""
        self.failures += 1


def run(case: Case) -> Case:
    """The answers that the case asks for."""
    drive = Drive(case["config"])
    for index, event in enumerate(case["events"]):
        drive.take(index, event)
    expect = case["expect"]
    found = {key: lookup(_ANSWERS, key, "the answer")(drive) for key in expect}
    for key in LISTED.intersection(expect):
        found[key] = {at: found[key].get(at) for at in expect[key]}
    return found


class Drive:
    """One case: the coordinator, and what was seen of it."""

    def __init__(self, config: Case) -> None:
        concurrent = config.get("max_concurrent", 1)
        self.settings = RunSettings(
            name=JOB,
            checkpoint_interval_us=config.get("interval_ms", 1_000) * 1_000,
            min_pause_us=config.get("min_pause_ms", 0) * 1_000,
            max_concurrent_checkpoints=UNLIMITED if concurrent == "unlimited" else concurrent,
            max_queued_checkpoints=config.get("max_queued", 1_000),
            tolerable_failed_checkpoints=config.get("tolerable_failures", 0),
            checkpoints_after_tasks_finish=config.get("checkpoints_after_tasks_finish", True),
            unaligned=config.get("unaligned", False),
            retained=config.get("retained", 1),
        )
        self.tasks = Tasks(config)
        self.files = Files(config.get("store_fails", False))
        self.emitter = Emitter(Level.CONTROL)
        union = [self.tasks.id_of(name).vertex for name in config.get("union_list_state", ())]
        self.coordinator = CheckpointCoordinator(
            self.settings,
            self.files,
            MemoryPointer(),
            self.emitter,
            self.tasks,
            dict.fromkeys(self.tasks.names, ()),
            list(dict.fromkeys(union)),
        )
        if config.get("scheduler_started", True):
            self.coordinator.start(first=True)
        self.seen: list[tuple[int, Event]] = []
        self.requested_at: list[int] = []
        self.labels: list[str | None] = []
        self.kinds: list[str] = []
        self.results: dict[str, str] = {}
        self.written: list[tuple[str, CheckpointId, str]] = []
        self.pending_after: list[list[int]] = []
        self.queued_after: list[int] = []

    def take(self, index: int, event: Case) -> None:
        """One operation, and what it led to."""
        result = lookup(_OPERATIONS, event["op"], "the operation")(self, event)
        if result is not None:
            self.results[str(index)] = result
        if event["op"] == "trigger":
            self.requested_at.append(index)
            self.labels.append(event.get("label"))
            self.kinds.append(_word(event))
        self.seen += [(index, entry.event) for entry in self.emitter.flush(self.tasks.now_us)]
        self.pending_after.append(sorted(self.coordinator.pending))
        self.queued_after.append(self.coordinator.queued_count)

    def all_of(self, kind: type[E]) -> list[tuple[int, E]]:
        """Events of a kind, with the operation that led to each."""
        return [(index, event) for index, event in self.seen if isinstance(event, kind)]

    def told(self, kind: type[NotifyComplete | NotifyAborted | TriggerCheckpoint]) -> list[int]:
        """Ids sent to tasks, each once, in order."""
        ids = [message.checkpoint_id for _, message in self.tasks.sent if isinstance(message, kind)]
        return list(dict.fromkeys(ids))

    def triggered_tasks(self) -> dict[str, list[str]]:
        """Id -> tasks told to begin."""
        found: dict[str, list[str]] = {}
        for name, message in self.tasks.sent:
            if isinstance(message, TriggerCheckpoint):
                found.setdefault(str(message.checkpoint_id), []).append(name)
        return found

    def ended(self, *reasons: Reason) -> list[facts.CheckpointAborted]:
        """Aborted for one of these reasons; without any, all."""
        aborted = [event for _, event in self.all_of(facts.CheckpointAborted)]
        return [event for event in aborted if not reasons or event.reason in reasons]

    # ------------------------------------------------------------------ operations

    def trigger(self, event: Case) -> None:
        """Ask for one, as the timer or as a person."""
        self.coordinator.request(_kind(event), periodic=event.get("periodic", False))

    def acknowledge(self, event: Case, job: str = JOB) -> str:
        """The task has stored its state."""
        checkpoint_id, name = CheckpointId(event["id"]), event["task"]
        handle = self.files.hand_in(checkpoint_id, f"{name}-{len(self.written)}")
        if job == JOB:
            self.written.append((name, checkpoint_id, handle.name))
        message = Acknowledge(job, checkpoint_id, self.tasks.id_of(name), handle)
        return self.coordinator.on_acknowledge(message).value

    def acknowledge_other_job(self, event: Case) -> str:
        """The same, out of another job."""
        return self.acknowledge(event, job="another")

    def decline(self, event: Case) -> None:
        """The task refuses."""
        reason = lookup(_REASONS, event.get("reason", "declined"), "the reason")
        task = self.tasks.id_of(event["task"])
        self.coordinator.on_decline(Decline(JOB, CheckpointId(event["id"]), task, reason))

    def expire(self, event: Case) -> None:
        """Its time is over."""
        self.coordinator.on_expire_timer(CheckpointId(event["id"]))

    def fail_over(self, _: Case) -> None:
        """A region restarts."""
        self.coordinator.abort_pending()

    def stop(self, _: Case) -> None:
        """The job leaves RUNNING."""
        self.coordinator.stop(Reason.COORDINATOR_SUSPENDED)

    def shut_down(self, _: Case) -> None:
        """The job has ended."""
        self.coordinator.stop(Reason.COORDINATOR_SHUTDOWN)

    def start(self, _: Case) -> None:
        """The job is RUNNING."""
        self.coordinator.start(first=False)

    def at(self, event: Case) -> None:
        """The clock moves."""
        self.tasks.now_us = event["ms"] * 1_000

    def finish(self, event: Case) -> None:
        """A task ends well."""
        self.tasks.finished.append(event["task"])

    def run_task(self, event: Case) -> None:
        """A task has come up."""
        self.tasks.not_running.remove(event["task"])


def _kind(event: Case) -> SnapshotKind:
    """What a trigger asks for."""
    kind = _word(event)
    words = [kind, *[name for name, value in event.items() if value is True]]
    if "drain" in " ".join(words):
        return SnapshotKind.DRAIN
    if any(word.startswith(STOPPING) for word in words):
        return SnapshotKind.STOP
    return lookup(_KINDS, kind, "the kind of snapshot")


def _word(event: Case) -> str:
    """The case's own word for it."""
    return str(event.get("kind", "checkpoint"))


_OPERATIONS: Final[dict[str, Callable[[Drive, Case], str | None]]] = {
    "trigger": Drive.trigger,
    "ack": Drive.acknowledge,
    "ack_other_job": Drive.acknowledge_other_job,
    "decline": Drive.decline,
    "expire": Drive.expire,
    "failover": Drive.fail_over,
    "stop_scheduler": Drive.stop,
    "suspend": Drive.stop,
    "shutdown": Drive.shut_down,
    "start_scheduler": Drive.start,
    "at": Drive.at,
    "finish": Drive.finish,
    "finished": Drive.finish,
    "run": Drive.run_task,
}


def _started(drive: Drive) -> dict[str, int]:
    return {str(at): event.checkpoint_id for at, event in drive.all_of(facts.CheckpointTriggered)}


def _started_kind(drive: Drive) -> dict[str, str]:
    return {
        str(event.checkpoint_id): drive.kinds[event.request - 1]
        for _, event in drive.all_of(facts.CheckpointTriggered)
    }


def _started_labels(drive: Drive) -> list[str]:
    requests = [event.request for _, event in drive.all_of(facts.CheckpointTriggered)]
    labels = [drive.labels[request - 1] for request in requests]
    return [label for label in labels if label is not None]


def _rejected(drive: Drive) -> dict[str, str]:
    return {
        str(drive.requested_at[event.request - 1]): _REFUSALS[event.why]
        for _, event in drive.all_of(facts.CheckpointTriggerRefused)
    }


def _rejected_when(drive: Drive) -> dict[str, int]:
    return {
        str(drive.requested_at[event.request - 1]): at
        for at, event in drive.all_of(facts.CheckpointTriggerRefused)
    }


def _aborted(drive: Drive) -> list[Case]:
    names = {reason: name for name, reason in _REASONS.items()}
    return [{"id": one.checkpoint_id, "reason": names[one.reason]} for one in drive.ended()]


def _discarded(drive: Drive) -> list[list[Any]]:
    """State that was written and is there no more."""
    gone = [(task, at) for task, at, file in drive.written if not drive.files.holds(at, file)]
    return [list(one) for one in sorted(dict.fromkeys(gone))]


def _where(after: Sequence[Any]) -> dict[str, Any]:
    return {str(index): value for index, value in enumerate(after)}


_ANSWERS: Final[dict[str, Callable[[Drive], Any]]] = {
    "started": _started,
    "started_kind": _started_kind,
    "started_labels": _started_labels,
    "rejected": _rejected,
    "rejected_when_event": _rejected_when,
    "completed": lambda drive: [
        event.checkpoint_id for _, event in drive.all_of(facts.CheckpointCompleted)
    ],
    "retained": lambda drive: list(drive.coordinator.completed),
    "latest_completed": lambda drive: max(drive.coordinator.completed, default=None),
    "pending": lambda drive: sorted(drive.coordinator.pending),
    "pending_after_event": lambda drive: _where(drive.pending_after),
    "queued_after_event": lambda drive: _where(drive.queued_after),
    "aborted": _aborted,
    "failed_to_finalize": lambda drive: [
        one.checkpoint_id for one in drive.ended(Reason.FINALIZE_FAILURE)
    ],
    "notify_complete": lambda drive: drive.told(NotifyComplete),
    "notify_aborted": lambda drive: drive.told(NotifyAborted),
    "triggered_tasks": Drive.triggered_tasks,
    "discarded_state": _discarded,
    "job_failures": lambda drive: drive.tasks.failures,
    "ack_results": lambda drive: drive.results,
    "periodic_timer_alive": lambda drive: (TRIGGER, 0) in drive.tasks.armed,
}
