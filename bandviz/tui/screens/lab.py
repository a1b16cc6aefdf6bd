"""What one may ask of a run besides watching it: each question opens a screen over the play screen.

No question changes the run. One that cannot be asked here raises a BandvizError: why, in one line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bandviz.errors import CommandRejected
from bandviz.lab.twin import Twin, Way, deed, of_way, of_whatif, ways_of
from bandviz.model.facts import Dirty
from bandviz.model.words import seconds
from bandviz.scenario.varied import shown
from bandviz.session.opening import other_variant
from bandviz.session.run import Run
from bandviz.session.session import Session
from bandviz.session.whatif import require_repeatable
from bandviz.tui.screens.cuts import playground
from bandviz.tui.screens.ledger import LedgerScreen
from bandviz.tui.screens.menus import Choice, ChoiceMenu
from bandviz.tui.screens.strips import StripsScreen
from bandviz.tui.screens.twin import TwinScreen

if TYPE_CHECKING:
    from bandviz.tui.app import BandvizApp


class Lab:
    """The questions to one session. `moved`: it looks at another place now, and what to say."""

    def __init__(
        self,
        app: BandvizApp,
        session: Session,
        moved: Callable[[Dirty, str], None],
        *,
        ascii_only: bool,
    ) -> None:
        self._app = app
        self._session = session
        self._moved = moved
        self._ascii_only = ascii_only

    def kill_anywhere(self) -> None:
        """What does a kill at each moment come to?"""
        plan = self._session.plan
        if plan.traffic is not None:
            raise CommandRejected("nobody is killed in a network of accounts: open a job for that")
        self._require_its_engine()
        self._app.push_screen(StripsScreen(plan))

    def cuts(self) -> None:
        """Is this place on each row a picture that a job could go back to?"""
        record = self._app.words_of(self._session.plan).record
        self._app.push_screen(playground(self._session, record, ascii_only=self._ascii_only))

    def ledger(self) -> None:
        """What has become of each source record by this moment?"""
        ledger = self._session.lineage()
        if not ledger.rows:
            raise CommandRejected("there are no source records here that a ledger could follow")
        self._app.push_screen(LedgerScreen(ledger, seconds(self._session.view_us)))

    def twin(self) -> None:
        """Where does a run with one setting different part? It is played if that is wanted."""
        plan, app = self._session.plan, self._app
        ways = ways_of(plan)
        if not ways:
            raise CommandRejected("nothing can be made different here: there are no checkpoints")
        self._require_its_engine()
        if other_variant(plan, plan.settings.variant).faults != plan.faults:
            raise CommandRejected("a run of the strips has no twin; press q, then W on the job")

        def ask(place: int) -> None:
            compare, other = of_way(plan, ways[place])
            screen = TwinScreen(plan.settings.title, compare)
            app.push_screen(screen, lambda wanted: app.play(other) if wanted else None)

        options = [(_name(way), way.note) for way in ways]
        self._choose("TWIN: beside a run that differs in", options, ask)

    def whatif(self) -> None:
        """What if one thing had not been done? That run is a new timeline, if it is wanted."""
        session, app = self._session, self._app
        plan, commands = session.plan, session.done()
        if not commands:
            raise CommandRejected("nothing was done to this run that could be left out")
        self._require_its_engine()
        recorded = session.timeline if session.run is None else None

        def ask(place: int) -> None:
            without: list[Run] = []

            def compare() -> Twin:
                if recorded is not None:
                    require_repeatable(plan, recorded, commands)
                both, run = of_whatif(plan, commands, place)
                without.append(run)
                return both

            def answered(wanted: bool | None) -> None:
                if wanted:
                    dirty = session.open_branch(without[-1], commands[place].step)
                    name = session.branches[-1].name
                    self._moved(dirty, f"timeline {name}, run without it (t lists them)")

            app.push_screen(TwinScreen(plan.settings.title, compare), answered)

        options = [
            (deed(one), f"{seconds(one.time_us)}{', by hand' * one.by_hand}") for one in commands
        ]
        self._choose("WHAT IF NOT: leave out", options, ask)

    def _choose(
        self, title: str, options: Sequence[tuple[str, str]], taken: Callable[[int], None]
    ) -> None:
        """`options` are labels and notes; `taken` gets the place of the one that was chosen."""
        choices = [Choice(str(place), *words) for place, words in enumerate(options)]
        self._app.push_screen(
            ChoiceMenu(title, choices), lambda key: None if key is None else taken(int(key))
        )

    def _require_its_engine(self) -> None:
        """A broken engine is only loose in a process that was begun with it."""
        plan = self._session.plan
        if plan.zoo and self._session.run is None:
            raise CommandRejected(
                f"recorded with a broken engine; begin it with --zoo {plan.zoo} to run it again"
            )


def _name(way: Way) -> str:
    if way.field:
        return f"{way.field} = {shown(way.value)}"
    return way.variant or "as the file says"
