"""For all tests: a random example has no time limit of its own, for a busy machine is no fault."""

from __future__ import annotations

import pytest
from hypothesis import settings

from bandviz.session.collector import calm

settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_collection_finish() -> None:
    """Tests make many objects and few cycles, as the program does."""
    calm()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many random jobs the property test runs; a long campaign asks for more."""
    parser.addoption("--random-jobs", type=int, default=2_000)
