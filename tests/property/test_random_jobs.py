"""Random graphs, settings, orders and faults: the judge finds nothing, and every run ends.

FIFO, one barrier per checkpoint and channel, cut ledger and output are rules of the judge. More
runs than the suite makes: `pytest tests/property/test_random_jobs.py --random-jobs 100000`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bandviz.events import Entry, checkpoint, job, sink
from bandviz.events.checkpoint import InFlightSide
from bandviz.lab.swarm import MODES, Case, complaints, draw, judged_run, report

CHUNK = 100


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "first_seed" in metafunc.fixturenames:
        runs = metafunc.config.getoption("--random-jobs")
        metafunc.parametrize("first_seed", range(0, runs, CHUNK))


def test_nothing_is_wrong_with_a_random_job(first_seed: int) -> None:
    for case in map(draw, range(first_seed, first_seed + CHUNK)):
        if complaints(case):
            pytest.fail(f"seed {case.seed}\n{report(case)}", pytrace=False)


FINISHED = {
    "filter": replace(
        draw(41548), chaining=True, forward=True, stage="session", stage_parallelism=1
    ),
    "stage": draw(3114),
}


@pytest.mark.parametrize("case", FINISHED.values(), ids=FINISHED)
def test_who_had_finished_is_followed_after_a_rescaling(case: Case) -> None:
    """Nothing is restored to it, which is all that it had."""
    assert complaints(case) == []


def moment(entry: Entry) -> str:
    """The rare moment that this entry tells of, or nothing."""
    match entry.event:
        case checkpoint.InFlightPersisted(side=InFlightSide.INPUT):
            return "unread data persisted"
        case checkpoint.InFlightPersisted(side=InFlightSide.OUTPUT):
            return "unsent data persisted"
        case checkpoint.InFlightRestored():
            return "data in flight restored"
        case checkpoint.ChannelBlocked():
            return "channel blocked"
        case checkpoint.AlignmentTimedOut():
            return "alignment timed out"
        case checkpoint.BarrierIgnored():
            return "stale barrier"
        case checkpoint.CheckpointAborted():
            return "checkpoint aborted"
        case job.RestoreStarted(checkpoint_id=number) if number > 1:
            return "restore from a later checkpoint"
        case sink.TransactionCommitted(repeated=True):
            return "commit repeated"
        case job.SubtaskFinished():
            return "subtask finished"
    return ""


RARE = {
    "unread data persisted", "unsent data persisted", "data in flight restored", "channel blocked",
    "alignment timed out", "checkpoint aborted", "restore from a later checkpoint",
    "commit repeated", "subtask finished",
}  # fmt: skip


def test_the_campaign_comes_to_the_moments_that_matter() -> None:
    seen: dict[str, None] = {}
    for case in map(draw, range(160)):
        judged_run(case, lambda entry: seen.update({moment(entry): None}))
    assert set(seen) >= RARE
    assert {draw(seed).mode for seed in range(8)} == set(MODES)
