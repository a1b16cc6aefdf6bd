"""`python -m bandviz` and the installed command: the one place that catches a person's errors."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit status: 0 good, 1 a check failed, 2 bad input."""
    from bandviz.cli import run_cli

    return run_cli(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
