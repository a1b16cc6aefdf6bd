"""From a right file to a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandviz.errors import ScenarioError
from bandviz.functions.rows import KeyBy
from bandviz.graph.settings import FixedDelay
from bandviz.graph.specs import JobGraph, Partitioner, SourceSpec, WindowSpec
from bandviz.ids import SubtaskId
from bandviz.scenario.build import Plan, build, load_plan
from bandviz.scenario.load import parse

HEAD = """\
version: 1
name: a
title: A
topics:
  - {name: box, fields: [animal, weight], partitions: [{label: left, rows: [[cats, 1]]}]}
  - {name: bag, fields: [animal, weight], partitions: [{label: right, rows: [[dogs, 2]]}]}
"""
SOURCES = """\
  - {uid: north, kind: source, topic: box, parallelism: 2}
  - {uid: south, kind: source, topic: bag, parallelism: 2}
"""


def plan_of(pipeline: str, head: str = HEAD, tail: str = "", variant: str = "") -> Plan:
    text = head + "pipeline:\n" + SOURCES + pipeline + tail
    return build(parse(text, name="a.yaml"), variant)


def wires(graph: JobGraph) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (
            edge.upstream,
            edge.downstream,
            edge.partitioner.value,
            edge.key.fields if edge.key is not None else (),
        )
        for edge in graph.edges
    ]


SINK = "  - {uid: out, kind: sink, topic: o, contract: append, inputs: [{from: count}]}\n"


def test_union_and_key_by_dissolve_into_the_edges_behind_them() -> None:
    plan = plan_of(
        """\
  - {uid: both, kind: union, inputs: [{from: north}, {from: south}]}
  - {uid: keyed, kind: key_by, key: [animal], inputs: [{from: both}]}
  - uid: count
    kind: aggregate
    aggregates: [{fn: count, as: n}]
    inputs: [{from: keyed, latency_ms: 7, capacity: 2}]
"""
        + SINK
    )
    assert [vertex.uid for vertex in plan.graph.vertices] == ["north", "south", "count", "out"]
    assert wires(plan.graph) == [
        ("north", "count", "hash", ("animal",)),
        ("south", "count", "hash", ("animal",)),
        ("count", "out", "forward", ()),
    ]
    assert [(edge.latency_us, edge.capacity) for edge in plan.graph.edges[:2]] == [(7_000, 2)] * 2


def test_key_by_before_an_operator_without_state_gives_a_hash_edge() -> None:
    plan = plan_of(
        """\
  - {uid: keyed, kind: key_by, key: weight, inputs: [{from: north}]}
  - {uid: count, kind: map, function: {fn: lower, field: animal},
     inputs: [{from: keyed}, {from: south}]}
"""
        + SINK
    )
    assert wires(plan.graph)[:2] == [
        ("north", "count", "hash", ("weight",)),
        ("south", "count", "rebalance", ()),
    ]


def test_vertices_stand_in_topological_order_whatever_the_file_says() -> None:
    plan = plan_of(
        SINK
        + """\
  - {uid: count, kind: filter, function: {fn: at_least, field: weight, value: 1},
     inputs: [{from: doubled}]}
  - {uid: doubled, kind: map, function: {fn: multiply, field: weight, by: 2},
     inputs: [{from: north}, {from: south}]}
