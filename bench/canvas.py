"""What an animated canvas costs: 40 nodes, 80 edges, 200 moving tokens at 160x45, at 30 Hz.

Runs itself in a pseudo-terminal that is drained like a real one, and prints one line of JSON.
usage: python -m bench.canvas [SECONDS]
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import random
import select
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App, ComposeResult

from bandviz.session.collector import calm
from bandviz.tui.canvas.layout import layout
from bandviz.tui.canvas.paint import Painter, Picture
from bandviz.tui.canvas.scene import EdgeIn, NodeIn, Scene
from bandviz.tui.canvas.tokens import Token
from bandviz.tui.canvas.widget import Canvas
from bandviz.tui.spans import Span
from bandviz.tui.themes import styles_of

WIDTH, HEIGHT = 160, 45
NODES, EDGES, TOKENS, LAYERS = 40, 80, 200, 5
HERTZ = 30
WARM_UP_S = 1.0
LOOKS = (("c", "record"), ("d", "record"), ("d'", "replay"), ("[1]", "ckpt1"), ("[2]", "ckpt2"))


def graph() -> tuple[list[NodeIn], list[EdgeIn]]:
    """A layered random graph: two edges from almost every node to the next layer."""
    rng = random.Random(4)
    per = NODES // LAYERS
    nodes = [NodeIn(f"n{i}", f"n{i}", 1, 8, 1) for i in range(NODES)]
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < EDGES:
        source = rng.randrange(NODES - per)
        target = (source // per + 1) * per + rng.randrange(per)
        pairs.add((source, target))
    return nodes, [EdgeIn(f"n{a}", f"n{b}", ((k, 0, 0),)) for k, (a, b) in enumerate(sorted(pairs))]


def measured(work: Callable[[], object], times: int) -> float:
    """The least CPU milliseconds of some calls."""
    best = float("inf")
    for _ in range(times):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best * 1e3


class Bench(App[None]):
    """Every token moves at its own speed, by the clock and not by frames."""

    def __init__(self, seconds: float, out: Path) -> None:
        super().__init__()
        self.seconds, self.out = seconds, out
        nodes, edges = graph()
        self.layout_ms = measured(lambda: layout(nodes, edges, max_width=WIDTH), 15)
        self.drawn: Scene = layout(nodes, edges, max_width=WIDTH)
        self.text = {(node.uid, 0): ((Span("state ▕██▏", "state"),),) for node in nodes}
        rng = random.Random(7)
        self.moving = [
            (rng.randrange(EDGES), rng.random(), rng.uniform(0.12, 0.6), rng.choice(LOOKS))
            for _ in range(TOKENS)
        ]
        self.still_ms = measured(lambda: Painter().paint(self.picture(0.0)), 5)

    def compose(self) -> ComposeResult:
        yield Canvas(lambda name: styles_of(self)[name])

    def picture(self, seconds: float) -> Picture:
        tokens = [
            Token(channel, (at + speed * seconds) % 1.0, *look)
            for channel, at, speed, look in self.moving
        ]
        tokens.sort(key=lambda token: (token.channel, -token.fraction))
        return Picture(self.drawn, self.text, tokens=tuple(tokens))

    def on_mount(self) -> None:
        self.frames = -1
        self.painted = 0
        self.tick_cpu = 0.0
        self.set_timer(WARM_UP_S, self.begin)

    def begin(self) -> None:
        display = self._display

        def counted(screen: object, renderable: object) -> None:
            self.painted += renderable is not None
            display(screen, renderable)  # type: ignore[arg-type]

        self._display = counted  # type: ignore[method-assign]
        calm()  # as the app does when it starts
        self.frames = 0
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        self.set_interval(1 / HERTZ, self.frame)
        self.set_timer(self.seconds, self.finish)

    def frame(self) -> None:
        begin = time.thread_time()
        self.frames += 1
        self.query_one(Canvas).show(self.picture(time.perf_counter() - self.wall))
        self.tick_cpu += time.thread_time() - begin

    def finish(self) -> None:
        cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
        figures = {
            "ms_cpu_per_frame": round(cpu / self.frames * 1e3, 2),
            "frames_per_s": round(self.painted / wall, 1),
            "layout_40_ms": round(self.layout_ms, 1),
            "ms_of_which_paint_and_diff": round(self.tick_cpu / self.frames * 1e3, 2),
            "first_paint_ms": round(self.still_ms, 1),
            "scene": f"{self.drawn.width}x{self.drawn.height}",
        }
        self.out.write_text(json.dumps(figures))
        self.exit()


def in_a_terminal(seconds: float) -> str:
    """Run the app on a pseudo-terminal of the given size, drain it, and return what it measured."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            Bench(seconds, out).run()
            os._exit(0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        drain(terminal)
        os.waitpid(pid, 0)
        return out.read_text()


def drain(terminal: int) -> None:
    """Read all output; answer once that synchronised output is understood."""
    answered = False
    while select.select([terminal], [], [], 30)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return
        if not data:
            return
        if not answered and b"\x1b[?2026$p" in data:
            os.write(terminal, b"\x1b[?2026;1$y")
            answered = True


if __name__ == "__main__":
    print(in_a_terminal(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0))
