"""Pictures for README and docs, taken by the app itself: `make pictures`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bandviz.scenario.build import load_plan
from bandviz.session.opening import Opened
from bandviz.tui.app import BandvizApp
from bandviz.tui.screens.play import PlayScreen

FOLDER = Path(__file__).parent / "pictures"
WANTED = (
    # story, variant, theme, size, beats
    ("kill-and-rewind", "", "dark", (100, 30), ("blocked", "crash", "replay", "verdict")),
    ("kill-and-rewind", "append", "dark", (100, 30), ("verdict-append",)),
    ("kill-and-rewind", "", "light", (64, 20), ("aligned",)),
    ("nyc-flights", "", "dark", (160, 45), ("storm",)),
    ("half-the-house", "apart", "dark", (100, 30), ("lost-apart",)),
)


async def take(
    story: str, variant: str, theme: str, size: tuple[int, int], beats: tuple[str, ...]
) -> None:
    """Press Enter through a story and keep the screen at the wanted beats."""
    app = BandvizApp(Opened(load_plan(story, variant=variant)), motion="none", theme=theme)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, PlayScreen)
        for _ in range(40):
            moment = screen.session.moment()
            if moment is not None and moment.beat.id in beats:
                await pilot.pause()
                picture = app.export_screenshot(title=f"bandviz {story}", simplify=True)
                (FOLDER / f"{moment.beat.id}.svg").write_text(picture)
            if screen.session.ended is not None:
                return
            await pilot.press("enter")


def main() -> None:
    """All of them."""
    FOLDER.mkdir(exist_ok=True)
    for each in WANTED:
        asyncio.run(take(*each))


if __name__ == "__main__":
    main()
