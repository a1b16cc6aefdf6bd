"""The form of a caption, and the few figures that several tellers need.

A teller speaks after its entry was applied, maybe after the rest of its step: it asks only for what
no later entry of the same step takes away.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bandviz.ids import ChannelId, CheckpointId, SubtaskId
from bandviz.model.facts import RunFacts
from bandviz.model.views import NO_CHECKPOINT, CheckpointStatus
from bandviz.text import NAME, SafeText, door

HIDES_ROWS: Final = ("two_phase", "transactional", "file")
"""Contracts of sinks that show a row when its checkpoint is complete, not earlier."""
HEADLINE_MAX: Final = 90
LINE_MAX: Final = 94
LINES_MAX: Final = 3


class Caption(NamedTuple):
    """`headline` says who does what with which effect, `text` why, `band` the same on a parade.

    `headline` has at most 90 characters, `text` and `band` wrap at 94 into 3 lines and 1.
    """

    headline: SafeText
    text: SafeText
    band: SafeText


Teller = Callable[[RunFacts, Any], Caption | None]
"""None: nothing to say about this one."""


def caption(headline: str, text: str, band: str) -> Caption:
    """Cut to size, which only very long names need."""
    lines = textwrap.wrap(
        door(text, LINE_MAX * LINES_MAX), LINE_MAX, max_lines=LINES_MAX, placeholder=" …"
    )
    return Caption(
        door(headline, HEADLINE_MAX), SafeText(" ".join(lines)), door(f"Band: {band}", LINE_MAX)
    )


def called(model: RunFacts, name: SubtaskId) -> str:
    """`count` if it is the only one of its vertex, else `count[0]`."""
    sole = model.vertices[name.vertex].parallelism == 1
    return door(name.vertex if sole else str(name), NAME)


def sender(model: RunFacts, channel: ChannelId) -> str:
    """Name of the subtask at the near end of a channel."""
    return called(model, model.upstream(channel))


def receiver(model: RunFacts, channel: ChannelId) -> str:
    """Name of the subtask at the far end of a channel."""
    return called(model, model.downstream(channel))


def newest_complete(model: RunFacts) -> CheckpointId:
    """The checkpoint that a restore would take; 0 if there is none."""
    for page in reversed(model.checkpoints.values()):
        if page.status is CheckpointStatus.COMPLETE:
            return page.checkpoint_id
    return NO_CHECKPOINT


def is_final(model: RunFacts) -> bool:
    """Have all sources read their last record?"""
    sources = [name for name in model.subtasks if model.kind(name) == "source"]
    return bool(sources) and all(model.subtasks[name].input_ended for name in sources)


def is_two_phase(model: RunFacts, name: SubtaskId) -> bool:
    """Is it a sink that hides rows until their checkpoint is complete?"""
    board = model.boards.get(name.vertex)
    return board is not None and board.contract in HIDES_ROWS
