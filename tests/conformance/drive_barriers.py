"""Barrier cases, all modes: one real subtask, its channels fed in the order of the case."""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import (
    CancelCheckpointMarker,
    CheckpointBarrier,
    EndOfPartition,
    RecordBuffer,
    StreamElement,
)
from bandviz.engine.tracker import BarrierTracker
from bandviz.events import Event, checkpoint
from bandviz.events.checkpoint import BarrierKind
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.graph.settings import CheckpointingMode, RunSettings
from bandviz.ids import CheckpointId
from tests.conformance.case_format import UnknownInCaseError, answers, lookup
from tests.conformance.task_harness import Harness

MS = 1_000
REASONS = {
    Reason.CANCELLED: "cancelled",
    Reason.SUBSUMED: "subsumed",
    Reason.INPUT_ENDED: "input_ended",
}
KINDS = {
    "aligned": BarrierKind.ALIGNED,
    "unaligned": BarrierKind.UNALIGNED,
    "alternating": BarrierKind.ALIGNED,
    "at_least_once": BarrierKind.AT_LEAST_ONCE,
}


class Drive:
    """What one case has brought about so far."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.mode = case["mode"]
        at_least_once = self.mode == "at_least_once"
        self.harness = Harness(
            RunSettings(
                name="case",
                mode=CheckpointingMode.AT_LEAST_ONCE
                if at_least_once
                else CheckpointingMode.EXACTLY_ONCE,
                unaligned=self.mode in ("unaligned", "alternating"),
                checkpoints_after_tasks_finish=case.get("checkpoints_after_tasks_finish", True),
            ),
            case["channels"],
        )
        self.output: list[dict[str, Any]] = []
        self.blocked_after: dict[str, list[int]] = {}
        self.triggered_at: dict[str, int] = {}
        self.aborted_at: dict[str, int] = {}
        self.ignored: list[int] = []
        self.persisted: dict[str, dict[str, list[str]]] = {}
        self._created: dict[int, int] = {}
        self._index = 0
        self._records: dict[tuple[int, int], str] = {}

    def run(self) -> None:
        for index, event in enumerate(self.case["input"]):
            self._index = index
            self._feed(event)
            while (move := self.harness.due()) is not None:
                seen, before = len(self.harness.operator.records), self.tracked()
                events = self.harness.make(move)
                for _, channel, value in self.harness.operator.records[seen:]:
                    self.output.append({"ch": channel, "rec": value})
                self._note(events)
                self._note_ignored(events, changed=self.tracked() != before)
            self.blocked_after[str(self._index)] = [
                number for number, one in enumerate(self.harness.inputs) if one.blocked
            ]

    def _feed(self, event: dict[str, Any]) -> None:
        if "advance_ms" in event:
            self.harness.now_us += event["advance_ms"] * MS
        elif "hold" in event or "release" in event:
            self.harness.hold("hold" in event)
        elif "ch" in event:
            self._put(event["ch"], event)
        else:
            raise UnknownInCaseError(f"the input {event} is not known here")

    def _put(self, channel: int, event: dict[str, Any]) -> None:
        element = self._element(channel, event)
        position = self.harness.put(channel, element)
        self.harness.arrived[self.harness.inputs[channel].id, position] = self._index
        if "rec" in event:
            self._records[channel, position] = event["rec"]

    def _element(self, channel: int, event: dict[str, Any]) -> StreamElement:
        if "rec" in event:
            return RecordBuffer([("rec", channel, event["rec"])])
        if "cancel" in event:
            return CancelCheckpointMarker(CheckpointId(event["cancel"]))
        if "end" in event:
            return EndOfPartition()
        if "barrier" in event:
            return self._barrier(event)
        raise UnknownInCaseError(f"the input {event} is not known here")

    def _barrier(self, event: dict[str, Any]) -> CheckpointBarrier:
        number = event["barrier"]
        created = self._created.setdefault(number, self.harness.now_us)
        kind, timeout = lookup(KINDS, self.mode, "the mode"), None
        if kind is BarrierKind.AT_LEAST_ONCE:
            return CheckpointBarrier(CheckpointId(number), kind, created)
        if event.get("savepoint"):
            kind = BarrierKind.ALIGNED
        elif event.get("unaligned"):
            kind = BarrierKind.UNALIGNED
        elif self.mode == "alternating":
            timeout = self.case.get("aligned_timeout_ms", 0) * MS or None
            kind = BarrierKind.UNALIGNED if timeout is None else BarrierKind.ALIGNED
        return CheckpointBarrier(CheckpointId(number), kind, created, timeout)

    def _note(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case checkpoint.SnapshotTaken():
                    entry: dict[str, Any] = {"checkpoint": event.checkpoint_id}
                    if self.mode == "alternating":
                        entry["kind"] = "unaligned" if event.unaligned else "aligned"
                    self.output.append(entry)
                    self.triggered_at[str(event.checkpoint_id)] = self._index
                case checkpoint.AlignmentAborted():
                    reason = REASONS[event.reason]
                    self.output.append({"abort": event.checkpoint_id, "reason": reason})
                    self.aborted_at[str(event.checkpoint_id)] = self._index
                case checkpoint.InFlightPersisted():
                    self._persist(event)

    def _note_ignored(self, events: list[Event], *, changed: bool) -> None:
        """A barrier dropped, or a cancel marker that came and brought nothing about."""
        for event in events:
            dropped = isinstance(event, checkpoint.BarrierIgnored)
            if isinstance(event, checkpoint.CancelMarkerArrived):
                dropped = len(events) == 1 and not changed
            if dropped:
                self.ignored.append(self._origin(events))

    def tracked(self) -> list[tuple[int, int]]:
        """(checkpoint, channels counted) of a tracker, oldest first; it counts without a word."""
        gate = self.harness.subtask.checkpoints.gate
        if not isinstance(gate, BarrierTracker):
            return []
        return [(one.checkpoint_id, len(one.seen)) for one in gate.tracked]

    def _origin(self, events: list[Event]) -> int:
        arrived = (checkpoint.BarrierArrived, checkpoint.CancelMarkerArrived)
        first = next(event for event in events if isinstance(event, arrived))
        return self.harness.arrived[first.channel, first.position]

    def _persist(self, event: checkpoint.InFlightPersisted) -> None:
        lanes = self.persisted.setdefault(str(event.checkpoint_id), {})
        values = [self._records[event.channel, position] for position in event.positions]
        lanes.setdefault(str(event.channel), []).extend(values)


def run(case: dict[str, Any]) -> dict[str, Any]:
    """See `drivers.run_case`."""
    drive = Drive(case)
    drive.run()
    wanted = case["expect"].get("blocked_after", {})
    found = {
        "output": drive.output,
        "blocked_after": {index: drive.blocked_after[index] for index in wanted},
        "persisted": drive.persisted,
        "triggered_at": drive.triggered_at,
        "aborted_at": drive.aborted_at,
        "ignored": drive.ignored,
        "pending_after": [number for number, _ in drive.tracked()],
    }
    return answers(found, case)
