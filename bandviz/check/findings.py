"""State and output: what each comes to, by the reference or by the effective history.

The reference, one fold of the whole job, is asked where the outcome does not depend on the
interleaving. Where it does (running results, first-wins deduplication, late records, timers) the
effective history decides: each source record once in it, every row that was sent was taken, and the
public sees just what the sinks took.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bandviz.check.compare import (
    Difference,
    VisibleRow,
    read_id,
    unequal_row_count,
    wrong_row_count,
)
from bandviz.check.declared import Declared
from bandviz.check.effective import Effective
from bandviz.check.folds import FOLDS
from bandviz.check.history import History
from bandviz.check.oracle import Reference
from bandviz.check.upserts import last_by_key, upserts
from bandviz.check.verdict import EXACT, UNDETERMINED
from bandviz.events.values import pack, unpack

UNRECORDED = "single records were not recorded: nobody knows what the state holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that there is. `reference` is None if the input does not determine one.

    `faults`: subtasks of a vertex that did not do what their input gives, how often. `late_count`:
    records that came late, in whatever attempt. `snapshots`: transfers that those of a network miss
    or hold twice. `final`: the run has finished and all was heard.
    """

    job: Declared
    reference: Reference | None
    history: History
    effective: Effective
    faults: Mapping[str, int]
    visible: Mapping[str, list[VisibleRow]]
    snapshots: Difference
    late_count: int
    records_seen: bool
    final: bool

    def replay_gap(self, uid: str) -> str:
        """Why the effective history cannot tell what entered a vertex; empty if it can."""
        if not self.records_seen:
            return UNRECORDED
        if not self.final:
            return "the effective history is not at its end"
        return self.effective.gap_of(uid)


@dataclass(slots=True)
class Finding:
    """What one side, state or output, comes to. `gaps` say what could not be seen.

    `late_count`: late records that the reference, which knows none, may take for lost.
    """

    difference: Difference = field(default_factory=Difference)
    gaps: list[str] = field(default_factory=list)
    wrong: int = 0
    word: str = UNDETERMINED
    late_count: int = 0

    @property
    def lost(self) -> int:
        """Source records that are missing."""
        return self.difference.lost_count

    @property
    def duplicated(self) -> int:
        """Source records that are there more than once."""
        return self.difference.duplicated_count

    def accusation(self, where: str) -> list[str]:
        """In sentences."""
        said = []
        if self.lost:
            said.append(f"{_records(self.lost)} missing from {where}")
        if self.duplicated:
            said.append(f"{_records(self.duplicated)} more than once in {where}")
        if self.wrong:
            places = f"{self.wrong} place{'s' * (self.wrong > 1)}"
            said.append(f"{where} differs from the reference in {places}")
        return said

    def compare(
        self,
        reference: Reference,
        expected: list[VisibleRow],
        rows: list[VisibleRow],
        evidence: Evidence,
    ) -> None:
        """Rows by their ids."""
        wanted, seen = ([one for one, _ in each if one is not None] for each in (expected, rows))
        self.difference.add(reference, wanted, seen, final=evidence.final)

    def close(self, evidence: Evidence) -> Finding:
        """Put it into a word."""
        self.wrong = max(self.wrong, self.difference.foreign)
        self._excuse()
        self.word = self.difference.word(wrong=self.wrong > 0)
        if self.word == EXACT and (self.gaps or not evidence.final):
            self.word = UNDETERMINED
        return self

    def _excuse(self) -> None:
        """A late record was left out by rule, not lost: no proof from what is missing."""
        if 0 < self.lost <= self.late_count:
            self.gaps.append(f"{self.late_count} records came late: nobody knows if any was lost")
            self.difference.lost, self.difference.lost_unnamed = {}, 0
            self.wrong = self.difference.foreign


def judge_state(evidence: Evidence) -> Finding:
    """Which records are in the state of each stateful vertex, and whether the values are right."""
    finding, replayed = Finding(), []
    for uid, vertex in evidence.job.vertices.items():
        if vertex.kind not in FOLDS or not FOLDS[vertex.kind].held:
            continue
        reference, gap = evidence.reference, evidence.replay_gap(uid)
        known = reference is not None and uid in reference.applied and not reference.loose_ids[uid]
        if reference is not None and known and (gap or not evidence.late_count):
            _state_by_reference(uid, evidence, reference, finding)
        elif gap:
            finding.gaps.append(f"the state of {uid} depends on the interleaving: {gap}")
        else:
            finding.wrong += evidence.faults.get(uid, 0)
            replayed.append(uid)
    finding.difference.include(evidence.effective.difference(replayed))
    return finding.close(evidence)


