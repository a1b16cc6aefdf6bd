"""What it takes to break an engine in one place, and to put it together again.

The engine knows nothing of the zoo: while a broken one runs, some methods of its classes, in this
process, are others. Nothing is broken unless somebody asks by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from bandviz.engine.faults import KILL
from bandviz.lab.modes import ALIGNED

Maker = Callable[[Any], Any]
_LOOSE: Final[list[Breakage]] = []
"""What this process runs now."""


class Patch(NamedTuple):
    """`make` gets what stands there and returns what stands there instead.

    `owner` is a class, or a table of the engine; `name` an attribute, or a key.
    """

    owner: Any
    name: Any
    make: Maker


class Ground(NamedTuple):
    """Where a broken engine is let loose: one scenario in one mode, on one schedule, and what
    happens there at each step.

    `vary`: fields that are set besides, such as `gates.parallelism=1`. `fault`: a kill, or another
    one as `crash_runs` takes it.
    """

    scenario: str = "kill-and-rewind"
    mode: str = ALIGNED
    schedule: int = 0
    variant: str = ""
    vary: tuple[str, ...] = ()
    fault: str = KILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """One rule broken in one place.

    `rule` is what a sound engine does, `instead` what this one does; both are shown to people.
    `oracle`: the accusation that has to come, by name (see `lab.claims`). `grounds`: where to look,
    cheapest first. `history`: the bug of a real system that was this one.
    """

    name: str
    family: str
    rule: str
    instead: str
    oracle: str
    patches: tuple[Patch, ...]
    grounds: tuple[Ground, ...] = (Ground(),)
    history: str = ""


def replacing(owner: Any, name: Any) -> Callable[[Maker], Patch]:
    """Makes a patch of a function that takes the original and returns its replacement."""
    return lambda make: Patch(owner, name, make)


def without(owner: Any, name: str) -> Patch:
    """A method that does nothing."""
    return Patch(owner, name, lambda _: lambda *_args, **_named: None)


@contextmanager
def running(breakage: Breakage | None) -> Iterator[None]:
    """The engine of this process is broken within; None: it stays as it is.

    An engine that is broken so already is not broken twice.
    """
    undone: list[tuple[Patch, Any]] = []
    fresh = breakage is not None and breakage not in _LOOSE
    try:
        if breakage is not None and fresh:
            _LOOSE.append(breakage)
            for patch in breakage.patches:
                undone.append((patch, _get(patch)))
                _put(patch, patch.make(undone[-1][1]))
        yield
    finally:
        for patch, original in reversed(undone):
            _put(patch, original)
        if fresh:
            _LOOSE.pop()


def _get(patch: Patch) -> Any:
    """The class's own: nothing that it inherits, so that putting it back leaves no trace."""
    table = patch.owner if isinstance(patch.owner, MutableMapping) else vars(patch.owner)
    return table[patch.name]


def _put(patch: Patch, value: Any) -> None:
    if isinstance(patch.owner, MutableMapping):
        patch.owner[patch.name] = value
    else:
        setattr(patch.owner, patch.name, value)
