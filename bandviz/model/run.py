"""The run model: everything a person sees, built from entries alone.

`apply` stores one entry, `copy` freezes an instant for a keyframe. Views come from `selectors`;
nobody else reads the facts.
"""

from __future__ import annotations

from bandviz.errors import TraceError
from bandviz.events import Entry
from bandviz.model.facts import Dirty, RunFacts
from bandviz.model.reducers import REDUCERS

__all__ = ["Dirty", "RunModel"]


class RunModel(RunFacts):
    """Invariant: the same entries in the same order give the same views, whatever was copied."""

    __slots__ = ()

    def apply(self, entry: Entry) -> Dirty:
        """Store one entry; returns the regions that may look different now.

        Raises TraceError if it speaks of something that was never declared.
        """
        self.step = entry.step
        self.time_us = entry.time_us
        try:
            return REDUCERS[type(entry.event)](self, entry.event)
        except KeyError as error:
            name = type(entry.event).__name__
            raise TraceError(
                f"step {entry.step}: {name} speaks of {error!s:.80}, which was never declared"
            ) from None

    def copy(self) -> RunModel:
        """An independent model of the same instant; frozen values are shared."""
        return RunModel(
            self.run, self.step, self.time_us, self.job.copy(),
            self.vertices.copy(), self.edges.copy(), self.inputs.copy(),
            {name: one.copy() for name, one in self.subtasks.items()},
            {name: one.copy() for name, one in self.channels.items()},
            {name: one.copy() for name, one in self.tapes.items()},
            self.rows.copy(), self.checkpoints.copy(),
            {name: one.copy() for name, one in self.transactions.items()},
            self.committed.copy(),
            {name: one.copy() for name, one in self.boards.items()},
            self.marks.copy(), self.task_managers.copy(),
        )  # fmt: skip
