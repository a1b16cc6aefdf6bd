"""What a new process knows of a job whose process was lost: plain facts, no object of it.

State comes from checkpoint files, the book of checkpoints from the high-availability store; this is
what they do not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bandviz.ids import ChannelId, CheckpointId, SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """The job as it stood after its last durable step.

    `process` is the number of the lost one. `adopted`: the checkpoint that a person wants to start
    from; None for what the high-availability store says. `pending`: checkpoints in progress.
    `read_to`: (source, partition) -> next offset. `in_flight`: records in each channel that was not
    empty.
    """

    process: int
    step: int
    now_us: int
    attempt: int
    attempts: Mapping[SubtaskId, int]
    adopted: CheckpointId | None
    pending: tuple[CheckpointId, ...]
    running: tuple[SubtaskId, ...]
    read_to: Mapping[tuple[str, int], int]
    in_flight: Mapping[ChannelId, int]
