"""The header of a recording: what was run, by which engine, and in which words it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final

import msgpack

from bandviz.errors import CorruptFrameError
from bandviz.events import Level
from bandviz.trace.codec import deflate, inflate
from bandviz.trace.columns import I64_MAX, I64_MIN
from bandviz.trace.upcast import TAG_MAX, Vocabulary, vocabulary

TEXT_BYTES_MAX: Final = 1024 * 1024
_ITEMS_MAX: Final = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Everything that stands before the first event. Nothing in it depends on time or machine."""

    engine_version: str
    """Re-running needs this very version; viewing needs none."""
    scenario_name: str
    scenario_text: str
    """The scenario file itself, so that a recording can be run again alone."""
    variant: str = ""
    """Empty for the scenario as it stands."""
    seed: int = 0
    policy: str = ""
    """Who made the choices that the recording does not list."""
    level: Level = Level.RECORD
    """The most detailed level that was recorded."""
    origin: str = "bandviz"
    """Which system was watched: our engine, or the name of an adapter."""
    capabilities: tuple[str, ...] = ()
    """What the origin can observe at all; views grey out the rest."""
    zoo: str = ""
    """Name of the deliberately broken engine that ran; empty for the sound one."""
    vocabulary: Vocabulary = field(default_factory=vocabulary)
    """Events by tag, with the names of their fields in the order of packing."""


def pack_header(header: Header) -> bytes:
    """Payload of the header frame."""
    plain = {item.name: getattr(header, item.name) for item in fields(header)}
    plain["level"] = int(header.level)
    plain["vocabulary"] = [
        (tag, *header.vocabulary[tag]) for tag in sorted(header.vocabulary)
    ]  # fmt: skip
    return deflate(msgpack.packb(plain))


def unpack_header(payload: bytes) -> Header:
    """Read it back, every value checked. Unknown keys are passed over.

    Raises CorruptFrameError, or UnsupportedVersionError if the vocabulary is a newer one.
    """
    plain = _unpack(inflate(payload, TEXT_BYTES_MAX))
    if not isinstance(plain, dict):
        raise CorruptFrameError("the header is not a map")
    values: dict[str, Any] = {}
    for item in fields(Header):
        if item.name in plain:
            values[item.name] = _READ.get(item.name, _text)(plain[item.name])
        elif item.default is MISSING:
            raise CorruptFrameError(f"the header lacks {item.name}")
    return Header(**values)


def _unpack(data: bytes) -> Any:
    try:
        return msgpack.unpackb(
            data,
            use_list=False,
            raw=False,
            strict_map_key=True,
            max_str_len=TEXT_BYTES_MAX,
            max_bin_len=0,
            max_array_len=_ITEMS_MAX,
            max_map_len=_ITEMS_MAX,
            max_ext_len=0,
        )
    except Exception as error:  # msgpack has many: its own, Unicode, Overflow, ...
        raise CorruptFrameError(f"the header is not a map: {type(error).__name__}") from None


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise CorruptFrameError("the header holds something else where a text should be")


def _seed(value: object) -> int:
    if type(value) is int and I64_MIN <= value <= I64_MAX:
        return value
    raise CorruptFrameError("the header's seed is not a number within 64 bits")


def _level(value: object) -> Level:
    if type(value) is int and value in Level.__members__.values():
        return Level(value)
    raise CorruptFrameError("the header's level is not one of ours")


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(map(_text, value))
    raise CorruptFrameError("the header holds something else where a list should be")


def _vocabulary(value: object) -> Vocabulary:
    if not isinstance(value, tuple):
        raise CorruptFrameError("the header's vocabulary is not a list")
    found: dict[int, tuple[str, tuple[str, ...]]] = {}
    for line in value:
        match line:
            case (int(tag), name, names) if 0 < tag <= TAG_MAX and tag not in found:
                found[tag] = _text(name), _texts(names)
            case _:
                raise CorruptFrameError("the header's vocabulary has a strange line")
    return found


_READ: Final[dict[str, Callable[[object], Any]]] = {
    "seed": _seed,
    "level": _level,
    "capabilities": _texts,
    "vocabulary": _vocabulary,
}
