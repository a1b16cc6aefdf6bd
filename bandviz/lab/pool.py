"""The same work on many items, on all cores. Results come in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from bandviz.session.collector import calm

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """How many of them this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(work: Callable[[T], R], items: Sequence[T], workers: int) -> Generator[R]:
    """`work` is a function of a module; items and results can be sent to another process.

    With one worker nothing leaves this process. If the caller stops asking, the workers are ended
    in the middle of what they do. None of them outlives this process, however it ends.
    """
    if workers < 2 or len(items) < 2:
        for item in items:
            yield work(item)
        return
    # Not forked: a screen's threads and terminal state are no business of a worker.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(items)), context, _prepare, (work,))
    try:
        with _deaf():  # all of them are started here
            results = pool.map(work, items)
        yield from results
    except BaseException:
        for process in list((pool._processes or {}).values()):  # `terminate_workers` of Python 3.14
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Whoever is started within never hears Ctrl-C, not even before it has run a line: it is the
    parent's to answer. The parent gets one of meanwhile behind this.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare(_: Callable[[T], R]) -> None:
    """If the parent is killed, nobody is left to work for. The work has come along, so its modules
    are loaded by now: no collection goes through them again.
    """
    calm()
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
