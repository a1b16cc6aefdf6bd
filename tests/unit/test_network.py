"""The second machine room: what the judge notices, and what a session and a recording carry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bandviz.check import judge
from bandviz.cli import run_cli
from bandviz.engine.choices import Choice, ChoiceKind
from bandviz.engine.faults import KILL, Fault
from bandviz.errors import CommandRejected
from bandviz.events import Entry, Event, Level
from bandviz.events.checkpoint import CheckpointCompleted, InFlightPersisted, SnapshotTaken
from bandviz.events.values import pack
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.scenario.build import load_plan
from bandviz.session.opening import open_recording
from bandviz.session.result import fold
from bandviz.session.run import Run

RING = "money-ring"
REQUEST = Fault("take_checkpoint")


def finished(variant: str = "", level: Level = Level.RECORD) -> Run:
    run = Run(load_plan(RING, variant=variant), level=level)
    while run.ended is None:
        run.advance()
    return run


def entries_of(run: Run) -> list[Entry]:
    return list(run.timeline.entries(0, len(run.timeline)))


def richer(event: Event) -> Event | None:
    if isinstance(event, SnapshotTaken) and event.subtask.vertex == "ben":
        return replace(event, state=pack({"keyed": [["balance", 21]]}))
    return event


def forgetful(event: Event) -> Event | None:
    return None if isinstance(event, InFlightPersisted) else event


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (
            richer,
            [
                "balance: ben[0] recorded 21 for snapshot 1 and held 20",
                "money_adds_up: snapshot 1 adds up to 101, there is 100",
            ],
        ),
        (
            forgetful,
            [
                "money_adds_up: snapshot 1 adds up to 85, there is 100; "
                "dora[0] -> anna[0]: transfer 1 of 7 was overtaken by the marker; "
                "cleo[0] -> ben[0]: transfer 2 of 8 was overtaken by the marker"
            ],
        ),
    ],
)
def test_the_judge_adds_up_for_itself(
    change: Callable[[Event], Event | None], sentences: list[str]
) -> None:
    told = [
        entry._replace(event=event)
        for entry in entries_of(finished())
        if (event := change(entry.event)) is not None
    ]
    verdict = judge(told)
    assert verdict.holds is False
    found = [f"{one.rule}: {one.sentence}" for one in verdict.violations]
    assert [one for one in found if one.startswith(("balance", "money"))] == sentences


@pytest.mark.parametrize("level", [Level.CONTROL, Level.FLOW])
def test_without_single_transfers_nothing_is_said(level: Level) -> None:
    result = fold(entries_of(finished("no-order", level))).result()
    assert result["verdict"]["holds"] == "undetermined"
    assert "money" not in result["checkpoints"][0]


@pytest.mark.parametrize(("variant", "money"), [("", (100, 100)), ("no-order", (80, 100))])
def test_the_album_page_adds_up_as_the_judge_does(variant: str, money: tuple[int, int]) -> None:
    model, entries = RunModel(), entries_of(finished(variant))
    for entry in entries:
        model.apply(entry)
    assert [page.money for page in selectors.checkpoint_views(model)] == [money]
    assert fold(entries).result()["checkpoints"][0]["money"] == money[0]


def test_a_recording_opens_and_a_branch_repeats_itself(tmp_path: Path) -> None:
    run = finished()
    run.save(tmp_path / "ring.bvt")
    opened = open_recording(tmp_path / "ring.bvt")
    assert opened.timeline is not None
    assert list(opened.timeline.entries(0, len(opened.timeline))) == entries_of(run)
    again = run.replay(9)
    while again.ended is None:
        again.advance()
    assert entries_of(again) == entries_of(run)


def test_a_snapshot_can_be_asked_for_and_the_one_of_the_file_follows() -> None:
    run = Run(load_plan(RING))
    while run.job.now_us < 900_000:
        run.advance()
    assert run.job.faults() == [REQUEST]
    run.command(REQUEST)
    assert run.job.faults() == []
    for fault in (REQUEST, Fault(KILL, "anna[0]")):
        with pytest.raises(CommandRejected):
            run.command(fault)
    with pytest.raises(CommandRejected):
        run.job.step(Choice(ChoiceKind.TIMER, "snapshot", 0))
    while run.ended is None:
        run.advance()
    completed = [
        event.checkpoint_id
        for event in (entry.event for entry in entries_of(run))
        if isinstance(event, CheckpointCompleted)
    ]
    assert completed == [1, 2]
    assert judge(entries_of(run)).holds is True


def test_a_step_budget_ends_it_as_stuck() -> None:
    run = Run(load_plan(RING, max_steps=5))
    while run.ended is None:
        run.advance()
    assert run.ended.value == "stuck"
    assert judge(entries_of(run)).holds is None


def test_it_keeps_nothing_on_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["run", RING, "--storage", str(tmp_path / "kept")]) == 2
    assert "a network of accounts keeps nothing on disk" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
