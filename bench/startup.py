"""How long a person waits: `--version`, and the first frame of `play`."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import select
import struct
import subprocess
import sys
import termios
from statistics import median
from time import perf_counter

RUNS = 3
COMMAND = [sys.executable, "-m", "bandviz"]


def version_cpu_ms() -> float:
    """CPU time of `bandviz --version`."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, "--version"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1_000

    return median(once() for _ in range(RUNS))


def first_frame_ms(scenario: str = "kill-and-rewind") -> float:
    """Wall time from the command to the first frame that shows the graph, in a real pty."""
    return median(_first_frame(scenario) for _ in range(RUNS))


def _first_frame(scenario: str) -> float:
    begun = perf_counter()
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execv(sys.executable, [*COMMAND, "play", scenario])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    seen = b""
    try:
        while b"BALLOT" not in seen and b"CHECKPOINTS" not in seen:
            ready, _, _ = select.select([fd], [], [], 30)
            if not ready:
                raise RuntimeError("no first frame within 30 s")
            seen += os.read(fd, 65_536)
        took = perf_counter() - begun
    finally:
        os.write(fd, b"q")
        os.write(fd, b"q")
        os.close(fd)
        os.waitpid(pid, 0)
    return took * 1_000
