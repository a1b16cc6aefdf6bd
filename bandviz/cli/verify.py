"""`verify`: campaigns that break the engine wherever it can be broken.

An interrupted one keeps what was done, and says how to go on.
"""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import rich_click as click
from click.core import ParameterSource
from click.exceptions import Exit

from bandviz import __version__
from bandviz.cli.conventions import FAIL, INTERRUPTED, PASS, WORKERS, watched
from bandviz.errors import BandvizError
from bandviz.text import LINE, door

if TYPE_CHECKING:
    from bandviz.lab.campaign import Log, Named, Result, Tally, Violation

N = TypeVar("N", bound="Named")
R = TypeVar("R", bound="Result")

SLICE: Final = ("kill-and-rewind", "one-barrier", "the-gap", "dedup", "overtake", "no-net")
"""Small jobs that have between them two sources, shuffles, slow sinks and first-wins state."""
TINY: Final = ("no-net", "dedup")
"""Jobs so small that every pair of kills can be tried."""
SHOWN: Final = 5
"""Violations that are told, and of which a witness is looked for."""
_ALL_KILLS: Final = ("--scenario", "--mode", "--schedules", "--workers", "--log", "--out", "--json")
CAMPAIGNS: Final[Mapping[str, Sequence[str]]] = {
    "--exhaustive": _ALL_KILLS,
    "--pairs": _ALL_KILLS,
    "--swarm": ("--seed", "--workers", "--log", "--json"),
    "--case": (),
    "--zoo": ("--workers", "--log", "--out", "--json"),
}
"""The options that each of them has."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a person wants of any campaign."""

    workers: int
    log: Path | None
    out: Path | None
    as_json: bool

    def again(self, command: str, log: Path) -> str:
        """What does the rest of a command."""
        parts = [command, *(["--json"] if self.as_json else [])]
        parts += ["--out", shlex.quote(str(self.out))] if self.out is not None else []
        return door(" ".join([*parts, "--log", shlex.quote(str(log))]), 4 * LINE)


