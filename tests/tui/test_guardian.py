"""The terminal comes back: real processes on a real pseudo-terminal, ended in every way."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from select import select
from types import TracebackType
from typing import Any, Final

import pytest

from bandviz.tui.guardian import RESET, run_guarded

PATIENCE_S: Final = 20
"""Only a test that fails waits this long: all others wait for a fact."""

GUARDED: Final = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))  # a session leader thereby gets its terminal
from bandviz.tui.guardian import install_exit_signals, run_guarded
{child}
status = run_guarded(child)
os.write(1, b"<status %d>" % status)
sys.exit(status)
"""

MESSY: Final = """
import signal, termios, tty
def child():
    tty.setraw(0)
    os.write(1, b"\\x1b[?1049h\\x1b[?1003h\\x1b[?25l")
    os.write(1, b"<ready %d>" % os.getpid())
    {then}
"""
WAIT: Final = MESSY.format(then="while True: signal.pause()")

TEXTUAL: Final = """
from textual.app import App
class Probe(App):
    def on_mount(self):
        install_exit_signals(self)
        self.call_after_refresh(lambda: os.write(1, b"<ready %d>" % os.getpid()))
def child():
    app = Probe()
    app.run()
    return app.return_code
"""


class Terminal:
    """A program at a terminal of its own; `seen` is all that it wrote."""

    def __init__(self, child: str) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", GUARDED.format(child=child)],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def until(self, word: bytes) -> int:
        """Read until `<word number>` has come; returns the number."""
        while (found := re.search(rb"<%b (\d+)>" % word, self.seen)) is None:
            readable, _, _ = select([self.master], [], [], PATIENCE_S)
            assert readable, f"no {word!r} in {self.seen!r}"
            self.seen += os.read(self.master, 65536)
        return int(found[1])

    def ready(self) -> int:
        """Wait until the application stands; returns its process id."""
        return self.until(b"ready")

    def end(self) -> int:
        """Wait for the last word; returns the exit status."""
        assert self.until(b"status") == self.process.wait(PATIENCE_S)
        return self.process.returncode

    def settings(self) -> list[Any]:
        """The terminal's settings now."""
        return termios.tcgetattr(self.slave)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM", "SIGABRT"])
def test_terminal_comes_back_when_the_application_is_killed(name: str) -> None:
    number = signal.Signals[name]
    with Terminal(WAIT) as terminal:
        pid = terminal.ready()
        assert terminal.settings() != terminal.before
        os.kill(pid, number)
        assert terminal.end() == 128 + number
        assert terminal.settings() == terminal.before
        assert RESET in terminal.seen
        line = terminal.seen.partition(RESET)[2].partition(b"\r\n")[0]
        assert f"signal {number:d};".encode() in line


def test_terminal_comes_back_when_the_application_forgets_to_clean_up() -> None:
    with Terminal(MESSY.format(then="os._exit(3)")) as terminal:
        assert terminal.end() == 3
        assert terminal.settings() == terminal.before
        assert RESET in terminal.seen


def test_traceback_is_shown_on_the_restored_terminal() -> None:
    with Terminal(MESSY.format(then="raise RuntimeError('our bug')")) as terminal:
        assert terminal.end() == 1
        assert terminal.settings() == terminal.before
        assert b"our bug" in terminal.seen.partition(RESET)[2]


@pytest.mark.parametrize(
    ("then", "status"),
    [("return 0", 0), ("return 2", 2), ("sys.exit(5)", 5), ("sys.exit()", 0)],
)
def test_clean_end_leaves_the_terminal_alone(then: str, status: int) -> None:
    with Terminal(f"def child():\n    {then}") as terminal:
        assert terminal.end() == status
        assert b"\x1b" not in terminal.seen


def test_the_guardian_passes_a_request_to_end_on_to_the_application() -> None:
    with Terminal(WAIT) as terminal:
        terminal.ready()
        terminal.process.terminate()
        assert terminal.end() == 128 + signal.SIGTERM
        assert terminal.settings() == terminal.before


