"""One registry of what can be done on play screen and strips: for bindings, palette and help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from textual.binding import Binding, BindingType


class Action(NamedTuple):
    """`keys` as Textual names them, comma between; `action` is a method of the play screen."""

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
    Action("restart", "r", "Restart", "The same run from the beginning"),
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
    Action("open", "enter", "Open", "Watch that run from its kill on; q comes back"),
    Action("copy", "y", "Copy", "Copy strips, seed and command as plain text"),
    Action("save", "s", "Save as text", "Write the same text to a file here"),
    Action("help", "question_mark,f1", "Help", "Keys and signs"),
    Action("close", "escape,q,K", "Close", "End the sweep, go back to the job"),
)
"""On the strips of a kill-anywhere sweep."""


def bindings(actions: Sequence[Action] = ACTIONS, screen: str = "play") -> list[BindingType]:
    """For a screen; the key row is drawn by its own panel."""
    return [
        Binding(each.keys, each.action, each.label, tooltip=each.help,
                id=f"{screen}.{each.action}", show=False)
        for each in actions
    ]  # fmt: skip
