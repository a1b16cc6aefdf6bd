"""The canvas on screen: shows pictures, pans, and tells what the mouse did.

Line API: a row is painted again only if it changed. The canvas knows nothing of the job; zooming is
a request to its owner, who lays out again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from bandviz.tui.canvas.paint import Layers, Painter, Picture
from bandviz.tui.canvas.runs import Runs
from bandviz.tui.canvas.scene import ChannelHit, ChannelKey, NodeHit, Zoom
from bandviz.tui.spans import Line, Span

STRIDE: Final = Offset(8, 3)
"""Cells that one key press pans."""
KEPT_ROWS: Final = 256
KEPT_SEGMENTS: Final = 2048
"""A token moves over rows that are drawn already, and leaves behind pieces of wire seen before."""


class Canvas(Widget, can_focus=True):
    """Shows a `Picture`; one that is larger than the view pans, a smaller one is centred.

    `styles_for` turns a style name into colours; it is asked again after a change of theme.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "Canvas { width: 1fr; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+left", "pan(-1, 0)", "Pan", show=False, id="canvas.pan_left"),
        Binding("shift+right", "pan(1, 0)", "Pan", show=False, id="canvas.pan_right"),
        Binding("shift+up", "pan(0, -1)", "Pan", show=False, id="canvas.pan_up"),
        Binding("shift+down", "pan(0, 1)", "Pan", show=False, id="canvas.pan_down"),
    ]

    class NodeClicked(Message):
        """A box was clicked; `lane` is None on its border."""

        def __init__(self, uid: str, lane: int | None) -> None:
            super().__init__()
            self.uid, self.lane = uid, lane

    class ChannelClicked(Message):
        """A wire was clicked; `key` is the first of the channels bundled in it."""

        def __init__(self, key: ChannelKey) -> None:
            super().__init__()
            self.key = key

    class ZoomChanged(Message):
        """The wheel asks for another level; nothing has changed yet."""

        def __init__(self, zoom: Zoom) -> None:
            super().__init__()
            self.zoom = zoom

    def __init__(
        self,
        styles_for: Callable[[str], Style],
        *,
        centred: bool = True,
        id: str | None = None,  # noqa: A002 - the name that Textual gives it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._styles = _Styles(styles_for)
        self._centred = centred
        self._painter = Painter()
        self._segment = lru_cache(KEPT_SEGMENTS)(self._make_segment)
        self._runs = lru_cache(KEPT_ROWS)(self._make_runs)
        self._picture: Picture | None = None
        self._layers = Layers((), {})
        self._origin = Offset(0, 0)
        self._view = Size(0, 0)
        self._grip: Offset | None = None
        self._dragged = False

    @property
    def picture(self) -> Picture | None:
        """What is shown now."""
        return self._picture

    @property
    def origin(self) -> Offset:
        """The cell of the scene at the view's top left; negative where the scene is centred."""
        return self._origin

    def show(self, picture: Picture) -> None:
        """Show this picture; only rows that differ from the last one are painted again."""
        new_scene = self._picture is None or self._picture.scene is not picture.scene
        old, self._picture = self._layers, picture
        self._layers = self._painter.layers(picture)
        if new_scene:
            self._look_at(self._origin)
            self.refresh()
            return
        top, (width, height) = self._origin.y, self._view
        rows = [y - top for y in self._layers.changed(old) if 0 <= y - top < height]
        if rows:
            self.refresh(*[Region(0, y, width, 1) for y in rows])

    def pan_by(self, dx: int, dy: int) -> None:
        """Move the view over the scene, as far as the scene goes."""
        self._look_at(self._origin + Offset(dx, dy))

    def action_pan(self, dx: int, dy: int) -> None:
        """Pan by one stride, for the keys."""
        self.pan_by(dx * STRIDE.x, dy * STRIDE.y)

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        left, row = self._origin.x, y + self._origin.y
        width, ground = self._view.width, self._styles["text"]
        if self._picture is None or not 0 <= row < len(self._layers.still):
            return Strip.blank(width, ground)
        margin, first = max(0, -left), max(0, left)
        segments = self._runs(self._layers.still[row]).under(self._layers.marks.get(row, ()))
        if margin:
            segments.insert(0, self._segment(" " * margin, "text"))
        strip = Strip(segments, margin + self._picture.scene.width)
        # Not `crop_extend`: a strip that keeps itself in its cache is left to the collector.
        return strip.extend_cell_length(first + width, ground).crop(first, first + width)

    def _make_runs(self, line: Line) -> Runs[Segment]:
        """A still row as segments; spans that look the same in this theme become one."""
        looks = groupby(line, lambda span: self._styles[span.style])
        joined = [list(spans) for _, spans in looks]
        return Runs(
            tuple(Span("".join(span.text for span in spans), spans[0].style) for spans in joined),
            self._segment,
        )

    def _make_segment(self, text: str, style: str) -> Segment:
        return Segment(text, self._styles[style])

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Without the ANSI translation, which would rebuild every segment of every frame."""
        return [each for each in super().get_line_filters() if type(each) is not ANSIToTruecolor]

    def notify_style_update(self) -> None:
        """The theme may have changed: ask for all styles again."""
        self._styles.clear()
        self._segment.cache_clear()
        self._runs.cache_clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Keep the view on the scene."""
        self._view = self.size
        self._look_at(self._origin)
        self.refresh()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the scene."""
        self._dragged = False
        if event.button == 1:
            self._grip = event.screen_offset
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the scene along, if it is held."""
        if self._grip is None or event.screen_offset == self._grip:
            return
        if not self._dragged:
            self._dragged = True
            self.suppress_click()
        self.pan_by(*(self._grip - event.screen_offset))
        self._grip = event.screen_offset

    def on_mouse_up(self) -> None:
        """Let go of the scene."""
        self._grip = None
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Ask for more detail."""
        event.stop()
        self._ask_for_zoom(1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Ask for less detail."""
        event.stop()
        self._ask_for_zoom(-1)

    def on_click(self, event: events.Click) -> None:
        """Tell what was clicked.

        A drag so quick that its release is read along with it comes here too: Textual had made a
        click of it before it could be told otherwise.
        """
        at = event.get_content_offset(self)
        if self._picture is None or at is None or self._dragged:
            return
        match self._picture.scene.at(*(at + self._origin)):
            case NodeHit(uid, lane):
                self.post_message(self.NodeClicked(uid, lane))
            case ChannelHit(channel):
                self.post_message(self.ChannelClicked(channel))
            case None:
                pass

    def _ask_for_zoom(self, step: int) -> None:
        if self._picture is not None:
            now = self._picture.scene.zoom
            wanted = Zoom(min(Zoom.DETAIL, max(Zoom.OVERVIEW, now + step)))
            if wanted is not now:
                self.post_message(self.ZoomChanged(wanted))

    def _look_at(self, origin: Offset) -> None:
        """Move the view's top left to this cell of the scene, or as near as there is scene."""
        if self._picture is None:
            return
        scene = self._picture.scene
        x = self._within(origin.x, scene.width, self._view.width)
        y = self._within(origin.y, scene.height, self._view.height)
        if (x, y) != self._origin:
            self._origin = Offset(x, y)
            self.refresh()

    def _within(self, at: int, cells: int, view: int) -> int:
        spare = view - cells
        if spare >= 0:
            return -(spare // 2) if self._centred else 0
        return max(0, min(at, -spare))


class _Styles(dict[str, Style]):
    """Styles by name, each asked for once; equal styles are the same object."""

    def __init__(self, styles_for: Callable[[str], Style]) -> None:
        super().__init__()
        self._styles_for = styles_for

    def __missing__(self, name: str) -> Style:
        wanted = self._styles_for(name)
        style = self[name] = next((known for known in self.values() if known == wanted), wanted)
        return style
