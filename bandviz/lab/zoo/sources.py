"""Sources that do not store where they have come to, or share it badly."""

from __future__ import annotations

from typing import Any, Final

from bandviz.engine.faults import RESCALE
from bandviz.engine.source import SourceReader
from bandviz.engine.state import assignment
from bandviz.lab.zoo.breakage import Breakage, Ground, Maker, Patch, replacing

_TWO_EACH: Final = Ground("rescale", vary=("gates.parallelism=1",))
_FETCHED: Final = 3


def _with_offsets(changed: Any) -> Maker:
    """A snapshot whose offsets are others: `changed(reader, offsets)`."""

    def snapshot(original: Any) -> Any:
        return lambda reader: {"offsets": changed(reader, original(reader)["offsets"])}

    return snapshot


def _plus(ahead: int) -> Any:
    return lambda reader, offsets: {
        partition: min(offset + ahead, reader._ends[partition])
        for partition, offset in offsets.items()
    }


def _smallest_for_all(_: SourceReader, offsets: dict[int, int]) -> dict[int, int]:
    return dict.fromkeys(offsets, min(offsets.values(), default=0))


@replacing(assignment, "_by_partition")
def _to_everybody(_: Any) -> Any:
    def shares(sections: list[dict[int, Any]], parallelism: int) -> list[dict[int, Any]]:
        return [{name: at for each in sections for name, at in each.items()}] * parallelism

    return shares


@replacing(SourceReader, "restore")
def _reads_all_that_is_named(original: Any) -> Any:
    def restore(reader: SourceReader, state: Any) -> None:
        named = dict.fromkeys([*reader.offsets, *(state or {}).get("offsets", ())])
        context, spec, broker = reader.context, reader.spec, reader._broker
        SourceReader.__init__(reader, context, spec, broker, tuple(named), lineage=reader._lineage)
        original(reader, state)

    return restore


ENTRIES: Final = (
    Breakage(
        name="forget-offset",
        family="sources",
        rule="the next offset of each partition is a part of the source's snapshot",
        instead="the snapshot names no offset, and what is behind it is never read again",
        oracle="source_offset",
        patches=(Patch(SourceReader, "snapshot", _with_offsets(lambda _reader, _offsets: {})),),
    ),
    Breakage(
        name="offset-plus-one",
        family="sources",
        rule="the snapshot names the offset of the first record that was not read yet",
        instead="it names the one behind it, and a restore skips a record",
        oracle="source_offset",
        patches=(Patch(SourceReader, "snapshot", _with_offsets(_plus(1))),),
    ),
    Breakage(
        name="offset-of-the-fetch",
        family="sources",
        rule="the snapshot knows how far the records are that the source has sent",
        instead="it knows how far they are fetched from the log; some of them wait in the reader",
        oracle="source_offset",
        patches=(Patch(SourceReader, "snapshot", _with_offsets(_plus(_FETCHED))),),
    ),
    Breakage(
        name="one-offset-for-all",
        family="sources",
        rule="each partition has an offset of its own in the snapshot",
        instead="all partitions of a reader get the smallest one",
        oracle="source_offset",
        patches=(Patch(SourceReader, "snapshot", _with_offsets(_smallest_for_all)),),
        grounds=(_TWO_EACH,),
    ),
    Breakage(
        name="split-read-twice",
        family="sources",
        rule="after a rescaling each partition has one reader",
        instead="every new reader goes on with all partitions that the checkpoint names",
        oracle="one_reader",
        patches=(_to_everybody, _reads_all_that_is_named),
        grounds=(Ground("rescale", vary=("gates.parallelism=1",), fault=f"{RESCALE} gates=2"),),
    ),
)
