"""Faults: named choices like any other move, for the menu, the script and the explorers alike."""

from __future__ import annotations

from typing import Final, NamedTuple

from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.errors import CommandRejected
from bandviz.ids import CheckpointId, SubtaskId

KILL: Final = "kill"
LOSE: Final = "lose"
CORRUPT_CHECKPOINT: Final = "corrupt_checkpoint"
NAMES: Final = (KILL, LOSE, CORRUPT_CHECKPOINT)


class Fault(NamedTuple):
    """`name` is one of NAMES; the target a subtask (`count[0]`), a TaskManager (`taskmanager-1`) or
    a checkpoint (`2`).
    """

    name: str
    target: str

    @property
    def choice(self) -> Choice:
        """The fault as a move."""
        return Choice(ChoiceKind.FAULT, f"{self.name} {self.target}", 0)

    @classmethod
    def of(cls, choice: Choice) -> Fault:
        """Read it back from a choice. Raises CommandRejected if it is none."""
        name, _, target = choice.owner.partition(" ")
        if choice.kind is not ChoiceKind.FAULT or name not in NAMES:
            raise CommandRejected(f"no such fault: {choice.owner}")
        return cls(name, target)

    def subtask(self) -> SubtaskId:
        """Whom KILL hits. Raises CommandRejected on a name that is none."""
        try:
            return SubtaskId.parse(self.target)
        except ValueError as error:
            raise CommandRejected(str(error)) from None

    def checkpoint(self) -> CheckpointId:
        """Which checkpoint CORRUPT_CHECKPOINT hits."""
        if not self.target.isdigit():
            raise CommandRejected(f"{self.target!r} is not a checkpoint; write its number")
        return CheckpointId(int(self.target))
