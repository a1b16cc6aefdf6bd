"""The vocabulary of facts: every event is tagged, frozen, documented and made of plain values."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from types import UnionType
from typing import Any, ClassVar, Final, NewType, Union, get_args, get_origin, get_type_hints

import pytest

import bandviz.events
from bandviz.events import BY_NAME, BY_TAG, TAGS, Event, Level
from bandviz.ids import SubtaskId
from bandviz.trace.upcast import ADDED

PLAIN: Final = (int, str, bool, bytes, type(None))


def defined_events() -> list[type[Event]]:
    """All subclasses of Event that modules of bandviz.events define."""
    return [
        value
        for module in pkgutil.iter_modules(bandviz.events.__path__, "bandviz.events.")
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, type) and issubclass(value, Event) and value is not Event
        if value.__module__ == module.name
    ]


EVENTS: Final = defined_events()


def faults(kind: type[Event]) -> list[str]:
    """What is wrong with an event class."""
    if "__dataclass_fields__" not in vars(kind):
        return ["is no dataclass"]
    found = []
    if not getattr(kind, "__dataclass_params__").frozen:  # noqa: B009 - not in the type stubs
        found.append("is not frozen")
    if "__slots__" not in vars(kind):
        found.append("has no slots")
    if not all(field.kw_only for field in fields(kind)):
        found.append("takes positional arguments")
    if not kind.__doc__ or kind.__doc__.startswith(f"{kind.__name__}("):
        found.append("has no docstring")
    hints = get_type_hints(kind)
    found += [
        f"field {field.name} is {hints[field.name]}"
        for field in fields(kind)
        if not is_plain(hints[field.name])
    ]
    return found


def is_plain(hint: Any) -> bool:
    """Ids, ints, texts, bools, bytes, enums, NamedTuples and tuples of those."""
    if isinstance(hint, NewType):
        return is_plain(hint.__supertype__)
    if get_origin(hint) in (tuple, Union, UnionType):
        return all(is_plain(part) for part in get_args(hint) if part is not Ellipsis)
    if not isinstance(hint, type):
        return False
    if issubclass(hint, tuple) and hasattr(hint, "_fields"):
        return all(is_plain(part) for part in get_type_hints(hint).values())
    return hint in PLAIN or issubclass(hint, Enum)


def test_a_field_with_a_default_is_one_that_old_recordings_lack() -> None:
    defaults = {
        (name, field.name): field.default
        for name, kind in BY_NAME.items()
        for field in fields(kind)
        if field.default is not MISSING
    }
    added = {(name, field): value for name, each in ADDED.items() for field, value in each.items()}
    assert defaults.items() <= added.items()


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_event_is_frozen_documented_and_made_of_plain_values(kind: type[Event]) -> None:
    assert faults(kind) == []


def test_every_event_has_a_tag_of_its_own() -> None:
    assert sorted(kind.__name__ for kind in EVENTS) == sorted(BY_NAME)
    assert len(BY_TAG) == len(TAGS) == len(BY_NAME) == len(EVENTS)
    assert all(tag > 0 for tag in TAGS.values())


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_level_belongs_to_the_class_not_to_the_event(kind: type[Event]) -> None:
    assert isinstance(kind.level, Level)
    assert "level" not in {field.name for field in fields(kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodEvent(Event):
    """Says what happened."""

    level: ClassVar[Level] = Level.FLOW
    subtasks: tuple[SubtaskId, ...]


@dataclass(slots=True, kw_only=True)
class PlainEvent:
    """Stands outside the family, so that a thawed dataclass can be made of it."""

    count: int


@dataclass(frozen=True, kw_only=True)
class RoomyEvent(Event):
    """Has a dict."""

    count: int


@dataclass(frozen=True, slots=True)
class PositionalEvent(Event):
    """Takes positions."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentEvent(Event):
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatEvent(Event):
    """Carries a float."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEvent(Event):
    """Carries what can change."""

    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseEvent(Event):
    """Carries anything."""

    values: tuple[Any, ...]


class BareEvent(Event):
    """Is no dataclass of its own."""


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (PlainEvent, "is not frozen"),
        (RoomyEvent, "has no slots"),
        (PositionalEvent, "takes positional arguments"),
        (SilentEvent, "has no docstring"),
        (FloatEvent, "field seconds"),
        (ListEvent, "field names"),
        (LooseEvent, "field values"),
        (BareEvent, "is no dataclass"),
    ],
)
def test_the_checker_sees_a_bad_event(kind: type[Any], fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(kind))


def test_the_checker_lets_a_good_event_pass() -> None:
    assert faults(GoodEvent) == []
