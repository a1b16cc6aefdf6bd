"""Where the command line meets the screen: textual is loaded from here on."""

from __future__ import annotations

from codecs import getincrementaldecoder
from functools import partial

from textual.drivers import linux_driver

from bandviz.lab.vary import Varied
from bandviz.session.collector import calm
from bandviz.session.opening import Opened
from bandviz.tui.app import BandvizApp


def start(
    opened: Opened | None,
    *,
    motion: str | None = None,
    ascii_only: bool = False,
    theme: str | None = None,
    step: int | None = None,
    twin: tuple[Varied, Varied, str] | None = None,
) -> int:
    """Run the app; returns the exit status. `step`: where a recording opens, if not at step 0."""
    _read_leniently()
    calm()
    app = BandvizApp(
        opened,
        motion=motion or "full",
        ascii_only=ascii_only,
        theme=theme or "dark",
        step=step,
        twin=twin,
    )
    result = app.run()
    if isinstance(result, int):
        return result
    return 1 if app.return_code is None else app.return_code


def _read_leniently() -> None:
    """A byte that is no UTF-8 (a Latin-1 paste, old mouse reports) must not end the program.

    Textual's driver makes its decoder by this name; a strict one raises in the input thread.
    """
    lenient = partial(getincrementaldecoder("utf-8"), errors="replace")
    vars(linux_driver)["getincrementaldecoder"] = lambda _encoding: lenient
