"""The cut playground: the diagram as text, what is said of a cut, and the screen under keys."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from bandviz.check.cuts import SpaceTime
from bandviz.events import Entry, Level
from bandviz.ids import SubtaskId
from bandviz.lab.swarm import draw, judged_run
from bandviz.lab.vary import by_mode
from bandviz.lab.zoo import loose
from bandviz.scenario.build import load_plan
from bandviz.session.opening import Opened
from bandviz.tui.app import BandvizApp
from bandviz.tui.glyphs import to_ascii
from bandviz.tui.panels.cut_words import Told
from bandviz.tui.panels.space_time import Axis, Sight, diagram, height_of
from bandviz.tui.screens.cuts import PAGE, CutScreen
from bandviz.tui.screens.play import PlayScreen
from bandviz.tui.spans import plain, width
from tests.judged_runs import BOARD, COUNT, STORY_LOGS, Play
from tests.pilots import in_loop, rows

NORTH, SOUTH = SubtaskId("north", 0), SubtaskId("south", 0)
SCRIPT = ("poll north", "poll south", "poll north", "deliver north", "deliver south")


def vertex(subtask: SubtaskId) -> str:
    return subtask.vertex


def three_votes() -> SpaceTime:
    """Three were read, two of them counted; nothing has come to the board."""
    play = Play(STORY_LOGS)
    for move in SCRIPT:
        play.make(move)
    return SpaceTime.at(play.entries, len(play.entries))


def drawn(cut: dict[SubtaskId, int], *, ascii_only: bool = False) -> list[str]:
    space = three_votes()
    sight = Sight(
        cut=cut, finding=space.judged(cut), chosen=COUNT, names=vertex, every=True,
        ascii_only=ascii_only,
    )  # fmt: skip
    lines = [plain(line) for line in diagram(space, Axis(space, vertex, 40), sight, 11)]
    return [to_ascii(line) for line in lines] if ascii_only else lines


CUT = {NORTH: 0, SOUTH: 1, COUNT: 1, BOARD: 0}
"""count has taken a vote of north that is outside for north; south's vote is in flight."""


def test_rows_lines_and_the_stair_of_the_cut() -> None:
    assert drawn(CUT) == [
        " north ┃●───────●─────────",
        "       ┗━━━━━━━━━━━━━┓",
        "              ⠉!c⠢⠤⢄⡀┃⠉⠑⠒⠤⢄⡀",
        ">count ━━━━━━━━━━━━━●┃──●─",
        "             ┏━━━━━━d┛⠒⠊⢣",
        "            ⣀┃⠤⠒⠊⠉⠁  ⠈c ⠈⡆",
        " south ━━━━━●┃────────────",
        "       ┏━━━━━┛          ⠈⢆⢇",
        "       ┃                  ⠹⡄",
        " board ┃──────────────────",
        " time   0.0 s   0.0 s   0.0 s",
    ]


def test_in_ascii_the_same_cells_say_the_same() -> None:
    assert drawn(CUT, ascii_only=True) == [
        " north |o-------o---------",
        "       +=============+",
        "              '!c-.. |'--..",
        ">count =============o|--o-",
        "             +======d+''\\",
        "            .|--''   \\c  \\",
        " south =====o|------------",
        "       +=====+          \\\\\\",
        "       |                  \\",
        " board |------------------",
        " time   0.0 s   0.0 s   0.0 s",
    ]


@pytest.mark.parametrize(
    ("called", "head"), [("count[0]", ">count[0] "), ("Source: votes -> count[0]", ">Source:…[0] "),
                         ("Source: votes -> count", ">Source: vo… ")],
)  # fmt: skip
def test_a_name_too_long_keeps_its_lane(called: str, head: str) -> None:
    space = three_votes()
    sight = Sight(
        cut=CUT, finding=space.judged(CUT), chosen=COUNT,
        names=lambda task: called if task == COUNT else "other",
    )  # fmt: skip
    lines = diagram(space, Axis(space, sight.names, 44), sight, 11)
    assert [plain(line)[: len(head)] for line in lines if plain(line)[0] == ">"] == [head]


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ((0, 0, 0, 0), ["CONSISTENT, nothing in flight: the empty cut", "read 3 votes again"]),
        ((1, 0, 0, 0), ["CONSISTENT, 1 in flight: everybody at", "no task holds it",
                        "store 1 vote in flight (6 bytes); read 2 votes again"]),
        ((0, 1, 1, 0), ["NOT CONSISTENT, 1 orphan, 2 in flight: a cut of your own",
                        "north reads it again, and count has it twice",
                        "no storing mends an orphan"]),
        ((2, 1, 2, 0), ["CONSISTENT, 3 in flight", "cat 1, dog 1 from count to board",
                        "Last inside: took dog (offset 0) from south, sent dog 1 to board"]),
    ],
)  # fmt: skip
def test_a_cut_is_told(cut: tuple[int, ...], said: list[str]) -> None:
    space = three_votes()
    places = dict(zip((NORTH, SOUTH, COUNT, BOARD), cut, strict=True))
    lines = Told(space, vertex, "vote").verdict(places, space.judged(places), COUNT, 90, 9)
    told = " ".join(plain(line) for line in lines)
    assert [words for words in said if words not in told] == []


