"""Real processes, real SIGKILLs. The campaign is `python -m bench.kills`; this is a sip of it."""

from __future__ import annotations

from bench.kills import campaign


def test_a_killed_process_loses_nothing_that_anybody_saw() -> None:
    tally = campaign(6, seed=7, kills_a_run=3, records=400)
    assert tally.kills == 6
    assert tally.runs >= 2
