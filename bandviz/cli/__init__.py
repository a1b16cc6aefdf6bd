"""The command line. Heavy parts are imported inside the commands: `--version` loads none of
them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from bandviz import __version__
from bandviz.cli.conventions import (
    BAD,
    FAIL,
    INTERRUPTED,
    PASS,
    SEED,
    SUFFIX,
    is_recording,
    open_run,
    refuse_recording,
)
from bandviz.cli.lab import price, sweep
from bandviz.cli.twin import pair_of, twin, whatif
from bandviz.cli.verify import verify
from bandviz.cli.zoo import ZOO, let_loose
from bandviz.cli.zoo import zoo as zoo_command
from bandviz.errors import BandvizError, InvariantViolation, TraceError
from bandviz.ids import CheckpointId
from bandviz.text import LINE, door

if TYPE_CHECKING:
    from bandviz.report.headless import Outcome
    from bandviz.scenario.plan import Plan
    from bandviz.session.opening import Opened
    from bandviz.session.store import Store


def run_cli(arguments: Sequence[str]) -> int:
    """Run one command; every error of a person becomes one clear line and status 2."""
    try:
        status = cli.main(list(arguments), prog_name="bandviz", standalone_mode=False)
    except click.UsageError as error:
        # Not error.show(): it prints arguments as they came, escape sequences included.
        command = error.ctx.command_path if error.ctx is not None else "bandviz"
        _complain(BandvizError(error.format_message(), f"{command} --help"))
        return BAD
    except BandvizError as error:
        _complain(error)
        return BAD
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except InvariantViolation as error:
        click.echo(f"bandviz broke one of its own rules: {door(str(error), LINE)}", err=True)
        click.echo("this is a bug in bandviz, not in your file; the seed repeats it", err=True)
        return FAIL
    except OSError as error:
        _complain(BandvizError(f"cannot write: {error.strerror}"))
        return BAD
    return status if isinstance(status, int) else PASS


def _complain(error: BandvizError) -> None:
    for line in error.message.splitlines():
        click.echo(door(line, LINE), err=True)
    if error.hint:
        click.echo(f"  help: {door(error.hint, LINE)}", err=True)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bandviz")
@click.option("--motion", type=click.Choice(["none", "reduced", "full"]), default=None,
              help="How much moves on screen.")  # fmt: skip
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--theme", type=click.Choice(["dark", "light"]), default=None, help="Colours.")
@click.pass_context
def cli(
    context: click.Context, motion: str | None, ascii_only: bool, theme: str | None
) -> int | None:
    """See exactly-once happen in a real streaming engine, and break it.

    Without a command the home screen opens.
    """
    context.obj = {"motion": motion, "ascii_only": ascii_only, "theme": theme}
    if context.invoked_subcommand is None:
        return _screen(None, context.obj)
    return None


@cli.command()
@click.argument("what", metavar="SCENARIO|RUN.bvt")
@click.option("--variant", default="", help="Play this variant.")
@SEED
@click.option("--vary", multiple=True, metavar="FIELD=A,B", help="Two runs side by side.")
@ZOO
@click.option("--at", "step", type=click.IntRange(0), default=None,
              help="Open a recording behind this step.")  # fmt: skip
@click.option("--motion", type=click.Choice(["none", "reduced", "full"]), default=None)
@click.option("--ascii", "ascii_only", is_flag=True)
@click.option("--theme", type=click.Choice(["dark", "light"]), default=None)
def play(
    what: str, variant: str, seed: int | None, vary: tuple[str, ...], zoo: str, step: int | None,
    **screen: Any,
) -> int:  # fmt: skip
    """Open a scenario, or a recording, on the screen."""
    if step is not None and not is_recording(what):
        raise BandvizError("--at looks into a recording", "bandviz run SCENARIO --record RUN.bvt")
    options = {
        **_options(),
        **{name: value for name, value in screen.items() if value},
    }
    if vary:
        refuse_recording(what)
        if zoo:
            raise BandvizError("--vary compares two runs of the sound engine", "leave --zoo out")
        return _screen(None, {**options, "twin": pair_of(what, vary, variant, seed)})
    with let_loose(zoo):
        return _screen(open_run(what, variant, seed, zoo), {**options, "step": step})


@cli.command()
@click.argument("scenario")
@SEED
@click.option("--variant", default="", help="Run this variant.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="Write a recording.")  # fmt: skip
@click.option("--storage", type=click.Path(file_okay=False, path_type=Path), default=None,
              help="Keep everything that outlives a process in this new folder.")  # fmt: skip
@click.option(
    "--restore",
    metavar="DIR[:N]",
    default=None,
    help="Go on with the run in this folder, from its newest checkpoint or number N.",
)
@click.option("--max-steps", type=click.IntRange(1), default=None, help="Give up after so many.")
@ZOO
@click.option("--ledger", is_flag=True, help="Say what became of each source record.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def run(
    scenario: str, seed: int | None, variant: str, record: Path | None, storage: Path | None,
    restore: str | None, max_steps: int | None, zoo: str, ledger: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run a scenario to its end without a screen."""
    from bandviz.report.headless import drive, kept_line, ledger_lines, summary, with_ledger
    from bandviz.scenario.build import load_plan
    from bandviz.scenario.plan import with_zoo
    from bandviz.session.opening import plan_of_store
    from bandviz.session.words import zoo_line

    refuse_recording(scenario)
    if record is not None and not is_recording(str(record)):
        raise BandvizError(f"{record}: a recording is named with {SUFFIX}", f"{record}{SUFFIX}")
    plan = with_zoo(load_plan(scenario, variant=variant, seed=seed, max_steps=max_steps), zoo)
    store, wanted = _place(plan, storage, restore)
    if restore is not None and store is not None:
        plan = plan_of_store(store, plan, variant=bool(variant), seed=seed is not None)
    if store is not None and store.note:
        click.echo(f"{door(str(store.root))}: {store.note}", err=True)
    say = None if as_json else click.echo
    if zoo and say is not None:
        say(zoo_line(zoo))
    try:
        with let_loose(zoo):
            outcome = drive(plan, say, record=record, store=store, wanted=wanted)
    except KeyboardInterrupt:
        kept = f"; the recording up to here is kept in {record}" if record else ""
        kept += f"; go on with --restore {door(str(store.root))}" if store else ""
        click.echo(f"interrupted{kept}", err=True)
        return INTERRUPTED
    if as_json:
        result = with_ledger(outcome) if ledger else outcome.result
        click.echo(json.dumps(result, ensure_ascii=True))
    else:
        for line in [*summary(outcome), *(ledger_lines(outcome) if ledger else [])]:
            click.echo(line)
        if store is not None:
            click.echo(kept_line(store, outcome))
    return PASS if outcome.result["status"] == "finished" else FAIL


