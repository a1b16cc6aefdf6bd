"""One table of all operators and functions: what they take, what they give, what they do.

Case is that of ASCII and texts are ordered by code point: neither follows a table that differs
between versions of Python.
"""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Sequence
from functools import reduce
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from bandviz.events.values import pack
from bandviz.functions.expr.values import ExpressionError, Type, Value, admitted, shown

_ARGUMENTS_MAX: Final = 16
_NUMBERS: Final = (int, float)
_UPPER: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Operation(NamedTuple):
    """An operator or a function.

    `takes`: all arguments together have to fit one of these; `last`: the last one fits this, too.
    `gives`: the type of the result, of arguments that fit. `call` raises ExpressionError.
    """

    takes: tuple[Type, ...]
    gives: Callable[[Sequence[Type]], Type]
    call: Callable[..., Any]
    least: int = 1
    most: int = 1
    last: Type = Type.ANY
    function: bool = False


def _refused(name: str, *values: Value) -> ExpressionError:
    if len(values) == 1:
        return ExpressionError(f"{name} does not take {shown(values[0])}")
    return ExpressionError(f"{name} does not take {' and '.join([shown(one) for one in values])}")


def _arithmetic(sign: str, of: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
            raise _refused(sign, left, right)
        try:
            return admitted(of(left, right))
        except (ZeroDivisionError, ExpressionError) as error:
            why = "division by zero" if isinstance(error, ZeroDivisionError) else str(error)
            raise ExpressionError(f"{shown(left)} {sign} {shown(right)}: {why}") from None

    return apply


_ADD_NUMBERS: Final = _arithmetic("+", operator.add)


def _add(left: Any, right: Any) -> Any:
    if type(left) is str and type(right) is str:
        return admitted(left + right)
    return _ADD_NUMBERS(left, right)


def _negated(value: Any) -> Any:
    if type(value) not in _NUMBERS:
        raise _refused("-", value)
    return admitted(-value)


def _absolute(value: Any) -> Any:
    if type(value) not in _NUMBERS:
        raise _refused("abs", value)
    return admitted(abs(value))


def _inverted(value: Any) -> bool:
    return not truth("not", value)


def truth(name: str, value: Any) -> bool:
    """The value, if it is true or false. Raises ExpressionError."""
    if type(value) is not bool:
        raise _refused(name, value)
    return value


def _sortable(name: str, values: Sequence[Any]) -> None:
    kinds = [type(value) for value in values]
    if not all(kind in _NUMBERS for kind in kinds) and not all(kind is str for kind in kinds):
        raise _refused(name, *values)


def _compared(sign: str, of: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def apply(left: Any, right: Any) -> bool:
        if type(left) is not type(right) or type(left) not in _NUMBERS:
            _sortable(sign, (left, right))
        return of(left, right)

    return apply


def _equal(left: Any, right: Any) -> bool:
    """1 equals 1.0, but not true, and no text."""
    if type(left) is type(right) or (type(left) in _NUMBERS and type(right) in _NUMBERS):
        return bool(left == right)
    return False


def _one_of(value: Any, *others: Any) -> bool:
    return any(_equal(value, other) for other in others)


def _extreme(name: str, of: Callable[[Sequence[Any]], Any]) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        _sortable(name, values)
        return of(values)

    return apply


def _on_text(name: str, of: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        if not all(type(value) is str for value in values):
            raise _refused(name, *values)
        return of(*values)

    return apply


def _hash64(value: Value) -> int:
    return int.from_bytes(_digest(value), "big", signed=True)


def _bucket(value: Value, count: Any) -> int:
    if type(count) is not int or count < 1:
        raise ExpressionError(f"bucket: {shown(count)} is no number of buckets")
    return int.from_bytes(_digest(value), "big") % count


def _digest(value: Value) -> bytes:
    """Of equal values the same: 2.0 is hashed as 2."""
    if type(value) is float and value.is_integer() and abs(value) < 2.0**63:
        value = int(value)
    try:
        return blake2b(pack(value), digest_size=8).digest()
    except UnicodeEncodeError:
        raise _refused("hash64", value) from None


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _always(result: Type) -> Callable[[Sequence[Type]], Type]:
    return lambda _types: result


def _any_of(types: Sequence[Type]) -> Type:
    return reduce(operator.or_, types)


def _computed(types: Sequence[Type]) -> Type:
    """Whole only if both are; text stays text."""
    both, either = reduce(operator.and_, types), _any_of(types)
    return (both & (Type.INT | Type.TEXT)) | (either & Type.FLOAT)


def _first_present(types: Sequence[Type]) -> Type:
    return (_any_of(types) & ~Type.NULL) | (types[-1] & Type.NULL)


def _chosen(types: Sequence[Type]) -> Type:
    return types[0] | types[2]


_NUMBER: Final = (Type.NUMBER,)
_TEXT: Final = (Type.TEXT,)
_TRUTH: Final = (Type.TRUTH,)
_ANY: Final = (Type.ANY,)
_ORDERED: Final = (Type.NUMBER, Type.TEXT)


def _binary(sign: str, of: Callable[[Any, Any], Any]) -> Operation:
    return Operation(_NUMBER, _computed, _arithmetic(sign, of), 2, 2)


def _comparison(sign: str, of: Callable[[Any, Any], bool]) -> Operation:
    return Operation(_ORDERED, _always(Type.TRUTH), _compared(sign, of), 2, 2)


def _text_function(name: str, of: Callable[..., Any], gives: Type, count: int = 1) -> Operation:
    return Operation(_TEXT, _always(gives), _on_text(name, of), count, count, function=True)


def _lazy(*_values: Any) -> Any:
    raise AssertionError("and, or, if are compiled by themselves: they do not evaluate all parts")


OPERATIONS: Final[dict[str, Operation]] = {
    "+": Operation(_ORDERED, _computed, _add, 2, 2),
    "-": _binary("-", operator.sub),
    "*": _binary("*", operator.mul),
    "//": _binary("//", operator.floordiv),
    "%": _binary("%", operator.mod),
    "negated": Operation(_NUMBER, _any_of, _negated),
    "==": Operation(_ANY, _always(Type.TRUTH), _equal, 2, 2),
    "!=": Operation(_ANY, _always(Type.TRUTH), lambda one, two: not _equal(one, two), 2, 2),
    "<": _comparison("<", operator.lt),
    "<=": _comparison("<=", operator.le),
    ">": _comparison(">", operator.gt),
    ">=": _comparison(">=", operator.ge),
    "in": Operation(_ANY, _always(Type.TRUTH), _one_of, 2, 64),
    "not": Operation(_TRUTH, _always(Type.TRUTH), _inverted),
    "and": Operation(_TRUTH, _always(Type.TRUTH), _lazy, 2, 2),
    "or": Operation(_TRUTH, _always(Type.TRUTH), _lazy, 2, 2),
    "if": Operation(_ANY, _chosen, _lazy, 3, 3),
    "min": Operation(_ORDERED, _any_of, _extreme("min", min), 2, _ARGUMENTS_MAX, function=True),
    "max": Operation(_ORDERED, _any_of, _extreme("max", max), 2, _ARGUMENTS_MAX, function=True),
    "abs": Operation(_NUMBER, _any_of, _absolute, function=True),
    "len": _text_function("len", len, Type.INT),
    "lower": _text_function("lower", lambda text: text.translate(_LOWER), Type.TEXT),
    "upper": _text_function("upper", lambda text: text.translate(_UPPER), Type.TEXT),
    "startswith": _text_function("startswith", str.startswith, Type.TRUTH, 2),
    "endswith": _text_function("endswith", str.endswith, Type.TRUTH, 2),
    "contains": _text_function("contains", operator.contains, Type.TRUTH, 2),
    "hash64": Operation(_ANY, _always(Type.INT), _hash64, function=True),
    "bucket": Operation(_ANY, _always(Type.INT), _bucket, 2, 2, last=Type.INT, function=True),
    "coalesce": Operation(_ANY, _first_present, _coalesce, 2, _ARGUMENTS_MAX, function=True),
}  # fmt: skip
FUNCTION_NAMES: Final = tuple(name for name, one in OPERATIONS.items() if one.function)
