"""From a scenario and the name of a variant to a plan.

Everything that can be wrong is found here, and all at once: a run does not fail over its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from bandviz.graph.execution import unroll
from bandviz.graph.network import Traffic
from bandviz.graph.settings import CheckpointingMode, RunSettings, StateBackend
from bandviz.graph.slots import task_managers
from bandviz.graph.specs import JobGraph, TopicData
from bandviz.scenario import recorded
from bandviz.scenario.catalog import resolve
from bandviz.scenario.columns import of_rows
from bandviz.scenario.data import topic_data
from bandviz.scenario.findings import Problems, RefusedScenario, nearest, plain_finding
from bandviz.scenario.load import Scenario, load, parse
from bandviz.scenario.network import network, network_settings
from bandviz.scenario.operators import Source
from bandviz.scenario.pipeline import compile_pipeline
from bandviz.scenario.plan import Beat, Plan, Question, ScriptedFault, StoryWords, VariantInfo
from bandviz.scenario.reader import Node, locate
from bandviz.scenario.restart import restart_strategy
from bandviz.scenario.schema import BASE, Check, Document, Fault, NetworkDocument, Run, Story
from bandviz.scenario.script import Script
from bandviz.scenario.sinks import check_sinks
from bandviz.scenario.validation import validate
from bandviz.scenario.variants import UnknownPath, with_variant
from bandviz.scenario.wiring import Wiring
from bandviz.text import LINE, NAME, door

__all__ = [
    "Beat", "Plan", "Question", "ScriptedFault", "VariantInfo",
    "build", "load_plan", "plan_of_text", "variants_of",
]  # fmt: skip


def load_plan(
    name_or_path: str, *, variant: str = "", seed: int | None = None, max_steps: int | None = None
) -> Plan:
    """A shipped scenario or a file, with what the command line says instead of it."""
    return _instead(build(load(resolve(name_or_path)), variant), seed, max_steps)


def plan_of_text(
    text: str,
    *,
    variant: str = "",
    seed: int | None = None,
    topics: Sequence[TopicData] | None = None,
) -> Plan:
    """The plan behind a recording: its scenario's text, and its input (`recorded.topics_of`)."""
    scenario = parse(text, name="the recorded scenario")
    return _instead(build(scenario, variant, topics=topics), seed, None)


def variants_of(name_or_path: str) -> tuple[str, ...]:
    """Names of a scenario's variants, in the order of the file."""
    return load(resolve(name_or_path)).variants


def _instead(plan: Plan, seed: int | None, max_steps: int | None) -> Plan:
    settings = plan.settings
    if seed is not None:
        settings = replace(settings, seed=seed)
    if max_steps is not None:
        settings = replace(settings, max_steps=max_steps)
    return replace(plan, settings=settings)


def build(
    scenario: Scenario, variant: str = "", *, topics: Sequence[TopicData] | None = None
) -> Plan:
    """Raises ScenarioError. `topics`: the input as a recording holds it, instead of files."""
    document = scenario.document
    problems = Problems(scenario.source, partial(locate, scenario.root))
    variants = _variants(scenario, problems)
    if variant:
        if problems.count:
            raise problems.refusal()
        root = _with_variant(scenario, variant)
        document = validate(root, scenario.source)
        problems = Problems(scenario.source, partial(locate, root))
    machine = _machine(document, variant, scenario, topics, problems)
    script = Script(machine.graph, machine.topics, machine.task_managers, problems)
    faults = script.faults(machine.faults)
    beats = script.beats(document.beats, len(document.parts), scenario.variants, variant)
    ids = [beat.id for beat in document.beats]
    plan = Plan(
        text=scenario.source.text,
        digest=scenario.digest,
        summary=door(document.summary, LINE),
        teaches=tuple(door(item) for item in document.teaches),
        parts=tuple(door(item) for item in document.parts),
        words=_words(document),
        settings=machine.settings,
        graph=machine.graph,
        topics=machine.topics,
        faults=faults,
        beats=beats,
        questions=script.questions(document.questions, ids, beats),
        checks=_checks(document, variant, script),
        variants=variants,
        traffic=machine.traffic,
    )
    if problems.count:
        raise problems.refusal()
    return plan


class _Machine(NamedTuple):
    """What runs: a job with its input, or a network with its traffic."""

    graph: JobGraph
    settings: RunSettings
    topics: tuple[TopicData, ...] = ()
    task_managers: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    traffic: Traffic | None = None


