"""However the moves of an honest job are ordered, and wherever it crashes, the verdict is exact."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from bandviz.check import judge
from bandviz.events import Event
from bandviz.ids import RecordId
from tests.judged_runs import STORY_LOGS, Play, Saved, played

MOVES = (
    "poll north", "poll north", "poll south", "poll south", "deliver north", "deliver north",
    "deliver south", "deliver south", "show", "show", "trigger", "complete", "notify", "drain",
    "crash",
)  # fmt: skip
SCRIPTS = some.lists(some.sampled_from(MOVES), max_size=60)


@given(SCRIPTS)
def test_two_phase_is_exact_in_every_order(script: list[str]) -> None:
    verdict = judge(played(Play(STORY_LOGS), script).entries)
    assert (verdict.violations, verdict.reasons) == ((), ())
    assert (verdict.holds, verdict.state, verdict.output) == (True, "exact", "exact")


@given(SCRIPTS)
def test_append_duplicates_exactly_what_was_shown_before_a_rewind(script: list[str]) -> None:
    shown: dict[RecordId, int] = {}

    class Counted(Play):
        def write(self, record: RecordId) -> list[Event]:
            shown[record] = shown.get(record, 0) + 1
            return super().write(record)

    verdict = judge(played(Counted(STORY_LOGS, contract="append"), script).entries)
    again = sum(times > 1 for times in shown.values())
    assert (verdict.state, verdict.lost, verdict.duplicated) == ("exact", 0, again)
    assert verdict.holds is (again == 0)
    assert verdict.violations == ()


@given(SCRIPTS, some.integers(-2, 2))
def test_a_wrong_rewind_is_never_called_exact(script: list[str], by: int) -> None:
    moved = []

    class Off(Play):
        def rewind_to(self, name: str, saved: Saved) -> int:
            right = saved.offsets[name]
            wrong = min(max(right + by, 0), len(self.logs[name]))
            moved.append(wrong - right)
            return wrong

    verdict = judge(played(Off(STORY_LOGS), script).entries)
    assert verdict.holds is not any(moved)


@given(SCRIPTS, some.integers(0, 400))
def test_half_a_run_is_never_proved_wrong_or_right(script: list[str], heard: int) -> None:
    entries = played(Play(STORY_LOGS), script).entries
    verdict = judge(entries[: min(heard, len(entries) - 1)])
    assert verdict.holds is None
    assert verdict.reasons
