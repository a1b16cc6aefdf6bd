"""Values of the language and their limits: 64-bit ints, finite floats, short text, bool, null."""

from __future__ import annotations

from enum import Flag
from math import isfinite
from typing import Any, Final

from bandviz.functions.rows import FunctionError

Value = int | float | str | bool | None

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
TEXT_MAX: Final = 256
"""Characters of a text."""
_SHOWN: Final = 40


class ExpressionError(FunctionError):
    """A text is no expression, does not fit the columns, or cannot be evaluated on a row.

    `at`: index of the character at fault, 0 if a row is at fault; `known`: what `word`, which is
    none of them, may have been meant to be; `hint`: what to write instead.
    """

    def __init__(
        self,
        sentence: str,
        at: int = 0,
        *,
        word: str = "",
        known: tuple[str, ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.at = at
        self.word = word
        self.known = known
        self.hint = hint


class Type(Flag):
    """What an expression may give: a set; the empty one is that of a column without values."""

    NOTHING = 0
    INT = 1
    FLOAT = 2
    TEXT = 4
    TRUTH = 8
    NULL = 16
    NUMBER = INT | FLOAT
    ANY = INT | FLOAT | TEXT | TRUTH | NULL


_NAMES: Final = {
    Type.INT: "whole numbers",
    Type.NUMBER: "numbers",
    Type.FLOAT: "numbers",
    Type.TEXT: "text",
    Type.TRUTH: "true and false",
    Type.NULL: "null",
    Type.ANY: "anything",
    Type.NOTHING: "no values",
}
_TYPES: Final[dict[type, Type]] = {
    int: Type.INT, float: Type.FLOAT, str: Type.TEXT, bool: Type.TRUTH, type(None): Type.NULL,
}  # fmt: skip


def type_of(value: Value) -> Type:
    """The type of one value."""
    return _TYPES[type(value)]


def type_name(types: Type) -> str:
    """In words."""
    return _NAMES.get(types, "values of several kinds")


def admitted(value: Any) -> Any:
    """The value, if the language has it: no result and no column comes in another way."""
    kind = type(value)
    if kind is int:
        if not INT_MIN <= value <= INT_MAX:
            raise ExpressionError("a whole number that does not fit in 64 bits")
    elif kind is float:
        if not isfinite(value):
            raise ExpressionError("a number that is not finite")
    elif kind is str:
        if len(value) > TEXT_MAX:
            raise ExpressionError(f"a text of more than {TEXT_MAX} characters")
    elif kind not in _TYPES:
        raise ExpressionError(f"a {kind.__name__} in an expression")
    return value


def shown(value: Value) -> str:
    """As it would stand in an expression, cut where it is long."""
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= _SHOWN else f"'{value[:_SHOWN]}…'"
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or isinstance(value, bool)
        else repr(value)
    )
