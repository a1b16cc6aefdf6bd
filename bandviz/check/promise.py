"""What the settings of a job promise of a run in which something broke, and whether it was kept."""

from __future__ import annotations

from bandviz.check.declared import Declared
from bandviz.check.verdict import EXACT, UNDETERMINED, Verdict


def kept(job: Declared, verdict: Verdict) -> bool | None:
    """Every mode: no rule is broken. Exactly-once: the state is exact, and so is the output unless
    a sink just appends. Else, if there are checkpoints, nothing is lost. None if it cannot be told.
    """
    if verdict.violations:
        return False
    if verdict.holds is not False:
        return verdict.holds
    if job.run is None or not job.run.checkpoint_interval_us:
        return True
    if verdict.lost:
        return False
    if job.at_least_once:
        return True
    words = (verdict.state,) if job.appends else (verdict.state, verdict.output)
    if all(word == EXACT for word in words):
        return True
    return None if all(word in (EXACT, UNDETERMINED) for word in words) else False
