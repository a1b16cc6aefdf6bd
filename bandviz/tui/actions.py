"""One registry of what can be done on which screen: for bindings, palette and help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from textual.binding import Binding, BindingType


class Action(NamedTuple):
    """`keys` as Textual names them, comma between; `action` is a method of the screen."""

    action: str
    keys: str
    label: str
    help: str


ACTIONS: Final = (
    Action("next_beat", "enter,pagedown", "Go on", "Go on to the next beat; again: jump there"),
    Action("previous_beat", "pageup", "Beat before", "Look back to the beat before"),
    Action("step", "right,full_stop", "Step", "One step on: a move, a barrier hop or a checkpoint"),
    Action("step_back", "left,comma", "Step back", "Look back by one step; the job stays as it is"),
    Action("unit", "u", "Step by ...", "Step by move, by barrier hop, by checkpoint"),
    Action("play", "space", "Play or pause", "Let the job run; it pauses at beats and breakpoints"),
    Action("slower", "s", "Slower", "Halve the speed"),
    Action("faster", "f", "Faster", "Double the speed"),
    Action("live", "end", "Back to LIVE", "Go to the newest moment of the run"),
    Action("start", "home", "To the start", "Look at the first moment of the run"),
    Action(
        "break_it", "x", "Break it", "Kill a subtask or damage a checkpoint; in the past: branch"
    ),
    Action("kill_anywhere", "K", "Kill anywhere", "Kill every task at every step: what if?"),
    Action(
        "restart",
        "r",
        "Restart",
        "The same run from its beginning; one of the strips, from its kill",
    ),
    Action("variant", "v", "Change one setting", "Run again with one field different"),
    Action("twin", "W", "Twin", "Beside a run with one setting different: where do they part?"),
    Action("whatif", "o", "What if not", "Leave out one thing that was done, and compare"),
    Action("why", "w", "Why?", "The rule behind what just happened, with Flink's name for it"),
    Action("inspect", "i", "Inspect", "State now, snapshots and their difference"),
    Action(
        "cuts", "C", "Cut playground", "Put a cut through this run: is it consistent, its price"
    ),
    Action(
        "ledger", "L", "Ledger", "Each record: read, applied, visible how often; where it is now"
    ),
    Action("branches", "t", "Timelines", "List the branches of this session and switch"),
    Action("breakpoint", "p", "Breakpoints", "Pause whenever something happens"),
    Action("zoom(1)", "plus", "Zoom in", "Subtasks, then the neighbourhood of the focus"),
    Action("zoom(-1)", "minus", "Zoom out", "Operators only"),
    Action("jump", "g", "Go to box", "Show a letter on each box; press it to focus"),
    Action("move_focus('left')", "h", "Focus left", "Move the focus"),
    Action("move_focus('down')", "j", "Focus down", "Move the focus"),
    Action("move_focus('up')", "k", "Focus up", "Move the focus"),
    Action("move_focus('right')", "l", "Focus right", "Move the focus"),
    Action("clear", "escape", "Clear", "Close the inspector, drop the focus"),
    Action("band", "n", "Band line", "Show or hide the marching-band line"),
    Action("save", "ctrl+s", "Save recording", "Write the run to a .bvt file here"),
    Action("picture", "f8", "Save picture", "Write the screen as SVG here"),
    Action("theme", "ctrl+t", "Dark or light", "Change the theme"),
    Action("help", "question_mark,f1", "Help", "Keys and signs"),
    Action("leave", "q", "Leave", "Back to the home screen"),
)


STRIPS: Final = (
    Action("move(-1)", "left,comma", "Earlier", "The kill before"),
    Action("move(1)", "right,full_stop", "Later", "The kill after"),
    Action("turn(-1)", "up", "Task above", "Another task or strip"),
    Action("turn(1)", "down", "Task below", "Another task or strip"),
    Action("change(-1)", "pageup", "Change before", "Back to a kill of another outcome"),
    Action("change(1)", "pagedown", "Next change", "On to a kill of another outcome"),
    Action("move(-1000000)", "home", "First", "The first kill"),
    Action("move(1000000)", "end", "Last", "The last kill"),
    Action(
        "open", "enter", "Open", "Watch that run from its kill on; q comes back, r begins again"
    ),
    Action("copy", "y", "Copy", "Copy strips, seed and command as plain text"),
    Action("save", "s", "Save as text", "Write the same text to a file here"),
    Action("help", "question_mark,f1", "Help", "Keys and signs"),
    Action("close", "escape,q,K", "Close", "End the sweep, go back to the job"),
)
"""On the strips of a kill-anywhere sweep."""

CUTS: Final = (
    Action("move(-1)", "left,h", "Back", "One move less of this row is inside"),
    Action("move(1)", "right,l", "On", "One move more of this row is inside"),
    Action("place(0)", "home", "To the start", "Nothing of this row is inside"),
    Action("place(-1)", "end", "To the end", "All of this row is inside"),
    Action("choose(-1)", "up,k", "Row above", "The row above"),
    Action("choose(1)", "down,j", "Row below", "The row below"),
    Action("found", "c", "Barriers' cut", "The cut that barriers found; again: of the next ones"),
    Action("all_here", "a", "All here", "Everybody at the instant of this row's place"),
    Action("lines", "m", "Lines", "Lines of all messages, or only of those that matter now"),
    Action("help", "question_mark,w,f1", "Help", "What a cut is, keys and signs"),
    Action("dismiss", "escape,q,C", "Back", "Back to the run"),
)
"""In the cut playground."""

LEDGER: Final = (
    Action("by(-1)", "up,k", "Up", "The record before"),
    Action("by(1)", "down,j", "Down", "The next record"),
    Action("page(-1)", "pageup", "Page up", "A page up"),
    Action("page(1)", "pagedown,space", "Page down", "A page down"),
    Action("to(0)", "home", "First", "The first record"),
    Action("to(-1)", "end", "Last", "The last record"),
    Action("next_wrong", "n", "Next wrong", "The next one that is lost or there twice"),
    Action("help", "question_mark,f1", "Help", "What the columns mean, and keys"),
    Action("dismiss", "escape,q,L,enter", "Close", "Back to the run"),
)
"""In the lineage ledger."""

TWIN: Final = (
    Action("move(1)", "down,j,right", "On", "The next row"),
    Action("move(-1)", "up,k,left", "Back", "The row before"),
    Action("page(1)", "pagedown,space", "Page on", "A page on"),
    Action("page(-1)", "pageup", "Page back", "A page back"),
    Action("move(-1_000_000)", "home", "First", "The first row"),
    Action("move(1_000_000)", "end", "Last", "The last row"),
    Action("difference(1)", "n", "Next", "The next difference"),
    Action("difference(-1)", "N,p", "Before", "The difference before"),
    Action("parting", "f", "Parting", "Where the two part"),
    Action("results", "d,tab", "Results", "What differs in the end; again: the story"),
    Action("close(True)", "enter", "Play", "Play the right one"),
    Action("help", "question_mark,f1", "Help", "Keys and signs"),
    Action("close(False)", "escape,q", "Back", "Back to the run"),
)
"""On the screen of two runs."""


def bindings(actions: Sequence[Action] = ACTIONS, screen: str = "play") -> list[BindingType]:
    """For a screen; the key row is drawn by its own panel."""
    return [
        Binding(each.keys, each.action, each.label, tooltip=each.help,
                id=f"{screen}.{each.action}", show=False)
        for each in actions
    ]  # fmt: skip