def test_an_application_that_will_not_end_is_killed_after_a_while() -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    stubborn = MESSY.replace("    tty.setraw(0)", f"    {deaf}; tty.setraw(0)")
    impatient = "import bandviz.tui.guardian as g\ng.GRACE_S = 1"
    stubborn = impatient + stubborn.format(then="while True: signal.pause()")
    with Terminal(stubborn) as terminal:
        terminal.ready()
        terminal.process.terminate()
        assert terminal.end() == 128 + signal.SIGKILL
        assert terminal.settings() == terminal.before


def test_interrupt_from_the_keyboard_is_the_applications_alone() -> None:
    listening = """
import signal
def child():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.write(1, b"<ready %d>" % os.getpid())
    signal.sigwait([signal.SIGINT])
    return 7
"""
    with Terminal(listening) as terminal:
        terminal.ready()
        os.write(terminal.master, b"\x03")
        assert terminal.end() == 7


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_textual_application_ends_normally_on_a_signal(name: str) -> None:
    number = signal.Signals[name]
    with Terminal(TEXTUAL) as terminal:
        os.kill(terminal.ready(), number)
        assert terminal.end() == 128 + number
        assert terminal.settings() == terminal.before
        assert b"\x1b[?1049l" in terminal.seen
        assert RESET not in terminal.seen  # the application did it itself


def test_textual_application_is_cleaned_up_after_when_killed() -> None:
    with Terminal(TEXTUAL) as terminal:
        os.kill(terminal.ready(), signal.SIGKILL)
        assert terminal.end() == 128 + signal.SIGKILL
        assert terminal.settings() == terminal.before
        assert RESET in terminal.seen


def test_a_closed_terminal_window_ends_application_and_guardian() -> None:
    with Terminal(TEXTUAL) as terminal:
        pid = terminal.ready()
        os.close(terminal.master)
        terminal.process.wait(PATIENCE_S)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        terminal.master = os.open(os.devnull, os.O_RDONLY)


def test_a_failure_that_left_no_mess_only_shows_its_traceback() -> None:
    with Terminal("def child():\n    raise RuntimeError('our bug')") as terminal:
        assert terminal.end() == 1
        assert b"our bug" in terminal.seen
        assert b"\x1b" not in terminal.seen


def test_without_a_shell_to_wake_it_a_suspended_application_goes_on() -> None:
    with Terminal(
        "import signal\ndef child():\n    signal.raise_signal(signal.SIGSTOP)\n    return 6"
    ) as terminal:
        assert terminal.end() == 6


SHELL: Final = """
import os, signal
os.close(os.open(os.ttyname(0), os.O_RDWR))
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    from bandviz.tui.guardian import run_guarded
    def child():
        os.write(1, b"<ready %d>" % os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
        os.write(1, b"<continued>")
        return 4
    os._exit(run_guarded(child))
pid, status = os.waitpid(job, os.WUNTRACED)
assert os.WIFSTOPPED(status), status
os.tcsetpgrp(0, os.getpgrp())
os.write(1, b"<shell has the terminal>")
os.tcsetpgrp(0, job)
os.kill(-job, signal.SIGCONT)
pid, status = os.waitpid(job, os.WUNTRACED)
os.write(1, b"<status %d>" % os.waitstatus_to_exitcode(status))
os._exit(0)
"""


def test_suspending_gives_the_terminal_to_the_shell_and_back() -> None:
    with Terminal(SHELL) as terminal:
        assert terminal.until(b"status") == 4
        words = (b"<ready", b"<shell has the terminal>", b"<continued>", b"<status 4>")
        places = [terminal.seen.index(word) for word in words]
        assert places == sorted(places)


@pytest.fixture
def no_terminal() -> Iterator[None]:
    """Standard input is a pipe for a while."""
    kept = os.dup(0)
    reader, writer = os.pipe()
    os.dup2(reader, 0)
    yield
    os.dup2(kept, 0)
    for descriptor in (kept, reader, writer):
        os.close(descriptor)


@pytest.mark.usefixtures("no_terminal")
def test_without_a_terminal_the_application_is_simply_called() -> None:
    here = os.getpid()
    assert run_guarded(lambda: 9 if os.getpid() == here else 1) == 9


def test_importing_the_guardian_does_not_load_textual() -> None:
    probe = "import sys, bandviz.tui.guardian; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
