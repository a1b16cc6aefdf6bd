"""What a re-run needs beside the header: the commands, and the choices that left the policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from bandviz.trace.codec import COUNT_MAX, deflate, inflate
from bandviz.trace.columns import ColumnReader, ColumnWriter
from bandviz.trace.frames import Frame, FrameKind
from bandviz.trace.kinds import Named, named


class CommandRecord(NamedTuple):
    """A command as it was given: the step that carried it out, and the virtual time."""

    step: int
    kind: str
    target: str
    time_us: int
    by_hand: bool
    """A person's, not the script's: from here on the script broke nothing more."""


class ChoiceRecord(NamedTuple):
    """The choice that made this step, where the policy would have made another."""

    step: int
    kind: str
    owner: str
    ordinal: int


_KINDS: Final[dict[FrameKind, Named]] = {
    FrameKind.COMMANDS: named(CommandRecord),
    FrameKind.CHOICES: named(ChoiceRecord),
}


def record_frames(kind: FrameKind, records: Sequence[tuple[Any, ...]]) -> list[Frame]:
    """Frames of commands or choices, as many as they need."""
    return [
        _frame(kind, records[start : start + COUNT_MAX])
        for start in range(0, len(records), COUNT_MAX)
    ]


def records_in(frame: Frame) -> list[Any]:
    """The commands or choices of a frame. Raises CorruptFrameError."""
    source = ColumnReader(inflate(frame.payload))
    records = _KINDS[frame.kind].read(source, frame.number)
    source.finish()
    return records


def _frame(kind: FrameKind, records: Sequence[tuple[Any, ...]]) -> Frame:
    out = ColumnWriter()
    _KINDS[kind].write(out, records)
    return Frame(kind, records[0][0], 0, len(records), deflate(out.getvalue()))
