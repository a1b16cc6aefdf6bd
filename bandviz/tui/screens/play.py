"""The play screen: MEMORY above, DISK below, and a person who steps, breaks and looks back.

The screen pulls: a timer asks the session to move, then all regions are made anew from selectors
and each repaints only the rows that differ. No rule of the protocol is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.timer import Timer

from bandviz.errors import BandvizError, CommandRejected
from bandviz.events import checkpoint as facts
from bandviz.events import job, sink
from bandviz.ids import SubtaskId
from bandviz.model import selectors
from bandviz.model.facts import Dirty
from bandviz.scenario.patterns import Pattern
from bandviz.session.session import Goal, Session, Unit
from bandviz.text import LABEL, door
from bandviz.tui.actions import bindings
from bandviz.tui.canvas.scene import Zoom
from bandviz.tui.canvas.widget import Canvas
from bandviz.tui.commands import PlayCommands
from bandviz.tui.names import free_name
from bandviz.tui.panels.disk import disk
from bandviz.tui.panels.header import disk_rule, jobmanager, memory_rule, rule, warning
from bandviz.tui.panels.inspector import inspector
from bandviz.tui.panels.keys import KeyContext, keys
from bandviz.tui.panels.time_row import time_at
from bandviz.tui.panels.words import names_of
from bandviz.tui.picture import Look, Stage, box_of, jump_target, next_in_box
from bandviz.tui.rows import SMALLEST, Rows
from bandviz.tui.screens.breaking import BreakMenu, break_choices, fault_of
from bandviz.tui.screens.help import HelpScreen
from bandviz.tui.screens.lab import Lab
from bandviz.tui.screens.menus import Choice, ChoiceMenu
from bandviz.tui.spans import Line, Span
from bandviz.tui.story import caption_lines, key_context, time_line, title_line
from bandviz.tui.themes import styles_of
from bandviz.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from bandviz.tui.app import BandvizApp

BREAKPOINTS = {
    "a channel is blocked": facts.ChannelBlocked,
    "alignment completes": facts.AlignmentCompleted,
    "a checkpoint is triggered": facts.CheckpointTriggered,
    "a checkpoint completes": facts.CheckpointCompleted,
    "a checkpoint is aborted": facts.CheckpointAborted,
    "a transaction commits": sink.TransactionCommitted,
    "a subtask fails": job.SubtaskFailed,
    "a restore begins": job.RestoreStarted,
}
SAID_S = 4.0


class PlayScreen(Screen[None]):
    """One session on the screen."""

    DEFAULT_CSS = """
    PlayScreen > Vertical { height: 100%; }
    PlayScreen #inspector { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings()
    COMMANDS = {PlayCommands}  # noqa: RUF012 - Textual's own form
    ALLOW_IN_MAXIMIZED_VIEW = ""

    def __init__(
        self,
        begun: Callable[[], Session],
        label: str = "",
        *,
        nested: bool = False,
        motion: str = "full",
        ascii_only: bool = False,
    ) -> None:
        """`begun` makes the session, anew at each restart. `label` stands behind the title, such as
        the variant. `nested`: it is left for what it lies over.
        """
        super().__init__()
        self.begun = begun
        self.session = begun()
        self.label = label
        self._nested = nested
        self._motion = motion
        self._look = Look(ascii_only=ascii_only)
        self._stage = Stage()
        self._unit = Unit.MOVE
        self._show_band = True
        self._inspecting = False
        self._lane = 0
        self._why = ""
        self._drawn = False
        self._said = ""
        self._hush: Timer | None = None
        self._last_tick = monotonic()
        self._rows = Rows(100, 30)

    @property
    def bandviz(self) -> BandvizApp:
        """The app, by its own type."""
        return cast("BandvizApp", self.app)

    def compose(self) -> ComposeResult:
        """Regions in the order that they keep at every size."""
        with Vertical():
            for name in ("zoo", "title", "job", "memory-rule"):
                yield Lines(id=name)
            yield Canvas(lambda name: styles_of(self.app)[name], id="memory")
            for name in ("disk-rule", "disk", "inspector", "time", "rule", "caption", "keys"):
                yield Lines(id=name)

    def on_mount(self) -> None:
        """Make the first move, then wait for the person."""
        self.query_one(Canvas).focus()
        self._lab = Lab(self.bandviz, self.session, self._moved, ascii_only=self._look.ascii_only)
        self.session.begin()
        fps = {"full": 30, "reduced": 10, "none": 10}[self._motion]
        self.set_interval(1 / fps, self._tick)

    def on_resize(self, event: events.Resize) -> None:
        """Share out the rows anew."""
        banner = int(bool(self.session.plan.zoo))
        self.query_one("#zoo").display = bool(banner)
        rows = self._rows = Rows(event.size.width, event.size.height - banner)
        for name, height in (
            ("zoo", banner),
            ("title", 1), ("job", 1), ("memory-rule", 1), ("memory", rows.memory),
            ("disk-rule", 1), ("disk", rows.disk), ("time", 1), ("rule", rows.rule),
            ("caption", rows.caption), ("keys", 1),
        ):  # fmt: skip
            self.query_one(f"#{name}").styles.height = height
        self.query_one("#inspector").styles.height = rows.inspector
        self._share()
        self.show_all()

    def _share(self) -> None:
        """The inspector takes the place of DISK and caption while it is open."""
        for name in ("disk", "rule", "caption"):
            self.query_one(f"#{name}").display = not self._inspecting
        self.query_one("#rule").display = bool(self._rows.rule) and not self._inspecting
        self.query_one("#inspector").display = self._inspecting

    # ------------------------------------------------------------------ moving

    def _tick(self) -> None:
        now = monotonic()
        elapsed, self._last_tick = now - self._last_tick, now
        session = self.session
        if not session.moving:
            if self._drawn:
                session.end_us()
            return
        if self._motion == "none" and session.goal is not Goal.PLAY:
            dirty = session.finish_motion()
        else:
            dirty = session.tick(min(elapsed, 0.25))
        if dirty & ~Dirty.TIME or not session.moving:
            self._why = ""
            self.show_all()
        else:
            self._show_time()

    def _after(self, dirty: Dirty) -> None:
        """Something was done at once."""
        self._why = ""
        if self._motion == "none":
            self.session.finish_motion()
        if dirty or self._motion == "none":
            self.show_all()

    # ------------------------------------------------------------------ drawing

    def show_all(self) -> None:
        """Make every region anew; the widgets repaint only what differs."""
        width, height = self.size
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return self._too_small()
        session, model, rows = self.session, self.session.model, self._rows
        self._put("zoo", [warning(session.plan.zoo, width)])
        if model.run is None:
            return None
        words = self.bandviz.words_of(session.plan)
        views = selectors.subtask_views(model)
        names, job_view = names_of(views), selectors.job_view(model)
        self._put("job", jobmanager(job_view, names, width, words))
        managers = selectors.task_manager_views(model)
        self._put("memory-rule", [memory_rule(job_view, width, managers)])
        self._put("disk-rule", [disk_rule(width, locked=job_view.storage_locked)])
        self._put(
            "disk",
            disk(
                selectors.tape_views(model), selectors.checkpoint_views(model),
                selectors.board_views(model), names, width, rows.disk, words,
            ),
        )  # fmt: skip
        self._put("rule", [rule("", width)])
        shown = caption_lines(session, width, rows.caption, self._show_band, self._why)
        self._put("caption", shown)
        self._put("keys", self._key_row(width))
        self._show_inspector()
        self._show_time()
        self.call_after_refresh(self._has_drawn)
        return None

    def _has_drawn(self) -> None:
        self._drawn = True

    def _key_row(self, width: int) -> list[Line]:
        """The keys of the moment; for a few seconds, the answer to the last one."""
        if self._said:
            return [(Span(f" {self._said}"[:width], "strong"),)]
        hidden = frozenset() if self.session.plan.variants else frozenset({"v"})
        step = "" if self._unit is Unit.MOVE else self._unit.value
        leave = "back" if self._nested else "leave"
        return keys(key_context(self.session), width, hidden=hidden, step=step, leave=leave)

    def _show_time(self) -> None:
        """What changes with every tick: clock, elements on their way, time row."""
        session, width = self.session, self.size.width
        self._put("title", title_line(session, self.label, width))
        self._put("time", time_line(session, width))
        canvas = self.query_one(Canvas)
        size = (width, self._rows.memory)
        canvas.show(self._stage.picture(session.model, session.view_us, size, self._look))

    def _put(self, name: str, lines: list[Line]) -> None:
        self.query_one(f"#{name}", Lines).show(lines)

    def _show_inspector(self) -> None:
        subtask = self._focused() if self._inspecting else None
        if subtask is not None:
            model = self.session.model
            names = names_of(selectors.subtask_views(model))
            view = selectors.inspect(model, subtask)
            shown = inspector(view, names, self.size.width, self._rows.inspector)
            self._put("inspector", shown)

    def _too_small(self) -> None:
        for panel in self.query(Lines):
            panel.show([])
        self._put("zoo", [warning(self.session.plan.zoo, self.size.width)])
        width, height = SMALLEST
        self.query_one("#title", Lines).show([(Span("make the window larger", "strong"),)])
        self.query_one("#job", Lines).show([(Span(f"bandviz needs {width}x{height}", "text"),)])

    def on_click(self, event: events.Click) -> None:
        """A click on the time row looks at that time."""
        if event.widget is None or event.widget.id != "time":
            return
        session = self.session
        time_us = time_at(event.x, session.newest_us, session.end_us(), self.size.width)
        if time_us is not None:
            self._after(session.seek_time(time_us))

    # ------------------------------------------------------------------ keys that mean themselves

    def on_key(self, event: events.Key) -> None:
        """Letters answer a guess or pick a box while one of these is open."""
        letter = event.character or ""
        if self._look.jumping:
            uid = jump_target(self.session.model, letter)
            self._set_look(focus=uid or self._look.focus, jumping=False)
            event.stop()
            event.prevent_default()
        elif letter and letter in "abcdef" and self.session.answer("abcdef".index(letter)):
            self._after(Dirty.TIME)
            event.stop()
            event.prevent_default()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While letters are asked for, they are no commands."""
        if self._look.jumping and action != "clear":
            return False
        if action == "faster" and key_context(self.session) is KeyContext.QUESTION:
            return False
        return super().check_action(action, parameters)

    # ------------------------------------------------------------------ actions: time

    def action_next_beat(self) -> None:
        """Go on; at the end, to what else there is to try."""
        if self.session.ended is not None:
            self.action_variant()
            return
        self.session.next_beat()
        self._after(Dirty.TIME)

    def action_previous_beat(self) -> None:
        """Look back by a beat."""
        self._after(self.session.previous_beat())

    def action_step(self) -> None:
        """One unit on."""
        self.session.step_forward(self._unit)
        self._after(Dirty.TIME)

    def action_step_back(self) -> None:
        """Look back by a unit."""
        self._after(self.session.step_back(self._unit))

    def action_unit(self) -> None:
        """Another unit of stepping."""
        units = list(Unit)
        self._unit = units[(units.index(self._unit) + 1) % len(units)]
        self.say(f"left and right now go by: {self._unit.value}")

    def action_play(self) -> None:
        """Play or pause."""
        if self.session.goal is Goal.NONE:
            self.session.play()
        else:
            self.session.pause()
        self._after(Dirty.TIME)

    def action_slower(self) -> None:
        """Half the speed."""
        self.say(f"speed x{self.session.faster(-1):g}")

    def action_faster(self) -> None:
        """Twice the speed."""
        self.say(f"speed x{self.session.faster(1):g}")

    def action_live(self) -> None:
        """The newest moment."""
        self._after(self.session.go_live())

    def action_start(self) -> None:
        """The first moment."""
        self._after(self.session.seek(0))

    # ------------------------------------------------------------------ actions: the job

    def action_break_it(self) -> None:
        """Ask what to break."""
        session = self.session
        session.pause()
        faults = session.faults()
        if not faults:
            why = "nothing can be broken here now"
            if session.run is None:
                why = "a recording cannot be broken; open its scenario instead"
            elif session.ended is not None and session.plan.traffic is None:
                why = "the run is over; look back, and break it there"
            return self.say(why)
        choices = break_choices(faults, session.model)
        self.app.push_screen(BreakMenu(choices, session.victim()), self._broken)
        return None

    def _broken(self, key: str | None) -> None:
        if key is None:
            return None
        try:
            dirty = self.session.break_now(fault_of(key))
        except CommandRejected as error:
            return self.say(str(error))
        if len(self.session.branches) > 1 and self.session.branches[-1].fork_index:
            self.say(f"a new timeline: {self.session.branches[-1].name} (t lists them)")
        self._after(dirty | Dirty.TIME)
        return None

    def action_restart(self) -> None:
        """The same run again; a key that is held down does not pile up restarts."""
        if self._drawn:
            self.bandviz.restart(self)

    def action_variant(self) -> None:
        """Ask for one setting to be different."""
        plan = self.session.plan
        if self.session.run is None:
            return self.say("a recording cannot be changed; open its scenario instead")
        options = [Choice("", "as the scenario says", "no field changed")]
        options += [Choice(one.name, one.title, one.change) for one in plan.variants]
        if len(options) == 1:
            return self.say("this scenario has no variants")
        other = next((one.name for one in plan.variants if one.name != plan.settings.variant), "")
        preselected = "" if plan.settings.variant else other
        menu = ChoiceMenu("CHANGE ONE SETTING, and run again", options, preselected)
        self.app.push_screen(menu, self._varied)
        return None

    def _varied(self, name: str | None) -> None:
        if name is not None:
            self.bandviz.play_variant(self.session.plan, name)

    def action_branches(self) -> None:
        """List the timelines."""
        session = self.session
        if len(session.branches) < 2:
            return self.say("one timeline so far; break something in the past to open another")
        options = [
            Choice(str(place), f"timeline {branch.name}", session.origin(branch))
            for place, branch in enumerate(session.branches)
        ]
        self.app.push_screen(ChoiceMenu("TIMELINES", options, str(session.active)), self._switched)
        return None

    def _switched(self, key: str | None) -> None:
        if key is not None:
            self._after(self.session.switch_branch(int(key)) | Dirty.TIME)

    def action_breakpoint(self) -> None:
        """Set or take away a breakpoint."""
        set_now = {pattern.event for pattern in self.session.breakpoints}
        options = [
            Choice(words, words, "pauses" if kind in set_now else "")
            for words, kind in BREAKPOINTS.items()
        ]
        self.app.push_screen(ChoiceMenu("PAUSE WHENEVER ...", options), self._toggled)

    def _toggled(self, words: str | None) -> None:
        if words is not None:
            on = self.session.toggle_breakpoint(Pattern(BREAKPOINTS[words]))
            self.say(f"pauses when {words}" if on else f"no pause any more when {words}")

    # ------------------------------------------------------------------ actions: the lab

    def _ask(self, question: Callable[[], None]) -> None:
        """Open what answers it; if nothing can, say why."""
        self.session.pause()
        try:
            question()
        except BandvizError as error:
            self.say(str(error))

    def action_kill_anywhere(self) -> None:
        """Break the plan everywhere, one run each."""
        self._ask(self._lab.kill_anywhere)

    def action_cuts(self) -> None:
        """Put a cut through this run."""
        self._ask(self._lab.cuts)

    def action_ledger(self) -> None:
        """What has become of each source record by this moment."""
        self._ask(self._lab.ledger)

    def action_twin(self) -> None:
        """Beside a run with one setting different."""
        self._ask(self._lab.twin)

    def action_whatif(self) -> None:
        """Beside the run without one of the things that were done to it."""
        self._ask(self._lab.whatif)

    def _moved(self, dirty: Dirty, words: str) -> None:
        self.say(words)
        self._after(dirty)

    # ------------------------------------------------------------------ actions: looking

    def action_why(self) -> None:
        """Explain the last thing that happened."""
        self.session.pause()
        self._why = "" if self._why else self.session.why()
        self.show_all()

    def action_inspect(self) -> None:
        """Show or hide the inspector."""
        self._inspecting = not self._inspecting
        if self._inspecting and self._look.focus is None:
            victim = self.session.victim()
            self._look = replace(self._look, focus=victim.vertex if victim else None)
        self._share()
        self.show_all()

    def _focused(self) -> SubtaskId | None:
        views = selectors.subtask_views(self.session.model)
        mine = [view.subtask for view in views if view.subtask.vertex == self._look.focus]
        return mine[min(self._lane, len(mine) - 1)] if mine else None

    def action_zoom(self, step: int) -> None:
        """More or less detail."""
        self._zoom_to(Zoom(min(Zoom.DETAIL, max(Zoom.OVERVIEW, self._look.zoom + step))))

    def on_canvas_zoom_changed(self, message: Canvas.ZoomChanged) -> None:
        """The wheel."""
        self._zoom_to(message.zoom)

    def _zoom_to(self, zoom: Zoom) -> None:
        if zoom is Zoom.DETAIL and self._look.focus is None:
            victim = self.session.victim()
            self._set_look(zoom=zoom, focus=victim.vertex if victim else None)
        else:
            self._set_look(zoom=zoom)

    def on_canvas_node_clicked(self, message: Canvas.NodeClicked) -> None:
        """A click focuses; a second one on the same box drops the focus."""
        self._lane = message.lane or 0
        self._set_look(focus=None if message.uid == self._look.focus else message.uid)

    def action_jump(self) -> None:
        """Letters on the boxes."""
        self._set_look(jumping=True)

    def action_move_focus(self, direction: str) -> None:
        """To the nearest box that way."""
        picture = self.query_one(Canvas).picture
        if picture is None:
            return
        boxes = picture.scene.boxes
        chains = selectors.task_views(self.session.model)
        here = box_of(chains, self._look.focus)
        if here is None or here not in boxes:
            victim = self.session.victim()
            self._set_look(focus=victim.vertex if victim else next(iter(boxes), None))
            return
        beside = next_in_box(chains, self._look.focus, {"up": -1, "down": 1}.get(direction, 0))
        there = beside or picture.scene.beside(here, direction)
        if there is not None:
            self._lane = self._lane if beside else 0
            self._set_look(focus=there)

    def action_clear(self) -> None:
        """Close what is open, one thing at a time."""
        if self._look.jumping:
            self._set_look(jumping=False)
        elif self._inspecting:
            self._inspecting = False
            self._share()
            self.show_all()
        elif self._nested and (self._look.focus, self._look.zoom) == (None, Zoom.SUBTASKS):
            self.bandviz.leave_play()
        else:
            self._set_look(focus=None, zoom=Zoom.SUBTASKS)

    def action_band(self) -> None:
        """Show or hide the marching-band line."""
        self._show_band = not self._show_band
        self.show_all()

    def _set_look(self, **changes: object) -> None:
        self._look = replace(self._look, **changes)  # type: ignore[arg-type]  # names of Look
        self.show_all()

    # ------------------------------------------------------------------ actions: files, help, leave

    def action_save(self) -> None:
        """Write a recording."""
        settings = self.session.plan.settings
        name = free_name(f"{settings.name}-{settings.variant or 'base'}-{settings.seed}", ".bvt")
        try:
            self.session.save(name)
        except BandvizError as error:
            return self.say(str(error))
        self.say(f"saved {name}; open it with: bandviz play {name}")
        return None

    def action_picture(self) -> None:
        """Write the screen as SVG."""
        path = free_name(f"bandviz-{self.session.plan.settings.name}", ".svg")
        try:
            self.app.save_screenshot(str(path))
        except OSError as error:
            return self.say(f"cannot save the picture here: {error.strerror}")
        self.say(f"picture saved: {path}")
        return None

    def action_theme(self) -> None:
        """Dark or light."""
        self.bandviz.toggle_theme()
        self.show_all()

    def action_help(self) -> None:
        """Keys and signs."""
        self.app.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """Home, or back to the strips that this run came from."""
        self.bandviz.leave_play()

    def say(self, words: str) -> None:
        """A short answer in the key row; it covers nothing and goes away by itself."""
        self._said = door(words, LABEL)
        self._put("keys", self._key_row(self.size.width))
        if self._hush is not None:
            self._hush.stop()
        self._hush = self.set_timer(SAID_S, self._fall_silent)

    def _fall_silent(self) -> None:
        self._said = ""
        self._put("keys", self._key_row(self.size.width))
