"""For all tests: a random example has no time limit of its own, for a busy machine is no fault."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
