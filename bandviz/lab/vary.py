"""One scenario, one field with several values: the plans that differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Final, NamedTuple

from bandviz.errors import BandvizError
from bandviz.scenario.build import build
from bandviz.scenario.catalog import resolve
from bandviz.scenario.load import load, parse
from bandviz.scenario.plan import Plan
from bandviz.scenario.varied import job_of, shown, values_of, varied
from bandviz.text import SafeText, door

BOTH: Final = ("at_least_once", "exactly_once")


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
            label = _alone(plan).label
        if seed is not None:
            plan = replace(plan, settings=replace(plan.settings, seed=seed))
        found.append(Varied(label, plan))
    return found


def by_mode(plan: Plan) -> tuple[list[str], list[Varied]]:
    """A plan in both modes, and the `--vary` of it; alone if the mode makes no difference in it."""
    settings = plan.settings
    if settings.checkpoint_interval_us:
        source = parse(plan.text, name=settings.name)
        found = []
        try:
            for mode in BOTH:
                changes = {"run.mode": mode}
                one = build(varied(source, changes, settings.variant), topics=plan.topics)
                seeded = replace(one.settings, seed=settings.seed)
                found.append(Varied(door(mode), replace(one, settings=seeded, zoo=plan.zoo)))
        except BandvizError:  # unaligned barriers have no other mode
            return [], [_alone(plan)]
        return [f"mode={','.join(BOTH)}"], found
    return [], [_alone(plan)]


def _alone(plan: Plan) -> Varied:
    return Varied(door(plan.settings.variant or plan.settings.name), plan)
