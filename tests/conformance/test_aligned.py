"""Aligned barrier cases whose expectations come from Flink's own classes."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from bandviz.engine.alignment import Alignment, EffectKind
from bandviz.events.checkpoint import CheckpointFailureReason as Reason
from bandviz.ids import CheckpointId

FILE = Path(__file__).with_name("flink-cases.json")
CASES = json.loads(FILE.read_text())
ALIGNED = [
    case
    for case in CASES["cases"]
    if case["mode"] == "aligned" and case.get("checkpoints_after_tasks_finish", True)
]
REASONS = {Reason.CANCELLED: "cancelled", Reason.SUBSUMED: "subsumed"}


def drive(case: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, list[int]]]:
    """Feed one case: events on a blocked channel wait there, as the file's conventions say."""
    gate = Alignment(case["channels"])
    queues: list[deque[dict[str, Any]]] = [deque() for _ in range(case["channels"])]
    order: list[int] = []
    output: list[dict[str, Any]] = []
    blocked_after: dict[str, list[int]] = {}
    for number, event in enumerate(case["input"]):
        queues[event["ch"]].append({**event, "seq": number})
        order.append(event["ch"])
        while True:
            ready = [q[0] for ch, q in enumerate(queues) if q and ch not in gate.blocked]
            if not ready:
                break
            head = min(ready, key=lambda item: int(item["seq"]))
            queues[head["ch"]].popleft()
            handle(gate, head, output)
        blocked_after[str(number)] = sorted(gate.blocked)
    return output, blocked_after


def handle(gate: Alignment, event: dict[str, Any], output: list[dict[str, Any]]) -> None:
    channel = event["ch"]
    if "rec" in event:
        output.append({"ch": channel, "rec": event["rec"]})
        return
    if "barrier" in event:
        effects = gate.barrier(channel, CheckpointId(event["barrier"]))
    elif "cancel" in event:
        effects = gate.cancel(channel, CheckpointId(event["cancel"]))
    else:
        effects = gate.end(channel)
    for effect in effects:
        if effect.kind is EffectKind.COMPLETE:
            output.append({"checkpoint": effect.checkpoint_id})
        elif effect.kind is EffectKind.ABORT:
            output.append({"abort": effect.checkpoint_id, "reason": REASONS[effect.reason]})


@pytest.mark.parametrize("case", ALIGNED, ids=lambda case: str(case["name"]))
def test_aligned_barriers_do_what_flink_does(case: dict[str, Any]) -> None:
    output, blocked = drive(case)
    if case["compare"] == "total":
        assert output == case["expect"]["output"]
    else:
        for channel in range(case["channels"]):
            assert per_channel(output, channel) == per_channel(case["expect"]["output"], channel)
    for number, channels in case["expect"].get("blocked_after", {}).items():
        assert blocked[number] == sorted(channels), f"after input {number}"


def per_channel(output: list[dict[str, Any]], channel: int) -> list[dict[str, Any]]:
    return [item for item in output if "ch" not in item or item["ch"] == channel]
