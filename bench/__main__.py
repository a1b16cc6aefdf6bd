"""`make bench`: one table of what was measured here, now, beside what we want."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

from bandviz.events import Level
from bench import engine, startup

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
    ours, plain = engine.throughput()
    found.append(
        (
            "buffers of 500: map, filter, keyed sum",
            "a first figure",
            f"{ours:,.0f} records/s = {ours / plain:.2f} of a plain loop ({plain:,.0f})",
        )
    )
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


def main() -> None:
    """Print the table."""
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    for what, goal, measured in rows():
        print(f"{what:<42}{goal:<26}{measured}")


if __name__ == "__main__":
    main()
