"""The engine beside a plain loop: records a second, cost of checkpoints, memory.

Contestants take turns in one process, a slice each, so that whatever else the machine does hits all
of them alike; a run's figure is the sum of its slices.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, NamedTuple

from bandviz.graph.settings import StateBackend
from bench.job import BUFFER, RUNNING_SUM, WINDOW, Flow, Measured, Outcome, Slices, events

RUNS: Final = 3
RECORDS: Final = 3_000_000
KEYS: Final = 1_000
MANY_KEYS, HOT_KEYS = 1_000_000, 20_000
EVERY_S: Final = 1.0


class Rates(NamedTuple):
    """Records a second of wall time: a plain loop, the engine with and without checkpoints."""

    plain: float
    on: float
    off: float


def race(*contestants: Slices) -> tuple[list[float], list[Outcome]]:
    """Seconds that each took, and what came out."""
    spent = [0.0] * len(contestants)
    ended: dict[int, Outcome] = {}
    while len(ended) < len(contestants):
        for place, slices in enumerate(contestants):
            if place in ended:
                continue
            begun = perf_counter()
            try:
                next(slices)
            except StopIteration as end:
                ended[place] = end.value
            spent[place] += perf_counter() - begun
    return spent, [ended[place] for place in range(len(contestants))]


def rates(measured: Measured) -> Rates:
    """Medians of the runs; all put out the same, or there is no figure."""
    data = events(RECORDS, KEYS, timed=measured is WINDOW)
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            on = Flow(measured, data, Path(folder) / "on")
            off = Flow(measured, data, Path(folder) / "off")
            seconds, outcomes = race(measured.plain(data), on.run(EVERY_S), off.run())
        if len(set(outcomes)) > 1:
            raise RuntimeError(f"{measured.name}: {outcomes}")
        runs.append([RECORDS / one for one in seconds])
    return Rates(*map(median, zip(*runs, strict=True)))


class ManyKeys(NamedTuple):
    """Cost of checkpoints (on against off, 0.15 = 15 % slower), longest synchronous part in ms."""

    cost: float
    sync_ms: float


def many_keys() -> ManyKeys:
    """A million keys, of which a few change, backend `changelog`: the running sum, after every key
    came once and all of them were stored.
    """
    data = events(MANY_KEYS + RECORDS, MANY_KEYS, hot=HOT_KEYS)
    costs, syncs = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            on, off = (
                Flow(RUNNING_SUM, data, Path(folder) / name, StateBackend.CHANGELOG)
                for name in ("on", "off")
            )
            for flow in (on, off):
                flow.checkpoint_at(MANY_KEYS)
            (slow, fast), outcomes = race(on.run(EVERY_S), off.run())
            costs.append(slow / fast - 1)
            syncs.append(on.sync_s * 1_000)
        if len(set(outcomes)) > 1:
            raise RuntimeError(f"many keys: {outcomes}")
    return ManyKeys(median(costs), median(syncs))


def sync_ms() -> float:
    """Longest synchronous part when a million keys are stored with the backend `heap`."""
    data = events(MANY_KEYS + BUFFER, MANY_KEYS, hot=HOT_KEYS)
    found = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            flow = Flow(RUNNING_SUM, data, Path(folder))
            flow.checkpoint_at(MANY_KEYS)
            found.append(flow.sync_s * 1_000)
    return median(found)


def memory_mb() -> float:
    """Of a process with a flow of a thousand keys, interpreter included, input excluded."""
    out = subprocess.run(
        [sys.executable, "-m", "bench.memory"], check=True, capture_output=True, text=True
    )
    return float(out.stdout)
