"""The commands of the lab: the same run many times, each broken elsewhere."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import rich_click as click
from click.exceptions import Exit

from bandviz import __version__
from bandviz.errors import BandvizError, InvariantViolation
from bandviz.text import LINE, door

if TYPE_CHECKING:
    from bandviz.lab.campaign import Named, Tally, Violation
    from bandviz.lab.witness import Witness

FAIL: Final = 1
INTERRUPTED: Final = 130
SLICE: Final = ("kill-and-rewind", "one-barrier", "the-gap", "dedup", "overtake", "no-net")
"""Small jobs that have between them two sources, shuffles, slow sinks and first-wins state."""
T = TypeVar("T")
N = TypeVar("N", bound="Named")
TINY: Final = ("no-net", "dedup")
SHOWN: Final = 5

WORKERS: Final = click.option(
    "--workers", type=click.IntRange(1, 256), default=None, help="Processes; one a core if left out"
)


def _known(_: click.Context, __: click.Parameter, zoo: str) -> str:
    from bandviz.lab.zoo import entry

    if zoo:
        entry(zoo)
    return zoo


ZOO = click.option("--zoo", default="", metavar="NAME", callback=_known,
                   help="Run an engine that is broken on purpose; see bandviz zoo.")  # fmt: skip


@contextmanager
def let_loose(zoo: str) -> Iterator[None]:
    """The engine of this process is the broken one within."""
    from bandviz.lab.zoo import loose

    try:
        with loose(zoo):
            yield
    except InvariantViolation as error:
        if not zoo:
            raise
        click.echo(f"{door(zoo)} broke a rule that the engine itself watches: {error}", err=True)
        raise Exit(FAIL) from None


@click.command()
@click.argument("scenario")
@click.option("--variant", default="", help="Sweep this variant.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=None, help="Another schedule.")
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
    command = command_of(scenario, vary, variant=variant, seed=seed, every=every)
    if zoo:
        command += f" --zoo {zoo}"
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
    found = list(_watched(bills(ways, workers or cores()), len(ways)))
    if as_json:
        click.echo(json.dumps({"ways": [one.to_json() for one in found], "advice": advice(found)}))
        return 0
    for line in (*table(found), "", advice(found)):
        click.echo(line)
    return 0


@click.command()
@click.option("--exhaustive", is_flag=True, help="Every single kill at every step.")
@click.option("--pairs", is_flag=True, help="Every second kill after it, as well.")
@click.option("--swarm", type=click.IntRange(1), default=None, metavar="N",
              help="So many random jobs.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**53), default=0, help="Of the first of the swarm.")
@click.option("--case", "case_text", default=None, metavar="CASE", help="One of the swarm again.")
@click.option("--zoo", is_flag=True, help="Engines broken on purpose: is each of them caught?")
@click.option("--scenario", "scenarios", multiple=True, help="Only this one; may be repeated.")
@click.option("--mode", "modes", multiple=True, help="Only this one; may be repeated.")
@click.option("--schedules", type=click.IntRange(1, 1_000), default=4, show_default=True,
              help="How many orders of moves; the first is what a session plays.")  # fmt: skip
@WORKERS
@click.option("--log", "log_path", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="Keep what is done here; begun again, the campaign goes on.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=None,
              help="Keep a small witness of each finding: scenario and recording.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def verify(
    exhaustive: bool, pairs: bool, swarm: int | None, seed: int, case_text: str | None, zoo: bool,
    scenarios: tuple[str, ...], modes: tuple[str, ...], schedules: int, workers: int | None,
    log_path: Path | None, out: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Break the engine wherever it can be broken, and hold every run against its claims.

    Exit status 0: every claim held. 1: one did not, or the campaign has met too little.
    """
    from bandviz.lab.campaign import batches_of, hold
    from bandviz.lab.modes import MODES
    from bandviz.lab.pool import cores

    workers = workers or cores()
    if [exhaustive, pairs, swarm is not None, case_text is not None, zoo].count(True) != 1:
        raise BandvizError(
            "which campaign?", "bandviz verify --exhaustive, --pairs, --swarm N, --case or --zoo"
        )
    if zoo:
        return _verify_zoo(workers, out, as_json=as_json)
    if case_text is not None:
        return _verify_case(case_text)
    if swarm is not None:
        return _verify_swarm(seed, swarm, workers, log_path, as_json=as_json)
    for mode in modes:
        if mode not in MODES:
            raise BandvizError(f"there is no mode {door(mode)}", ", ".join(MODES))
    names, ran = scenarios or (SLICE if exhaustive else TINY), modes or MODES
    kills = 1 if exhaustive else 2
    parts = [f"bandviz verify {'--exhaustive' if exhaustive else '--pairs'}"]
    parts += [*(f"--scenario {name}" for name in scenarios), *(f"--mode {mode}" for mode in modes)]
    command = " ".join([*parts, f"--schedules {schedules}"])
    batches = [batch for name in names for batch in batches_of(name, ran, schedules, kills)]
    return _held(batches, hold, command, (names, ran), workers, log_path, out, as_json=as_json)


def _verify_swarm(
    seed: int, count: int, workers: int, log_path: Path | None, *, as_json: bool
) -> int:
    from bandviz.lab.swarm import MODES, seeds_of, try_out

    command = f"bandviz verify --swarm {count} --seed {seed}"
    what, batches = (("random jobs",), MODES), seeds_of(seed, count)
    return _held(batches, try_out, command, what, workers, log_path, as_json=as_json)


