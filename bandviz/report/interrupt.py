"""Ctrl-C that waits for the end of a move, so that a recording holds whole moves and no gap."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_between_moves() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the given function is called; a second one comes through at once."""
    came = False

    def note(_number: int, _frame: object) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def raise_if_interrupted() -> None:
        if came:
            raise KeyboardInterrupt

    held = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if held:
        signal.signal(signal.SIGINT, note)
    try:
        yield raise_if_interrupted
    finally:
        if held:
            signal.signal(signal.SIGINT, signal.default_int_handler)
