"""Recordings from before windows had assigners: judged, or undetermined with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bandviz.check import judge
from bandviz.engine.job import Job
from bandviz.events import Event
from bandviz.events.checkpoint import SnapshotTaken
from bandviz.events.structure import VertexDeclared
from bandviz.events.values import pack, unpack
from tests.engines import job_of, run, settings, window_graph


def as_it_was(event: Event, *, upcast: bool) -> Event:
    """The former section of a window's state and, unless a reader has brought it up, its spec."""
    if isinstance(event, VertexDeclared) and event.kind == "window" and not upcast:
        spec = unpack(event.spec)
        old = {
            "key": spec["key"],
            "size_ms": spec["assigner"]["size_ms"],
            "aggregates": spec["aggregates"],
        }
        return replace(event, spec=pack(old))
    if isinstance(event, SnapshotTaken) and event.subtask.vertex == "window":
        panes: Any = unpack(event.state)["panes"]
        rows = [
            (key, start, value, count, digest)
            for key, windows in panes
            for (start, _), value, (count, digest), *_ in windows
        ]
        return replace(event, state=pack({"windows": rows}))
    return event


@pytest.mark.parametrize(("upcast", "holds"), [(True, True), (False, None)])
def test_a_window_of_the_former_form_accuses_nobody(upcast: bool, holds: bool | None) -> None:
    entries = run(job_of(*window_graph(), settings()), Job.earliest, {60: "window[0]"})
    told = [entry._replace(event=as_it_was(entry.event, upcast=upcast)) for entry in entries]
    assert any(isinstance(entry.event, SnapshotTaken) for entry in told)
    verdict = judge(told)
    assert (verdict.holds, verdict.violations) == (holds, ())
    assert verdict.holds or verdict.reasons
