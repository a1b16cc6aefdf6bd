"""What the judge says. Plain values; all text has passed the door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from bandviz.events import Entry
from bandviz.text import LINE, SafeText, door

EXACT: Final = "exact"
LOST: Final = "lost"
DUPLICATED: Final = "duplicated"
BOTH: Final = "both"
WRONG: Final = "wrong"
UNDETERMINED: Final = "undetermined"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule. `at` is the identity (step, k) of the entry that broke it."""

    rule: str
    at: tuple[int, int]
    sentence: SafeText

    @classmethod
    def of(cls, rule: str, entry: Entry, sentence: str) -> Self:
        """What this entry, or the step that ends with it, has broken."""
        return cls(rule, (entry.step, entry.k), door(sentence, LINE))

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {"rule": self.rule, "at": list(self.at), "sentence": self.sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Exactly once, or not, or not to be told from what was recorded.

    `holds` is True only if everything was seen and is right, False once anything is proved wrong,
    None otherwise. `state` and `output` are exact, lost, duplicated, both, wrong (other records or
    values than expected) or undetermined. `lost` and `duplicated` count the *source records* that
    are missing from, or more than once in, the visible output; `wrong_rows` counts visible rows
    whose value nobody expected. `reasons` say in sentences what speaks against True.
    """

    holds: bool | None
    state: str
    output: str
    lost: int
    duplicated: int
    wrong_rows: int
    reasons: tuple[SafeText, ...]
    violations: tuple[Violation, ...]

    def to_json(self) -> dict[str, Any]:
        """The `verdict` object of `run --json`."""
        return {
            "holds": UNDETERMINED if self.holds is None else self.holds,
            "state": self.state,
            "output": self.output,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "wrong_rows": self.wrong_rows,
            "reasons": list(self.reasons),
            "violations": [violation.to_json() for violation in self.violations],
        }
