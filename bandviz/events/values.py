"""Canonical bytes of a value: the same value gives the same bytes in every process.

Allowed: None, bool, int (any size), float, str, bytes, tuple or list (both come back as tuple),
dict with sortable keys (str or int). Decoding is bounded: nothing
outside can make it grow or recurse.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

import msgpack

VALUE_BYTES_MAX: Final = 64 * 1024
ITEMS_MAX: Final = 65_536
_BIG_INT: Final = 1
_BIG_INT_BYTES_MAX: Final = 1_024
_I64_MIN, _U64_MAX = -(2**63), 2**64 - 1


def pack(value: object) -> bytes:
    """Encode canonically. Raises TypeError on a value that is not of the allowed kinds.

    A dict is packed in key order; one inside a tuple that is itself not in a dict keeps its own
    order (the fast path does not look).
    """
    if type(value) is not dict:
        try:
            return _packb(value)
        except OverflowError:
            pass
    return _packb(_canonical(value))


_packb: Final[Callable[[object], bytes]] = msgpack.Packer(use_bin_type=True, autoreset=True).pack


def unpack(data: bytes, items_max: int = ITEMS_MAX) -> Any:
    """Decode what `pack` made. Raises ValueError on anything else.

    `items_max`: entries of one list or map; a file that was verified may say its own length.
    """
    try:
        return msgpack.unpackb(
            data,
            use_list=False,
            raw=False,
            strict_map_key=False,
            ext_hook=_unbig,
            timestamp=1,  # the library's own extension, which `pack` never writes: a plain float
            max_str_len=VALUE_BYTES_MAX,
            max_bin_len=VALUE_BYTES_MAX,
            max_array_len=items_max,
            max_map_len=items_max,
            max_ext_len=_BIG_INT_BYTES_MAX,
        )
    except ValueError:
        raise
    except Exception as error:  # msgpack raises its own family, OverflowError, RecursionError...
        raise ValueError(f"not a packed value: {type(error).__name__}") from None


def json_value(value: Any) -> Any:
    """A value of data as JSON has it: tuples as lists, and as text what is not a finite number."""
    if isinstance(value, (tuple, list)):
        return [json_value(part) for part in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _canonical(value: object) -> object:
    if value is None or isinstance(value, (str, bool, float, bytes)):
        return value
    if isinstance(value, int):
        return value if _I64_MIN <= value <= _U64_MAX else _big(value)
    if isinstance(value, (tuple, list)):
        return [_canonical(part) for part in value]
    if isinstance(value, dict):
        return {key: _canonical(value[key]) for key in sorted(value)}
    raise TypeError(f"{type(value).__name__} is not a value that events may carry")


def _big(value: object) -> msgpack.ExtType:
    if isinstance(value, int):
        size = (value.bit_length() + 8) // 8
        return msgpack.ExtType(_BIG_INT, value.to_bytes(size, "big", signed=True))
    raise TypeError(f"{type(value).__name__} is not a value that events may carry")


def _unbig(code: int, data: bytes) -> int:
    if code != _BIG_INT:
        raise ValueError(f"extension type {code} is not one of ours")
    return int.from_bytes(data, "big", signed=True)