def _machine(
    document: Story,
    variant: str,
    scenario: Scenario,
    topics: Sequence[TopicData] | None,
    problems: Problems,
) -> _Machine:
    if isinstance(document, NetworkDocument):
        graph, traffic = network(document, problems)
        return _Machine(graph, network_settings(document, variant), traffic=traffic)
    assert isinstance(document, Document)
    if topics is None:
        data = _topics(document, scenario, problems)
    else:
        data = tuple(recorded.with_availability(topics, document.topics))
    _check_barriers(document.run, problems)
    _check_ends(document, problems)
    graph = _graph(document, data, problems)
    settings = _settings(document, variant, graph, problems)
    managers = tuple(task_managers(unroll(graph), settings))
    return _Machine(graph, settings, data, managers, document.faults)


def _variants(scenario: Scenario, problems: Problems) -> tuple[VariantInfo, ...]:
    infos: dict[str, VariantInfo] = {}
    for index, variant in enumerate(scenario.document.variants):
        at = ("variants", index)
        if variant.name in infos or variant.name == BASE:
            problems.add((*at, "name"), f"the name '{variant.name}' is taken")
        if len(variant.changes) != 1:
            problems.add((*at, "set"), "a variant changes exactly one field", key=True)
            continue
        (field,) = variant.changes
        try:
            with_variant(scenario.root, index)
        except UnknownPath as unknown:
            problems.add((*at, "set", field), unknown.sentence, unknown.hint, key=True)
        title = door(variant.title)
        change = door(f"{field.removeprefix('pipeline.')} = {variant.changes[field]}")
        infos[variant.name] = VariantInfo(
            name=variant.name, title=title, field=door(field), change=change
        )
    return tuple(infos.values())


def _with_variant(scenario: Scenario, name: str) -> Node:
    if name in scenario.variants:
        return with_variant(scenario.root, scenario.variants.index(name))
    hint = nearest(name, scenario.variants) or "it has no variants"
    raise RefusedScenario([plain_finding(scenario.source.name, f"no variant '{name}'", hint)])


def _topics(document: Document, scenario: Scenario, problems: Problems) -> tuple[TopicData, ...]:
    """Those that could be read; names of topics and labels of partitions are unique."""
    data = []
    names: dict[str, None] = {}
    labels: dict[str, None] = {}
    for index, topic in enumerate(document.topics):
        at = ("topics", index)
        if topic.name in names:
            problems.add((*at, "name"), f"a second topic '{topic.name}'")
        names[topic.name] = None
        read = topic_data(topic, at, scenario.folder, problems)
        for partition in read.partitions if read is not None else ():
            if partition.label in labels:
                problems.add(at, f"a second partition '{partition.label}'", "labels are unique")
            labels[partition.label] = None
        if read is not None:
            data.append(read)
    return tuple(data)


def _check_ends(document: Document, problems: Problems) -> None:
    """Every source has a topic, every topic a source, every sink a topic of its own."""
    inputs = [topic.name for topic in document.topics]
    read = [operator.topic for operator in document.pipeline if isinstance(operator, Source)]
    check_sinks(document, problems)
    for index, operator in enumerate(document.pipeline):
        at = ("pipeline", index, "topic")
        if isinstance(operator, Source) and operator.topic not in inputs:
            hint = nearest(operator.topic, inputs)
            problems.add(at, f"no topic '{operator.topic}'", hint)
    if all(topic in inputs for topic in read):  # else a misspelt name would be reported twice
        for index, name in enumerate(inputs):
            if name not in read:
                problems.add(("topics", index), f"nothing reads topic '{name}'")


def _graph(document: Document, data: Sequence[TopicData], problems: Problems) -> JobGraph:
    if len(data) < len(document.topics):
        Wiring(document.pipeline, problems)  # columns are unknown, names need not be
        if not problems.count:
            problems.add(("topics",), "some topics have no input in the recording", key=True)
        raise problems.refusal()
    columns = {
        topic.name: of_rows(topic.fields, (row for part in topic.partitions for row in part.rows))
        for topic in data
    }
    timed = {
        topic.name: all(part.times_ms is not None for part in topic.partitions) for topic in data
    }
    graph = compile_pipeline(document.pipeline, columns, timed, problems)
    if graph is None:
        raise problems.refusal()
    return graph


