"""`make bench`: one table of what was measured here, now, beside what we want."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

from bandviz.events import Level
from bandviz.session.collector import calm
from bench import engine, startup, storage, sweep, throughput
from bench.job import JOBS

Row = tuple[str, str, str]


def rows() -> list[Row]:
    """(what, goal, measured)."""
    found: list[Row] = []
    flow = engine.steps_per_second(Level.FLOW, record=False)
    found.append(("engine, CONTROL + FLOW", ">= 40,000 steps/s", f"{flow:,.0f} steps/s"))
    full = engine.steps_per_second(Level.RECORD, record=True)
    found.append(
        ("engine, RECORD + model + recording", ">= 10,000 steps/s", f"{full:,.0f} steps/s")
    )
    found += flows()
    tape = engine.recording()
    found.append(("recording", "<= 12 bytes an event", f"{tape['bytes']:.1f} bytes an event"))
    found.append(("open 100,000 events", "<= 1 s", f"{tape['open_s']:.2f} s"))
    found.append(
        (
            "then seek",
            "<= 50 ms",
            f"median {tape['seek_median_ms']:.1f} ms, worst {tape['seek_worst_ms']:.1f} ms",
        )
    )
    found += sweep.rows()
    found += storage.rows()
    canvas = json.loads(
        subprocess.run(
            [sys.executable, "-m", "bench.canvas"], check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
    )
    found.append(
        (
            "canvas 40 / 80 / 200 at 160x45",
            "<= 4 ms CPU a frame",
            f"{canvas['ms_cpu_per_frame']} ms",
        )
    )
    found.append(("the same", ">= 29 frames/s at 30 Hz", f"{canvas['frames_per_s']} frames/s"))
    found.append(("layout of 40 nodes", "<= 15 ms", f"{canvas['layout_40_ms']} ms"))
    found.append(("first frame of play", "<= 900 ms", f"{startup.first_frame_ms():.0f} ms"))
    found.append(("--version", "<= 150 ms CPU", f"{startup.version_cpu_ms():.0f} ms"))
    return found


def flows() -> list[Row]:
    """Throughput, exactly-once checkpoints to disk each second of wall time."""
    found: list[Row] = []
    for measured in JOBS:
        rates = throughput.rates(measured)
        found.append(
            (
                measured.name,
                ">= 0.50 of a plain loop",
                f"{rates.on / rates.plain:.2f}: {rates.on:,.0f} of {rates.plain:,.0f} records/s",
            )
        )
        cost = f"{100 * (rates.off / rates.on - 1):.1f} %"
        found.append(("checkpoints on against off, 1,000 keys", "<= 5 %", cost))
    many = throughput.many_keys()
    cost = f"{100 * many.cost:.1f} %, backend changelog"
    found.append(("the same, 1,000,000 keys, 20,000 change", "<= 15 %", cost))
    sync = f"{throughput.sync_ms():.0f} ms; {many.sync_ms:.0f} ms for the first base of changelog"
    found.append(("synchronous part, 1,000,000 keys", "<= 50 ms", sync))
    memory = f"{throughput.memory_mb():.0f} MB, interpreter included"
    found.append(("memory above input and state", "<= 60 MB", memory))
    return found


def main() -> None:
    """Print the table."""
    calm()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    for what, goal, measured in rows():
        print(f"{what:<42}{goal:<26}{measured}")


if __name__ == "__main__":
    main()
