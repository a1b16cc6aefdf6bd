"""Failure counting: a case of Flink's through our CheckpointFailureManager."""

from __future__ import annotations

from typing import Final

from bandviz.engine.failure_manager import CheckpointFailureManager
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.events.coordinator import SnapshotKind
from bandviz.ids import CheckpointId
from tests.conformance.case_format import Case, answers

_REASONS: Final = {
    "IO_EXCEPTION": Reason.IO_FAILURE,
    "CHECKPOINT_ASYNC_EXCEPTION": Reason.ASYNC_FAILURE,
    "CHECKPOINT_DECLINED": Reason.DECLINED,
    "CHECKPOINT_EXPIRED": Reason.EXPIRED,
    "FINALIZE_CHECKPOINT_FAILURE": Reason.FINALIZE_FAILURE,
    "CHECKPOINT_SUBSUMED": Reason.SUBSUMED,
    "CHECKPOINT_DECLINED_SUBSUMED": Reason.SUBSUMED,
    "CHECKPOINT_DECLINED_ON_CANCELLATION_BARRIER": Reason.CANCELLED,
    "CHECKPOINT_DECLINED_TASK_CLOSING": Reason.TASK_CLOSING,
    "CHECKPOINT_DECLINED_TASK_NOT_READY": Reason.TASK_NOT_READY,
    "CHECKPOINT_COORDINATOR_SUSPEND": Reason.COORDINATOR_SUSPENDED,
    "CHECKPOINT_COORDINATOR_SHUTDOWN": Reason.COORDINATOR_SHUTDOWN,
    "JOB_FAILOVER_REGION": Reason.JOB_FAILOVER,
}
"""Flink's names of the reasons that we have. All others are not counted there, nor are these."""

_UNKNOWN_IDS: Final = (None, -1)


def run(case: Case) -> Case:
    """Failures of the job after each event."""
    manager = CheckpointFailureManager(case["tolerable_failures"])
    failures, after = 0, []
    for event in case["events"]:
        if "success" in event:
            manager.completed(CheckpointId(event["success"]))
        else:
            failures += _fails(manager, event)
        after.append(failures)
    found = {
        "job_failures_after_event": after,
        "job_failures": failures,
        "count": manager.failed_count,
    }
    return answers(found, case)


def _fails(manager: CheckpointFailureManager, event: Case) -> bool:
    checkpoint_id, reason = event["fail"], event["reason"]
    kind = event.get("kind", "savepoint" if event.get("savepoint") else "checkpoint")
    failed = manager.failed(
        None if checkpoint_id in _UNKNOWN_IDS else CheckpointId(checkpoint_id),
        _REASONS.get(reason, Reason.CANCELLED),
        SnapshotKind(kind),
        by_task=event.get("level") == "task",
    )
    return failed > 0
