"""The judge: from events alone, was it exactly once?

It shares no code with the engine. Witnesses, each a module: `oracle` (what should have come out),
`history` (what is in the surviving state), `replay` (did each subtask do what its input gives),
`ledger` and, of a network, `network` (does each cut add up), `in_flight` (is what was stored put
back), `rules` (did everybody keep the protocol). `heard` says what they could not see, `verdict`
is what they come to, `promise` whether that is what the settings promise.
"""

from bandviz.check.judge import Counts, Judge, judge
from bandviz.check.verdict import Verdict, Violation

__all__ = ["Counts", "Judge", "Verdict", "Violation", "judge"]
