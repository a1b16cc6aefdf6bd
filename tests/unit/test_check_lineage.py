"""What became of each source record: read, applied, visible how often, and where it is now."""

from __future__ import annotations

from collections import Counter

import pytest

from bandviz.check import Judge
from bandviz.check.lineage import RecordLedger, Whereabouts
from bandviz.lab.campaign import plan_of, policy_of
from bandviz.lab.modes import UNALIGNED
from bandviz.lab.sweep import Stretch, crash_runs
from bandviz.lab.trial import Trial
from bandviz.lab.zoo import ZOO
from bandviz.lab.zoo.breakage import running
from bandviz.report.headless import drive
from bandviz.scenario.build import load_plan
from bandviz.session.lineage import story, table
from tests.judged_runs import STORY, STORY_LOGS, Play, played


def ledger_of(story: str, variant: str = "") -> RecordLedger:
    return drive(load_plan(story, variant=variant)).folded.judge.lineage()


TABLES = {
    ("kill-and-rewind", ""): (
        "     10     1        1        1  public on board: north 0-2 7, south 0-2 5-7",
        "      6     2        1        1  public on board: north 3-6, south 3-4",
        "     16    22       16       16  in all",
    ),
    ("kill-and-rewind", "append"): (
        "     10     1        1        1  public on board: north 0-2 7, south 0-2 5-7",
        "      5     2        1        2  public on board: north 3-5, south 3-4",
        "      1     2        1        1  public on board: north 6",
        "     16    22       16       21  in all",
    ),
    ("no-net", ""): (
        "      7     1        0        1  public on board: gate 0-6",
        "      1     1        0        0  skipped by its source: gate 7",
        "      2     0        0        0  skipped by its source: gate 8-9",
        "      4     1        1        1  public on board: gate 10-13",
        "     14    12        4       11  in all",
    ),
    ("clock-runs-out", ""): (
        "      4     1        1        0  with ledger, never to be public: till 0-3",
        "      1     2        1        1  public on ledger: till 4",
        "      5     1        1        1  public on ledger: till 5-9",
        "     10    11       10        6  in all",
    ),
}


@pytest.mark.parametrize(("story", "variant"), TABLES)
def test_records_that_fared_alike_share_a_line(story: str, variant: str) -> None:
    lines = list(map(str, table(ledger_of(story, variant), 100)))
    head = lines.index("  records  read  applied  visible  now")
    assert tuple(line.removeprefix("  ") for line in lines[head + 1 :]) == TABLES[story, variant]


def test_a_record_tells_its_story() -> None:
    shown_twice = ledger_of("kill-and-rewind", "append")
    assert story(shown_twice, shown_twice.rows[3]) == (
        "north 3 (cats) was read twice, applied once to the state of count and shown twice on "
        "board. It is now public on board. The public sees it more than once."
    )


def test_where_the_records_of_an_exactly_once_run_are_is_known_at_every_step() -> None:
    """Crash, restore from data in flight and replay included: none is ever lost, or there twice."""
    plan = plan_of("overtake", UNALIGNED, 0)
    crashed = next(crash_runs(Stretch(plan, policy_of(0), 60, 61))).trial
    bench, places = Judge(), Counter[Whereabouts]()
    for before, entry in zip([crashed.heard[0], *crashed.heard], crashed.heard, strict=False):
        if entry.step != before.step:
            rows = bench.lineage().rows
            places.update(word for row in rows for word, _ in row.places)
            assert [row for row in rows if row.wrong] == []
        bench.observe(entry)
    assert {*places} >= {
        Whereabouts.LOG, Whereabouts.AGAIN, Whereabouts.MOVING, Whereabouts.WRITTEN,
        Whereabouts.PUBLIC,
    }  # fmt: skip


def test_what_a_checkpoint_forgot_in_flight_is_lost_by_name() -> None:
    breakage = ZOO["forget-in-flight"]
    ground = breakage.grounds[0]
    plan = plan_of(ground.scenario, ground.mode, ground.schedule, ground.variant)
    with running(breakage):
        base = Trial(plan, policy_of(ground.schedule))
        base.finish()
        runs = crash_runs(Stretch(plan, policy_of(ground.schedule), 40, base.step))
        judged = (one.trial.judged() for one in runs)
        bench = next(bench for bench in judged if bench.verdict().lost)
    lost = {row.record for row in bench.lineage().rows if row.wrong}
    assert lost == bench.found().lost


def test_without_single_records_nobody_knows_what_was_applied() -> None:
    bench = Judge()
    for entry in played(Play(STORY_LOGS), STORY).entries:
        if entry.event.level < 2:
            bench.observe(entry)
    rows = bench.lineage().rows
    assert {(row.applied, row.visible) for row in rows} == {((None,), (1,))}
    assert sum(row.read for row in rows) == bench.counts().reads
