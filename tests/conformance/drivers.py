"""One door to all families of conformance cases: `run_case(family, case)`.

A driver is thin: it feeds one case to the engine's real classes and reads off what they did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.conformance import (
    drive_barriers,
    drive_committer,
    drive_coordinator,
    drive_failures,
    drive_keygroups,
    drive_plan,
    drive_subpartitions,
    drive_tasks,
    drive_twophase,
)
from tests.conformance.case_format import Case, lookup

DRIVERS: Final[dict[str, Callable[[Case], Case]]] = {
    "cases": drive_barriers.run,
    "subpartition_cases": drive_subpartitions.run,
    "task_cases": drive_tasks.run,
    "coordinator_cases": drive_coordinator.run,
    "failure_cases": drive_failures.run,
    "plan_cases": drive_plan.run,
    "twophase_cases": drive_twophase.run,
    "committer_cases": drive_committer.run,
    "keygroup_cases": drive_keygroups.run,
}


def run_case(family: str, case: Case) -> Case:
    """What happened, with exactly the keys of `case["expect"]`; `family` is the list's name.

    Raises UnknownInCaseError on a family, an operation or an answer that nobody knows.
    """
    return lookup(DRIVERS, family, "the family")(case)
