"""The commands of the lab: the same run many times, each broken elsewhere."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import rich_click as click

from bandviz.cli.conventions import SEED, WORKERS, watched
from bandviz.cli.zoo import ZOO, let_loose
from bandviz.text import LINE, door


@click.command()
@click.argument("scenario")
@click.option("--variant", default="", help="Sweep this variant.")
@SEED
@click.option("--vary", multiple=True, metavar="FIELD=A,B",
              help="A strip for each value, such as mode=at_least_once,exactly_once.")  # fmt: skip
@click.option("--every", type=click.IntRange(1), default=1, metavar="N",
              help="Kill at one step in N only.")  # fmt: skip
@ZOO
@WORKERS
@click.option("--json", "as_json", is_flag=True, help="Print every run as one JSON object.")
def sweep(
    scenario: str, variant: str, seed: int | None, vary: tuple[str, ...], every: int, zoo: str,
    workers: int | None, as_json: bool,
) -> int:  # fmt: skip
    """Kill every task at every step, one run each, and judge what comes of it.

    The script of the scenario breaks nothing here: each run has the one kill.
    """
    from bandviz.lab.pool import cores
    from bandviz.lab.strips import block, command_of, swept, title_of
    from bandviz.lab.vary import plans_of
    from bandviz.session.words import zoo_line

    began = time.perf_counter()
    plans = [
        one._replace(plan=replace(one.plan, zoo=zoo))
        for one in plans_of(scenario, vary, variant=variant, seed=seed)
    ]
    with let_loose(zoo):
        strips = swept(plans, workers or cores(), every)
    took = time.perf_counter() - began
    rate = round(sum(len(strip.cells) for strip in strips) / took, 1)
    if as_json:
        cells: list[dict[str, Any]] = [
            {**cell.to_json(), **({"vary": strip.label} if vary else {})}
            for strip in strips
            for cell in strip.cells
        ]
        click.echo(json.dumps({"cells": cells, "runs_per_second": rate}))
        return 0
    command = command_of(scenario, vary, variant=variant, seed=seed, every=every, zoo=zoo)
    if zoo:
        click.echo(zoo_line(zoo))
    for line in block(title_of(plans[0].plan, every), strips, command):
        click.echo(line)
    click.echo(door(f"{rate:g} runs/s", LINE), err=True)
    return 0


@click.command()
@click.argument("scenario")
@click.option("--variant", default="", help="Price this variant.")
@WORKERS
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def price(scenario: str, variant: str, workers: int | None, as_json: bool) -> int:
    """Run one input under four guarantees, in peace and with crashes: what does each cost?"""
    from bandviz.lab.pool import cores
    from bandviz.lab.price import advice, bills, table, ways_of

    ways = ways_of(scenario, variant)
    found = list(watched(bills(ways, workers or cores()), len(ways)))
    if as_json:
        click.echo(json.dumps({"ways": [one.to_json() for one in found], "advice": advice(found)}))
        return 0
    for line in (*table(found), "", advice(found)):
        click.echo(line)
    return 0
