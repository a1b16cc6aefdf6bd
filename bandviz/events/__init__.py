"""The vocabulary of facts: what can be said about a run. Everything a person sees is built from
it.
"""

from bandviz.events.base import Entry, Event, Level
from bandviz.events.registry import BY_NAME, BY_TAG, TAGS

__all__ = ["BY_NAME", "BY_TAG", "TAGS", "Entry", "Event", "Level"]
