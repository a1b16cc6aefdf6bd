"""`python -m bandviz` and the installed command: the one place that catches a person's errors."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> int:
    """Run the command line; returns the exit status: 0 good, 1 a check failed, 2 bad input."""
    from bandviz.cli import run_cli
    from bandviz.session.collector import calm

    calm()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names come in any script
    return run_cli(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
