"""Faults: named choices like any other move, for the menu, the script and the explorers alike."""

from __future__ import annotations

from typing import Final, NamedTuple

from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.errors import CommandRejected
from bandviz.events.coordinator import SnapshotKind
from bandviz.ids import CheckpointId, SubtaskId, TransactionId

KILL: Final = "kill"
LOSE: Final = "lose"
CORRUPT_CHECKPOINT: Final = "corrupt_checkpoint"
CRASH_COORDINATOR: Final = "crash_coordinator"
LOSE_NOTIFICATION: Final = "lose_notification"
DECLINE_CHECKPOINT: Final = "decline_checkpoint"
FAIL_STORAGE: Final = "fail_storage"
REPAIR_STORAGE: Final = "repair_storage"
REFUSE_NEXT_COMMIT: Final = "refuse_next_commit"
RESCALE: Final = "rescale"
POISON: Final = "poison"
RAISE_ONCE: Final = "raise_once"
ZOMBIE: Final = "zombie"

REQUESTS: Final = {
    "take_checkpoint": SnapshotKind.CHECKPOINT,
    "take_savepoint": SnapshotKind.SAVEPOINT,
    "stop_with_savepoint": SnapshotKind.STOP,
    "drain_and_stop": SnapshotKind.DRAIN,
}
"""What a person may ask of a running job; it breaks nothing, but is a move like a fault."""

ON_OPERATORS: Final = (POISON, RAISE_ONCE, ZOMBIE)
"""Those for which it matters which operator of a chain is named."""

ON_SUBTASKS: Final = (KILL, LOSE_NOTIFICATION, DECLINE_CHECKPOINT, *ON_OPERATORS)
ON_NOTHING: Final = (CRASH_COORDINATOR, FAIL_STORAGE, REPAIR_STORAGE, *REQUESTS)
NAMES: Final = (
    *ON_SUBTASKS, LOSE, CORRUPT_CHECKPOINT, REFUSE_NEXT_COMMIT, RESCALE, *ON_NOTHING
)  # fmt: skip


class Fault(NamedTuple):
    """`name` is one of NAMES; the target a subtask (`count[0]`), a TaskManager (`taskmanager-1`), a
    checkpoint or a transaction (`2`), the parallelism of operators (`count=3`, `count=3,board=3`)
    or nothing.
    """

    name: str
    target: str = ""

    @property
    def choice(self) -> Choice:
        """The fault as a move."""
        return Choice(ChoiceKind.FAULT, f"{self.name} {self.target}".rstrip(), 0)

    @classmethod
    def of(cls, choice: Choice) -> Fault:
        """Read it back from a choice. Raises CommandRejected if it is none."""
        name, _, target = choice.owner.partition(" ")
        if choice.kind is not ChoiceKind.FAULT or name not in NAMES:
            raise CommandRejected(f"no such fault: {choice.owner}")
        return cls(name, target)

    def subtask(self) -> SubtaskId:
        """Whom it hits. Raises CommandRejected on a name that is none."""
        try:
            return SubtaskId.parse(self.target)
        except ValueError as error:
            raise CommandRejected(str(error)) from None

    def checkpoint(self) -> CheckpointId:
        """Which checkpoint CORRUPT_CHECKPOINT hits."""
        return CheckpointId(self._number("checkpoint"))

    def transaction(self) -> TransactionId:
        """Which transaction REFUSE_NEXT_COMMIT is about."""
        return TransactionId(self._number("transaction"))

    def _number(self, what: str) -> int:
        if not self.target.isdigit():
            raise CommandRejected(f"{self.target!r} is not a {what}; write its number")
        return int(self.target)

    def parallelism(self) -> dict[str, int]:
        """What RESCALE wants, by uid. Raises CommandRejected on a target that says nothing."""
        wanted = {}
        for part in self.target.split(","):
            uid, _, number = part.partition("=")
            if not uid or not number.isdigit():
                raise CommandRejected(f"{self.target!r} is no rescaling; write count=3")
            wanted[uid] = int(number)
        return wanted
