"""What all drivers share: reading a case so that whatever is not known has a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Case = dict[str, Any]
T = TypeVar("T")


class UnknownInCaseError(Exception):
    """The case says something that its family's driver has no word for."""


def lookup(table: Mapping[str, T], word: str, what: str) -> T:
    """The meaning of a word of the case. Raises UnknownInCaseError, which names it."""
    if word not in table:
        known = ", ".join(sorted(table))
        raise UnknownInCaseError(f"{what} {word!r} is not known here; known are: {known}")
    return table[word]


def answers(found: Mapping[str, Any], case: Case) -> Case:
    """Those that the case asks for. Raises UnknownInCaseError."""
    return {key: lookup(found, key, "the answer") for key in case["expect"]}
