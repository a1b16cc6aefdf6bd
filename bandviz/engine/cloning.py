"""How parts of a job are copied when the job is cloned: a deep copy that does not look at atoms."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final, Self

_ATOMS: Final = frozenset({bool, bytes, float, int, str, type(None)})


class Cloned:
    """A part of which a job has many. A deep copy of it is the library's, at half the cost: most of
    its attributes are atoms, and none is asked how it wants to be copied.

    Its state is in its attributes, or all of it in its own `__slots__`.
    """

    __slots__: tuple[str, ...] = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        for name in self.__slots__ or vars(self):
            value = getattr(self, name)
            setattr(twin, name, value if type(value) in _ATOMS else deepcopy(value, memo))
        return twin
