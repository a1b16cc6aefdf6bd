"""Poison: the next record of a subtask makes user logic raise, once, or each time it comes again.

A lasting poison is a property of the record and not of a process, so it outlives executions. A
passing one dies with the execution that it hit. Neither is in a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.subtask import Subtask
from bandviz.functions.poison import choke_on
from bandviz.ids import Lineage, SubtaskId


@dataclass(slots=True)
class Poison:
    """`record` is None until the victim takes its next one."""

    victim: SubtaskId
    record: Lineage | None = None

    def taken(self, subtask: SubtaskId, buffer: RecordBuffer) -> None:
        """User logic gets these records. Raises ValueError if the one is among them."""
        ids = buffer.lineage or ()
        if self.record is None and subtask == self.victim and ids:
            self.record = ids[0]
        if self.record is not None and self.record in ids:
            choke_on(self.record)


class Poisons:
    """The lasting ones, one an operator."""

    def __init__(self) -> None:
        self._lasting: dict[str, Poison] = {}

    def possible(self, subtasks: Iterable[Subtask]) -> list[SubtaskId]:
        """Whose next record could be one: user logic works on it, and none is poison there yet."""
        return [
            operator.context.subtask
            for each in subtasks
            if not each.done
            for operator in each.operator.members
            if operator.runs_user_logic
            and operator.context.poison is None
            and (each.reader is None or operator.context is not each.reader.context)
        ]

    def put(self, subtask: Subtask, victim: SubtaskId, *, lasting: bool) -> None:
        """The next record of this operator, which runs in the subtask."""
        poison = Poison(victim)
        for operator in subtask.operator.members:
            if operator.context.subtask == victim:
                operator.context.poison = poison
        if lasting:
            self._lasting[victim.vertex] = poison

    def lay_before(self, subtasks: Iterable[Subtask]) -> None:
        """New executions will read the same records again."""
        for context in (one.context for each in subtasks for one in each.operator.members):
            if context.poison is None:
                context.poison = self._lasting.get(context.subtask.vertex)