def _state_by_reference(
    uid: str, evidence: Evidence, reference: Reference, finding: Finding
) -> None:
    finding.late_count = evidence.late_count
    parts = evidence.history.of_vertex(uid)
    if not evidence.records_seen or any(b"" in part.ids for part in parts):
        finding.gaps.append(UNRECORDED)
        return
    if not all(part.known for part in parts):
        finding.gaps.append(f"a snapshot that {uid} was restored from is not in the recording")
        return
    try:
        seen = [read_id(unpack(packed)) for part in parts for packed in part.ids]
    except ValueError as error:
        finding.gaps.append(f"a record in {uid} has no readable id: {error}")
        return
    finding.difference.add(reference, reference.applied[uid], seen, final=evidence.final)
    if evidence.final and not reference.loose_rows[uid]:
        values = [(key, value) for part in parts for (key, _), value in part.held()]
        finding.wrong += sorted(values) != reference.state[uid]


def judge_output(evidence: Evidence) -> Finding:
    """Which records and rows the public sees; of a network, transfers in its snapshots."""
    finding, replayed = Finding(), []
    for uid in evidence.job.of_kind("sink"):
        rows = evidence.visible.get(uid, [])
        if upserts(evidence.job.vertices[uid]):
            if _table_of(uid, rows, evidence, finding):
                replayed.append(uid)
        elif any(lineage is None for lineage, _ in rows):
            _without_ids(uid, rows, evidence, finding)
        elif _output_of(uid, rows, evidence, finding):
            replayed.append(uid)
    finding.difference.include(evidence.effective.difference(replayed))
    finding.difference.include(evidence.snapshots)
    return finding.close(evidence)


def _table_of(uid: str, rows: list[VisibleRow], evidence: Evidence, finding: Finding) -> bool:
    """The last row of each key, against the last one that the sink took by the effective history.

    Rows of a key come on one channel, or their order is not known. True if it could be compared, so
    that what led there must be right as well.
    """
    vertex = evidence.job.vertices[uid]
    gap = evidence.replay_gap(uid)
    if not gap and any(lineage is None for lineage, _ in rows):
        gap = "they carry no ids"
    lanes = (
        [last_by_key(vertex, lane) for lane in evidence.effective.lanes_of(uid)] if not gap else []
    )
    wanted = [row for lane in lanes for row in lane]
    if len(last_by_key(vertex, wanted)) < len(wanted):
        gap = "rows of one key come on several channels"
    if gap:
        finding.gaps.append(f"the table of {uid} was not compared: {gap}")
        return False
    seen = last_by_key(vertex, rows)
    finding.wrong += wrong_row_count(wanted, seen)
    finding.compare(Reference(members=evidence.effective.members), wanted, seen, evidence)
    return True


def _without_ids(uid: str, rows: list[VisibleRow], evidence: Evidence, finding: Finding) -> None:
    finding.gaps.append(f"the rows of {uid} carry no ids: nobody knows where they come from")
    reference = evidence.reference
    if reference is not None and evidence.job.confluent and not evidence.late_count:
        expected = _expected(reference, uid)
        finding.wrong += unequal_row_count(expected, rows, final=evidence.final)


def _output_of(uid: str, rows: list[VisibleRow], evidence: Evidence, finding: Finding) -> bool:
    """Judge one sink; True if by the effective history, so that what led there must be as well.

    Late records change what the reference expects; it is asked all the same if nobody else can be.
    """
    reference, confluent = evidence.reference, evidence.job.confluent
    gap = evidence.replay_gap(uid)
    claimed = reference is not None and confluent
    known = reference is not None and not reference.loose_ids[uid]
    asked = bool(gap) or (confluent and not evidence.late_count)
    taken = evidence.effective.input_of(uid) if not gap else []
    if reference is not None and claimed and asked:
        finding.wrong += wrong_row_count(_expected(reference, uid), rows)
    elif not gap:
        finding.wrong += wrong_row_count(taken, rows)
    if gap and not (known and confluent):
        finding.gaps.append(
            f"the rows of {uid} depend on the interleaving and were not compared: {gap}"
        )
    if reference is not None and known and asked:
        finding.late_count = evidence.late_count
        finding.compare(reference, _expected(reference, uid), rows, evidence)
    elif not gap:
        finding.compare(Reference(members=evidence.effective.members), taken, rows, evidence)
        return True
    return False


def _expected(reference: Reference, uid: str) -> list[VisibleRow]:
    return [(item.id, pack(item.row)) for item in reference.visible[uid]]


def _records(count: int) -> str:
    return f"{count} source records are" if count > 1 else "1 source record is"
