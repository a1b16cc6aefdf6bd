"""Errors out of user logic: they fail the subtask, not the program."""

from __future__ import annotations

import traceback
from typing import Final

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Operator, TaskFailed
from bandviz.errors import InvariantViolation
from bandviz.ids import SubtaskId
from bandviz.text import LABEL, door

CALLS_MAX: Final = 6
_OURS: Final = ".engine."


class UserLogicFailed(Exception):  # noqa: N818 - names the fact
    """A user's function raised on a record. `trace`: the calls of user logic, a line each;
    `victim`: the operator.
    """

    def __init__(self, error: Exception, victim: SubtaskId) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.trace = trace_of(error)
        self.victim = victim


class user_logic:  # noqa: N801 - reads as the `with` statement that it is for
    """What the operator's user function raises is a failure of the job; all else is our bug."""

    __slots__ = ("_operator",)

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    def __enter__(self) -> None:
        """User logic runs."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raises UserLogicFailed from what it raised."""
        if not isinstance(error, Exception) or isinstance(error, (InvariantViolation, TaskFailed)):
            return
        if self._operator.runs_user_logic:
            raise UserLogicFailed(error, self._operator.context.subtask) from error


def worked_off(
    operator: Operator, buffer: RecordBuffer, watermark_ms: int, port: int
) -> RecordBuffer | None:
    """What the operator makes of these records. Raises UserLogicFailed, also on poison."""
    poison = operator.context.poison
    with user_logic(operator):
        if poison is not None and operator.runs_user_logic:
            poison.taken(operator.context.subtask, buffer)
        return operator.process(buffer, watermark_ms, port)


def trace_of(error: BaseException) -> str:
    """The innermost calls, those of the engine left out, named by module and not by path: the same
    text on every machine.
    """
    lines = []
    for frame, number in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        if _OURS not in f".{module}.":
            lines.append(door(f"{module}:{number} in {frame.f_code.co_qualname}", LABEL))
    return "\n".join(lines[-CALLS_MAX:])
