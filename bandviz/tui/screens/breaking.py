"""What a person can break or ask for now, in words; and the menu that offers it.

Every fault of the engine is offered as soon as it is possible. A kind of which none is possible
says why, if that may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bandviz.engine.faults import (
    CORRUPT_CHECKPOINT,
    CRASH_COORDINATOR,
    DECLINE_CHECKPOINT,
    FAIL_STORAGE,
    KILL,
    LOSE,
    LOSE_NOTIFICATION,
    POISON,
    RAISE_ONCE,
    REFUSE_NEXT_COMMIT,
    REPAIR_STORAGE,
    RESCALE,
    ZOMBIE,
    Fault,
)
from bandviz.ids import SubtaskId
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.model.views import SubtaskView
from bandviz.tui.panels.words import listed, names_of
from bandviz.tui.screens.menus import Choice, ChoiceMenu

_TASKS: Final = "TASKS AND PROCESSES"
_CHECKPOINTS: Final = "CHECKPOINTS"
_OUTPUT: Final = "OUTPUT"
_PARALLELISM: Final = "ANOTHER PARALLELISM"
_REQUESTS: Final = "ASK FOR IT, nothing breaks"


class _Kind(NamedTuple):
    """`what` stands for the target where there is none now; `why_not` empty: not offered then."""

    group: str
    label: str
    note: str = ""
    what: str = ""
    why_not: str = ""


KINDS: Final[dict[str, _Kind]] = {
    KILL: _Kind(_TASKS, "kill {}", "", "a task", "none runs now"),
    LOSE: _Kind(_TASKS, "lose {}"),
    CRASH_COORDINATOR: _Kind(
        _TASKS, "kill the JobManager", "it keeps the book", "", "the job does not run now"
    ),
    POISON: _Kind(_TASKS, "poison next record of {}", "raises each time"),
    RAISE_ONCE: _Kind(_TASKS, "let {} raise", "on its next record, once"),
    ZOMBIE: _Kind(
        _TASKS, "take {} for dead", "it lives on, and writes", "a writer", "none has unread records"
    ),
    DECLINE_CHECKPOINT: _Kind(
        _CHECKPOINTS, "{} declines", "checkpoint in progress", "a task", "none is in progress"
    ),
    LOSE_NOTIFICATION: _Kind(
        _CHECKPOINTS, "lose notice to {}", "that one is complete", "a task", "none is on its way"
    ),
    CORRUPT_CHECKPOINT: _Kind(
        _CHECKPOINTS, "damage {}", "on disk, complete", "a checkpoint", "none is complete"
    ),
    FAIL_STORAGE: _Kind(_CHECKPOINTS, "lock checkpoint storage", "nothing can be written"),
    REPAIR_STORAGE: _Kind(_CHECKPOINTS, "unlock the storage", "writes succeed again"),
    REFUSE_NEXT_COMMIT: _Kind(_OUTPUT, "refuse {}"),
    RESCALE: _Kind(
        _PARALLELISM, "rescale {}", "", "an operator", "only while all run"
    ),
    "take_checkpoint": _Kind(
        _REQUESTS, "a checkpoint", "now, out of turn", "", "the job does not run now"
    ),
    "take_savepoint": _Kind(_REQUESTS, "a savepoint", "the job goes on"),
    "stop_with_savepoint": _Kind(_REQUESTS, "stop with a savepoint", "the job ends behind it"),
    "drain_and_stop": _Kind(_REQUESTS, "drain and stop", "all windows fire first"),
}  # fmt: skip
"""By the name of the fault, in the order of the menu."""


class BreakMenu(ChoiceMenu):
    """What shall break? Enter kills the preselected target; read the result by `fault_of`."""

    KEYS = "Enter does it   1-9, or type to find   Esc leaves"
    SEARCHES = True

    def __init__(self, choices: Sequence[Choice], victim: SubtaskId | None = None) -> None:
        first = "" if victim is None else key_of(Fault(KILL, str(victim)))
        super().__init__("BREAK IT: what shall happen now?", choices, first)


def key_of(fault: Fault) -> str:
    """What the menu gives back for a fault."""
    return fault.choice.owner


def fault_of(key: str) -> Fault:
    """The fault that was chosen."""
    return Fault(*key.partition(" ")[::2])


def break_choices(faults: Sequence[Fault], model: RunModel) -> list[Choice]:
    """All of these faults in words, and the kinds of which none is possible now.

    A network of accounts has nothing to break at any time, so there is no reason to give.
    """
    words = _Words(model)
    choices: list[Choice] = []
    for name, kind in KINDS.items():
        mine = [fault for fault in faults if fault.name == name]
        choices += [
            Choice(key_of(fault), kind.label.format(target), note or kind.note, kind.group)
            for fault in mine
            for target, note in [words.of(fault)]
        ]
        if not mine and kind.why_not and not model.is_network:
            label = kind.label.format(kind.what)
            choices.append(Choice("", label, kind.why_not, kind.group, possible=False))
    return choices


class _Words:
    """What targets are called, and what there is to know of them."""

    def __init__(self, model: RunModel) -> None:
        views = selectors.subtask_views(model)
        self._names = names_of(views)
        self._views = {str(view.subtask): view for view in views}
        self._managers = {str(one.name): one for one in selectors.task_manager_views(model)}
        self._model = model

    def of(self, fault: Fault) -> tuple[str, str]:
        """(target, note); a note that is empty is that of the kind."""
        target = fault.target
        view = self._views.get(target)
        if view is not None:
            return self._names(view.subtask), _holds(view) if fault.name == KILL else ""
        match fault.name:
            case name if name == LOSE:
                running = ", ".join(map(self._names, self._managers[target].running))
                return target, f"runs {running}"
            case name if name == CORRUPT_CHECKPOINT:
                return f"checkpoint {target}", ""
            case name if name == REFUSE_NEXT_COMMIT:
                return f"transaction {target}", self._transaction(fault)
            case name if name == RESCALE:
                wanted = fault.parallelism()
                now = [self._model.vertices[uid].parallelism for uid in wanted]
                return f"{', '.join(wanted)} to {max(wanted.values())}", f"from {max(now)}"
        return target, ""

    def _transaction(self, fault: Fault) -> str:
        known = self._model.transactions.get(fault.transaction())
        return f"its commit: {known.status.value}" if known else ""


def _holds(view: SubtaskView) -> str:
    """What a kill would wipe, in a few words."""
    if view.offsets:
        return "at offset " + ", ".join(str(offset) for _, offset in view.offsets)
    if view.transaction:
        return f"holds transaction {view.transaction.transaction_id}"
    if view.state:
        more = ", …" if view.state_count > 3 else ""
        return f"holds {listed(view.state[:3])}{more}"
    return "holds nothing"
