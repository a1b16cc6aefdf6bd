"""The zoo: engines that are broken on purpose, each in one place. Who catches them all is trusted.

Source: trust.md 2.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from bandviz.errors import BandvizError
from bandviz.lab.zoo import (
    acknowledgements,
    alignment,
    commits,
    in_flight,
    restarts,
    sources,
    state,
)
from bandviz.lab.zoo.breakage import Breakage, running
from bandviz.lab.zoo.exercises import EXERCISES
from bandviz.scenario.findings import nearest
from bandviz.session.words import EXERCISE
from bandviz.text import NAME, door

_FAMILIES: Final = (alignment, in_flight, sources, acknowledgements, state, commits, restarts)
ZOO: Final[dict[str, Breakage]] = {
    each.name: each for family in _FAMILIES for each in family.ENTRIES
}
"""By name, family by family."""

__all__ = ["ZOO", "Breakage", "entry", "loose", "running"]


def entry(name: str) -> Breakage:
    """By its own name or that of an exercise. Raises BandvizError if nobody is called so."""
    hidden = {f"{EXERCISE}{n}": ZOO[one.breakage] for n, one in enumerate(EXERCISES, 1)}
    known = {**ZOO, **hidden}
    if name not in known:
        hint = nearest(name, known) or "all names: bandviz zoo"
        raise BandvizError(f"the zoo has no {door(name, NAME)}", hint)
    return known[name]


def loose(name: str) -> AbstractContextManager[None]:
    """The engine of this process is this one within; "": as it is. Raises BandvizError."""
    return running(entry(name) if name else None)
