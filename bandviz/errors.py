"""The two trees of errors: what a person can mend, and what only we can.

`BandvizError` is one line with place and fix, shown without a traceback (exit status 2).
`InvariantViolation` means our bug: nobody catches it but the reporter, which keeps the evidence.
Failures *inside* the simulated job are neither: they are events.
"""

from __future__ import annotations


class BandvizError(Exception):
    """Something the person at the keyboard can act on: one sentence, and a hint if there is one."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ScenarioError(BandvizError):
    """A scenario cannot be used. `message` holds all findings, one `file:line:col: ...` a line."""


class TraceError(BandvizError):
    """A recording cannot be read."""


class CorruptFrameError(TraceError):
    """A frame's checksum or content is wrong; everything before it is good."""


class UnsupportedVersionError(TraceError):
    """The recording was written by a newer format than this program knows."""


class CommandRejected(BandvizError):  # noqa: N818 - named as the fact that it is
    """A command does not fit the present state; nothing has changed."""


class InvariantViolation(Exception):  # noqa: N818 - an invariant is violated, not an error made
    """The engine broke one of its own rules. The run stops and the evidence is kept."""

    def __init__(self, rule: str, evidence: str = "") -> None:
        super().__init__(f"{rule}: {evidence}" if evidence else rule)
        self.rule = rule
        self.evidence = evidence


def require(condition: bool, rule: str, evidence: str = "") -> None:
    """Assert an invariant, also under -O. Raises InvariantViolation."""
    if not condition:
        raise InvariantViolation(rule, evidence)
