"""Key groups: which subtask owns a key, bit for bit as Flink does it.

key -> 32-bit hash (Java's hashCode of the matching type) -> murmur mix -> modulo the maximal
parallelism -> subtask by integer division. Source: Flink KeyGroupRangeAssignment, MathUtils;
checked by the key-group family of the conformance cases.
"""

from __future__ import annotations

import struct
from typing import Any, Final

_M32: Final = 0xFFFFFFFF


def java_hash(key: Any) -> int:
    """Java's hashCode as a signed 32-bit int: String, Boolean, Integer or Long, Double, tuples.

    An int that fits 32 bits hashes as an Integer. A tuple hashes as Flink's TupleN does.
    """
    if isinstance(key, str):
        code = 0
        for unit in struct.unpack(
            f"<{len(key.encode('utf-16-le')) // 2}H", key.encode("utf-16-le")
        ):
            code = (31 * code + unit) & _M32
        return _signed(code)
    if isinstance(key, bool):
        return 1231 if key else 1237
    if isinstance(key, int):
        if -(2**31) <= key < 2**31:
            return key
        bits = key & 0xFFFFFFFFFFFFFFFF
        return _signed((bits ^ bits >> 32) & _M32)
    if isinstance(key, float):
        (bits,) = struct.unpack("<Q", struct.pack("<d", key))
        return _signed((bits ^ bits >> 32) & _M32)
    if isinstance(key, tuple):
        code = 0
        for place, part in enumerate(key):
            code = java_hash(part) if place == 0 else (31 * code + java_hash(part)) & _M32
        return _signed(code & _M32)
    if key is None:
        return 0
    raise TypeError(f"{type(key).__name__} cannot be a key")


def key_group_of(key: Any, max_parallelism: int) -> int:
    """The key group of a key."""
    return _murmur(java_hash(key)) % max_parallelism


def owner_of(key_group: int, max_parallelism: int, parallelism: int) -> int:
    """Index of the subtask that owns a key group."""
    return key_group * parallelism // max_parallelism


def key_group_range(max_parallelism: int, parallelism: int, index: int) -> tuple[int, int]:
    """Inclusive range of key groups of a subtask; empty ranges have last < first."""
    first = (index * max_parallelism + parallelism - 1) // parallelism
    last = ((index + 1) * max_parallelism - 1) // parallelism
    return first, last


def default_max_parallelism(parallelism: int) -> int:
    """Flink's default: 1.5 times the parallelism, rounded up to a power of two, 128 to 32768."""
    wanted = parallelism + parallelism // 2
    power = 1 << max(wanted - 1, 0).bit_length()
    return min(max(power, 128), 32768)


def _murmur(code: int) -> int:
    """Murmur3's mix of one int, folded to a non-negative int (smallest int -> 0)."""
    code = code * 0xCC9E2D51 & _M32
    code = (code << 15 | code >> 17) & _M32
    code = code * 0x1B873593 & _M32
    code = (code << 13 | code >> 19) & _M32
    code = (code * 5 + 0xE6546B64) & _M32
    code ^= 4
    code ^= code >> 16
    code = code * 0x85EBCA6B & _M32
    code ^= code >> 13
    code = code * 0xC2B2AE35 & _M32
    code ^= code >> 16
    signed = _signed(code)
    if signed >= 0:
        return signed
    return -signed if signed != -(2**31) else 0


def _signed(code: int) -> int:
    return code - (1 << 32) if code >= 1 << 31 else code
