"""Exercises: an engine that does not say which rule it breaks, and some rules to choose from.

Each one stands beside something that people get wrong. Source: semantics.md 6.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Exercise(NamedTuple):
    """`decoys` are other entries of the zoo: their rules are the wrong answers.

    `belief`: the number of what people get wrong; `heard` says it, `fact` is how it is.
    """

    breakage: str
    scenario: str
    belief: int
    heard: str
    fact: str
    decoys: tuple[str, ...]


EXERCISES: Final = (
    Exercise(
        "skip-alignment",
        "kill-and-rewind",
        6,
        "At-least-once only delays; duplicates come from sinks.",
        "A record from behind the barrier that is in the snapshot is read again after a restore: "
        "the state itself counts it twice. At-least-once does this on purpose.",
        ("one-barrier-short", "forget-in-flight", "in-flight-backwards"),
    ),
    Exercise(
        "one-barrier-short",
        "kill-and-rewind",
        22,
        "A barrier makes all operators pause together.",
        "There is no such moment. Each task takes its snapshot when its own barriers are in, all "
        "of them: what is still on the way on a channel without one belongs to no side of the cut.",
        ("skip-alignment", "wrong-gate", "forget-late-in-flight"),
    ),
    Exercise(
        "forget-in-flight",
        "overtake",
        5,
        "Unaligned checkpoints are only at-least-once.",
        "They are exactly-once, as long as what the barrier overtook is part of the checkpoint.",
        ("forget-output", "skip-alignment", "in-flight-backwards"),
    ),
    Exercise(
        "forget-output",
        "aligned-timeout",
        7,
        "Unaligned checkpoints cure back pressure.",
        "Only the barrier gets through. The records wait as before, in the input and in the "
        "output of a task, and the checkpoint has to carry both.",
        ("forget-in-flight", "wrong-gate", "one-barrier-short"),
    ),
)
"""By number, from 1."""
