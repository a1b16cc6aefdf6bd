"""The identity of a run: one hash by which two runs are the same, recorded or not.

It is taken over the CONTROL entries, which no recording level shifts. The public rows are among
them (`RowsVisible`), so equal digests mean equal output as well.
"""

from __future__ import annotations

from enum import Enum
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

from bandviz.events import TAGS, Entry, Level
from bandviz.events.values import pack
from bandviz.trace.kinds import KINDS

DIGEST_BYTES: Final = 32

_FIELDS: Final = {
    event: tuple(map(attrgetter, kinds))
    for event, kinds in KINDS.items()
    if event.level is Level.CONTROL
}


class RunDigest:
    """Grows with the run; `hexdigest` can be asked at any time."""

    def __init__(self) -> None:
        self._hash = sha256()

    def update(self, entry: Entry) -> None:
        """Add the next entry; those below CONTROL change nothing."""
        getters = _FIELDS.get(type(entry.event))
        if getters is not None:
            fields = [_plain(value_of(entry.event)) for value_of in getters]
            self._hash.update(pack((*entry[:-1], TAGS[type(entry.event)], *fields)))

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        return self._hash.hexdigest()

    def digest(self) -> bytes:
        """The same, as 32 bytes."""
        return self._hash.digest()


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value
