"""Random arrivals at one task, in every barrier mode: what must hold whatever comes when.

The same driver as for the cases. A channel's ids only rise; its marker may also follow its own
barrier; at last everything is released and every channel ends.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.engine.tracker import TRACKED_MAX
from tests.conformance.case_format import Case
from tests.conformance.drivers import run_case

MODES = ("aligned", "unaligned", "alternating", "at_least_once")
KINDS = ("rec", "rec", "rec", "barrier", "barrier", "barrier", "cancel", "end", "hold", "advance")
SAVEPOINT_EVERY = 4
ANSWERS = ("output", "blocked_after", "persisted", "triggered_at", "aborted_at", "pending_after")

Step = tuple[str, int, int]
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.integers(0, 9)))


class Arrivals:
    """The input of a case, step by step; a step that no channel could take is left out."""

    def __init__(self, mode: str, channels: int) -> None:
        self.mode = mode
        self.ids = [0] * channels
        self.open = list(range(channels))
        self.input: list[dict[str, Any]] = []
        self._held = False

    def take(self, step: Step) -> None:
        kind, number, amount = step
        if kind == "hold":
            self._held = not self._held
            self.input.append({"hold": True} if self._held else {"release": True})
        elif kind == "advance":
            self.input.append({"advance_ms": 30 * amount})
        elif (channel := number % len(self.ids)) in self.open:
            self.input.append({"ch": channel, **self._element(kind, channel, amount)})

    def _element(self, kind: str, channel: int, amount: int) -> dict[str, Any]:
        if kind == "rec":
            return {"rec": f"r{len(self.input)}"}
        if kind == "end":
            self.open.remove(channel)
            return {"end": True}
        again = kind == "cancel" and amount < 3 and self.ids[channel] > 0
        self.ids[channel] += 0 if again else 1 + (amount == 9)
        element: dict[str, Any] = {kind: self.ids[channel]}
        if kind == "barrier" and self.ids[channel] % SAVEPOINT_EVERY == 0:
            element["savepoint"] = True
        elif kind == "barrier" and self.mode == "alternating" and amount == 0:
            element["unaligned"] = True
        return element

    def finish(self) -> None:
        self.input.append({"release": True})
        self.input += [{"ch": channel, "end": True} for channel in self.open]


def a_case(mode: str, channels: int, arrivals: list[dict[str, Any]], *, feature: bool) -> Case:
    wanted: dict[str, Any] = dict.fromkeys(ANSWERS)
    wanted["blocked_after"] = {str(len(arrivals) - 1): []}
    return {
        "mode": mode,
        "channels": channels,
        "aligned_timeout_ms": 100,
        "checkpoints_after_tasks_finish": feature,
        "input": arrivals,
        "expect": wanted,
    }


class Seen:
    """One random case and what came of it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.found = run_case("cases", case)
        self.output: list[dict[str, Any]] = self.found["output"]
        self.snapshots = [one["checkpoint"] for one in self.output if "checkpoint" in one]
        self.aborts = [one["abort"] for one in self.output if "abort" in one]

    def brought(self, channel: int) -> list[dict[str, Any]]:
        return [one for one in self.case["input"] if one.get("ch") == channel]

    def ahead_of(self, number: int, channel: int) -> list[str]:
        """Records ahead of the channel's barrier, or of its end."""
        ahead = takewhile(lambda one: one.get("barrier") != number, self.brought(channel))
        return [one["rec"] for one in ahead if "rec" in one]

    def read_before(self, number: int, channel: int) -> list[str]:
        """Records that the operator had when it took the snapshot."""
        before = takewhile(lambda one: one.get("checkpoint") != number, self.output)
        return [one["rec"] for one in before if one.get("ch") == channel]

    def persisted(self, number: int, channel: int) -> list[str]:
        lanes: dict[str, list[str]] = self.found["persisted"].get(str(number), {})
        return lanes.get(str(channel), [])

    def cancelled_alone(self) -> set[int]:
        """Cancelled by the only open channel: a tracker passes that on without counting."""
        still_open, found = self.case["channels"], set()
        for one in self.case["input"]:
            still_open -= "end" in one
            if still_open == 1 and "cancel" in one:
                found.add(one["cancel"])
        return found

    def cut_short(self, number: int) -> bool:
        """Aborted after its snapshot, aloud or in silence by the marker of a newer one."""
        fates = [one for one in self.output if "rec" not in one]
        at = next(i for i, one in enumerate(fates) if one.get("checkpoint") == number)
        return number in self.aborts or any(
            one.get("reason") == "cancelled" for one in fates[at + 1 : at + 2]
        )


