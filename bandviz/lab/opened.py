"""A cell of a strip as a session: what the sweep only counted can be watched."""

from __future__ import annotations

from dataclasses import replace

from bandviz.engine.faults import KILL, Fault
from bandviz.lab.sweep import Cell
from bandviz.scenario.plan import Plan
from bandviz.session.session import Session


def opened(plan: Plan, cell: Cell) -> Session:
    """The run of this cell, right after its kill.

    Without the script: it breaks something else, and what it says is about that.
    """
    session = Session(replace(plan, faults=(), beats=(), questions=(), parts=()))
    run = session.run
    assert run is not None
    session.begin()
    while run.job.emitter.step < cell.step:
        run.advance()
    session.go_live()
    session.break_now(Fault(KILL, cell.target))
    return session
