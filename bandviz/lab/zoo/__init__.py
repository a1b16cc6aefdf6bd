"""The zoo: engines that are broken on purpose, each in one place. Who catches them all is trusted.

Source: trust.md 2.
"""

from __future__ import annotations

from typing import Final

from bandviz.errors import BandvizError
from bandviz.lab.zoo import alignment, in_flight
from bandviz.lab.zoo.breakage import Breakage, running
from bandviz.text import NAME, door

ZOO: Final = {each.name: each for each in (*alignment.ENTRIES, *in_flight.ENTRIES)}
"""By name, family by family."""

__all__ = ["ZOO", "Breakage", "entry", "running"]


def entry(name: str) -> Breakage:
    """Raises BandvizError if nobody in the zoo is called so."""
    if name not in ZOO:
        raise BandvizError(f"the zoo has no {door(name, NAME)}", ", ".join(ZOO))
    return ZOO[name]
