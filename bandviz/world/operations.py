"""What is done to the world, noted so that it can be done again in another process.

A part of the world is a deterministic machine: the same operations on a fresh one make the same
state. Rule for its authors: every method that changes it is an `operation`, and takes only plain
values, `WrittenRows`, `CommitAnswer` and `CheckpointPointer`. Who listens gets each operation
packed, in the order of happening.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar, Concatenate, Final, NamedTuple, ParamSpec, TypeVar, cast

from bandviz.errors import require
from bandviz.events.records import lineage_of
from bandviz.events.values import pack, unpack
from bandviz.ids import CheckpointId
from bandviz.ports import CheckpointPointer, CommitAnswer, RetainedCheckpoint, WrittenRows

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Part")

_ROWS: Final = "rows"
_IDS: Final = "ids"
_COMPLETED: Final = "completed"
_NEXT: Final = "next"
_ANSWER: Final = "answer"


class Operation(NamedTuple):
    """One call, as it was made on a part of the world."""

    part: str
    name: str
    arguments: tuple[Any, ...]


class Notes:
    """Operations since the last `take`. `public`: one of them changed what a reader sees."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self.public = False

    def add(self, operation: Operation, *, public: bool) -> None:
        """Pack it at once: what happens to the arguments later cannot reach it."""
        part, name, arguments = operation
        self._packed.append(pack((part, name, [_plain(one) for one in arguments])))
        self.public = self.public or public

    def take(self) -> list[bytes]:
        """All of them, packed; from now on there are none."""
        packed, self._packed, self.public = self._packed, [], False
        return packed


class Part:
    """A part of the world, with its name. `notes`: who listens, if anybody; nobody to a copy."""

    part: ClassVar[str]
    notes: Notes | None = None


def operation(
    *, public: bool
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Mark a method that changes its part of the world.

    `public`: readers see the effect, so nobody may be told before it is durable. One that raises
    has changed nothing and is not noted, nor are those that it calls itself.
    """

    def mark(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @wraps(method)
        def call(part: S, *args: P.args, **named: P.kwargs) -> R:
            notes = part.notes
            if notes is None:
                return method(part, *args, **named)
            require(not named, "arguments of an operation have no names", method.__name__)
            part.notes = None
            try:
                result = method(part, *args, **named)
            finally:
                part.notes = notes
            notes.add(Operation(part.part, method.__name__, args), public=public)
            return result

        call.__dict__["is_operation"] = True
        return cast("Callable[Concatenate[S, P], R]", call)

    return mark


def operations_of(part: type[Part]) -> frozenset[str]:
    """Names of all methods that change a part of the world."""
    return frozenset(name for name in dir(part) if _is_operation(part, name))


def _is_operation(part: type[Part], name: str) -> bool:
    return hasattr(getattr(part, name, None), "is_operation")


def repeat(parts: Iterable[Part], operations: Iterable[Operation]) -> None:
    """Do them again. Raises ValueError if nobody knows one: another version noted it."""
    by_name = {part.part: part for part in parts}
    for name, method, arguments in operations:
        part = by_name.get(name)
        if part is None or not _is_operation(type(part), method):
            raise ValueError(f"the world knows no operation {name!r:.40}.{method!r:.40}")
        getattr(part, method)(*arguments)


def unpack_operation(data: bytes) -> Operation:
    """Read one back. Raises ValueError on what `Notes` cannot have written."""
    match unpack(data, items_max=len(data)):
        case (str(part), str(name), tuple(arguments)):
            return Operation(part, name, tuple([_revived(one) for one in arguments]))
    raise ValueError("not an operation on the world")


def _plain(value: object) -> object:
    if isinstance(value, WrittenRows):
        ids = value.lineage
        return {_ROWS: list(value.rows), _IDS: None if ids is None else list(ids)}
    if isinstance(value, CheckpointPointer):
        return {_COMPLETED: list(value.completed), _NEXT: value.next_checkpoint_id}
    if isinstance(value, CommitAnswer):
        return {_ANSWER: value.value}
    return value


def _revived(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if _ANSWER in value:
        return CommitAnswer(value[_ANSWER])
    if _COMPLETED in value:
        completed = [RetainedCheckpoint(*one) for one in value[_COMPLETED]]
        return CheckpointPointer(tuple(completed), CheckpointId(value[_NEXT]))
    ids = value[_IDS]
    return WrittenRows(value[_ROWS], None if ids is None else [lineage_of(one) for one in ids])
