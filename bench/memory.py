"""Memory of a process that runs a flow: its most resident bytes, less those of its input."""

from __future__ import annotations

import tempfile
from pathlib import Path
from resource import getpagesize

from bench.job import RUNNING_SUM, Flow, events

RECORDS, KEYS = 2_000_000, 1_000


def resident_bytes() -> int:
    """What the kernel says of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


def main() -> None:
    """Print MB."""
    before = resident_bytes()
    data = events(RECORDS, KEYS)
    input_bytes = resident_bytes() - before
    with tempfile.TemporaryDirectory() as folder:
        flow = Flow(RUNNING_SUM, data, Path(folder))
        most = max(resident_bytes() for _ in flow.run(0.5))
    print((most - input_bytes) / 1e6)


if __name__ == "__main__":
    main()
