"""The commands of the lab: the same run many times, each broken elsewhere."""

from __future__ import annotations

import json
import time
from typing import Any, Final

import rich_click as click

from bandviz.text import LINE, door

WORKERS: Final = click.option(
    "--workers", type=click.IntRange(1, 256), default=None, help="Processes; one a core if left out"
)


@click.command()
@click.argument("scenario")
@click.option("--variant", default="", help="Sweep this variant.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=None, help="Another schedule.")
@click.option("--vary", multiple=True, metavar="FIELD=A,B",
              help="One strip for each value, such as mode=at_least_once,exactly_once.")  # fmt: skip
@WORKERS
@click.option("--json", "as_json", is_flag=True, help="Print every run as one JSON object.")
def sweep(
    scenario: str, variant: str, seed: int | None, vary: tuple[str, ...], workers: int | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Kill every task at every step, one run each, and judge what comes of it.

    The script of the scenario breaks nothing here: each run has the one kill.
    """
    from bandviz.lab.pool import cores
    from bandviz.lab.strips import block, swept
    from bandviz.lab.vary import plans_of

    began = time.perf_counter()
    plans = plans_of(scenario, vary, variant=variant, seed=seed)
    strips = swept(plans, workers or cores())
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
    parts = ["bandviz sweep", scenario, *(f"--vary {one}" for one in vary)]
    parts += [f"--variant {variant}"] if variant else []
    parts += [f"--seed {seed}"] if seed is not None else []
    name, used = plans[0].plan.settings.name, plans[0].plan.settings.seed
    title = f"{name}, seed {used}: each task killed at each step, one run each"
    for line in block(title, strips, " ".join(parts)):
        click.echo(line)
    click.echo(door(f"{rate:g} runs/s", LINE), err=True)
    return 0
