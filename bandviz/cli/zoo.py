"""`zoo`: the engines that are broken on purpose, and what a person can find out with them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import rich_click as click
from click.exceptions import Exit

from bandviz.cli.conventions import FAIL
from bandviz.errors import BandvizError, InvariantViolation
from bandviz.text import NAME, door

if TYPE_CHECKING:
    from bandviz.lab.zoo import Breakage

LETTERS: Final = "abcdef"
_WIDTH: Final = 78


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
@click.argument("what", metavar="[NAME|N]", required=False, default="")
@click.option("--answer", metavar="LETTER", default="", help="Of exercise N: the broken rule.")
def zoo(what: str, answer: str) -> int:
    """Show the zoo of broken engines, one of them, or exercise N: which rule is broken?"""
    from bandviz.lab.zoo import entry
    from bandviz.lab.zoo.exercises import EXERCISES

    if what.isascii() and what.isdigit():
        if not 1 <= int(what) <= len(EXERCISES):
            raise BandvizError(f"there is no exercise {what}", f"1 to {len(EXERCISES)}")
        return _answer(int(what), answer) if answer else _ask(int(what))
    if answer:
        raise BandvizError("an answer to which exercise?", "bandviz zoo 1 --answer a")
    if what:
        found = entry(what)
        click.echo(f"{found.name}: {found.family}")
        _tell(found)
        click.echo(f"  bandviz play {found.grounds[0].scenario} --zoo {found.name}")
    else:
        _list()
    return 0


def _list() -> None:
    from bandviz.lab.zoo import ZOO
    from bandviz.lab.zoo.exercises import EXERCISES

    click.echo(f"Exercises, which rule is broken? bandviz zoo 1 ... bandviz zoo {len(EXERCISES)}")
    click.echo(f"{len(ZOO)} engines, each broken in one place; run one with --zoo NAME:")
    family = ""
    for one in ZOO.values():
        if one.family != family:
            family = one.family
            click.echo(f"\n{family}")
        click.echo(f"  {one.name}")
        _tell(one, indent="    ")


def _ask(number: int) -> int:
    from bandviz.lab.zoo.exercises import EXERCISES

    exercise = EXERCISES[number - 1]
    click.echo(f"Exercise {number} of {len(EXERCISES)}: one rule of this engine is broken.")
    click.echo(f"  bandviz play {exercise.scenario} --zoo exercise-{number}")
    click.echo("Play it to its end, look back to where it went wrong, kill a task here and there.")
    click.echo(f'\nSome say: "{exercise.heard}"')
    click.echo("Which of these rules does it break?")
    for letter, one in zip(LETTERS, options_of(number), strict=False):
        _wrap(f"{letter}  {one.rule}", indent="  ")
    click.echo(f"\nbandviz zoo {number} --answer LETTER")
    return 0


def _answer(number: int, answer: str) -> int:
    from bandviz.lab.zoo.exercises import EXERCISES

    exercise, options = EXERCISES[number - 1], options_of(number)
    if answer not in LETTERS[: len(options)]:
        raise BandvizError(
            f"{door(answer, NAME)} is no answer", f"a to {LETTERS[len(options) - 1]}"
        )
    chosen = options[LETTERS.index(answer)]
    right = chosen.name == exercise.breakage
    click.echo("Right." if right else "No. An engine that breaks this rule does something else:")
    _tell(chosen)
    if right:
        _wrap(f'"{exercise.heard}" {exercise.fact}')
    else:
        click.echo(f"Look again: bandviz play {exercise.scenario} --zoo exercise-{number}")
    return 0


def options_of(number: int) -> list[Breakage]:
    """In the order of their rules, so that the place of the right one says nothing."""
    from bandviz.lab.zoo import ZOO
    from bandviz.lab.zoo.exercises import EXERCISES

    exercise = EXERCISES[number - 1]
    found = [ZOO[name] for name in (exercise.breakage, *exercise.decoys)]
    return sorted(found, key=lambda one: one.rule)


def _tell(one: Breakage, indent: str = "  ") -> None:
    _wrap(f"the rule: {one.rule}", indent=indent)
    _wrap(f"instead: {one.instead}", indent=indent)
    if one.history:
        _wrap(f"this one really happened: {one.history}", indent=indent)


def _wrap(text: str, *, indent: str = "") -> None:
    for line in textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  "):
        click.echo(line)
