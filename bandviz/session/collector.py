"""The garbage collector, kept from making a frame or a seek late, and a run a third longer."""

from __future__ import annotations

import gc
from typing import Final

THRESHOLD: Final = 50_000
"""Events and model values hold no cycles; a collection each 700 objects finds nothing."""


def calm() -> None:
    """What is loaded now is never looked at again, and collections are rare from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD)
