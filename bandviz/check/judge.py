"""The judge hears every entry once and can be asked at any time.

It knows nothing but what entries say; what cannot be told from them is undetermined, never a guess.
A file may come from anyone, so packed contents that cannot be read end up as a reason, not a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from bandviz.check.book import Book
from bandviz.check.declared import STATEFUL, Declared
from bandviz.check.findings import Evidence, Finding, judge_output, judge_state
from bandviz.check.folds.base import sources_of
from bandviz.check.foretold import Foresight, Foretold
from bandviz.check.heard import KEPT, Heard
from bandviz.check.history import History
from bandviz.check.in_flight import InFlight
from bandviz.check.ledger import Ledger
from bandviz.check.lineage import Readings, RecordLedger, ledger_of
from bandviz.check.network import Money
from bandviz.check.oracle import fold
from bandviz.check.promise import kept
from bandviz.check.replay import Replay
from bandviz.check.rules import RULES
from bandviz.check.verdict import EXACT, Verdict, Violation
from bandviz.events import Entry, Event, Level
from bandviz.events.job import RestoreStarted, SourceRewound
from bandviz.ids import CheckpointId, Lineage, RecordId
from bandviz.text import LINE, door

Hear = Callable[[Entry], None]

UNUSABLE: Final = (ValueError, TypeError, LookupError)
"""What bad contents, or an unknown id, raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Figures for a closing sentence.

    `reads` counts again what a rewind reads again. `applied` are records in surviving state, over
    all stateful vertices; `visible` are rows, over all sinks.
    """

    records_total: int
    reads: int
    applied: int
    visible: int


class Judge:
    """Feed it a run with `observe`; `verdict` and `counts` change nothing."""

    def __init__(self) -> None:
        self._job = Declared()
        self._book = Book(self._job)
        self._ledger = Ledger(self._job, self._book)
        self._history = History()
        self._replay = Replay(self._job)
        self._in_flight = InFlight(self._replay.lying_at)
        self._money = Money(self._book)
        self._heard = Heard(self._job, self._book, self._money)
        self._foresight = Foresight(self._job)
        self._weighed: tuple[list[str], Finding, Finding] | None = None
        self._broken: list[Violation] = []
        self._notes: dict[type[Event], Callable[[Any], None]] = {
            **self._job.notes,
            **self._book.notes,
            **self._heard.notes,
        }
        self._stages: tuple[tuple[Collection[type[Event]], Hear], ...] = (
            (RULES, self._keep_rules),
            (self._notes, self._note),
            (Ledger.HEARS, self._ledger.observe),
            (self._history.notes, self._history.observe),
            (InFlight.HEARS, self._in_flight.observe),
            (self._replay.notes, self._replay.observe),
            (self._money.notes, self._money.observe),
            ((RestoreStarted, SourceRewound), self._foresee),
        )
        """Who hears which events, in the order in which they hear them."""
        self._hearers: dict[type[Event], list[Hear]] = {}
        self._last: Entry | None = None

    def observe(self, entry: Entry) -> None:
        """Take the next entry; entries come in order of identity."""
        kind, last = type(entry.event), self._last
        hearers = self._hearers.get(kind)
        if hearers is None:
            hearers = self._first_of(kind)
        if last is not None and last.step != entry.step:
            try:
                self._in_flight.settle()
                self._replay.settle(last)
            except UNUSABLE as error:
                self._heard.cannot_use(last, error)
        self._last, self._weighed = entry, None
        self._book.step = entry.step
        for hear in hearers:
            try:
                hear(entry)
            except UNUSABLE as error:
                self._heard.cannot_use(entry, error)

    def _first_of(self, kind: type[Event]) -> list[Hear]:
        self._heard.kind(kind)
        hearers = [hear for kinds, hear in self._stages if kind in kinds]
        self._hearers[kind] = hearers
        return hearers

    def _keep_rules(self, entry: Entry) -> None:
        for rule in RULES[type(entry.event)]:
            sentence = rule(self._book, entry.event)
            if sentence and len(self._broken) < KEPT:
                self._broken.append(Violation.of(rule.__name__, entry, sentence))

    def _note(self, entry: Entry) -> None:
        self._notes[type(entry.event)](entry.event)

    def _foresee(self, entry: Entry) -> None:
        match entry.event:
            case RestoreStarted() as event:
                cut = self._replay.cut(event.checkpoint_id, event.subtasks)
                self._foresight.restore(event, cut, self._heard.visible)
            case SourceRewound() as event:
                self._foresight.rewound(event)

    # -- what can be said

    def counts(self) -> Counts:
        """Figures so far."""
        stateful = self._job.of_kind(*STATEFUL)
        parts = [part for uid in stateful for part in self._history.of_vertex(uid)]
        return Counts(
            records_total=self._job.record_count,
            reads=sum(count for _, count in chain(*self._book.readings.values())),
            applied=sum(len(part.ids) for part in parts),
            visible=sum(map(len, self._heard.visible.values())),
        )

    def money(self) -> dict[CheckpointId, int]:
        """What each complete snapshot of a network adds up to; nothing if that cannot be told."""
        return self._money.recorded if self._heard.tells(Level.RECORD) else {}

    def verdict(self) -> Verdict:
        """What can be said by now."""
        gaps, state, output = self._findings()
        violations = self._violations()
        proved = [*state.accusation("the state"), *output.accusation("the visible output")]
        proved += [f"{item.rule}: {item.sentence}" for item in violations[:1]]
        gaps = list(dict.fromkeys([*gaps, *state.gaps, *output.gaps]))
        exact = state.word == output.word == EXACT and not gaps
        return Verdict(
            holds=False if proved else True if exact else None,
            state=state.word,
            output=output.word,
            lost=output.lost,
            duplicated=output.duplicated,
            wrong_rows=output.wrong,
            reasons=tuple(door(sentence, LINE) for sentence in [*proved, *gaps]),
            violations=tuple(violations),
        )

    def kept(self) -> bool | None:
        """Whether what the settings promise was kept; None if it cannot be told."""
        answer = kept(self._job, self.verdict())
        return answer if answer is False or self._heard.all_of_it else None

    def found(self) -> Foretold:
        """Source records that are wrong by now, by name; window results have none."""
        _, state, output = self._findings()
        both = (state.difference, output.difference)
        return Foretold(
            frozenset(one for each in both for one in each.lost),
            frozenset(one for each in both for one in each.duplicated),
        )

    def foretold(self) -> Foretold:
        """Which ones the newest restore had to make wrong, by its cut alone."""
        return self._foresight.foretold(self._heard.visible, self._replay.members)

    def sources_of(self, lineage: Lineage) -> tuple[RecordId, ...]:
        """The source records behind a row."""
        return sources_of(self._replay.members, lineage)

    def lineage(self) -> RecordLedger:
        """What became of each source record by now."""
        survives_in = self._book.newest_completed()
        return ledger_of(
            self._job,
            self._replay.surviving(survives_in),
            Readings(self._book.readings, self._book.next_offset, self._replay.dead()),
            list(self._replay.under_way()),
            self._heard.visible,
            seen=self._heard.enough(Level.RECORD),
            final=self._heard.all_of_it,
        )

    def _findings(self) -> tuple[list[str], Finding, Finding]:
        """Gaps, state, output; weighed once for what was heard."""
        if self._weighed is None:
            gaps = list(self._heard.gaps())
            evidence = self._evidence(gaps)
            self._weighed = (gaps, judge_state(evidence), judge_output(evidence))
        return self._weighed

    def _evidence(self, gaps: list[str]) -> Evidence:
        reference = None
        try:
            reference = fold(self._job)
        except Exception as error:  # user functions may raise anything on foreign rows
            if self._job.confluent or not self._job.vertices:
                why = f"{type(error).__name__} {error}"
                gaps.append(f"there is no reference to compare with: {why}")
        return Evidence(
            job=self._job,
            reference=reference,
            history=self._history,
            effective=self._replay.effective(),
            faults=self._replay.faults,
            visible=self._heard.visible,
            snapshots=self._money.difference,
            late_count=len(self._heard.late),
            records_seen=self._heard.enough(Level.RECORD),
            final=self._heard.all_of_it,
        )

    def _violations(self) -> list[Violation]:
        """In order of happening. A ledger without its events would accuse the innocent."""
        found = self._broken + self._in_flight.violations
        if self._heard.tells(Level.FLOW):
            found += self._ledger.violations
        if self._heard.tells(Level.RECORD):
            found += self._history.violations + self._replay.violations
            found += self._money.violations
        return sorted(found, key=lambda violation: violation.at)[:KEPT]


def judge(entries: Iterable[Entry]) -> Verdict:
    """The verdict on a whole run."""
    bench = Judge()
    for entry in entries:
        bench.observe(entry)
    return bench.verdict()
