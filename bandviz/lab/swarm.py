"""The swarm: graph, settings, order of moves and faults, all out of one seed.

A failing case shrinks to a smaller one, and the command that repeats it is told. Half of those
whose moves may change places are ordered by PCT.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple

from bandviz.check import Judge
from bandviz.check.sometimes import met_in
from bandviz.engine.choices import Choice, mix
from bandviz.engine.faults import CORRUPT_CHECKPOINT, FAIL_STORAGE, POISON, RESCALE, Fault
from bandviz.engine.job import Job
from bandviz.errors import BandvizError
from bandviz.events import Entry
from bandviz.functions.aggregates import Count, Sum
from bandviz.functions.rows import AtLeast, KeyBy
from bandviz.graph.execution import unroll
from bandviz.graph.settings import CheckpointingMode, FixedDelay, RunSettings, StateBackend
from bandviz.graph.sinks import with_writers
from bandviz.graph.specs import (
    AggregateSpec,
    Emit,
    FilterSpec,
    JobEdge,
    JobGraph,
    JobVertex,
    NamedAggregate,
    PartitionData,
    Partitioner,
    SessionWindows,
    SinkContract,
    SinkSpec,
    SourceSpec,
    TopicData,
    TumblingWindows,
    WindowSpec,
)
from bandviz.lab.campaign import Tally, Violation
from bandviz.lab.policies import EARLIEST, Pct, Policy, RandomWalk
from bandviz.lab.sweep import collecting_later
from bandviz.world import memory_world

CONTRACTS: Final = ("append", "file", "two_phase", "two_phase", "transactional", "transactional")
MODES: Final = ("aligned", "unaligned", "timeout", "at_least_once")
STOPS: Final = ("stop_with_savepoint", "drain_and_stop")
LEFT_OUT: Final = (CORRUPT_CHECKPOINT, FAIL_STORAGE, POISON, *STOPS)
"""What may cost more than the mode promises, or ends the job before its input is read."""
RESCALES: Final = 10
STEPS_MAX: Final = 4_000
CHUNK: Final = 25
"""Seeds that one worker tries at a time."""
HORIZON: Final = 250
"""Steps among which PCT looks for its change points."""
FIELDS: Final = ("key", "x")
KEY: Final = KeyBy(fields=("key",))


@dataclass(frozen=True)
class Case:
    """Plain numbers, so that it can be written down; `faults` are (step, which kind of the
    possible, or, from RESCALES on, which of the rescalings).
    """

    seed: int
    mode: str
    sources: int
    rows: int
    stage: str
    stage_parallelism: int
    filtered: bool
    forward: bool
    contract: str
    buffer_records: int
    capacity: int
    credit: int
    latency_us: int
    cost_us: int
    interval_us: int
    reorder_us: int
    faults: tuple[tuple[int, int], ...]
    changelog: bool = False
    chaining: bool = False


def draw(seed: int) -> Case:
    """The case of a seed."""
    rng = random.Random(seed)
    return Case(
        seed=seed,
        mode=MODES[seed % len(MODES)],
        sources=rng.randint(1, 3),
        rows=rng.randint(0, 14),
        stage=rng.choice(["increment", "running", "window"]),
        stage_parallelism=rng.randint(1, 3),
        filtered=rng.random() < 0.4,
        forward=rng.random() < 0.3,
        contract=rng.choice(CONTRACTS),
        buffer_records=rng.choice([1, 1, 2, 5]),
        capacity=rng.randint(1, 5),
        credit=rng.randint(0, 3),
        latency_us=rng.choice([0, 10, 300]),
        cost_us=rng.choice([0, 50, 200]),
        interval_us=rng.choice([300, 700, 2_000]),
        reorder_us=rng.choice([0, 0, 100, 1_000]),
        faults=tuple(
            sorted((rng.randint(1, 160), rng.randint(0, 19)) for _ in range(rng.randint(0, 4)))
        ),
        changelog=rng.random() < 0.5,
        chaining=rng.random() < 0.5,
    )


def graph_of(case: Case) -> tuple[JobGraph, tuple[TopicData, ...]]:
    """Sources, maybe a filter for all or for each, a keyed stage, a sink; and the logs."""
    rng = random.Random(case.seed + 1)
    topics = tuple(
        TopicData(
            name=f"t{n}",
            fields=FIELDS,
            partitions=tuple(_partition(rng, case, p) for p in range(rng.randint(1, 2))),
        )
        for n in range(case.sources)
    )
    sources = tuple(
        JobVertex(
            uid=f"s{n}",
            spec=SourceSpec(topic=f"t{n}", interval_us=60 + 35 * n, watermark_lag_ms=3),
            fields=FIELDS,
        )
        for n in range(case.sources)
    )
    vertices, edges = [*sources], []
    heads = [one.uid for one in sources]
    if case.filtered and case.forward:
        vertices += [_filter(case, f"some{n}", 1) for n in range(case.sources)]
        edges += [
            _edge(case, f"s{n}", f"some{n}", Partitioner.FORWARD) for n in range(case.sources)
        ]
        heads = [f"some{n}" for n in range(case.sources)]
    elif case.filtered:
        vertices.append(_filter(case, "some", case.stage_parallelism))
        edges += [_edge(case, head, "some", Partitioner.REBALANCE) for head in heads]
        heads = ["some"]
    stage = _stage(case)
    vertices.append(stage)
    edges += [_edge(case, head, "stage", Partitioner.HASH) for head in heads]
    same = case.forward
    vertices.append(
        JobVertex(
            uid="out",
            spec=SinkSpec(topic="out", contract=SinkContract(case.contract)),
            parallelism=case.stage_parallelism if same else 1,
            fields=stage.fields,
        )
    )
    how = Partitioner.FORWARD if same else Partitioner.REBALANCE
    edges.append(_edge(case, "stage", "out", how))
    return with_writers(JobGraph(vertices=tuple(vertices), edges=tuple(edges))), topics


def _filter(case: Case, uid: str, parallelism: int) -> JobVertex:
    return JobVertex(
        uid=uid,
        spec=FilterSpec(function=AtLeast(field="x", value=2)),
        parallelism=parallelism,
        cost_us=case.cost_us,
        fields=FIELDS,
    )


def _partition(rng: random.Random, case: Case, number: int) -> PartitionData:
    rows = tuple((rng.choice("abc"), rng.randint(0, 5)) for _ in range(case.rows))
    times = tuple(2 * n + rng.randint(0, 3) for n in range(case.rows))
    return PartitionData(label=f"p{number}", rows=rows, times_ms=times)


def _edge(case: Case, upstream: str, downstream: str, how: Partitioner) -> JobEdge:
    return JobEdge(
        upstream=upstream,
        downstream=downstream,
        partitioner=how,
        key=KEY if how is Partitioner.HASH else None,
        latency_us=case.latency_us,
        capacity=case.capacity,
        credit=case.credit,
    )


def _stage(case: Case) -> JobVertex:
    sums = (
        NamedAggregate(function=Count(), name="n"),
        NamedAggregate(function=Sum(field="x"), name="sum"),
    )
    spec: AggregateSpec | WindowSpec
    if case.stage == "window":
        spec = WindowSpec(key=KEY, assigner=TumblingWindows(size_ms=6), aggregates=sums)
        fields: tuple[str, ...] = ("key", "window_start_ms", "n", "sum")
    elif case.stage == "session":
        spec = WindowSpec(key=KEY, assigner=SessionWindows(gap_ms=2), aggregates=sums)
        fields = ("key", "window_start_ms", "window_end_ms", "n", "sum")
    elif case.stage == "running":
        spec, fields = AggregateSpec(key=KEY, aggregates=sums), ("key", "n", "sum")
    else:
        spec = AggregateSpec(key=KEY, aggregates=sums, emit=Emit.INCREMENT)
        fields = ("key", "increment")
    return JobVertex(
        uid="stage",
        spec=spec,
        parallelism=case.stage_parallelism,
        cost_us=case.cost_us,
        fields=fields,
    )


def settings_of(case: Case) -> RunSettings:
    """How it runs."""
    at_least_once = case.mode == "at_least_once"
    return RunSettings(
        name="random",
        seed=case.seed,
        mode=CheckpointingMode.AT_LEAST_ONCE if at_least_once else CheckpointingMode.EXACTLY_ONCE,
        unaligned=case.mode in ("unaligned", "timeout"),
        aligned_timeout_us=150 if case.mode == "timeout" else 0,
        tolerable_failed_checkpoints=1_000,
        checkpoint_interval_us=case.interval_us,
        restart=FixedDelay(attempts=10, delay_us=200),
        buffer_records=case.buffer_records,
        reorder_us=case.reorder_us,
        rpc_us=7,
        sync_us=5,
        upload_us=90,
        jitter_permille=200,
        state_backend=StateBackend.CHANGELOG if case.changelog else StateBackend.HEAP,
        materialize_every=3,
        chaining=case.chaining,
    )


def complaints(case: Case, hear: Callable[[Entry], None] | None = None) -> list[str]:
    """What is wrong with the run of this case; empty if nothing is."""
    try:
        return judged_run(case, hear)
    except Exception as error:  # whatever it is, it can be shrunk
        return [f"{type(error).__name__}: {error}"]


def judged_run(case: Case, hear: Callable[[Entry], None] | None = None) -> list[str]:
    """Run it before the judge, and before whoever else wants to hear; what the judge found."""
    graph, topics = graph_of(case)
    job = Job(
        unroll(graph, chaining=case.chaining), settings_of(case), topics, memory_world(topics)
    )
    judge, faults, policy = Judge(), dict(case.faults), policy_for(case)
    entries, step = job.start(), 0
    while True:
        for entry in entries:
            judge.observe(entry)
            if hear is not None:
                hear(entry)
        if job.run is not None:
            break
        step += 1
        choice = pick_move(job, step, faults, policy)
        if choice is None or step > STEPS_MAX:
            return [f"no end after {step} steps: {_stalls(job)}"]
        entries = job.step(choice)
    return _judged(case, judge)


def _fault(job: Job, which: int) -> Choice | None:
    if which >= RESCALES:
        possible = [one for one in _rescalings(job.graph.job) if job.allows(one)]
    else:
        faults = [one for one in job.faults() if one.name not in LEFT_OUT]
        kinds = list(dict.fromkeys(one.name for one in faults))
        possible = [one for one in faults if one.name == kinds[which % len(kinds)]]
        which = mix(job.settings.seed, job.emitter.step, which)
    return possible[which % len(possible)].choice if possible else None


def _rescalings(graph: JobGraph) -> Iterator[Fault]:
    """All that is joined by forward edges at once, and each vertex by itself."""
    joined = {
        uid: None
        for edge in graph.edges
        if edge.partitioner is Partitioner.FORWARD
        for uid in (edge.upstream, edge.downstream)
    }
    groups = [tuple(joined), *((vertex.uid,) for vertex in graph.vertices)]
    for group in groups if joined else groups[1:]:
        for parallelism in (1, 2, 3):
            yield Fault(RESCALE, ",".join(f"{uid}={parallelism}" for uid in group))


def policy_for(case: Case) -> Policy:
    """Who orders its moves."""
    if not case.reorder_us:
        return EARLIEST
    depth, by_rank = 1 + case.seed % 3, case.seed // len(MODES) % 2
    return Pct(case.seed, depth, HORIZON) if by_rank else RandomWalk(case.seed)


def pick_move(job: Job, step: int, faults: Mapping[int, int], policy: Policy) -> Choice | None:
    """The fault of this step if it is possible, else a move; None if there is none."""
    choice = _fault(job, faults[step]) if step in faults else None
    return choice or policy.pick(job)


def _stalls(job: Job) -> str:
    return ", ".join(
        f"{name}: {one.why_stalled(one.moves()).value}" for name, one in job.subtasks.items()
    )


def _judged(case: Case, judge: Judge) -> list[str]:
    verdict = judge.verdict()
    found = [f"{one.rule}: {one.sentence}" for one in verdict.violations]
    if verdict.lost:
        found.append(f"{verdict.lost} lost")
    exactly_once = case.mode != "at_least_once"
    if exactly_once and verdict.state != "exact":
        found.append(f"the state is {verdict.state}: {verdict.reasons}")
    if exactly_once and case.contract != "append" and verdict.holds is not True:
        found.append(f"the verdict is {verdict.holds}, output {verdict.output}: {verdict.reasons}")
    return found


def shrink(case: Case) -> Case:
    """The smallest case nearby that is still wrong."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _simpler(case):
            if complaints(candidate):
                case, smaller = candidate, True
                break
    return case


