"""The judge: from events alone, was it exactly once?

It shares no code with the engine. Four witnesses, each a module: `oracle` (what should have come
out), `history` (what is in the surviving state), `ledger` (does each cut add up), `rules` (did
everybody keep the protocol). `verdict` is what they come to.
"""

from bandviz.check.judge import Counts, Judge, judge
from bandviz.check.verdict import Verdict, Violation

__all__ = ["Counts", "Judge", "Verdict", "Violation", "judge"]
