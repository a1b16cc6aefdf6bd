"""User logic that raises: its calls can be read, or the job goes on without the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bandviz.check.judge import judge
from bandviz.engine.job import Job
from bandviz.events import Entry
from bandviz.events.flow import RecordRefused
from bandviz.events.job import RunStatus, SubtaskFailed
from bandviz.events.sink import RowsVisible
from bandviz.events.values import unpack
from bandviz.functions.rows import ToInt
from bandviz.graph.specs import (
    JobEdge,
    JobGraph,
    JobVertex,
    MapSpec,
    OnError,
    PartitionData,
    Partitioner,
    SinkContract,
    SinkSpec,
    SourceSpec,
    TopicData,
)
from tests import engines


def job(texts: list[str], on_error: OnError, buffer_records: int = 1) -> Job:
    """in -> read (text to number) -> out, and what cannot be read -> bad."""
    read = MapSpec(function=ToInt(field="n"), on_error=on_error, errors="bad")
    columns = ("n",)
    forward = JobEdge(upstream="in", downstream="read", partitioner=Partitioner.FORWARD)
    graph = JobGraph(
        vertices=(
            JobVertex(uid="in", spec=SourceSpec(topic="in"), fields=columns),
            JobVertex(uid="read", spec=read, fields=columns),
            *(
                JobVertex(
                    uid=uid,
                    spec=SinkSpec(topic=uid, contract=SinkContract.TWO_PHASE),
                    fields=columns,
                )
                for uid in ("out", "bad")
            ),
        ),
        edges=(
            forward,
            replace(forward, upstream="read", downstream="out"),
            replace(forward, upstream="read", downstream="bad", side="bad", fields=columns),
        ),
    )
    data = PartitionData(label="in", rows=tuple((text,) for text in texts))
    topics = (TopicData(name="in", fields=columns, partitions=(data,)),)
    settings = engines.settings(buffer_records=buffer_records, restart_attempts=2)
    return engines.job_of(graph, topics, settings)


@effort(max_examples=20, deadline=None)
@given(
    texts=st.lists(st.sampled_from(["1", "22", "x", ""]), max_size=12),
    on_error=st.sampled_from([OnError.DROP, OnError.SIDE]),
    buffer_records=st.integers(1, 5),
    kill=st.integers(1, 40),
)
def test_the_job_goes_on_without_the_records_at_fault(
    texts: list[str], on_error: OnError, buffer_records: int, kill: int
) -> None:
    run = job(texts, on_error, buffer_records)
    entries = engines.run(run, kills={kill: "read[0]"})
    assert run.run is RunStatus.FINISHED
    verdict = judge(entries)
    assert verdict.holds is True, verdict.reasons
    good, aside = shown(entries, "out"), shown(entries, "bad")
    assert good == [(int(text),) for text in texts if text.isdigit()]
    wanted = [(text,) for text in texts if not text.isdigit()]
    assert aside == (wanted if on_error is OnError.SIDE else [])
    refused = [entry.event for entry in entries if isinstance(entry.event, RecordRefused)]
    assert {event.side for event in refused} <= {"bad" if on_error is OnError.SIDE else ""}


def shown(entries: list[Entry], sink: str) -> list[Any]:
    rows = [entry.event for entry in entries if isinstance(entry.event, RowsVisible)]
    return [row for event in rows if event.sink == sink for row in unpack(event.rows)]


def test_a_record_that_fails_the_task_fails_each_attempt_and_says_where() -> None:
    run = job(["1", "x", "2"], OnError.FAIL)
    entries = engines.run(run)
    failed = [entry.event for entry in entries if isinstance(entry.event, SubtaskFailed)]
    assert run.run is RunStatus.FAILED
    assert [(event.attempt, event.reason) for event in failed] == [
        (attempt, "user logic") for attempt in (1, 2, 3)
    ]
    assert failed[0].detail == "FunctionError: to_int: 'x' is no whole number"
    (call,) = failed[0].trace.split("\n")
    assert call.startswith("bandviz.functions.rows:")
    assert call.endswith(" in ToInt.bind.<locals>.read")
