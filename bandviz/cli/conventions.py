"""What the commands agree on: exit statuses, options that several of them have, and what a name
opens.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import rich_click as click

from bandviz.errors import BandvizError
from bandviz.text import LINE, door

if TYPE_CHECKING:
    from bandviz.session.opening import Opened

PASS: Final = 0
FAIL: Final = 1
BAD: Final = 2
INTERRUPTED: Final = 130

SUFFIX: Final = ".bvt"
SEED: Final = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=None, help="Another schedule."
)
WORKERS: Final = click.option(
    "--workers", type=click.IntRange(1, 256), default=None, help="Processes; one a core if left out"
)
T = TypeVar("T")


def is_recording(what: str) -> bool:
    """By its name."""
    return what.endswith(SUFFIX)


def refuse_recording(what: str) -> None:
    """Of a command that runs scenarios only."""
    if is_recording(what):
        raise BandvizError(f"{what} is a recording, not a scenario", f"bandviz check {what}")


def open_run(what: str, variant: str, seed: int | None, zoo: str = "") -> Opened:
    """A scenario by name or path, or a recording with the scenario that stands in it."""
    from bandviz.scenario.build import load_plan
    from bandviz.scenario.plan import with_zoo
    from bandviz.session.opening import Opened, open_recording

    if not is_recording(what):
        return Opened(with_zoo(load_plan(what, variant=variant, seed=seed), zoo))
    if variant or seed is not None or zoo:
        raise BandvizError(f"{what}: a recording has its own variant, seed and engine")
    opened = open_recording(Path(what))
    if opened.note:
        click.echo(f"{door(what)}: {door(str(opened.note), LINE)}", err=True)
    return opened


def watched(items: Iterable[T], count: int) -> Iterable[T]:
    """The same, with a bar if somebody is looking."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not console.is_terminal:
        return items
    return track(items, "judging", count, console=console, transient=True)
