"""Recordings that are well formed and tell what no run can have done: `check` names the entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from bandviz.cli import run_cli
from bandviz.events import Entry, Event, flow, job, sink
from bandviz.events import checkpoint as ck
from bandviz.ids import CheckpointId, SubtaskId
from bandviz.report.headless import drive
from bandviz.scenario.build import load_plan
from bandviz.trace.reader import Recording, read_recording
from bandviz.trace.writer import Writer

Edit = Callable[[list[Entry]], list[Entry]]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("good") / "run.bvt"
    drive(load_plan("kill-and-rewind"), record=path)
    return read_recording(path)


def at(entries: Sequence[Entry], kind: type[Event], nth: int = 0, **wanted: Any) -> int:
    """Place of the nth event of this kind, from 0."""
    found = [
        place
        for place, entry in enumerate(entries)
        if type(entry.event) is kind
        and all(getattr(entry.event, name) == value for name, value in wanted.items())
    ]
    return found[nth]


def changed(kind: type[Event], nth: int = 0, **fields: Any) -> Edit:
    """Its nth event of this kind says something else."""

    def edit(entries: list[Entry]) -> list[Entry]:
        place = at(entries, kind, nth)
        event: Any = entries[place].event
        entries[place] = entries[place]._replace(event=replace(event, **fields))
        return entries

    return edit


def completed_early(entries: list[Entry]) -> list[Entry]:
    """The completion is told where the last acknowledgement was, which never comes."""
    last = at(entries, ck.SubtaskAcknowledged, 3, checkpoint_id=1)
    done = at(entries, ck.CheckpointCompleted)
    entries[last] = entries[last]._replace(event=entries[done].event)
    return [*entries[:done], *entries[done + 1 :]]


def committed_after_abort(entries: list[Entry]) -> list[Entry]:
    place = at(entries, sink.TransactionAborted)
    dead: Any = entries[place].event
    commit = sink.TransactionCommitted(
        subtask=dead.subtask, transaction_id=dead.transaction_id, row_count=0, repeated=False
    )
    return [*entries[: place + 1], entries[place]._replace(event=commit), *entries[place + 1 :]]


def overtaken(entries: list[Entry]) -> list[Entry]:
    """A barrier comes out of its channel where the buffer ahead of it did, and the other way."""
    barrier = at(entries, ck.BarrierArrived, 1)
    event: Any = entries[barrier].event
    ahead = at(entries, flow.RecordsDelivered, channel=event.channel, position=event.position - 1)
    swapped = entries[ahead].event, event
    entries[barrier] = entries[barrier]._replace(event=swapped[0])
    entries[ahead] = entries[ahead]._replace(event=swapped[1])
    return entries


def left_out(kind: type[Event], **wanted: Any) -> Edit:
    """Its first event of this kind is not told."""

    def edit(entries: list[Entry]) -> list[Entry]:
        place = at(entries, kind, **wanted)
        return [*entries[:place], *entries[place + 1 :]]

    return edit


STORIES: dict[str, tuple[Edit, str]] = {
    "complete before all acknowledged": (
        completed_early, r"checkpoint 1 completed without \w+\[0\] \(complete_when_all_have_it\)"
    ),
    "a commit of an aborted transaction": (
        committed_after_abort, r"transaction \d is committed although it is aborted"
    ),
    "an attempt that goes back": (
        changed(job.JobStatusChanged, -1, attempt=1), "attempt 1 is spoken of after attempt 2"
    ),
    "a restore from an incomplete checkpoint": (
        changed(job.RestoreStarted, checkpoint_id=CheckpointId(2)),
        r"attempt 2 starts from checkpoint 2 \(\w+\); the newest usable checkpoint is 1",
    ),
    "a barrier that overtakes": (overtaken, r"position \d+ of .* overtook position \d+"),
    "an offset that jumps": (
        changed(flow.SourcePolled, 3, offset=6), r"read offset 6 of partition 0, but \d was next"
    ),
    "a commit without a notification": (
        left_out(ck.CompletionNotified, subtask=SubtaskId("board", 0)),
        r"committed transaction \d without having heard that checkpoint 1 is complete",
    ),
    "an offset for a completion that was not notified": (
        left_out(ck.CompletionNotified, subtask=SubtaskId("north", 0)),
        r"committed offset \d .*, but has heard of the completion of no checkpoint",
    ),
}  # fmt: skip


def numbered(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Step by step, entries counted anew."""
    for _, step in groupby(entries, key=lambda entry: entry.step):
        yield [entry._replace(k=k) for k, entry in enumerate(step)]


def retold(path: Path, good: Recording, edit: Edit) -> str:
    with Writer.create(path, good.header) as writer:
        for step in numbered(edit(list(good.entries()))):
            writer.add(step)
    return str(path)


@pytest.mark.parametrize("story", STORIES)
def test_an_impossible_story_is_named_with_its_entry(
    story: str, good: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit, sentence = STORIES[story]
    path = retold(tmp_path / "told.bvt", good, edit)
    assert run_cli(["check", path]) == 1
    out = capsys.readouterr().out
    first = re.search(rf"impossible at step (\d+), entry \d+: .*{sentence}", out)
    assert first is not None, out
    assert f"bandviz play {path} --at {first[1]}" in out


def test_data_in_flight_that_nobody_puts_back_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drive(load_plan("overtake"), record=tmp_path / "run.bvt")
    good = read_recording(tmp_path / "run.bvt")
    path = retold(tmp_path / "told.bvt", good, left_out(ck.InFlightRestored))
    assert run_cli(["check", path]) == 1
    out = capsys.readouterr().out
    assert re.search(r"impossible at step \d+, entry \d+: \S+ came back without the \d+ elem", out)
