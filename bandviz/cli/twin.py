"""Two runs side by side: `twin` changes one field, `whatif` leaves out one thing that was done."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import rich_click as click

from bandviz.cli.conventions import SEED, open_run
from bandviz.errors import BandvizError
from bandviz.text import LINE, SafeText, door

if TYPE_CHECKING:
    from bandviz.lab.twin import Told, Twin
    from bandviz.lab.vary import Varied
    from bandviz.scenario.plan import Plan
    from bandviz.trace.commands import CommandRecord

WIDTH: Final = 100


@click.command()
@click.argument("scenario")
@click.option("--vary", multiple=True, metavar="FIELD=A,B",
              help="What differs, such as mode=at_least_once,exactly_once.")  # fmt: skip
@click.option("--variant", default="", help="This variant; without --vary: against the scenario.")
@SEED
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON object.")
def twin(
    scenario: str, vary: tuple[str, ...], variant: str, seed: int | None, *, as_json: bool
) -> int:
    """Run a scenario twice, one field different, and say where the two part.

    The script of the scenario is at work in both.
    """
    from bandviz.lab.twin import of_plans

    a, b, cause = pair_of(scenario, vary, variant, seed)
    settings = a.plan.settings
    _tell(of_plans(a, b, cause), f"{settings.name}, seed {settings.seed}", as_json=as_json)
    return 0


def pair_of(
    scenario: str, vary: tuple[str, ...], variant: str, seed: int | None
) -> tuple[Varied, Varied, str]:
    """The two plans, and what is different. Raises BandvizError if these are not two."""
    from bandviz.lab.twin import by_variant
    from bandviz.lab.vary import plans_of

    if vary or not variant:
        plans = plans_of(scenario, vary, variant=variant, seed=seed)
        cause = f"two runs that differ in {vary[0].partition('=')[0]}" if vary else ""
    else:
        plans = [
            each for one in ("", variant) for each in plans_of(scenario, (), variant=one, seed=seed)
        ]
        cause = by_variant(plans[0].plan, variant)
    if len(plans) != 2:
        found = f"{len(plans)} are asked for" if vary else "one field has to differ"
        raise BandvizError(
            f"a twin is two runs, and {found}", "--vary mode=at_least_once,exactly_once"
        )
    return plans[0], plans[1], cause


@click.command()
@click.argument("what", metavar="SCENARIO|RUN.bvt")
@click.option("--without", type=click.IntRange(1), default=None, metavar="N",
              help="Leave out number N of the list, run again, and say what changed.")  # fmt: skip
@click.option("--variant", default="", help="This variant of the scenario.")
@SEED
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
def whatif(what: str, without: int | None, variant: str, seed: int | None, *, as_json: bool) -> int:
    """List what was done to a run; leave one of it out and say what changed."""
    from bandviz.lab.twin import of_whatif
    from bandviz.model.words import many

    plan, commands = _done_to(what, variant, seed)
    name = f"{plan.settings.name}, seed {plan.settings.seed}"
    if without is None:
        if as_json:
            listed = [each._asdict() for each in commands]
            click.echo(json.dumps({"commands": listed}))
            return 0
        for line in listing(commands, name):
            click.echo(line)
        return 0
    if without > len(commands):
        was = "was" if len(commands) == 1 else "were"
        raise BandvizError(
            f"there is no number {without}: {many(len(commands), 'thing')} {was} done to this run",
            f"bandviz whatif {door(what)}",
        )
    both, _ = of_whatif(plan, commands, without - 1)
    _tell(both, name, as_json=as_json)
    return 0


def listing(commands: Sequence[CommandRecord], name: str) -> list[SafeText]:
    """What was done to a run, numbered."""
    from bandviz.lab.twin import deed
    from bandviz.model.words import seconds

    if not commands:
        return [door(f"{name}: nothing was done to this run")]
    lines = [f"{name}: --without N leaves one of these out"]
    for number, each in enumerate(commands, start=1):
        by = "by hand" if each.by_hand else "by the script"
        lines.append(
            f"{number:>3}  {seconds(each.time_us):>7}  step {each.step:<5} {deed(each)}, {by}"
        )
    return [door(line, LINE) for line in lines]


def _done_to(what: str, variant: str, seed: int | None) -> tuple[Plan, list[CommandRecord]]:
    """The plan, and what is done to its run; of a recording, once it is known to repeat itself."""
    from bandviz.lab.twin import commands_of
    from bandviz.session.whatif import require_repeatable

    opened = open_run(what, variant, seed)
    if opened.timeline is None:
        return opened.plan, commands_of(opened.plan)
    try:
        require_repeatable(opened.plan, opened.timeline, opened.commands)
    except BandvizError as error:
        raise BandvizError(f"{door(what)}: {error.message}", error.hint) from None
    return opened.plan, list(opened.commands)


def _tell(both: Twin, name: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(both.to_json()))
        return
    for line in report(both, name):
        click.echo(line)


def report(both: Twin, name: str) -> list[SafeText]:
    """Where they part, why, and what comes of it."""
    from bandviz.lab.twin import parting
    from bandviz.model.words import seconds

    lines = [f"{name}: {both.cause}", f"  a  {both.a.label}", f"  b  {both.b.label}"]
    lines += [f"  {note}" for note in (*both.a.notes, *both.b.notes)]
    if both.first is None:
        lines.append("they tell the same story; only times and sizes may differ")
    else:
        told = parting(both)
        lines.append(f"they part at {seconds(told.time_us)}, step {told.step}")
        here, there = both.instead()
        row = both.rows[both.first]
        lines.append(f"  a  {_next(here)}")
        lines.append(f"  b  {_next(there)}")
        if row.elsewhere is not None:
            lines.append(f"     in the other one it comes at {seconds(row.elsewhere.time_us)}")
        lines += textwrap.wrap(
            told.why, WIDTH - 2, initial_indent="  why  ", subsequent_indent="       "
        )
    if both.differences:
        lines.append("what differs in the end")
        wide = max(len(each.what) for each in both.differences)
        for each in both.differences:
            lines.append(f"  {each.what:<{wide}}  a  {each.a or '-'}")
            lines.append(f"  {'':<{wide}}  b  {each.b or '-'}")
    else:
        lines.append("their results are the same")
    return [door(line, LINE) for line in lines]


def _next(told: Told | None) -> str:
    from bandviz.model.words import seconds

    if told is None:
        return "nothing more happens"
    return f"{seconds(told.time_us):>7}  {told.line}"
