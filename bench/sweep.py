"""Crash runs a second and core, and how long a sweep takes: `python -m bench.sweep`."""

from __future__ import annotations

import os
from time import perf_counter, process_time

from bandviz.lab.pool import cores
from bandviz.lab.strips import swept
from bandviz.lab.sweep import explore, stretches, undisturbed
from bandviz.lab.vary import by_mode
from bandviz.scenario.build import load_plan
from bandviz.session.collector import calm

STORY = "kill-and-rewind"
CELLS = 500


def runs_per_core_second() -> float:
    """Complete runs, each cloned, killed, played to its end and judged, by CPU time."""
    plan = load_plan(STORY)
    parts = stretches(plan, undisturbed(plan).step)
    begun = process_time()
    count = sum(len(explore(part)) for part in parts)
    return count / (process_time() - begun)


def sweep_s() -> tuple[int, float, float]:
    """Cells, wall and CPU seconds of both strips that `K` paints, birth of the workers included."""
    _, plans = by_mode(load_plan(STORY))
    begun, cpu = perf_counter(), _cpu_s()
    strips = swept(plans, cores())
    return sum(len(strip.cells) for strip in strips), perf_counter() - begun, _cpu_s() - cpu


def _cpu_s() -> float:
    return sum(os.times()[:4])


def rows() -> list[tuple[str, str, str]]:
    """For the table of `make bench`."""
    count, seconds, cpu_s = sweep_s()
    return [
        ("crash runs, judged", ">= 150 a CPU second", f"{runs_per_core_second():.0f}"),
        (
            f"sweep of {CELLS} cells, {cores()} cores",
            "<= 4 s",
            f"{seconds * CELLS / count:.1f} s ({count} cells: {seconds:.1f} s, CPU {cpu_s:.1f} s)",
        ),
    ]


if __name__ == "__main__":
    calm()
    print(f"load {os.getloadavg()[0]:.1f}")
    for row in rows():
        print("  ".join(row))
