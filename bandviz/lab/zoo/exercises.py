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
    Exercise(
        "state-not-restored",
        "kill-and-rewind",
        1,
        "Exactly-once means that every record is processed once.",
        "Records are read and processed again after a restore. Each counts once because the state "
        "goes back to the same cut as the sources.",
        ("forget-offset", "skip-alignment", "snapshot-by-reference"),
    ),
    Exercise(
        "forget-offset",
        "kill-and-rewind",
        9,
        "The offsets that Kafka keeps for the group decide where a restored job reads.",
        "The offsets in the checkpoint do; those that are committed to Kafka are a by-product.",
        ("state-not-restored", "one-barrier-short", "restore-older"),
    ),
    Exercise(
        "commit-before-complete",
        "storage-outage",
        11,
        "Exactly-once output appears immediately.",
        "A transaction becomes visible when its checkpoint is complete, about one interval later. "
        "What is shown earlier is shown again if that checkpoint fails.",
        ("commit-only-when-told", "forget-offset", "reuse-transaction"),
    ),
    Exercise(
        "commit-only-when-told",
        "the-gap",
        17,
        "The news that a checkpoint is complete always arrives, and in order.",
        "It may be lost or come late, so a restore commits what its checkpoint has promised, and "
        "each notification stands for all checkpoints before it.",
        ("commit-before-complete", "commit-aborted", "zombie-not-fenced"),
    ),
    Exercise(
        "commit-aborted",
        "storage-outage",
        18,
        "An aborted checkpoint rolls its transaction back.",
        "It does nothing to it: the transaction stays pending, and the next completed checkpoint "
        "commits it.",
        ("commit-only-when-told", "restore-older", "zombie-not-fenced"),
    ),
    Exercise(
        "reuse-transaction",
        "kill-and-rewind",
        14,
        "It is enough to use one and the same transactional id again.",
        "What the old attempt wrote would stand in it, and be committed with what is replayed.",
        ("commit-only-when-told", "commit-before-complete", "skip-alignment"),
    ),
    Exercise(
        "zombie-not-fenced",
        "storage-outage",
        13,
        "What a crashed job leaves open hurts nobody.",
        "Its open transaction holds back all that was written behind it, for every reader of "
        "committed records, until somebody ends it.",
        ("commit-aborted", "forget-offset", "state-not-restored"),
    ),
    Exercise(
        "restore-older",
        "bounded-end",
        25,
        "To restore an older checkpoint is harmless.",
        "All that has been committed since is read and committed again.",
        ("forget-offset", "commit-before-complete", "state-not-restored"),
    ),
)
"""By number, from 1."""