def _place(
    plan: Plan, storage: Path | None, restore: str | None
) -> tuple[Store | None, CheckpointId | None]:
    """Where it runs: in memory, in a new folder, or where another process left it."""
    from bandviz.session.run import header_of
    from bandviz.session.store import Store

    if storage is not None and plan.traffic is not None:
        raise BandvizError(
            "a network of accounts keeps nothing on disk", "--record it, and leave --storage out"
        )
    if restore is None:
        return Store.create(storage, header_of(plan)) if storage is not None else None, None
    if storage is not None:
        raise BandvizError(
            "--restore goes on in its own folder", f"leave --storage {door(str(storage))} out"
        )
    root, wanted = _checkpoint_of(restore)
    return Store.open(root), wanted


def _checkpoint_of(restore: str) -> tuple[Path, CheckpointId | None]:
    """`DIR` or `DIR:N`; a folder that is really called so comes first."""
    folder, colon, number = restore.rpartition(":")
    if not colon or Path(restore).is_dir():
        return Path(restore), None
    if number.isascii() and number.isdigit():
        return Path(folder), CheckpointId(int(number))
    raise BandvizError(
        f"--restore {door(restore)}: no number of a checkpoint stands behind the colon",
        f"--restore {door(folder)}:2, or without a number for the newest one",
    )


@cli.command()
@click.argument("what", nargs=-1, required=True, metavar="SCENARIO|RUN.bvt...")
def check(what: tuple[str, ...]) -> int:
    """Hold scenarios (with all their variants) or recordings against their own checks.

    A recording in which commands were given by hand is held against what its settings promise.
    Exit status 0: all passed. 1: a check failed. 2: undetermined, or nothing was evaluated.
    """
    return _worst(
        _check_recording(each) if is_recording(each) else _check_scenario(each) for each in what
    )


