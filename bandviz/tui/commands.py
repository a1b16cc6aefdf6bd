"""The command palette: every action of the play screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from bandviz.tui.actions import ACTIONS

if TYPE_CHECKING:
    from textual.types import IgnoreReturnCallbackType


class PlayCommands(Provider):
    """One line an action, with its help."""

    async def discover(self) -> Hits:
        """All of them."""
        for action in ACTIONS:
            yield DiscoveryHit(action.label, self._run(action.action), help=action.help)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for action in ACTIONS:
            score = matcher.match(f"{action.label} {action.help}")
            if score > 0:
                label = matcher.highlight(action.label)
                yield Hit(score, label, self._run(action.action), help=action.help)

    def _run(self, action: str) -> IgnoreReturnCallbackType:
        async def call() -> None:
            await self.screen.run_action(action)

        return call