def test_without_records_nothing_is_told() -> None:
    play = Play(STORY_LOGS)
    for move in (*SCRIPT, "trigger"):
        play.make(move)
    told = [one for one in play.entries if one.event.level is Level.CONTROL]
    space = SpaceTime.at(told, len(told))
    cut = dict.fromkeys(space.histories, 0)
    (line,) = Told(space, vertex, "vote").verdict(cut, space.judged(cut), COUNT, 90, 9)
    assert plain(line).startswith("UNDETERMINED")


@pytest.mark.parametrize("seed", range(12))
def test_any_cut_of_any_job_fits_any_window(seed: int) -> None:
    entries: list[Entry] = []
    judged_run(draw(seed), entries.append)
    rng = random.Random(seed)
    space = SpaceTime.at(entries, rng.randint(len(entries) // 2, len(entries)))
    told = Told(space, str, "record")
    for cells, height in ((64, 11), (100, 17), (160, 33)):
        axis = Axis(space, str, cells)
        cut = {name: rng.randint(0, len(one.moves)) for name, one in space.histories.items()}
        for chosen in space.histories:
            finding = space.judged(cut)
            sight = Sight(
                cut=cut, finding=finding, chosen=chosen, names=str, every=True,
                ascii_only=bool(seed % 2),
            )  # fmt: skip
            lines = diagram(space, axis, sight, height)
            assert len(lines) == height_of(space, height) <= height
            assert {width(line) for line in lines[:-1]} == {cells}
            assert width(lines[-1]) <= cells
            if seed % 2:
                assert all(to_ascii(plain(line)).isascii() for line in lines)
                assert not any("?" in to_ascii(plain(line)) for line in lines)
            said = told.verdict(cut, finding, chosen, cells, 7)
            assert len(said) <= 7
            assert max(map(width, said)) <= cells


# -- the screen


def shown(pilot: Pilot[int]) -> str:
    """All words on the screen, one blank between."""
    return " ".join("\n".join(rows(pilot.app)).split())


def screen_of(pilot: Pilot[int]) -> CutScreen:
    screen = pilot.app.screen
    assert isinstance(screen, CutScreen)
    return screen


def app_of(story: str, *, variant: str = "", zoo: str = "", ascii_only: bool = False) -> BandvizApp:
    plan = replace(load_plan(story, variant=variant), zoo=zoo)
    return BandvizApp(Opened(plan), motion="none", ascii_only=ascii_only)


@pytest.mark.parametrize(
    ("zoo", "said"),
    [
        ("skip-alignment", "The mode is exactly-once, but this engine did not hold back what came"),
        ("", "At-least-once: count held nothing back"),
    ],
)
@in_loop
async def test_who_let_an_orphan_into_the_cut_of_barriers_is_said(zoo: str, said: str) -> None:
    plan = load_plan("kill-and-rewind")
    plan = replace(plan, zoo=zoo) if zoo else by_mode(plan)[1][0].plan
    with loose(zoo):
        async with BandvizApp(Opened(plan), motion="none").run_test(size=(100, 30)) as pilot:
            for _ in range(6):
                await pilot.press("enter")
            await pilot.press("C", "c")
            assert said in shown(pilot)


@pytest.mark.parametrize("size", [(100, 30), (64, 20), (160, 45)])
@in_loop
async def test_the_cut_of_the_barriers_and_one_step_beyond_it(size: tuple[int, int]) -> None:
    async with app_of("kill-and-rewind", ascii_only=size[0] == 64).run_test(size=size) as pilot:
        for _ in range(8):
            await pilot.press("enter")
        await pilot.press("C", "c")
        screen = screen_of(pilot)
        assert "CONSISTENT, nothing in flight: the barriers' cut of checkpoint 1" in shown(pilot)
        assert size[0] != 64 or shown(pilot).isascii()
        found = dict(screen.cut)
        await pilot.press("down", "down", "right")
        assert screen.cut == {**found, screen.chosen: found[screen.chosen] + 1}
        assert "NOT CONSISTENT, 1 orphan" in shown(pilot)
        assert "north reads it again" in shown(pilot)
        await pilot.press("a")
        assert "everybody at" in shown(pilot)
        await pilot.press("c")
        assert screen.cut == found
        await pilot.press("q")
        assert isinstance(pilot.app.screen, PlayScreen)


@in_loop
async def test_a_chain_is_one_row_named_like_its_box() -> None:
    async with app_of("one-barrier", variant="chained").run_test(size=(64, 20)) as pilot:
        await pilot.press("C", "down")
        heads = [row[:18] for row in rows(pilot.app) if row.startswith((" camera", ">", " sign"))]
        assert heads == [" camera           ", ">tally -> Sink: … "]
        assert "tally -> Sink: sign is after 0" in shown(pilot)


@in_loop
async def test_before_the_first_move_there_is_nothing_to_cut_and_it_says_so() -> None:
    async with app_of("kill-and-rewind").run_test(size=(64, 20)) as pilot:
        await pilot.press("C", "right", "c", "a", "m")
        assert "no barriers" not in shown(pilot)
        await pilot.press("c")
        assert "no barriers have come" in shown(pilot)


@in_loop
async def test_the_page_behind_the_question_mark_fits_and_closes() -> None:
    async with app_of("kill-and-rewind").run_test(size=(64, 20)) as pilot:
        await pilot.press("C", "question_mark")
        assert "WHAT IS A CUT?" in shown(pilot)
        await pilot.press("escape")
        screen_of(pilot)


@pytest.mark.parametrize("cells", [40, 58, 86])
def test_no_line_of_that_page_is_too_long(cells: int) -> None:
    assert max(map(width, PAGE.lines(cells))) <= cells
