"""What the play screen asks before two runs are shown side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.app import App

from bandviz.errors import BandvizError
from bandviz.lab.twin import Twin, deed, of_way, of_whatif, ways_of
from bandviz.model.words import seconds
from bandviz.scenario.plan import Plan
from bandviz.scenario.varied import shown
from bandviz.session.run import Run
from bandviz.trace.commands import CommandRecord
from bandviz.tui.screens.menus import Choice, ChoiceMenu
from bandviz.tui.screens.twin import TwinScreen


def ask_way(
    app: App[Any], plan: Plan, play: Callable[[Plan], None], say: Callable[[str], None]
) -> None:
    """Which setting is to differ; then both runs. `play` gets the other plan if it is wanted."""
    ways = ways_of(plan)
    if not ways:
        return say("nothing can be made different in this job: it takes no checkpoints")
    options = [
        Choice(
            str(place),
            f"{way.field} = {shown(way.value)}" if way.field else way.variant or "as the file says",
            way.note,
        )
        for place, way in enumerate(ways)
    ]

    def chosen(key: str | None) -> None:
        if key is None:
            return None
        try:
            compare, other = of_way(plan, ways[int(key)])
        except BandvizError as error:
            return say(error.message)
        screen = TwinScreen(plan.settings.title, compare)
        app.push_screen(screen, lambda wanted: play(other) if wanted else None)
        return None

    app.push_screen(ChoiceMenu("TWIN: beside a run that differs in", options), chosen)
    return None


def ask_what(
    app: App[Any],
    plan: Plan,
    commands: Sequence[CommandRecord],
    opened: Callable[[Run, int], None],
) -> None:
    """What is to be left out; then the run with and without. `opened` gets the run without it,
    and the step at which it is missing, if it is wanted.
    """
    options = [
        Choice(str(place), deed(each), f"{seconds(each.time_us)}{', by hand' * each.by_hand}")
        for place, each in enumerate(commands)
    ]
    without: list[Run] = []

    def chosen(key: str | None) -> None:
        if key is None:
            return
        place = int(key)

        def compare() -> Twin:
            both, run = of_whatif(plan, commands, place)
            without.append(run)
            return both

        def answered(wanted: bool | None) -> None:
            if wanted:
                opened(without[-1], commands[place].step)

        app.push_screen(TwinScreen(plan.settings.title, compare), answered)

    app.push_screen(ChoiceMenu("WHAT IF NOT: leave out", options), chosen)
