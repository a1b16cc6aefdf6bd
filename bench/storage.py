"""A run on disk beside the same run in memory, and the way back: `python -m bench.storage`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from bandviz.scenario.build import load_plan, plan_of_text
from bandviz.scenario.plan import Plan
from bandviz.session.result import fold
from bandviz.session.run import Run, header_of
from bandviz.session.store import JOURNAL, Store
from bandviz.world.readable import Readable
from bench import kills

RUNS = 3
PLANS: dict[str, Callable[[], Plan]] = {
    "nyc-flights, two-phase": lambda: load_plan("nyc-flights"),
    "1,500 records to three sinks, one an upsert": lambda: plan_of_text(kills.scenario(1)),
}


class Clock:
    """Calls of a function, and their seconds."""

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0

    @contextmanager
    def on(self, owner: Any, name: str) -> Iterator[None]:
        """While this lasts, calls of `owner.name` count."""
        original = getattr(owner, name)

        def timed(*arguments: Any) -> None:
            begun = perf_counter()
            original(*arguments)
            self.calls += 1
            self.seconds += perf_counter() - begun

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, original)


class Cost(NamedTuple):
    """Seconds; `restored_s`: from the open of the folder of a run that is nearly over to its first
    step. A sync of the files for readers is within both `synced_s` and `shown_s`.
    """

    steps: int
    memory_s: float
    disk_s: float
    syncs: int
    synced_s: float
    shows: int
    shown_s: float
    journal_bytes: int
    restored_s: float


def cost(plan: Plan) -> Cost:
    """Medians."""
    found = [_cost(plan) for _ in range(RUNS)]
    return Cost(*(median(each) for each in zip(*found, strict=True)))  # type: ignore[arg-type]


def _cost(plan: Plan) -> Cost:
    steps, memory_s = _timed(Run(plan))
    syncs, shows = Clock(), Clock()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "whole"
        with syncs.on(os, "fsync"), shows.on(Readable, "show"):
            _, disk_s = _timed(Run(plan, store=Store.create(root, header_of(plan))))
        size = (root / JOURNAL).stat().st_size
        lost = Path(folder) / "lost"
        _timed(Run(plan, store=Store.create(lost, header_of(plan))), steps_max=steps - 20)
        begun = perf_counter()
        store = Store.open(lost)
        assert store.past is not None
        run = Run(plan, store=store)
        run.resume(fold(store.past.entries()).model)
        restored_s = perf_counter() - begun
        run.close()
    return Cost(
        steps, memory_s, disk_s, syncs.calls, syncs.seconds, shows.calls, shows.seconds, size,
        restored_s,
    )  # fmt: skip


def _timed(run: Run, steps_max: int = 1 << 40) -> tuple[int, float]:
    begun = perf_counter()
    while run.ended is None and run.steps < steps_max:
        run.advance()
    run.close()
    return run.steps, perf_counter() - begun


def rows() -> list[tuple[str, str, str]]:
    """(what, goal, measured): there is no goal."""
    found = []
    for name, plan in PLANS.items():
        one = cost(plan())
        found.append(
            (
                f"on disk: {name}",
                "",
                f"{one.steps:,} steps, {one.memory_s:.1f} s in memory, {one.disk_s:.1f} s on disk:"
                f" {one.syncs:,} syncs of {1_000 * one.synced_s / one.syncs:.1f} ms,"
                f" {one.shows:,} views of {1_000 * one.shown_s / one.shows:.1f} ms;"
                f" journal {one.journal_bytes:,} bytes, read in {one.restored_s:.1f} s",
            )
        )
    return found


if __name__ == "__main__":
    for what, _, measured in rows():
        print(f"{what}: {measured}")
