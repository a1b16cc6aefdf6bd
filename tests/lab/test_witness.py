"""Witnesses: small, seen by the same oracle, and to be had again from what is saved."""

from __future__ import annotations

from pathlib import Path

from bandviz.events.flow import RecordRead
from bandviz.lab.campaign import batches_of, hold, plan_of
from bandviz.lab.modes import ALIGNED, AT_LEAST_ONCE
from bandviz.lab.policies import RandomWalk
from bandviz.lab.trial import Trial
from bandviz.lab.witness import all_runs, save, shrunk, witness_of
from bandviz.lab.zoo import loose
from bandviz.report.headless import drive, judge_recording
from bandviz.scenario.build import load_plan
from bandviz.session.opening import open_recording

ENOUGH = 25
NAME = "skip-alignment"


def test_a_violation_shrinks_to_files_that_show_it_again(tmp_path: Path) -> None:
    with loose(NAME):
        batch = batches_of("kill-and-rewind", [AT_LEAST_ONCE], 1)[6]
        promised = batch._replace(mode=ALIGNED)
        found = hold(promised).violations[0]
        witness = witness_of(found)
        assert witness.events <= ENOUGH
        paths = save(witness, tmp_path, "small")
        assert [path.name for path in paths] == ["small.yaml", "small.bvt"]
        again = drive(load_plan(str(paths[0])))
    opened = open_recording(paths[1])
    assert opened.timeline is not None
    judged = judge_recording(opened)
    for outcome in (again, judged):
        rules = [one["rule"] for one in outcome.result["verdict"]["violations"]]
        assert witness.sentence.partition(":")[0] in rules
    assert again.result["verdict"] == judged.result["verdict"]


def test_a_kill_is_written_as_a_fault_of_the_script(tmp_path: Path) -> None:
    """Held against a promise that the mode does not make, a run needs its kill."""
    plan = plan_of("kill-and-rewind", AT_LEAST_ONCE, 0)

    def accuse(trial: Trial) -> dict[str, str]:
        return {"restart": "came back"} if trial.job.attempt > 1 and trial.breaks else {}

    seen = next(trial for trial in all_runs(plan, Trial(plan).policy) if accuse(trial))
    witness = shrunk(plan, Trial(plan).policy, seen, "restart", all_runs, accuse)
    assert len(witness.breaks) == 1
    scenario, _ = save(witness, tmp_path, "killed")
    assert drive(load_plan(str(scenario))).result["restarts"] == 1


def test_moves_off_the_default_are_counted_and_few() -> None:
    plan = plan_of("kill-and-rewind", ALIGNED, 2)
    default = _readers(Trial(plan))

    def accuse(trial: Trial) -> dict[str, str]:
        readers = _readers(trial)
        other = len(readers) > 1 and readers[0] != default[0]
        return {"order": "the other was first"} if other else {}

    walks = [Trial(plan, RandomWalk(seed)) for seed in range(8)]
    seen = next(trial for trial in walks if accuse(trial))
    witness = shrunk(plan, seen.policy, seen, "order", all_runs, accuse)
    assert 1 <= len(witness.choices) <= 2
    assert witness.events <= 4
    assert accuse(witness.run())


def _readers(trial: Trial) -> list[str]:
    """Sources in the order in which they read first."""
    if trial.ended is None:
        trial.finish()
    read = [str(one.event.subtask) for one in trial.heard if isinstance(one.event, RecordRead)]
    return list(dict.fromkeys(read))