def _worst(statuses: Iterable[int]) -> int:
    """A failure outweighs what could not be told."""
    return max(statuses, key=(PASS, BAD, FAIL).index, default=PASS)


def _check_scenario(what: str) -> int:
    from bandviz.report.headless import drive
    from bandviz.scenario.build import load_plan, variants_of

    statuses = []
    for plan in [load_plan(what, variant=variant) for variant in ("", *variants_of(what))]:
        outcome = drive(plan)
        for missing in outcome.unmatched:
            click.echo(f"      {door(missing)}")
        statuses += [_tell_checks(plan, outcome), BAD if outcome.unmatched else PASS]
    return _worst(statuses)


def _check_recording(what: str) -> int:
    from bandviz.report.headless import judge_recording

    opened = open_run(what, "", None)
    try:
        outcome = judge_recording(opened)
    except TraceError as error:
        raise TraceError(f"{what}: {error.message}", error.hint) from None
    return _tell_checks(opened.plan, outcome, what)


def _tell_checks(plan: Plan, outcome: Outcome, recording: str = "") -> int:
    from bandviz.session.words import (
        check_line,
        impossible_in,
        impossible_lines,
        unchecked,
        verdict_headline,
        zoo_line,
    )

    result = outcome.result
    checks, verdict, by_hand = result["checks"], result["verdict"], result["by_hand"]
    name = plan.settings.name + (f" ({plan.settings.variant})" if plan.settings.variant else "")
    asked = any(one["name"] == "verdict" for one in checks)
    over = result["status"] != "running"
    kept = outcome.folded.judge.kept() if by_hand else None
    unsure = not over or not checks or (verdict["holds"] == "undetermined" and not asked)
    failed = [one for one in checks if over and not one["ok"]]
    impossible = impossible_in(result)
    status = FAIL if failed or impossible else BAD if unsure else PASS
    if by_hand and not impossible:
        status = {True: PASS, False: FAIL, None: BAD}[kept]
    word = {FAIL: "FAIL", BAD: "?   ", PASS: "pass"}[status]
    click.echo(f"{word}  {door(name)}  seed {result['seed']}  {len(checks)} checks")
    if plan.zoo:
        click.echo(f"      {zoo_line(plan.zoo)}")
    for one in failed:
        click.echo(f"      {check_line(one)}")
    for line in impossible_lines(impossible):
        click.echo(f"      {line}")
    if impossible and recording:
        step, _ = impossible[0]["at"]
        click.echo(f"      look there: bandviz play {door(recording)} --at {step}")
    if by_hand:
        click.echo(f"      {verdict_headline(outcome.folded.verdict())}")
        if kept and verdict["holds"] is False:
            click.echo("      its settings promise no more than that")
    if result["status"] == "stuck" or (by_hand and status != PASS):
        for reason in verdict["reasons"][:3]:
            click.echo(f"      because: {reason}")
    if not checks:
        click.echo(f"      {unchecked(result)}")
    elif not over:
        click.echo("      undetermined: the run has not ended, its checks speak of its end")
    return status


@cli.command()
@click.argument("what", nargs=-1, required=True, metavar="SCENARIO...")
def lint(what: tuple[str, ...]) -> int:
    """Report everything that is wrong or doubtful in scenario files."""
    from bandviz.scenario.catalog import resolve
    from bandviz.scenario.lint import lint as findings_of

    worst = PASS
    for each in what:
        refuse_recording(each)
        findings = findings_of(resolve(each))
        for finding in findings:
            click.echo(str(finding))
            worst = max(worst, BAD if finding.is_error else PASS)
        if not findings:
            click.echo(f"{door(each)}: nothing to complain about")
    return worst


@cli.command()
def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from bandviz.scenario.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


cli.add_command(sweep)
cli.add_command(verify)
cli.add_command(price)
cli.add_command(zoo_command)
cli.add_command(twin)
cli.add_command(whatif)


def _screen(opened: Opened | None, options: dict[str, Any]) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BandvizError(
            "the screen needs a terminal",
            "without one use: bandviz run SCENARIO, or bandviz check SCENARIO",
        )
    from bandviz.tui.guardian import run_guarded
    from bandviz.tui.start import start

    return run_guarded(lambda: start(opened, **options))


def _options() -> dict[str, Any]:
    """What was said before the name of the command."""
    context = click.get_current_context()
    return dict(context.obj or {}) if context is not None else {}