@click.command()
@click.option("--exhaustive", is_flag=True, help="Every single kill at every step.")
@click.option("--pairs", is_flag=True, help="Every second kill after it, as well.")
@click.option("--swarm", type=click.IntRange(1, 10**6), default=None, metavar="N",
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
@click.pass_context
def verify(
    context: click.Context, exhaustive: bool, pairs: bool, swarm: int | None, seed: int,
    case_text: str | None, zoo: bool, scenarios: tuple[str, ...], modes: tuple[str, ...],
    schedules: int, workers: int | None, log_path: Path | None, out: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Break the engine wherever it can be broken, and hold every run against its claims.

    Exit status 0: every claim held. 1: one did not, or the campaign has met too little.
    """
    from bandviz.lab.pool import cores

    _require_one_campaign(context)
    asked = _Asked(workers or cores(), log_path, out, as_json)
    if exhaustive or pairs:
        return _verify_kills(2 if pairs else 1, scenarios, modes, schedules, asked)
    if swarm is not None:
        return _verify_swarm(seed, swarm, asked)
    if case_text is not None:
        return _verify_case(case_text)
    assert zoo
    return _verify_zoo(asked)


def _require_one_campaign(context: click.Context) -> None:
    """An option of another campaign is refused as well: it would do nothing."""
    given = [
        one.opts[0]
        for one in context.command.params
        if context.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE
    ]
    chosen = [one for one in given if one in CAMPAIGNS]
    if len(chosen) != 1:
        raise BandvizError(
            "which campaign?", "bandviz verify --exhaustive, --pairs, --swarm N, --case or --zoo"
        )
    stray = [one for one in given if one not in (*chosen, *CAMPAIGNS[chosen[0]])]
    if stray:
        raise BandvizError(f"{stray[0]} has no meaning for {chosen[0]}", f"leave {stray[0]} out")


def _verify_kills(
    kills: int, scenarios: Sequence[str], modes: Sequence[str], schedules: int, asked: _Asked
) -> int:
    from bandviz.lab.campaign import batches_of, hold
    from bandviz.lab.modes import MODES

    for mode in modes:
        if mode not in MODES:
            raise BandvizError(f"there is no mode {door(mode)}", ", ".join(MODES))
    names, ran = scenarios or (SLICE if kills == 1 else TINY), modes or MODES
    parts = [f"bandviz verify {'--exhaustive' if kills == 1 else '--pairs'}"]
    parts += [f"--scenario {shlex.quote(name)}" for name in scenarios]
    parts += [f"--mode {mode}" for mode in modes]
    command = " ".join([*parts, f"--schedules {schedules}"])
    batches = [batch for name in names for batch in batches_of(name, ran, schedules, kills)]
    # A file may have changed since: what is in a log is of these scenarios or of others.
    texts = dict.fromkeys(batch.stretch.plan.text for batch in batches)
    of = sha256("".join(texts).encode()).hexdigest()[:16]
    return _held(batches, hold, command, (names, ran), asked, of)


def _verify_swarm(seed: int, count: int, asked: _Asked) -> int:
    from bandviz.lab.swarm import MODES, seeds_of, try_out

    command = f"bandviz verify --swarm {count} --seed {seed}"
    return _held(seeds_of(seed, count), try_out, command, (("random jobs",), MODES), asked)


def _verify_case(text: str) -> int:
    from bandviz.lab.swarm import complaints, read_case
    from bandviz.model.words import many

    found = complaints(read_case(text))
    for one in found:
        click.echo(door(one, LINE))
    click.echo("nothing is wrong" if not found else many(len(found), "complaint"))
    return FAIL if found else PASS


def _verify_zoo(asked: _Asked) -> int:
    """Every broken engine has to be caught by the oracle named for it, and no sound run accused."""
    from bandviz.lab.zoo.hunt import BROKEN, SOUND, caught_of, hunt

    command, work = "bandviz verify --zoo", partial(hunt, out=asked.out)
    # What is done with an --out has left its files there, and nowhere else.
    campaign = f"{command} --out {asked.out}" if asked.out is not None else command
    with _kept(campaign, command, caught_of, asked) as log:
        found = _through([*SOUND, *BROKEN], work, log, asked.workers)
    accused, caught = sum(one.revealing for one in found[: len(SOUND)]), found[len(SOUND) :]
    for one in caught if asked.out is not None else ():
        _say_where(one.name, one.witness_events or 0, one.files)
    killed = sum(one.killed for one in caught)
    if asked.as_json:
        figures = {"entries": len(caught), "killed": killed, "false_alarms": accused}
        click.echo(json.dumps({**figures, "per_entry": {one.name: one.entry() for one in caught}}))
    else:
        for one in caught:
            word = "caught" if one.killed else "MISSED"
            click.echo(f"{word}  {one.name}: {', '.join(sorted(one.oracles)) or 'nobody saw it'}")
        click.echo(f"{killed} of {len(caught)} caught, {accused} false alarms")
    return FAIL if accused or killed < len(caught) else PASS


def _held(
    batches: Sequence[N], work: Callable[[N], Tally], command: str,
    what: tuple[Sequence[str], Sequence[str]], asked: _Asked, of: str = "",
) -> int:  # fmt: skip
    """Hold all runs against their claims. `what`: scenarios and modes; `of`: their texts' sum."""
    from bandviz.lab.campaign import Tally, tally_of

    total, began = Tally(), time.perf_counter()
    with _kept(f"{command} {of}", command, tally_of, asked) as log:
        known = log.runs
        for tally in _through(batches, work, log, asked.workers):
            total.add(tally)
        rate = round((total.runs - known) / (time.perf_counter() - began), 1)
        if asked.out is not None:
            _save_witnesses(total.violations, asked.out)
        if asked.as_json:
            click.echo(json.dumps(_figures(total, *what, rate)))
        else:
            _tell(total, *what, rate)
    return FAIL if total.violations or total.missed(what[1]) else PASS


@contextmanager
def _kept(
    campaign: str, command: str, read: Callable[[Mapping[str, Any]], R], asked: _Asked
) -> Iterator[Log[R]]:
    """The log of a campaign. If somebody has enough, it stays, and the rest is a command."""
    from bandviz.lab.campaign import Log

    path = asked.log or Path(tempfile.mkdtemp(prefix="bandviz-")) / "verify.jsonl"
    log = Log(path, f"{__version__} {campaign}", read)
    try:
        yield log
    except KeyboardInterrupt:
        rest = asked.again(command, path)
        click.echo(f"interrupted after {log.runs} runs; the rest: {rest}", err=True)
        raise Exit(INTERRUPTED) from None
    if asked.log is None:
        shutil.rmtree(path.parent)


def _through(batches: Sequence[N], work: Callable[[N], R], log: Log[R], workers: int) -> list[R]:
    """A result for each batch, in order."""
    from bandviz.lab.campaign import campaign

    for _ in watched(campaign(batches, work, log, workers), len(batches)):
        pass
    return [log.done[one.name] for one in batches]


def _save_witnesses(violations: Iterable[Violation], out: Path) -> None:
    from bandviz.lab.witness import save, witness_of

    shown = [one for one in violations if one.kills][:SHOWN]
    for number, found in enumerate(shown, 1):
        witness, name = witness_of(found), f"violation-{number}"
        _say_where(name, witness.events, map(str, save(witness, out, name)))


def _say_where(name: str, events: int, files: Iterable[str]) -> None:
    """Beside the figures."""
    paths = " ".join(map(door, files))
    where = f"in {paths}" if paths else "not saved: the engine stopped itself"
    click.echo(f"{name}: {events} events, {where}", err=True)


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
    from bandviz.model.words import many

    what = f"{many(len(names), 'scenario')}, {many(len(modes), 'mode')}"
    click.echo(f"{many(total.runs, 'run')}: {what}; {rate:g} runs/s")
    for situation, count in total.sometimes.most_common():
        click.echo(f"  {count:>7}  {situation}")
    for situation in total.missed(modes):
        click.echo(f"  never met: {situation}; without it these runs prove nothing")
    for found in total.violations[:SHOWN]:
        click.echo(_sentence(found))
    more = len(total.violations) - SHOWN
    if more > 0:
        click.echo(f"and {more} more")
    click.echo(many(len(total.violations), "violation"))


def _sentence(found: Violation) -> str:
    if not found.kills:
        from bandviz.lab.swarm import draw, report

        return door(f"BROKEN  seed {found.schedule}: {report(draw(found.schedule))}", 4 * LINE)
    kills = ", ".join(f"{target} killed at step {step}" for step, target in found.kills)
    where = f"{found.scenario} {found.mode}, schedule {found.schedule}"
    return door(f"BROKEN  {where}, {kills}: {found.why}", LINE)
