"""The terminal guardian: whatever kills the application, the terminal comes back.

A parent process keeps the terminal's settings and waits; the child runs the application. A signal
that cannot be caught (KILL, a crash in native code) leaves raw mode, the alternate screen and mouse
reports behind in the child's place; the parent then undoes them. Both stay in one process group, so
the terminal itself sends INT, QUIT and WINCH to the child. Nothing here needs textual.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from textual.app import App

RESET: Final = (
    b"\x1b[?2026l"  # synchronized output: show what follows
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse reports
    b"\x1b[?2004l\x1b[?1004l\x1b[?2048l"  # bracketed paste, focus and size reports
    b"\x1b[<u"  # kitty keyboard: pop, while still on the screen where it was pushed
    b"\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[0m"  # main screen, line wrap, cursor, plain style
)

_FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
_PASSED_ON: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGCONT)
_EXITING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_STDIN, _STDOUT, _STDERR = 0, 1, 2
GRACE_S: Final = 3
"""How long an application may take to end after TERM or HUP."""


def run_guarded(child: Callable[[], int]) -> int:
    """Run `child` in a process of its own and return its exit status, 128+n after signal n.

    Without a terminal to guard, `child` is simply called. What `child` prints and raises is its own
    business: it should report its errors itself, for nothing but the status comes back.
    """
    screen = next((fd for fd in (_STDOUT, _STDERR) if os.isatty(fd)), None)
    if screen is None or not os.isatty(_STDIN):
        return child()
    saved = termios.tcgetattr(_STDIN)
    watched = (*_FROM_TERMINAL, *_PASSED_ON)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _leave(child, saved, screen)
    former = {number: signal.getsignal(number) for number in (*watched, signal.SIGALRM)}
    try:
        for number in _FROM_TERMINAL:
            signal.signal(number, signal.SIG_IGN)
        for number in _PASSED_ON:
            signal.signal(number, partial(_pass_on, pid))
        signal.signal(signal.SIGALRM, partial(_lose_patience, pid))
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return _watch(pid, saved, screen)
    finally:
        signal.alarm(0)
        for number, handler in former.items():
            signal.signal(number, handler)


def install_exit_signals(app: App[Any]) -> None:
    """Let INT, TERM, HUP and QUIT end a running application the normal way, with status 128+n.

    Call it inside the application's event loop, for instance when it is mounted.
    """
    loop = asyncio.get_running_loop()
    for number in _EXITING:
        loop.add_signal_handler(number, partial(app.exit, return_code=128 + number))


def _leave(child: Callable[[], int], saved: list[Any], screen: int) -> NoReturn:
    """Run `child` and end this process without going back through the parent's callers."""
    status = 1
    try:
        status = child()
    except SystemExit as request:
        status = request.code if isinstance(request.code, int) else int(request.code is not None)
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except BaseException:  # the last frame of this process: show it where it can be read
        if _left_dirty(saved):
            _restore(saved, screen, "bandviz failed")
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status & 0xFF)


def _watch(pid: int, saved: list[Any], screen: int) -> int:
    while True:
        _, raw = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(raw):
            break
        _stop_too(pid)
    status = os.waitstatus_to_exitcode(raw)
    if status < 0:
        _restore(saved, screen, f"bandviz was ended: {signal.strsignal(-status)}, signal {-status}")
        return 128 - status
    if _left_dirty(saved):
        _restore(saved, screen, f"bandviz ended without cleaning up, with status {status}")
    return status


def _stop_too(pid: int) -> None:
    """The application suspended itself: so does its parent, which is what the shell waits for."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)
    _pass_on(pid, signal.SIGCONT)


def _pass_on(pid: int, number: int, _frame: FrameType | None = None) -> None:
    """An application that is told to end, and does not, is killed: a dead terminal can block it."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    if number in (signal.SIGTERM, signal.SIGHUP):
        signal.alarm(GRACE_S)


def _lose_patience(pid: int, _number: int, _frame: FrameType | None = None) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _left_dirty(saved: list[Any]) -> bool:
    with suppress(termios.error):
        return termios.tcgetattr(_STDIN) != saved
    return False


def _restore(saved: list[Any], screen: int, what: str) -> None:
    """Undo what the application did to the terminal; nothing if it is gone or another job's."""
    if _in_background():
        return
    with suppress(OSError, termios.error):
        termios.tcsetattr(_STDIN, termios.TCSAFLUSH, saved)
        os.write(screen, RESET + f"\r{what}; the terminal is restored.\r\n".encode())


def _in_background() -> bool:
    with suppress(OSError):  # no job control on this terminal: then nobody else has it
        return os.tcgetpgrp(_STDIN) != os.getpgrp()
    return False
