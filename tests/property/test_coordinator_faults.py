"""Whatever goes wrong around checkpoints, the output is exact and the job comes to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.check import judge
from bandviz.engine.choices import mix
from bandviz.engine.faults import CORRUPT_CHECKPOINT, FAIL_STORAGE, POISON, REPAIR_STORAGE, Fault
from bandviz.engine.job import Job
from bandviz.events import Entry
from bandviz.events.job import RunStatus
from bandviz.graph.settings import FixedDelay
from tests import engines

LEFT_OUT: Final = (CORRUPT_CHECKPOINT, POISON, "stop_with_savepoint", "drain_and_stop")
"""What makes output come twice, or ends the job before its input."""
FAULTS_MAX: Final = 6


def run(job: Job, draw: int, steps: frozenset[int]) -> list[Entry]:
    """One of the possible faults at each of these steps; an outage does not last for ever."""
    entries = job.start()
    outage_since = -1
    while job.run is None:
        step = job.emitter.step
        possible = [one for one in job.faults() if one.name not in LEFT_OUT]
        choice = job.earliest()
        if job.world.storage.failing and step > outage_since + 40:
            choice = Fault(REPAIR_STORAGE).choice
        elif step in steps and possible:
            fault = possible[mix(draw, step, 0) % len(possible)]
            outage_since = step if fault.name == FAIL_STORAGE else outage_since
            choice = fault.choice
        if choice is None or step > job.settings.max_steps:
            return entries + job.give_up("no move")
        entries += job.step(choice)
    return entries


@settings(max_examples=60, deadline=None)
@given(
    draw=st.integers(0, 2**32 - 1),
    steps=st.frozensets(st.integers(1, 260), max_size=FAULTS_MAX),
    concurrent=st.integers(1, 3),
    tolerable=st.sampled_from([0, 1, 50]),
    interval_ms=st.sampled_from([500, 1_500, 4_000]),
    uneven=st.booleans(),
    unaligned=st.booleans(),
)
def test_the_output_is_exact_whatever_goes_wrong_around_checkpoints(
    draw: int,
    steps: frozenset[int],
    concurrent: int,
    tolerable: int,
    interval_ms: int,
    uneven: bool,
    unaligned: bool,
) -> None:
    votes: dict[str, Any] = {"north": "cd", "south": "dcddcddd"} if uneven else engines.VOTES
    plain = engines.settings(seed=draw % 97, checkpoint_interval_us=interval_ms * engines.MS)
    job = engines.job_of(
        topics=engines.vote_topics(votes),
        run_settings=replace(
            plain,
            unaligned=unaligned,
            max_concurrent_checkpoints=1 if unaligned else concurrent,
            tolerable_failed_checkpoints=tolerable,
            restart=FixedDelay(attempts=10 * FAULTS_MAX, delay_us=500 * engines.MS),
        ),
    )
    entries = run(job, draw, steps)
    assert job.run is RunStatus.FINISHED
    verdict = judge(entries)
    assert (verdict.state, verdict.output) == ("exact", "exact"), verdict.reasons
    assert unaligned or verdict.violations == ()
