"""One move of a machine, a job or a network, or its end if going on is of no use."""

from __future__ import annotations

from typing import Protocol

from bandviz.engine.choices import Choice
from bandviz.engine.emitter import Emitter
from bandviz.events import Entry
from bandviz.graph.settings import RunSettings


class Machine(Protocol):
    """What can be moved."""

    settings: RunSettings
    emitter: Emitter

    def step(self, choice: Choice) -> list[Entry]:
        """Make this move."""

    def hopeless(self) -> str:
        """Why going on is of no use; empty if it may be."""

    def give_up(self, reason: str) -> list[Entry]:
        """The run is stuck."""


def advance(machine: Machine, choice: Choice | None) -> list[Entry]:
    """Make this move. With none, without hope or beyond its steps, the run is stuck."""
    if choice is None:
        return machine.give_up("no move is possible and the job has not finished")
    if reason := machine.hopeless():
        return machine.give_up(reason)
    if machine.emitter.step >= machine.settings.max_steps:
        return machine.give_up(f"the budget of {machine.emitter.step} steps is used up")
    return machine.step(choice)
