"""A real mouse, as bytes on a pseudo-terminal: what Pilot cannot show.

Pilot never makes a click of a press and a release, so only here is it seen that a drag is none.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.style import Style
from textual.app import App, ComposeResult

from bandviz.tui.canvas.layout import layout
from bandviz.tui.canvas.paint import Picture
from bandviz.tui.canvas.scene import EdgeIn, NodeIn
from bandviz.tui.canvas.widget import Canvas

COLUMNS, LINES = 40, 10
SCENE = layout(
    [NodeIn(uid, uid, 1, 20, 1) for uid in ("first", "second")],
    [EdgeIn("first", "second", ((0, 0, 0),))],
    edge_room={("first", "second"): 20},
)
ROOT = Path(__file__).parents[2]
PATIENCE_S = 10


class Desk(App[None]):
    """Shows the scene, notes which boxes were clicked, and leaves after a click on the second."""

    def __init__(self) -> None:
        super().__init__()
        self.clicked: list[str] = []
        self.canvas = Canvas(lambda name: Style(color="#ffffff"))

    def compose(self) -> ComposeResult:
        yield self.canvas

    def on_mount(self) -> None:
        self.canvas.show(Picture(SCENE))

    def on_canvas_node_clicked(self, message: Canvas.NodeClicked) -> None:
        self.clicked.append(message.uid)
        if message.uid == "second":
            self.exit()


def main() -> None:
    """Run the app; then print what was clicked and how far the scene was dragged."""
    desk = Desk()
    desk.run()
    print(json.dumps({"clicked": desk.clicked, "origin": desk.canvas.origin}), "end", flush=True)


@contextmanager
def on_a_terminal() -> Iterator[int]:
    """Run `main` in a process of its own; gives the terminal's other end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**env, "TERM": "xterm-256color"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield ours
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal: int, marker: bytes) -> bytes:
    """Everything the app wrote, up to and with the marker."""
    out = b""
    while marker not in out:
        assert select.select([terminal], [], [], PATIENCE_S)[0], out[-2000:]
        out += os.read(terminal, 65536)
    return out


def mouse(button: int, x: int, y: int, *, up: bool = False) -> bytes:
    """The bytes of a terminal's mouse report; cells count from 0 here and from 1 there."""
    return f"\x1b[<{button};{x + 1};{y + 1}{'m' if up else 'M'}".encode()


@pytest.mark.parametrize("quick", [False, True])
def test_a_drag_is_no_click_for_a_real_mouse(quick: bool) -> None:
    """`quick`: its release is read along with it."""
    first, second = (SCENE.boxes[uid].rect for uid in ("first", "second"))
    way, top = 16, -((LINES - SCENE.height) // 2)
    y = first.y + 1 - top
    aim = second.x + 1 - way
    press, drag = mouse(0, 18, y), mouse(32, 18 - way, y)
    release = mouse(0, 18 - way, y, up=True)
    with on_a_terminal() as terminal:
        read_until(terminal, b"first")
        os.write(terminal, press + drag + (release if quick else b""))
        read_until(
            terminal, b"second"
        )  # a click that overtakes the drag would be taken for its own
        os.write(terminal, (b"" if quick else release) + mouse(0, aim, y))
        os.write(terminal, mouse(0, aim, y, up=True))
        said = read_until(terminal, b"end").decode()
    told = said[said.rindex("{") : said.rindex("}") + 1]
    assert json.loads(told) == {"clicked": ["second"], "origin": [way, top]}
