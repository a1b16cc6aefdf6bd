"""Rows of a run: CSV files, rows in the scenario, and the input that a recording holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandviz.errors import ScenarioError, TraceError
from bandviz.events.base import Entry, Event
from bandviz.events.structure import PartitionDeclared, PartitionRowsDeclared, VertexDeclared
from bandviz.events.values import pack
from bandviz.graph.specs import PartitionData, TopicData, describe
from bandviz.ids import SubtaskId
from bandviz.scenario.build import Plan, build, plan_of_text
from bandviz.scenario.csv_file import read_csv
from bandviz.scenario.load import load
from bandviz.scenario.recorded import topics_of

FILE = """\
version: 1
name: a
title: A
topics: [{name: t, file: rows.csv, MORE}]
pipeline:
  - {uid: in, kind: source, topic: t}
  - {uid: out, kind: sink, topic: o, contract: append, inputs: [{from: in}]}
"""
ROWS = "at,who,size\n1000,b,1.5\n2000,a,2\n2000,b,3\n4000,a,4.25\n"


def read(tmp_path: Path, more: str, rows: str = ROWS) -> Plan:
    (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "a.yaml").write_text(FILE.replace("MORE", more))
    return build(load(tmp_path / "a.yaml"))


def test_columns_are_what_their_first_row_is_and_partitions_are_sorted(tmp_path: Path) -> None:
    more = "partition_by: who, event_time: at, available: {field: at, speedup: 100}"
    (topic,) = read(tmp_path, more).topics
    assert topic.fields == ("at", "who", "size")
    assert topic.partitions == (
        PartitionData(label="a", rows=((2000, "a", 2.0), (4000, "a", 4.25)),
                      times_ms=(2000, 4000), available_us=(10_000, 30_000)),
        PartitionData(label="b", rows=((1000, "b", 1.5), (2000, "b", 3.0)),
                      times_ms=(1000, 2000), available_us=(0, 10_000)),
    )  # fmt: skip


def test_fields_pick_columns_and_their_order(tmp_path: Path) -> None:
    (topic,) = read(tmp_path, "fields: [size, at], event_time: at").topics
    assert topic.fields == ("size", "at")
    assert topic.partitions[0].label == "t"
    assert topic.partitions[0].rows[0] == (1.5, 1000)


@pytest.mark.parametrize(
    ("more", "rows", "says"),
    [
        ("partition_by: wo", ROWS, "no column 'wo'"),
        ("event_time: size", ROWS, "rows.csv:2: column 'size': epoch milliseconds"),
        ("fields: [size], available: {field: at}", ROWS, "'at' is not among `fields`"),
        ("partition_by: who, available: {field: at}", ROWS + "3000,a,1\n",
         "rows.csv:6: column 'at': earlier than the row before it"),
        ("partition_by: who", "who\n\x1b[2J\n", "cannot label a partition"),
        ("partition_by: who", "who\n" + "".join(f"{n}\n" for n in range(65)),
         "more than 64 partitions"),
        ("partitions: [{label: x, rows: []}], fields: [a]", ROWS, "either partitions or a file"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path: Path, more: str, rows: str, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(tmp_path, more, rows)
    assert says in caught.value.message
    assert "\x1b" not in caught.value.message


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text(ROWS)
    (inside / "a.yaml").write_text(FILE.replace("MORE", "fields: [at]"))
    (inside / "rows.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(ScenarioError, match="leads outside"):
        build(load(inside / "a.yaml"))
    (inside / "rows.csv").unlink()
    (inside / "rows.csv").symlink_to("rows.csv")
    with pytest.raises(ScenarioError, match="leads outside"):
        build(load(inside / "a.yaml"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["x.csv:1: a header with the names of the columns is expected"]),
        ("a,a\n", ["x.csv:1: a header with the names of the columns is expected"]),
        ("a,\n", ["x.csv:1: a header with the names of the columns is expected"]),
        ("a\n", []),
        ("a\n1\n", []),
        ("a\n1\n2.5\n", ["x.csv:3: column 'a': a whole number is expected, not '2.5'"]),
        ("a\n1.5\nx\n", ["x.csv:3: column 'a': a number is expected, not 'x'"]),
        ("a\n1.5\n1e999\n", ["x.csv:3: column 'a': a number is expected, not '1e999'"]),
        ("a\nx\n" + "y" * 1_001, [
            f"x.csv:3: column 'a': a shorter text is expected, not '{'y' * 63}…'"]),
        ("a,b\n1\n1,2\nx,2\n", [
            "x.csv:2: 2 cells are expected, not 1",
            "x.csv:4: column 'a': a whole number is expected, not 'x'"]),
        ('a\n"b\n', ["x.csv:2: not CSV: unexpected end of data"]),
        ('a\n"b"c\n', ["x.csv:2: not CSV: ',' expected after '\"'"]),
        ("a\n1\n" + "x\n" * 9, [
            f"x.csv:{n}: column 'a': a whole number is expected, not 'x'" for n in range(3, 8)]),
    ],
    ids=range(13),
)  # fmt: skip
def test_csv_is_read_strictly(text: str, found: list[str]) -> None:
    assert [str(finding) for finding in read_csv(text, "x.csv").findings] == found


def preamble(topic: TopicData, at: int) -> list[Entry]:
    """What the engine declares about one topic, rows in portions of `at`."""
    events: list[Event] = [
        VertexDeclared(
            vertex="in", kind="source", parallelism=1, max_parallelism=128, fields=topic.fields,
            spec=pack(describe({"topic": topic.name})),
        )
    ]  # fmt: skip
    for number, part in enumerate(topic.partitions):
        events.append(
            PartitionDeclared(
                vertex="in", subtask=SubtaskId("in", 0), topic=topic.name, partition=number,
                label=part.label, record_count=len(part.rows),
            )
        )  # fmt: skip
        for start in range(0, len(part.rows), at):
            times = None if part.times_ms is None else part.times_ms[start : start + at]
            events.append(
                PartitionRowsDeclared(
                    topic=topic.name, partition=number, first_offset=start,
                    rows=pack(part.rows[start : start + at]), times_ms=pack(times),
                )
            )  # fmt: skip
    return [Entry(0, k, 0, None, event) for k, event in enumerate(events)]


def test_a_recording_gives_the_same_plan_without_the_data_file(tmp_path: Path) -> None:
    more = "partition_by: who, event_time: at, available: {field: at, speedup: 100}"
    plan = read(tmp_path, more)
    (tmp_path / "rows.csv").unlink()
    for portion in (1, 3):
        topics = topics_of(preamble(plan.topics[0], portion))
        assert plan_of_text(plan.text, topics=topics) == plan


def test_rows_declared_for_two_readers_count_once(tmp_path: Path) -> None:
    plan = read(tmp_path, "fields: [who]")
    entries = preamble(plan.topics[0], 2)
    assert topics_of([*entries, *entries[1:]]) == plan.topics


@pytest.mark.parametrize(
    "rows",
    [[(1,)], [("x", 2, 3)], [("x", None)], [3], 7, [("x", ("y",))]],
)
def test_a_damaged_input_is_one_error(tmp_path: Path, rows: object) -> None:
    plan = read(tmp_path, "fields: [who, size]")
    entries = preamble(plan.topics[0], 9)
    bad = PartitionRowsDeclared(
        topic="t", partition=0, first_offset=0, rows=pack(rows), times_ms=pack(None)
    )
    with pytest.raises(TraceError):
        topics_of([*entries[:2], Entry(0, 2, 0, None, bad)])


def test_an_input_of_another_scenario_is_refused(tmp_path: Path) -> None:
    plan = read(tmp_path, "available: {field: at}")
    rows = (("x",),)
    other = TopicData(name="t", fields=("who",), partitions=(PartitionData(label="t", rows=rows),))
    with pytest.raises(TraceError):
        plan_of_text(plan.text, topics=(other,))
    with pytest.raises(ScenarioError, match="no input in the recording"):
        plan_of_text(plan.text, topics=())
