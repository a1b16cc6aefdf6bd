"""Data in flight as the model shows it: what was put back by a restore was not read again."""

from __future__ import annotations

from bandviz.events.checkpoint import InFlightRestored
from bandviz.model import selectors
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
