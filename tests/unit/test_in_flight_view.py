"""Data in flight as the model shows it: what was put back by a restore was not read again."""

from __future__ import annotations

from bandviz.events.checkpoint import BarrierEmitted, BarrierKind, InFlightRestored
from bandviz.model import selectors
from bandviz.model.narrator import narrate, why
from bandviz.model.run import RunModel
from bandviz.scenario.build import load_plan
from bandviz.session.run import Run


def test_what_a_restore_puts_back_is_no_second_reading() -> None:
    run, model = Run(load_plan("overtake")), RunModel()
    restored: set[tuple[int, int]] = set()
    seen: set[bool] = set()
    while run.ended is None:
        for entry in run.advance():
            model.apply(entry)
            if isinstance(entry.event, InFlightRestored):
                places = [(entry.event.channel, at) for at in entry.event.positions]
                restored.update(places)
        if restored:
            for channel in selectors.channel_views(model):
                for one in channel.elements:
                    if one.kind == "record" and (channel.channel, one.position) in restored:
                        assert not one.replay, one.text
                    seen.add(one.replay)
    assert len(restored) == 12
    assert seen == {True, False}, "others are read again"


def test_a_barrier_that_may_not_overtake_is_marked_as_such_and_so_is_its_channel() -> None:
    run, model = Run(load_plan("overtake", variant="forward")), RunModel()
    kinds: list[BarrierKind] = []
    while not kinds or kinds[-1] is not BarrierKind.FORCED_ALIGNED:
        for entry in run.advance():
            model.apply(entry)
            if isinstance(entry.event, BarrierEmitted):
                kinds.append(entry.event.kind)
                told, rule = narrate(model, entry), why(model, entry)
    (channel,) = (one for one in selectors.channel_views(model) if one.downstream.vertex == "shelf")
    (barrier,) = (one for one in channel.elements if one.kind == "barrier")
    assert barrier.forced
    assert not barrier.ahead
    assert told is not None
    assert told.headline == "FORCED ALIGNED: barista sends barrier >1] to shelf, in line."
    assert rule.startswith("Forced aligned:")
    while not selectors.channel_view(model, channel.channel).forced:
        for entry in run.advance():
            model.apply(entry)
    left = selectors.channel_view(model, channel.channel).elements
    assert all(one.kind == "record" for one in left), "the barrier has come"