"""
    )
    order = [vertex.uid for vertex in plan.graph.vertices]
    assert order == ["north", "south", "doubled", "count", "out"]


@pytest.mark.parametrize(
    ("operator", "fields"),
    [
        ("kind: map, function: {fn: project, fields: [weight]}", ("weight",)),
        ("kind: flat_map, function: {fn: split, field: animal}", ("animal", "weight")),
        ("kind: aggregate, key: animal, aggregates: [{fn: sum, field: weight, as: total}]",
         ("animal", "total")),
        ("kind: aggregate, key: [animal, weight], emit: increment, "
         "aggregates: [{fn: count, as: n}]", ("animal", "weight", "increment")),
    ],
)  # fmt: skip
def test_every_vertex_knows_its_columns(operator: str, fields: tuple[str, ...]) -> None:
    pipeline = f"  - {{uid: count, {operator}, inputs: [{{from: north}}, {{from: south}}]}}\n"
    plan = plan_of(pipeline + SINK)
    assert [vertex.fields for vertex in plan.graph.vertices][-2:] == [fields, fields]


@pytest.mark.parametrize(
    ("operator", "says"),
    [
        ("kind: map, function: {fn: add, field: animal, by: 1}", "'animal' holds text"),
        ("kind: map, function: {fn: project, fields: [weight, weight]}", "once each"),
        ("kind: map, function: {fn: project, fields: []}", "columns have to be named"),
        ("kind: flat_map, function: {fn: split, field: animal, separator: ''}", "one character"),
        ("kind: aggregate, key: animal, aggregates: [{fn: count, as: animal}]", "two columns"),
        ("kind: aggregate, key: heavy, aggregates: [{fn: count, as: n}]", "no column 'heavy'"),
    ],
)
def test_functions_that_do_not_fit_the_columns_are_refused(operator: str, says: str) -> None:
    pipeline = f"  - {{uid: count, {operator}, inputs: [{{from: north}}, {{from: south}}]}}\n"
    with pytest.raises(ScenarioError, match=says):
        plan_of(pipeline + SINK)


def test_kinds_follow_functions_and_meet_at_inputs() -> None:
    """Half a weight makes weights no keys any more, and text next to numbers neither."""
    pipeline = """\
  - {uid: half, kind: map, function: {fn: multiply, field: weight, by: 0.5},
     inputs: [{from: north}, {from: south}]}
  - {uid: count, kind: aggregate, key: weight, aggregates: [{fn: count, as: n}],
     inputs: [{from: half}]}
"""
    with pytest.raises(ScenarioError, match="'weight' holds numbers; key takes whole numbers"):
        plan_of(pipeline + SINK)
    mixed = HEAD.replace("[[dogs, 2]]", "[[dogs, heavy]]")
    pipeline = """\
  - {uid: count, kind: aggregate, key: animal, aggregates: [{fn: max, field: weight, as: n}],
     inputs: [{from: north}, {from: south}]}
"""
    with pytest.raises(ScenarioError, match="'weight' holds values of several kinds"):
        plan_of(pipeline + SINK, mixed)


MINIMAL = "  - {uid: count, kind: union, inputs: [{from: north}, {from: south}]}\n" + SINK


def test_settings_in_microseconds() -> None:
    tail = """\
seed: 9
confluent: true
run:
  checkpoint_interval_ms: 5000
  min_pause_ms: 3
  checkpoint_timeout_ms: 7
  retained_checkpoints: 2
  restart: {attempts: 4, delay_ms: 11}
  buffer_records: 8
  jitter_percent: 5
  reorder_ms: 1
  max_steps: 99
costs: {rpc_ms: 1, snapshot_ms: 2, upload_ms: 3, upload_us_per_kib: 4}
"""
    settings = plan_of(MINIMAL, tail=tail).settings
    assert (settings.name, settings.title, settings.seed, settings.confluent) == ("a", "A", 9, True)
    assert settings.checkpoint_interval_us == settings.first_checkpoint_us == 5_000_000
    assert (settings.min_pause_us, settings.checkpoint_timeout_us) == (3_000, 7_000)
    assert settings.retained == 2
    assert settings.restart == FixedDelay(attempts=4, delay_us=11_000)
    assert (settings.buffer_records, settings.jitter_permille, settings.reorder_us) == (
        8, 50, 1_000,
    )  # fmt: skip
    assert (settings.rpc_us, settings.sync_us, settings.upload_us) == (1_000, 2_000, 3_000)
    assert (settings.upload_us_per_kib, settings.max_steps) == (4, 99)


def test_a_variant_changes_one_field_and_may_bring_its_own_checks() -> None:
    tail = """\
checks: [{status: finished}]
variants:
  - {name: slow, title: A slow edge, set: {pipeline.out.inputs.count.latency_ms: 9}}
  - {name: eager, title: Early, set: {run.first_checkpoint_ms: 1}, checks: [{restarts: 0}]}
