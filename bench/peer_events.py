"""The events of the measured job, for the peers: nothing of bandviz is imported where they live."""

from __future__ import annotations

import random
from typing import Final

COUNT: Final = 200_000
KEYS: Final = 1_000
BUFFER: Final = 500
SIZE_MS, LAG_MS = 10_000, 100

Timed = tuple[int, int, int]


def events() -> list[Timed]:
    """(key, event time in ms, value): the same draws and the same jitter as in `bench.job`."""
    rng = random.Random(2)
    rows = [(rng.randrange(KEYS), rng.randrange(100)) for _ in range(COUNT)]
    return [(key, i // 10 + rng.randrange(50), value) for i, (key, value) in enumerate(rows)]
