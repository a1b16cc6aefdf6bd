"""Zombies: attempts that the job has given up, but that live on and write once more.

The job hears nothing from a task and starts another attempt of it; the old one goes on with what
lies in its input until it notices. Rules of this file: a zombie touches nothing but the outside
world; whether it does harm there is up to the sink.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.engine.elements import RecordBuffer
from bandviz.engine.emitter import Emitter
from bandviz.engine.operators.base import Operator, TaskFailed
from bandviz.engine.schedule import Schedule
from bandviz.engine.subtask import Subtask
from bandviz.engine.user_logic import UserLogicFailed
from bandviz.events import Level
from bandviz.ids import SubtaskId

_OWNER: Final = "zombie "


class Zombie(NamedTuple):
    """The operator of a former attempt, and what it will work off: records, watermark, port."""

    operator: Operator
    unread: tuple[RecordBuffer, int, int]


class Zombies:
    """One a subtask, until it has written."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._waiting: dict[SubtaskId, Zombie] = {}

    def possible(self, subtasks: Iterable[Subtask]) -> list[SubtaskId]:
        """Who could become one: a writer whose task has unread records. A committer is none: it is
        told by the JobManager what to commit, and nobody tells a zombie.
        """
        return [
            operator.context.subtask
            for each in subtasks
            if not each.done and each.unread() is not None
            for operator in each.operator.members
            if operator.writes_outside
        ]

    def leave(self, subtask: Subtask) -> None:
        """The job is about to give this attempt up."""
        unread = subtask.unread()
        assert unread is not None
        self._waiting[subtask.id] = Zombie(subtask.operator, unread)

    def wake(self, alive: Collection[SubtaskId], due_us: int) -> None:
        """Those whose successor lives write at this time."""
        for name in self._waiting:
            choice = Choice(ChoiceKind.TIMER, f"{_OWNER}{name}", 0)
            if name in alive and not self._schedule.planned(choice):
                self._schedule.plan(choice, due_us)

    def act(self, owner: str) -> bool:
        """Write, and end; False if the owner of the timer is no zombie."""
        if not owner.startswith(_OWNER):
            return False
        operator, unread = self._waiting.pop(SubtaskId.parse(owner.removeprefix(_OWNER)))
        for member in operator.members:
            if not member.writes_outside:  # the job hears nothing of what it does
                member.context.emitter = Emitter(Level.CONTROL)
        with suppress(TaskFailed, UserLogicFailed):  # no attempt of the job fails by that
            operator.process(*unread)
        return True
