"""`make bench-peers`: the measured job beside bytewax and csp, side by side on one core.

Figures are records a second of CPU time, so that other work on the machine counts for nobody. The
peers are installed into a virtual environment that is gone afterwards. bandviz and bytewax take a
checkpoint each second; csp recovers nothing.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

from bandviz.session.collector import calm
from bench.job import JOBS, WINDOW, Flow, Measured, events

RUNS: Final = 3
RECORDS, KEYS = 1_000_000, 1_000
PEERS: Final = ("bytewax", "csp")
HERE: Final = Path(__file__).parent
Figures = list[list[float]]
"""For each run, records a CPU second of the three jobs."""


def own() -> Figures:
    """bandviz."""
    return [[_own_rate(measured) for measured in JOBS] for _ in range(RUNS)]


def _own_rate(measured: Measured) -> float:
    data = events(RECORDS, KEYS, timed=measured is WINDOW)
    with tempfile.TemporaryDirectory() as folder:
        slices = Flow(measured, data, Path(folder)).run(1.0)
        begun = process_time()
        for _ in slices:
            pass
        return RECORDS / (process_time() - begun)


def peer(name: str, folder: Path) -> Figures | str:
    """A peer's figures, or one line saying why there are none."""
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name]
    if (problem := _problem(install)) is not None:
        return f"cannot be installed here: {problem}"
    figures = []
    for _ in range(RUNS):
        done = subprocess.run(
            [python, HERE / f"peer_{name}.py"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"does not run here: {_last_line(done.stderr)}"
        figures.append([rate for rate, _ in json.loads(done.stdout)])
    return figures


def _problem(command: list[str | Path]) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return _last_line(done.stderr) if done.returncode else None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def main() -> None:
    """Print the table, and bandviz as a multiple of each peer."""
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'records a CPU second':<24}" + "".join(f"{one.name:>38}" for one in JOBS))
    calm()
    ours = [median(column) for column in zip(*own(), strict=True)]
    print(f"{'bandviz':<24}" + "".join(f"{rate:>38,.0f}" for rate in ours))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        for peer_name in PEERS:
            figures = peer(peer_name, folder)
            if isinstance(figures, str):
                print(f"{peer_name:<24}{figures}")
                continue
            rates = [median(column) for column in zip(*figures, strict=True)]
            cells = [
                f"{rate:,.0f} (x {our / rate:.1f})" for our, rate in zip(ours, rates, strict=True)
            ]
            print(f"{peer_name:<24}" + "".join(f"{cell:>38}" for cell in cells))


if __name__ == "__main__":
    main()
