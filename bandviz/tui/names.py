"""Names of the files that a person saves from the screen."""

from __future__ import annotations

from pathlib import Path


def free_name(stem: str, suffix: str) -> Path:
    """A file name in this folder that is not taken: the stem, else numbered from 2."""
    names = (Path(f"{stem}{f'-{n}' if n > 1 else ''}{suffix}") for n in range(1, 1_000))
    return next((name for name in names if not name.exists()), Path(f"{stem}{suffix}"))
