"""What each guarantee costs on the same input: four ways to run one job, each figure from runs.

Latency, blocked time, bytes and broker operations are those of the run that nothing disturbs; what
a crash does is taken from crash runs spread over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final, NamedTuple

from bandviz.errors import BandvizError
from bandviz.events import Entry
from bandviz.events.checkpoint import ChannelBlocked, ChannelUnblocked, UploadCompleted
from bandviz.events.flow import RecordRead
from bandviz.events.job import JobStatus, JobStatusChanged, RunStatus
from bandviz.events.records import lineage_of
from bandviz.events.sink import (
    ProducerFenced,
    RowsUpserted,
    RowsVisible,
    RowsWritten,
    TransactionAborted,
    TransactionCommitted,
    TransactionOpened,
    TransactionPreCommitted,
)
from bandviz.events.values import unpack
from bandviz.graph.specs import SinkSpec
from bandviz.ids import RecordId
from bandviz.lab.modes import ALIGNED, AT_LEAST_ONCE, UNALIGNED, changes_for
from bandviz.lab.pool import each
from bandviz.lab.sweep import Stretch, collecting_later, crash_runs, undisturbed
from bandviz.lab.trial import Trial
from bandviz.scenario.build import build
from bandviz.scenario.catalog import resolve
from bandviz.scenario.load import Scenario, load
from bandviz.scenario.operators import Sink
from bandviz.scenario.plan import Plan
from bandviz.scenario.varied import job_of, varied
from bandviz.text import SafeText, door

APPEND: Final = "at-least-once + append"
UPSERT: Final = "at-least-once + upsert"
EXACT_ALIGNED: Final = "exactly-once, aligned"
EXACT_UNALIGNED: Final = "exactly-once, unaligned"
MOMENTS: Final = 30
"""Steps at which every task is killed, spread over the run."""
LINES: Final = 600
COLUMN: Final = 16
_OPERATIONS: Final = (
    ProducerFenced,
    RowsUpserted,
    RowsWritten,
    TransactionOpened,
    TransactionPreCommitted,
    TransactionCommitted,
    TransactionAborted,
)


class Way(NamedTuple):
    """One way to run the job."""

    name: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Bill:
    """What one way costs. Times in ms; `worst_...` over the crash runs.

    `blocked_ms` adds up over channels. Latency is from the reading of a record to the first row
    that shows it. `bytes_persisted`: state and data in flight, all checkpoints. `recovery_ms`: from
    the failure until the job runs again; `read_again` records.
    """

    name: str
    blocked_ms: float
    latency_ms: float
    latency_p99_ms: float
    bytes_persisted: int
    broker_operations: int
    crash_runs: int
    worst_duplicates: int
    worst_lost: int
    wrong_runs: int
    recovery_ms: float
    read_again: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def ways_of(scenario: str, variant: str = "") -> list[Way]:
    """The four ways. Raises BandvizError if the job has no sink, or cannot run so."""
    source = load(resolve(scenario))
    sinks = [one for one in job_of(source).pipeline if isinstance(one, Sink)]
    if not sinks:
        raise BandvizError(f"{scenario} has no sink: there is nothing to promise")
    keys = _keys(source, variant)

    def every(contract: str) -> dict[str, Any]:
        return {f"{sink.uid}.contract": contract for sink in sinks}

    keyless = {f"{sink.uid}.key": None for sink in sinks if sink.key is not None}
    weak = [sink.uid for sink in sinks if sink.contract in ("append", "upsert")]
    once = {**keyless, **{f"{uid}.contract": "two_phase" for uid in weak}}
    append, upsert = {**keyless, **every("append")}, every("upsert")
    upsert.update((f"{uid}.key", key) for uid, key in keys.items())
    return [
        _way(source, variant, APPEND, AT_LEAST_ONCE, append),
        _way(source, variant, UPSERT, AT_LEAST_ONCE, upsert),
        _way(source, variant, EXACT_ALIGNED, ALIGNED, once),
        _way(source, variant, EXACT_UNALIGNED, UNALIGNED, once),
    ]


def _way(source: Scenario, variant: str, name: str, mode: str, sinks: dict[str, Any]) -> Way:
    return Way(name, build(varied(source, {**changes_for(source, mode), **sinks}, variant)))


def _keys(source: Scenario, variant: str) -> dict[str, tuple[str, ...]]:
    """What tells the rows of a sink apart: its own key, else that of the operator before it and the
    start of the window, else all columns.
    """
    plan = build(varied(source, {}, variant))
    vertices = {vertex.uid: vertex for vertex in plan.graph.vertices}
    keys = {}
    for edge in plan.graph.edges:
        sink, before = vertices[edge.downstream], vertices[edge.upstream]
        if not isinstance(sink.spec, SinkSpec):
            continue
        if sink.spec.upsert_key:
            keys[sink.uid] = sink.spec.upsert_key
            continue
        key = getattr(before.spec, "key", None)
        columns = (*(key.fields if key is not None else ()), "window_start_ms")
        keys[sink.uid] = tuple(one for one in columns if one in sink.fields) or sink.fields
    return keys


def bills(ways: Sequence[Way], workers: int) -> Iterator[Bill]:
    """One for each way, in order."""
    return each(bill, ways, workers)


def bill(way: Way) -> Bill:
    """Run it once in peace, and break it at some moments; what a worker does."""
    with collecting_later():
        calm = undisturbed(way.plan)
        if calm.ended is not RunStatus.FINISHED:
            raise BandvizError(f"{way.name}: the run does not come to its end even in peace")
        waits = sorted(_latencies(calm)) or [0.0]
        every = max(1, calm.step // MOMENTS)
        part = Stretch(way.plan, calm.policy, 1, calm.step, every)
        crashes = [_crash(run.trial) for run in crash_runs(part)]
    return Bill(
        name=way.name,
        blocked_ms=_blocked_us(calm.heard) / 1_000,
        latency_ms=median(waits),
        latency_p99_ms=waits[min(len(waits) - 1, len(waits) * 99 // 100)],
        bytes_persisted=sum(map(_uploaded, calm.heard)),
        broker_operations=sum(map(_is_operation, calm.heard)),
        crash_runs=len(crashes),
        worst_duplicates=max(one.duplicated for one in crashes),
        worst_lost=max(one.lost for one in crashes),
        wrong_runs=sum(one.wrong for one in crashes),
        recovery_ms=median(one.recovery_ms for one in crashes),
        read_again=median(one.read_again for one in crashes),
    )


class _Crash(NamedTuple):
    duplicated: int
    lost: int
    wrong: bool
    recovery_ms: float
    read_again: int


def _crash(trial: Trial) -> _Crash:
    judge = trial.judged()
    found, verdict, counts = judge.found(), judge.verdict(), judge.counts()
    down = up = 0
    for entry in trial.heard:
        if isinstance(entry.event, JobStatusChanged):
            if entry.event.status is JobStatus.RESTARTING:
                down = down or entry.time_us
            elif entry.event.status is JobStatus.RUNNING and down:
                up = entry.time_us
    return _Crash(
        max(verdict.duplicated, len(found.duplicated)),
        max(verdict.lost, len(found.lost)),
        verdict.holds is not True,
        max(0, up - down) / 1_000,
        counts.reads - counts.records_total,
    )


def _uploaded(entry: Entry) -> int:
    return entry.event.uploaded_bytes if isinstance(entry.event, UploadCompleted) else 0


def _is_operation(entry: Entry) -> bool:
    """Something that the broker was asked to do. Rows that no transaction holds are shown as they
    are written.
    """
    if isinstance(entry.event, RowsVisible):
        return not entry.event.transaction_id
    return isinstance(entry.event, _OPERATIONS)


def _blocked_us(heard: Sequence[Entry]) -> int:
    since: dict[int, int] = {}
    total = 0
    for entry in heard:
        if isinstance(entry.event, ChannelBlocked):
            since[entry.event.channel] = entry.time_us
        elif isinstance(entry.event, ChannelUnblocked):
            total += entry.time_us - since.pop(entry.event.channel, entry.time_us)
    return total


def _latencies(trial: Trial) -> Iterator[float]:
    """Of every source record that a row names, in ms."""
    read: dict[RecordId, int] = {}
    shown: dict[RecordId, None] = {}
    judge = trial.judged()
    for entry in trial.heard:
        match entry.event:
            case RecordRead(subtask=subtask, partition=partition, offset=offset):
                read.setdefault(RecordId(subtask.vertex, partition, offset), entry.time_us)
            case RowsVisible(lineage=packed) | RowsUpserted(lineage=packed):
                for one in unpack(packed):
                    for source in judge.sources_of(lineage_of(one)):
                        if source not in shown and source in read:
                            shown[source] = None
                            yield (entry.time_us - read[source]) / 1_000


def advice(found: Sequence[Bill]) -> SafeText:
    """One sentence, with what it takes for granted."""
    by_name = {one.name: one for one in found}
    append, upsert = by_name[APPEND], by_name[UPSERT]
    aligned, unaligned = by_name[EXACT_ALIGNED], by_name[EXACT_UNALIGNED]
    exact = unaligned if unaligned.latency_ms < 0.9 * aligned.latency_ms else aligned
    runs = sum(one.crash_runs for one in found)
    costs = f"{_ms(exact.latency_ms)} from reading to visible instead of {_ms(append.latency_ms)}"
    given = f"Assumed: this input, these costs, one crash a run, {runs} crash runs"
    if not append.wrong_runs and not append.worst_duplicates:
        return door(f"Take {APPEND}: no crash here made it wrong. {given}.", LINES)
    if not upsert.wrong_runs:
        return door(
            f"Take {UPSERT} if readers want only the newest row of a key: it was right after "
            f"every crash, and {exact.name} costs {costs}. {given}, and rows may be overwritten.",
            LINES,
        )
    return door(
        f"Take {exact.name}: it was right after every crash and costs {costs}; {UPSERT} was wrong "
        f"after {upsert.wrong_runs} of {upsert.crash_runs} crashes, for a sum that took a record "
        f"twice is not put right by writing it again. {given}, readers of committed rows.",
        LINES,
    )


def _ms(time_ms: float) -> str:
    return f"{time_ms / 1_000:.1f} s" if time_ms >= 1_000 else f"{time_ms:.0f} ms"


ROWS: Final[tuple[tuple[str, Callable[[Bill], str]], ...]] = (
    ("channels blocked", lambda one: _ms(one.blocked_ms)),
    ("read to visible, median", lambda one: _ms(one.latency_ms)),
    ("read to visible, p99", lambda one: _ms(one.latency_p99_ms)),
    ("bytes persisted", lambda one: f"{one.bytes_persisted:,}"),
    ("broker operations", lambda one: f"{one.broker_operations:,}"),
    ("duplicates, worst crash", lambda one: str(one.worst_duplicates)),
    ("losses, worst crash", lambda one: str(one.worst_lost)),
    ("crashes that end wrong", lambda one: f"{one.wrong_runs} of {one.crash_runs}"),
    ("down after a crash", lambda one: _ms(one.recovery_ms)),
    ("records read again", lambda one: f"{one.read_again:g}"),
)
"""Lines of the table: what, and how a bill says it."""


def table(found: Sequence[Bill]) -> list[SafeText]:
    """A column for each way."""
    width = max(len(label) for label, _ in ROWS) + 1
    heads = [one.name.replace(" +", ",+").split(",") for one in found]
    rows = [("", [head[0] for head in heads]), ("", [head[1].strip() for head in heads])]
    rows += [(label, [say(one) for one in found]) for label, say in ROWS]
    return [
        door((label.ljust(width) + "".join(f"{cell:>{COLUMN}}" for cell in cells)).rstrip(), LINES)
        for label, cells in rows
    ]