def _words(document: Story) -> StoryWords:
    said = document.words
    return StoryWords(
        record=door(said.record, NAME),
        logs=door(said.logs, NAME),
        album=door(said.album, NAME),
        board=door(said.board, NAME),
    )


def _checks(document: Story, variant: str, script: Script) -> tuple[Check, ...]:
    """Those of the variant if it has own ones; all of the file are looked at."""
    checks = document.checks
    script.check_checks(checks, ("checks",))
    for index, other in enumerate(document.variants):
        if other.checks is not None:
            script.check_checks(other.checks, ("variants", index, "checks"))
            if other.name == variant:
                checks = other.checks
    return checks


def _slots(run: Run, needed: int, problems: Problems) -> tuple[int, int]:
    """How many TaskManagers and slots of each; what is not said follows from the parallelism."""
    managers, slots = run.task_managers, run.slots_each
    if managers is None and slots is None:
        return 0, 0
    if slots is None:
        slots = -(-needed // managers) if managers else 0
    if managers is None:
        managers = -(-needed // slots)
    if managers * slots < needed:
        sentence = f"the TaskManagers have fewer slots, {managers * slots}, than needed, {needed}"
        hint = "as many slots as the highest parallelism"
        problems.add(("run", "slots_each"), sentence, hint, key=True)
    return managers, slots


def _check_barriers(run: Run, problems: Problems) -> None:
    """Barriers that overtake go with one mode only, and with one checkpoint at a time."""
    if run.unaligned and run.mode == "at_least_once":
        sentence = "unaligned does not go with at_least_once: its barriers hold nothing back"
        problems.add(("run", "unaligned"), sentence, "`mode: exactly_once`, or not unaligned")
    if run.aligned_timeout_ms and not run.unaligned:
        sentence = "the time-out turns aligned barriers into unaligned ones"
        hint = "leave it out" if run.mode == "at_least_once" else "add `unaligned: true`"
        problems.add(("run", "aligned_timeout_ms"), sentence, hint)
    if run.unaligned and run.max_concurrent_checkpoints > 1:
        sentence = "with unaligned barriers only one checkpoint can be in progress"
        hint = "leave it out, or not unaligned"
        problems.add(("run", "max_concurrent_checkpoints"), sentence, hint)


def _settings(document: Document, variant: str, graph: JobGraph, problems: Problems) -> RunSettings:
    run, costs = document.run, document.costs
    managers, slots = _slots(run, max(vertex.parallelism for vertex in graph.vertices), problems)
    first = run.first_checkpoint_ms
    return RunSettings(
        name=document.name,
        title=door(document.title),
        variant=variant,
        seed=document.seed,
        confluent=document.confluent,
        mode=CheckpointingMode(run.mode),
        unaligned=run.unaligned,
        aligned_timeout_us=run.aligned_timeout_ms * 1_000,
        checkpoint_interval_us=run.checkpoint_interval_ms * 1_000,
        chaining=run.chaining,
        first_checkpoint_us=(run.checkpoint_interval_ms if first is None else first) * 1_000,
        checkpoint_timeout_us=run.checkpoint_timeout_ms * 1_000,
        min_pause_us=run.min_pause_ms * 1_000,
        max_concurrent_checkpoints=run.max_concurrent_checkpoints,
        tolerable_failed_checkpoints=run.tolerable_failed_checkpoints,
        checkpoints_after_tasks_finish=run.checkpoints_after_tasks_finish,
        high_availability=run.high_availability == "store",
        takeover_us=run.takeover_ms * 1_000,
        retained=run.retained_checkpoints,
        state_backend=StateBackend(run.state_backend),
        materialize_every=run.materialize_every,
        task_managers=managers,
        slots_each=slots,
        restart=restart_strategy(run, problems),
        buffer_records=run.buffer_records,
        jitter_permille=run.jitter_percent * 10,
        reorder_us=run.reorder_ms * 1_000,
        rpc_us=costs.rpc_ms * 1_000,
        notification_us=costs.notification_ms * 1_000,
        sync_us=costs.snapshot_ms * 1_000,
        upload_us=costs.upload_ms * 1_000,
        upload_us_per_kib=costs.upload_us_per_kib,
        rescale_us=costs.rescale_ms * 1_000,
        allow_non_restored=run.allow_non_restored,
        max_steps=run.max_steps,
    )
