"""A step that changes nothing visible is a defect: every CONTROL event of every shipped story."""

from __future__ import annotations

from collections import Counter

import pytest

from bandviz.events import Entry, Level
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.scenario import catalog
from bandviz.scenario.build import load_plan, variants_of
from bandviz.session.run import Run
from bandviz.tui.canvas.paint import Painter
from bandviz.tui.panels.disk import disk
from bandviz.tui.panels.header import disk_rule, jobmanager, memory_rule
from bandviz.tui.panels.words import names_of
from bandviz.tui.picture import Look, Stage
from bandviz.tui.rows import Rows
from bandviz.tui.spans import STYLES, Line, plain

WIDTH, HEIGHT = 100, 30
SAMPLES = 4
"""So many steps of each combination of events are looked at in each run."""


class Screen:
    """All regions of the play screen but those that tell: caption, clock and keys."""

    def __init__(self) -> None:
        self.stage, self.painter = Stage(), Painter()
        self.rows = Rows(WIDTH, HEIGHT)

    def text(self, model: RunModel, view_us: int) -> list[str]:
        job, views = selectors.job_view(model), selectors.subtask_views(model)
        names = names_of(views)
        size = (WIDTH, self.rows.memory)
        lines: list[Line] = [
            *jobmanager(job, names, WIDTH),
            memory_rule(job, WIDTH, selectors.task_manager_views(model)),
            *self.painter.paint(self.stage.picture(model, view_us, size, Look())),
            disk_rule(WIDTH, locked=job.storage_locked),
            *disk(
                selectors.tape_views(model), selectors.checkpoint_views(model),
                selectors.board_views(model), names, WIDTH, self.rows.disk,
            ),
        ]  # fmt: skip
        assert {span.style for line in lines for span in line} <= set(STYLES)
        return [*map(plain, lines), " ".join(mark.text for mark in selectors.marks(model))]


def what(entries: list[Entry]) -> str:
    told = {type(one.event).__name__ for one in entries if one.event.level is Level.CONTROL}
    return " + ".join(sorted(told))


def unseen_steps(story: str, variant: str) -> list[str]:
    """Steps with CONTROL events that leave the screen as it was, the clock standing still."""
    run, model, screen = Run(load_plan(story, variant=variant)), RunModel(), Screen()
    seen: Counter[str] = Counter()
    unseen = []
    while run.ended is None:
        entries = run.advance()
        told = what(entries)
        seen[told] += 1
        looked_at = told and model.run is not None and seen[told] <= SAMPLES
        now_us = entries[0].time_us if entries else 0
        before = screen.text(model, now_us) if looked_at else []
        for entry in entries:
            model.apply(entry)
        if looked_at and screen.text(model, now_us) == before:
            unseen.append(f"step {model.step}: {told}")
    return unseen


def test_a_lost_process_is_seen_in_its_slice_of_every_operator() -> None:
    run, model, screen = Run(load_plan("half-the-house", variant="apart")), RunModel(), Screen()
    while not selectors.job_view(model).failed:
        for entry in run.advance():
            model.apply(entry)
    told = screen.text(model, run.job.now_us)
    assert "taskmanager-1 LOST, job RESTARTING" in told[0]
    assert "taskmanager-1 LOST with [0], taskmanager-2 runs [1]" in told[1]
    drawn = "\n".join(told)
    assert [drawn.count(word) for word in ("[0] FAILED", "tm1", "tm2")] == [3, 3, 3]


RUNS = [(name, variant) for name in catalog.names() for variant in ("", *variants_of(name))]


@pytest.mark.parametrize(("story", "variant"), RUNS)
def test_every_control_event_changes_the_picture(story: str, variant: str) -> None:
    assert unseen_steps(story, variant) == []
