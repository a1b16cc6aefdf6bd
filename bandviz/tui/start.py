"""Where the command line meets the screen: textual is loaded from here on."""

from __future__ import annotations

import gc
from typing import Final

from bandviz.session.opening import Opened
from bandviz.tui.app import BandvizApp

GC_THRESHOLD: Final = 50_000
"""Events and model values hold no cycles; a collection each 700 of them only makes frames late."""


def start(
    opened: Opened | None,
    *,
    motion: str | None = None,
    ascii_only: bool = False,
    theme: str | None = None,
) -> int:
    """Run the app; returns the exit status."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    app = BandvizApp(opened, motion=motion or "full", ascii_only=ascii_only, theme=theme or "dark")
    result = app.run()
    return result if isinstance(result, int) else app.return_code or 0