def _verify_case(text: str) -> int:
    from bandviz.lab.swarm import complaints, read_case

    found = complaints(read_case(text))
    for one in found:
        click.echo(door(one, LINE))
    click.echo("nothing is wrong" if not found else f"{len(found)} complaints")
    return FAIL if found else 0


def _held(
    batches: Sequence[N], work: Callable[[N], Tally], command: str,
    what: tuple[Sequence[str], Sequence[str]], workers: int, log_path: Path | None,
    out: Path | None = None, *, as_json: bool,
) -> int:  # fmt: skip
    """Run a campaign to its end, or until somebody has enough. `what`: scenarios and modes."""
    from bandviz.lab.campaign import Log, Tally, campaign
    from bandviz.lab.witness import witness_of

    path = log_path or Path(tempfile.mkdtemp(prefix="bandviz-")) / "verify.jsonl"
    log, total, began = Log(path, f"{__version__} {command}"), Tally(), time.perf_counter()
    known = sum(tally.runs for tally in log.done.values())
    try:
        for tally in _watched(campaign(batches, work, log, workers), len(batches)):
            total.add(tally)
    except KeyboardInterrupt:
        click.echo(
            f"interrupted after {total.runs} runs; the rest: {command} --log {path}", err=True
        )
        return INTERRUPTED
    if log_path is None:
        shutil.rmtree(path.parent)
    rate = round((total.runs - known) / (time.perf_counter() - began), 1)
    if out is not None:
        shown = [one for one in total.violations if one.kills][:SHOWN]
        for number, found in enumerate(shown, 1):
            _save(witness_of(found), out, f"violation-{number}")
    if as_json:
        click.echo(json.dumps(_figures(total, *what, rate)))
    else:
        _tell(total, *what, rate)
    return FAIL if total.violations or total.missed(what[1]) else 0


def _save(witness: Witness, out: Path, name: str) -> None:
    """Where it went is said beside the figures."""
    from bandviz.lab.witness import save

    paths = " ".join(door(str(path)) for path in save(witness, out, name))
    click.echo(f"{name}: {witness.events} events, in {paths}", err=True)


def _verify_zoo(workers: int, out: Path | None, *, as_json: bool) -> int:
    """Every broken engine has to be caught by the oracle named for it, and no sound run accused."""
    from bandviz.lab.zoo import ZOO
    from bandviz.lab.zoo.hunt import alarms, grounds_of, hunted

    grounds = grounds_of(list(ZOO))
    accused = sum(_watched(alarms(grounds, workers), len(grounds)))
    caught = list(_watched(hunted(list(ZOO), workers), len(ZOO)))
    for one in caught:
        if out is not None and one.witness is not None:
            _save(one.witness, out, one.name)
    entries = {one.name: one.to_json() for one in caught}
    killed = sum(one["killed"] for one in entries.values())
    if as_json:
        figures = {"entries": len(entries), "killed": killed, "false_alarms": accused}
        click.echo(json.dumps({**figures, "per_entry": entries}))
    else:
        for name, told in entries.items():
            word = "caught" if told["killed"] else "MISSED"
            click.echo(f"{word}  {name}: {', '.join(told['oracles']) or 'nobody saw it'}")
        click.echo(f"{killed} of {len(entries)} caught, {accused} false alarms")
    return FAIL if accused or killed < len(entries) else 0


def _watched(tallies: Iterable[T], count: int) -> Iterable[T]:
    """The same, with a bar if somebody is looking."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not console.is_terminal:
        return tallies
    return track(tallies, "judging", count, console=console, transient=True)


def _figures(
    total: Tally, names: Sequence[str], modes: Sequence[str], rate: float
) -> dict[str, Any]:
    return {
        "runs": total.runs,
        "violations": len(total.violations),
        "modes": list(modes),
        "scenarios": list(names),
        "runs_per_second": rate,
        "sometimes": dict(sorted(total.sometimes.items())),
        "found": [one.to_json() for one in total.violations],
    }


def _tell(total: Tally, names: Sequence[str], modes: Sequence[str], rate: float) -> None:
    click.echo(f"{total.runs} runs: {len(names)} scenarios, {len(modes)} modes; {rate:g} runs/s")
    for situation, count in total.sometimes.most_common():
        click.echo(f"  {count:>7}  {situation}")
    for situation in total.missed(modes):
        click.echo(f"  never met: {situation}; without it these runs prove nothing")
    for found in total.violations[:SHOWN]:
        click.echo(_sentence(found))
    more = len(total.violations) - SHOWN
    if more > 0:
        click.echo(f"and {more} more")
    click.echo(f"{len(total.violations)} violations")


def _sentence(found: Violation) -> str:
    if not found.kills:
        from bandviz.lab.swarm import draw, report

        return door(f"BROKEN  seed {found.schedule}: {report(draw(found.schedule))}", 4 * LINE)
    kills = ", ".join(f"{target} killed at step {step}" for step, target in found.kills)
    where = f"{found.scenario} {found.mode}, schedule {found.schedule}"
    return door(f"BROKEN  {where}, {kills}: {found.why}", LINE)
