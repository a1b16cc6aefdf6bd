"""Settings of sinks that do not go together are refused with their place and a fix."""

from __future__ import annotations

import pytest

from bandviz.errors import ScenarioError
from bandviz.graph.specs import Partitioner
from bandviz.scenario.build import plan_of_text

TEXT = """\
version: 1
name: sinks
title: Sinks
run: {{checkpoint_interval_ms: {interval}}}
topics: [{{name: t, fields: [a], partitions: [{{label: t, rows: [x]}}]}}]
pipeline:
  - {{uid: in, kind: source, topic: t}}
  - uid: out
    kind: sink
    topic: o
    inputs: [{{from: in}}]
    contract: {contract}
    {setting}
"""


@pytest.mark.parametrize(
    ("contract", "interval", "setting", "sentence"),
    [
        ("transactional", 0, "", "12:15: a transactional sink shows nothing without"),
        ("two_phase", 0, "", "12:15: a two_phase sink shows nothing without checkpoints"),
        ("append", 9, "transaction_timeout_ms: 9", "contract append has no transaction_timeout_ms"),
        ("append", 9, "fencing: false", "13:14: a sink with contract append has no fencing"),
        (
            "transactional",
            9,
            "transaction_timeout_ms: 3600000",
            "13:29: the broker allows time-outs of at most 900000 ms",
        ),
        (
            "transactional",
            9,
            "ignore_failures_after_timeout: true",
            "contract transactional has no ignore_failures_after_timeout",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    contract: str, interval: int, setting: str, sentence: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        plan_of_text(TEXT.format(contract=contract, interval=interval, setting=setting))
    assert sentence in str(caught.value)


def test_a_transactional_sink_becomes_writer_and_committer() -> None:
    graph = plan_of_text(TEXT.format(contract="transactional", interval=9, setting="")).graph
    assert [(vertex.uid, vertex.kind) for vertex in graph.vertices] == [
        ("in", "source"),
        ("out-writer", "writer"),
        ("out", "sink"),
    ]
    within = graph.edges[-1]
    assert (within.upstream, within.downstream) == ("out-writer", "out")
    assert (within.partitioner, within.overtakes) == (Partitioner.FORWARD, False)
