"""One scenario, one field with several values: the plans that differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from bandviz.scenario.build import build
from bandviz.scenario.catalog import resolve
from bandviz.scenario.load import load
from bandviz.scenario.plan import Plan
from bandviz.scenario.varied import job_of, shown, values_of, varied
from bandviz.text import SafeText, door


class Varied(NamedTuple):
    """A plan and what is special about it: `at_least_once`, or the scenario's name."""

    label: SafeText
    plan: Plan


def plans_of(
    scenario: str, vary: Sequence[str], *, variant: str = "", seed: int | None = None
) -> list[Varied]:
    """One plan for each combination of values; one without `vary`. Raises BandvizError."""
    source = load(resolve(scenario))
    job_of(source)
    fields = [values_of(one) for one in vary]
    found = []
    for values in product(*(values for _, values in fields)):
        changes = {path: value for (path, _), value in zip(fields, values, strict=True)}
        if changes:
            plan = build(varied(source, changes, variant))
            label = door(" ".join(map(shown, values)))
        else:
            plan = build(source, variant)
            label = door(variant or plan.settings.name)
        if seed is not None:
            plan = replace(plan, settings=replace(plan.settings, seed=seed))
        found.append(Varied(label, plan))
    return found