def _simpler(case: Case) -> Iterator[Case]:
    for place in range(len(case.faults)):
        yield replace(case, faults=case.faults[:place] + case.faults[place + 1 :])
    for name, least in (
        ("sources", 1), ("rows", 1), ("stage_parallelism", 1), ("buffer_records", 1),
        ("latency_us", 0), ("cost_us", 0), ("reorder_us", 0), ("credit", 0),
    ):  # fmt: skip
        value = getattr(case, name)
        if value > least:
            for smaller in (least, (value + least) // 2):
                yield replace(case, **{name: smaller})  # type: ignore[arg-type]  # all are numbers
    for name in ("filtered", "forward", "chaining"):
        if getattr(case, name):
            yield replace(case, **{name: False})  # type: ignore[arg-type]  # all are flags
    for place, (step, which) in enumerate(case.faults):
        if step > 1:
            earlier = (*case.faults[:place], (step - 1, which), *case.faults[place + 1 :])
            yield replace(case, faults=earlier)


def report(case: Case) -> str:
    """What a person needs: the smallest case, what is wrong with it, and how to see it again."""
    small = shrink(case)
    command = f"bandviz verify --case '{json.dumps(asdict(small))}'"
    return "\n".join([*complaints(small), command])


def read_case(text: str) -> Case:
    """A case as `report` has written it. Raises BandvizError."""
    try:
        plain: dict[str, Any] = json.loads(text)
        faults = tuple((int(step), int(which)) for step, which in plain.pop("faults"))
        return Case(faults=faults, **plain)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BandvizError(f"--case: {error}", "as verify --swarm has printed it") from None


class Seeds(NamedTuple):
    """Some of the swarm: `first` up to but not `last`."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """Unique within a campaign."""
        return f"seeds {self.first}-{self.last}"


def seeds_of(first: int, count: int) -> list[Seeds]:
    """In pieces for workers."""
    last = first + count
    return [Seeds(start, min(start + CHUNK, last)) for start in range(first, last, CHUNK)]


def try_out(seeds: Seeds) -> Tally:
    """Run and judge them; what a worker does."""
    tally = Tally()
    with collecting_later():
        for case in map(draw, range(seeds.first, seeds.last)):
            heard: list[Entry] = []
            found = complaints(case, heard.append)
            tally.runs += 1
            tally.sometimes.update(met_in(heard))
            if found:
                tally.violations.append(Violation("swarm", case.mode, case.seed, (), found[0]))
    return tally
