"""A session as a person drives it, without a screen: beats, steps, branches, guesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandviz.engine.faults import KILL, Fault
from bandviz.errors import CommandRejected
from bandviz.events.checkpoint import BarrierArrived, BarrierEmitted, ChannelBlocked
from bandviz.events.job import RunStatus
from bandviz.model import selectors
from bandviz.scenario.build import load_plan
from bandviz.scenario.patterns import Pattern
from bandviz.session.opening import open_recording, other_variant
from bandviz.session.run import Run
from bandviz.session.session import Goal, Session, Unit

STORY = "kill-and-rewind"


def story(variant: str = "") -> Session:
    session = Session(load_plan(STORY, variant=variant))
    session.begin()
    return session


def go_on(session: Session) -> str:
    """Press Enter and wait; the id of the beat that stands there then."""
    session.next_beat()
    session.finish_motion()
    moment = session.moment()
    return moment.beat.id if moment is not None else ""


def to_beat(session: Session, wanted: str) -> None:
    for _ in range(40):
        if go_on(session) == wanted:
            return
    raise AssertionError(f"never came to {wanted}")


def test_enter_leads_through_the_story_to_the_verdict() -> None:
    session = story()
    first = session.moment()
    assert first is not None
    ids = [first.beat.id]
    while session.ended is None:
        ids.append(go_on(session))
    assert ids == [beat.id for beat in session.plan.beats]
    assert session.ended is RunStatus.FINISHED
    verdict = session.verdict()
    assert verdict is not None
    assert verdict.holds is True


def test_a_tick_moves_the_clock_by_wall_time_and_no_further() -> None:
    session = story()
    session.play()
    session.tick(0.5, budget_s=60.0)
    assert session.view_us == 500_000
    assert session.model.time_us <= 500_000
    session.pause()
    assert not session.tick(10.0)
    assert session.view_us == 500_000


def test_a_beat_stands_at_its_own_time_not_at_the_last_move() -> None:
    session = story()
    to_beat(session, "before-the-kill")
    moment = session.moment()
    assert moment is not None
    assert session.view_us == moment.at_us > session.model.time_us


def test_stepping_back_is_a_seek_and_changes_nothing_in_the_job() -> None:
    session = story()
    to_beat(session, "blocked")
    here, length = session.cursor.index, len(session.timeline)
    before = selectors.subtask_views(session.model)
    for _ in range(5):
        session.step_back()
    assert not session.live
    assert selectors.subtask_views(session.model) != before
    for _ in range(5):
        session.step_forward()
        session.finish_motion()
    assert (session.cursor.index, len(session.timeline)) == (here, length)
    assert selectors.subtask_views(session.model) == before


@pytest.mark.parametrize("unit", [Unit.HOP, Unit.CHECKPOINT])
def test_units_stop_behind_their_events_forth_and_back(unit: Unit) -> None:
    session = story()
    places = []
    for _ in range(4):
        session.step_forward(unit)
        while session.goal is not Goal.NONE or session.moment() is not None:
            stopped = session.goal is Goal.NONE
            session.finish_motion()
            if not stopped or last_is(session, unit):
                break
            session.step_forward(unit)
        places.append(session.cursor.index)
    assert places == sorted(places)
    session.step_back(unit)
    assert session.cursor.index < places[-1]
    assert last_is(session, unit)


def last_is(session: Session, unit: Unit) -> bool:
    step = session.timeline.entry(session.cursor.index - 1).step
    start = session.timeline.index_of_step(step)
    kinds = (BarrierEmitted, BarrierArrived) if unit is Unit.HOP else ()
    events = [entry.event for entry in session.timeline.entries(start, session.cursor.index)]
    names = {type(event).__name__ for event in events}
    return any(isinstance(event, kinds) for event in events) or bool(
        names & {"CheckpointTriggered", "CheckpointCompleted", "CheckpointAborted"}
    )


def test_page_up_goes_beat_by_beat_back_and_down_again() -> None:
    session = story()
    to_beat(session, "crash")
    seen = []
    for _ in range(3):
        session.previous_beat()
        moment = session.moment()
        assert moment is not None
        seen.append(moment.beat.id)
    order = [beat.id for beat in session.plan.beats]
    place = order.index("crash")
    assert seen == order[place - 3 : place][::-1]
    assert go_on(session) == order[place - 2]


def test_a_wrong_guess_is_told_so_at_the_reveal() -> None:
    session = story()
    to_beat(session, "crash")
    asked = session.guess()
    assert asked is not None
    assert len(set(asked.options)) == 3
    assert session.answer(0)
    assert not session.answer(1), "a guess is locked"
    to_beat(session, "restored")
    revealed = session.guess()
    assert revealed is not None
    assert (revealed.chosen, revealed.right) == (0, 1)


def test_a_kill_by_hand_takes_the_place_of_the_script() -> None:
    session = story()
    to_beat(session, "blocked")
    session.break_now(Fault(KILL, "south[0]"))
    assert session.live
    while session.ended is None:
        go_on(session)
    verdict = session.verdict()
    assert verdict is not None
    assert verdict.holds is True
    assert selectors.counts(session.model).restarts == 1, "the script's own kill is off"


def test_breaking_the_past_opens_a_branch_and_keeps_both_futures() -> None:
    session = story()
    to_beat(session, "complete")
    for _ in range(6):
        session.step_back()
    fork, past = session.cursor.index, selectors.subtask_views(session.model)
    length = len(session.timeline)
    session.break_now(Fault(KILL, "north[0]"))
    assert [branch.fork_index for branch in session.branches] == [0, fork]
    entries = list(session.timeline.entries(0, fork))
    assert session.branches[0].run is not None
    assert entries == list(session.branches[0].run.timeline.entries(0, fork))
    session.switch_branch(0)
    assert len(session.timeline) == length
    session.seek(fork)
    assert selectors.subtask_views(session.model) == past


@pytest.mark.parametrize("wanted", ["trigger", "source"])
def test_a_beat_is_not_told_again_after_a_kill_in_the_past(wanted: str) -> None:
    session = story()
    to_beat(session, wanted)
    there = session.cursor.index
    go_on(session)
    session.seek(there)
    moment = session.moment()
    assert moment is not None
    assert moment.beat.id == wanted
    session.break_now(Fault(KILL, "north[0]"))
    assert session.moment() is None
    told = [one.beat.id for one in session.moments]
    assert len(told) == len(set(told))
    assert session.caption().headline.startswith("CRASH: north")


def test_a_breakpoint_pauses_play() -> None:
    session = story()
    session.toggle_breakpoint(Pattern(ChannelBlocked))
    for _ in range(20):
        session.play()
        while session.goal is Goal.PLAY:
            session.tick(0.05, budget_s=60.0)
        events = [
            type(entry.event)
            for entry in session.timeline.entries(
                session.timeline.index_of_step(
                    session.timeline.entry(session.cursor.index - 1).step
                ),
                session.cursor.index,
            )
        ]
        if ChannelBlocked in events:
            break
    else:
        raise AssertionError("never paused there")
    assert not session.toggle_breakpoint(Pattern(ChannelBlocked))


def test_a_saved_run_opens_with_its_beats_and_cannot_be_broken(tmp_path: Path) -> None:
    session = story()
    while session.ended is None:
        go_on(session)
    path = tmp_path / "run.bvt"
    session.save(path)
    opened = open_recording(path)
    again = Session(opened.plan, opened.timeline)
    again.begin()
    assert [moment.beat.id for moment in again.moments] == [
        moment.beat.id for moment in session.moments
    ]
    assert [moment.at_us for moment in again.moments] == [
        moment.at_us for moment in session.moments
    ]
    with pytest.raises(CommandRejected):
        again.break_now(Fault(KILL, "count[0]"))
    while again.ended is None:
        go_on(again)
    assert again.verdict() == session.verdict()
    to_live = again.caption().headline
    assert to_live == session.caption().headline


def test_the_append_variant_stands_beside_the_unchanged_story() -> None:
    session = Session(other_variant(load_plan(STORY), "append"))
    session.begin()
    while session.ended is None:
        go_on(session)
    before, with_append = session.sides()
    assert (before.verdict.holds, with_append.verdict.holds) == (True, False)
    assert with_append.verdict.state == "exact"
    assert with_append.verdict.output == "duplicated"
    assert before.tallies != with_append.tallies


@pytest.mark.parametrize("step", [8, 30, 48, 60])
def test_a_run_with_a_kill_by_hand_repeats_itself(step: int) -> None:
    run = Run(load_plan(STORY))
    while run.job.emitter.step < step:
        run.advance()
    run.command(Fault(KILL, "count[0]"))
    while run.ended is None:
        run.advance()
    again = run.replay(run.steps - 5)
    length = len(again.timeline)
    assert list(again.timeline.entries(0, length)) == list(run.timeline.entries(0, length))


def test_a_story_that_went_another_way_is_told_by_the_judge() -> None:
    session = story()
    to_beat(session, "before-the-kill")
    session.break_now(Fault("corrupt_checkpoint", "1"))
    session.break_now(Fault(KILL, "count[0]"))
    while session.ended is None:
        go_on(session)
    assert "EXACT:" not in session.caption().headline
    assert "NOT exactly once" in session.caption().headline