@pytest.mark.parametrize("mode", MODES)
@given(moves=steps, channels=st.integers(1, 4), feature=st.booleans())
@settings(max_examples=150)
def test_whatever_arrives(mode: str, moves: list[Step], channels: int, feature: bool) -> None:
    arrivals = Arrivals(mode, channels)
    for step in moves:
        arrivals.take(step)
    arrivals.finish()
    seen = Seen(a_case(mode, channels, arrivals.input, feature=feature))
    check_order(seen)
    check_fates(seen)
    check_cut(seen)
    if feature:
        check_newest(seen)


def check_order(seen: Seen) -> None:
    """Every record is read once, in the order of its channel; nothing stays blocked or tracked."""
    for channel in range(seen.case["channels"]):
        read = [one["rec"] for one in seen.output if one.get("ch") == channel]
        assert read == [one["rec"] for one in seen.brought(channel) if "rec" in one]
    assert all(blocked == [] for blocked in seen.found["blocked_after"].values())
    assert seen.found["pending_after"] == []


def check_fates(seen: Seen) -> None:
    """Snapshots in the order of ids; one abort at most; both only where a snapshot comes first."""
    assert seen.snapshots == sorted(set(seen.snapshots))
    uncounted = seen.cancelled_alone() if seen.case["mode"] == "at_least_once" else set()
    aborts = [number for number in seen.aborts if number not in uncounted]
    assert len(aborts) == len(set(aborts))
    both = set(seen.snapshots) & set(seen.aborts)
    if seen.case["mode"] in ("aligned", "at_least_once"):
        assert both <= uncounted
    for number in both:
        assert seen.found["triggered_at"][str(number)] <= seen.found["aborted_at"][str(number)]


def check_cut(seen: Seen) -> None:
    """State and channel state together hold exactly what came ahead of the barriers."""
    kinds = {one["checkpoint"]: one.get("kind") for one in seen.output if "checkpoint" in one}
    for number in seen.snapshots:
        overtakes = seen.case["mode"] in ("unaligned", "alternating")
        overtakes &= kinds[number] != "aligned" and number % SAVEPOINT_EVERY != 0
        for channel in range(seen.case["channels"]):
            ahead = seen.ahead_of(number, channel)
            read, kept = seen.read_before(number, channel), seen.persisted(number, channel)
            if not overtakes:
                assert kept == []
            if seen.case["mode"] == "at_least_once":
                assert read[: len(ahead)] == ahead
            elif seen.cut_short(number):
                assert (read + kept) == ahead[: len(read + kept)]
            else:
                assert read + kept == ahead


def check_newest(seen: Seen) -> None:
    """The newest id of all, if nobody cancels it, comes through: ends count as barriers."""
    ids = [one.get("barrier", one.get("cancel", 0)) for one in seen.case["input"]]
    newest = max(ids)
    if newest and all(one.get("cancel") != newest for one in seen.case["input"]):
        assert seen.snapshots[-1] == newest
        assert newest not in seen.aborts


@given(st.lists(st.integers(1, 3), min_size=1, max_size=70), st.integers(2, 4))
@settings(max_examples=20)
def test_at_most_fifty_are_tracked(gaps: list[int], channels: int) -> None:
    numbers = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    arrivals = [{"ch": 0, "barrier": number} for number in numbers]
    case = a_case("at_least_once", channels, arrivals, feature=True)
    assert run_case("cases", case)["pending_after"] == numbers[-TRACKED_MAX:]
