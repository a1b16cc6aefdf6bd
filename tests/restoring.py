"""What another process makes of a folder, in this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bandviz.report.headless import drive
from bandviz.scenario.build import plan_of_text
from bandviz.scenario.plan import Plan
from bandviz.session.opening import plan_of_store
from bandviz.session.result import fold
from bandviz.session.run import Run
from bandviz.session.store import Store


def restored(folder: Path, *, steps: int | None = None) -> dict[str, Any]:
    """Go on to the end, or so many steps and then be gone; the result as `run --json` has it."""
    store = Store.open(folder)
    plan = stored_plan(store)
    if steps is None:
        return drive(plan, store=store).result
    assert store.past is not None
    folded = fold(store.past.entries())
    run = Run(plan, store=store)
    run.resume(folded.model)
    for _ in range(steps):
        run.advance()
    store.close(ended=False)
    return folded.result()


def stored_plan(store: Store) -> Plan:
    assert store.past is not None
    header = store.past.header
    plan = plan_of_text(header.scenario_text, variant=header.variant, seed=header.seed)
    return plan_of_store(store, plan, variant=True, seed=True)