run: {checkpoint_interval_ms: 10}
"""
    base, slow, eager = (
        plan_of(MINIMAL, tail=tail, variant=name) for name in ("", "slow", "eager")
    )
    assert [edge.latency_us for edge in base.graph.edges] == [0, 0]
    assert [edge.latency_us for edge in slow.graph.edges] == [9_000, 9_000]
    assert slow.settings.variant == "slow"
    assert eager.settings.first_checkpoint_us == 1_000
    assert eager.graph == base.graph
    assert base.checks == slow.checks
    assert base.checks[0].kinds() == ["status"]
    assert eager.checks[0].kinds() == ["restarts"]
    assert [(info.name, info.field) for info in base.variants] == [
        ("slow", "pipeline.out.inputs.count.latency_ms"), ("eager", "run.first_checkpoint_ms"),
    ]  # fmt: skip
    with pytest.raises(ScenarioError, match="did you mean 'slow'"):
        plan_of(MINIMAL, tail=tail, variant="slo")


def test_beats_and_questions_belong_to_variants() -> None:
    tail = """\
variants: [{name: v, title: V, set: {seed: 2}}]
beats:
  - {id: always, on: JobStatusChanged, status: RUNNING, after_ms: 2, headline: "{clock}"}
  - {id: here, only: base, on: verdict, headline: base, victim: "out[1]"}
  - {id: there, only: v, on: verdict, headline: variant}
questions:
  - {id: q, beat: always, reveal: here, ask: who, options: [a, "{lost}"], key: "{lost}"}
faults: [{on: CheckpointCompleted, checkpoint: 2, nth: 1, corrupt_checkpoint: 2}]
"""
    pipeline = MINIMAL.replace("kind: sink", "kind: sink, parallelism: 2")
    base, variant = (plan_of(pipeline, tail=tail, variant=name) for name in ("", "v"))
    assert [beat.id for beat in base.beats] == ["always", "here"]
    assert [beat.id for beat in variant.beats] == ["always", "there"]
    assert [question.id for question in base.questions] == ["q"]
    assert variant.questions == ()
    assert base.beats[0].pattern.after_us == 2_000
    assert base.beats[1].victim == SubtaskId("out", 1)
    assert [(fault.name, fault.target) for fault in base.faults] == [("corrupt_checkpoint", "2")]


def test_the_shipped_flights() -> None:
    plan = load_plan("nyc-flights", seed=5, max_steps=10)
    assert (plan.settings.seed, plan.settings.max_steps) == (5, 10)
    (topic,) = plan.topics
    assert [(part.label, len(part.rows)) for part in topic.partitions] == [
        ("EWR", 603), ("JFK", 578), ("LGA", 496),
    ]  # fmt: skip
    first = topic.partitions[0]
    assert first.rows[0] == (
        1360231080000, 1360231200000, "EWR", "US", "US1117", "CLT", -2, 529,
    )  # fmt: skip
    assert first.times_ms is not None
    assert first.times_ms[0] == 1360231200000
    assert first.available_us is not None
    assert first.available_us[0] == 0
    latest = max((part.available_us or (0,))[-1] for part in topic.partitions)
    assert latest == 67_000_000  # 67 hours, 3600 times faster
    source, window = plan.graph.vertices[0].spec, plan.graph.vertices[1].spec
    assert isinstance(source, SourceSpec)
    assert source.watermark_lag_ms == 21_600_000
    assert isinstance(window, WindowSpec)
    assert window.key == KeyBy(fields=("carrier",))
    assert plan.graph.vertices[1].fields == (
        "carrier", "window_start_ms", "departures", "mean_delay",
    )  # fmt: skip
    assert plan.graph.edges[0].partitioner is Partitioner.HASH


def test_a_digest_is_that_of_the_text() -> None:
    one, other = plan_of(MINIMAL), plan_of(MINIMAL, tail="# a comment\n")
    assert one.graph == other.graph
    assert one.digest != other.digest
    assert Path(__file__).name not in one.text
